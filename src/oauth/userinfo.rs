//! `/v1/userinfo`: what is known of the user of a token, as far as its scopes open it (OpenID Connect Core 1.0, section 5.3).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::OAuth;
use super::client::OPENID;
use super::error::OAuthError;
use super::id_tokens::standard_claims;
use crate::accounts::custom_claims::TokenKind;
use crate::accounts::records;
use crate::guard::{Refusal, bearer_token};
use crate::token::Rejection;

pub(super) async fn userinfo(request: HttpRequest, oauth: Data<OAuth>) -> Result<HttpResponse, OAuthError> {
    let realm = oauth.verifier.realm();
    let token = bearer_token(&request, realm)?;
    // For whatever audience: it is this server's own question, whose token it is.
    let claims = oauth.verifier.look_into(token).await.map_err(|rejection| match rejection {
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
