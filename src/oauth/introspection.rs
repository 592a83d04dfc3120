//! `POST /v1/introspect`: whether a token is good, for who cannot check it itself (RFC 7662).
//!
//! Every client may ask, about access tokens of this server: they are for its one audience, and whoever serves that may know. Refresh tokens of users
//! belong to no client, so nobody is told anything about them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, answer};
use crate::http::caller::Caller;
use crate::token::{Claims, Rejection};

pub(super) async fn introspect(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    oauth.authenticate(&request, &form, &caller).await?;
    let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("The parameter token is missing."))?;
    // `token_type_hint` says where to look first, and there is one place only (section 2.1).
    let told = match oauth.verifier.authenticate(token).await {
        Ok(claims) if oauth.verifier.is_local(&claims) => active(&claims),
        Err(Rejection::StoreUnavailable | Rejection::KeysUnavailable) => return Err(OAuthError::unavailable()),
        Ok(_) | Err(_) => json!({ "active": false }),
    };
    Ok(answer(&told))
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
