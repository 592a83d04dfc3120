//! `/v1/userinfo`: what is known of the user of a token, as far as its scopes open it (OpenID Connect Core 1.0, section 5.3).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::OAuth;
use super::client::OPENID;
use super::documented::{NotTold, OAuthAnswers, UserInfo};
use super::error::OAuthError;
use super::id_tokens::standard_claims;
use crate::accounts::custom_claims::TokenKind;
use crate::accounts::records;
use crate::guard::{Credentials, Refusal};
use crate::token::Rejection;

/// What is known of the user of a token (OpenID Connect Core 1.0, section 5.3).
#[utoipa::path(
    get,
    path = "/oauth2/default/v1/userinfo",
    operation_id = "showUserInfo",
    tag = "OAuth and OpenID Connect",
    responses(
        (status = 200, description = "As far as the scopes open it; other claims by the settings.", body = UserInfo, headers(("Cache-Control" = String, description = "`no-store`"))),
        OAuthAnswers<NotTold>,
    ),
    security(("access_token" = ["openid"])),
)]
pub(super) async fn userinfo(request: HttpRequest, oauth: Data<OAuth>) -> Result<HttpResponse, OAuthError> {
    let realm = oauth.verifier.realm();
    let credentials = Credentials::of(&request, realm)?;
    // For whatever audience: it is this server's own question, whose token it is.
    let claims = oauth.verifier.look_into(credentials.token()).await.map_err(|rejection| match rejection {
        Rejection::StoreUnavailable | Rejection::KeysUnavailable => OAuthError::unavailable(),
        _ => Refusal::invalid_token(realm).into(),
    })?;
    if !claims.scopes.contains(OPENID) || claims.user_id.is_none() {
        return Err(Refusal::insufficient_scope(realm, OPENID).into());
    }
    let unavailable = |error: crate::store::StoreError| {
        tracing::error!(%error, "the store failed");
        OAuthError::unavailable()
    };
    let mut reader = oauth.registry.store.read().await.map_err(unavailable)?;
    let user = records::user_by_id(reader.connection(), &claims.subject).await.map_err(unavailable)?;
    drop(reader);
    let user = user.ok_or_else(|| Refusal::invalid_token(realm))?;
    let mut told = oauth.accounts.claims.of(&user, &claims.scopes, TokenKind::Id);
    told.extend(standard_claims(&user, &claims.scopes));
    told.insert("sub".to_owned(), claims.subject.into());
    Ok(super::answer(&Value::Object(told)))
}
