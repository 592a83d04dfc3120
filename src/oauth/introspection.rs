//! `POST /v1/introspect`: whether a token is good, for who cannot check it itself (RFC 7662).
//!
//! Every client that proves who it is may ask, about access tokens of this server: whoever serves what they open may know. About a refresh token only
//! the client is told that it was given to; those of `/api/login` belong to no client, so nobody is told anything about them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::client::Client;
use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, answer};
use crate::accounts::refresh_token::RefreshToken;
use crate::accounts::{micros, records};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::{Claims, Rejection};

pub(super) async fn introspect(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    let client = oauth.authenticate_proven(&request, &form, &caller).await?;
    let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("The parameter token is missing."))?;
    // `token_type_hint` says where to look first, and each kind shows itself at once (section 2.1).
    if let Some(refresh) = RefreshToken::parse(token) {
        let told = oauth.about_refresh_token(&client, &refresh).await.map_err(|error| {
            tracing::error!(%error, "the store failed");
            OAuthError::unavailable()
        })?;
        return Ok(answer(&told.unwrap_or_else(inactive)));
    }
    let told = match oauth.verifier.look_into(token).await {
        Ok(claims) => active(&claims),
        Err(Rejection::StoreUnavailable | Rejection::KeysUnavailable) => return Err(OAuthError::unavailable()),
        Err(_) => inactive(),
    };
    Ok(answer(&told))
}

fn inactive() -> Value {
    json!({ "active": false })
}

impl OAuth {
    /// `None` when it is not good, or not this client's.
    async fn about_refresh_token(&self, client: &Client, token: &RefreshToken) -> Result<Option<Value>, StoreError> {
        let now = self.registry.clock.unix_micros();
        let mut reader = self.registry.store.read().await?;
        let Some(session) = records::session_by_family(reader.connection(), &token.family_hash()).await? else {
            return Ok(None);
        };
        let user = records::user_by_id(reader.connection(), &session.user_id).await?;
        drop(reader);
        let idle_end = session.last_used_at.saturating_add(micros(self.idle_ttl_of(client)));
        let end = session.expires_at.min(idle_end);
        let is_good = session.ended_at.is_none()
            && now < end
            && user.is_some_and(|user| user.disabled_at.is_none())
            && session.client_id.as_deref() == Some(client.id())
            && token.is_of_hash(&session.refresh_hash);
        Ok(is_good.then(|| {
            json!({
                "active": true,
                "scope": session.scopes,
                "client_id": session.client_id,
                "sub": session.user_id,
                "iss": self.addresses.issuer,
                "iat": session.last_used_at.div_euclid(1_000_000),
                "exp": end.div_euclid(1_000_000),
                "token_type": "refresh_token",
            })
        }))
    }
}

fn active(claims: &Claims) -> Value {
    let mut told = claims.to_json();
    // What section 2.2 has words for. The session and the user's other claims are nobody's business.
    told.retain(|name, _| ["iss", "sub", "aud", "exp", "iat", "jti"].contains(&name.as_str()));
    told.insert("active".to_owned(), true.into());
    told.insert("scope".to_owned(), claims.scopes.to_string().into());
    told.insert("client_id".to_owned(), claims.client_id.clone().into());
    told.insert("token_type".to_owned(), "Bearer".into());
    Value::Object(told)
}
