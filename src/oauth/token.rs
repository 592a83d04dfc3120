//! `POST /v1/token`: the grant `client_credentials` (RFC 6749, section 4.4).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::authentication::NotAuthenticated;
use super::client::{CLIENT_CREDENTIALS, Client};
use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, answer};
use crate::http::caller::Caller;
use crate::token::Scopes;

/// Okta's own words, which clients written for it may look for.
const NO_DEFAULT_SCOPES: &str =
    "The authorization server resource does not have any configured default scopes, 'scope' must be provided.";

/// RFC 6749, section 5.1. There is no refresh token: the client can ask again (section 4.4.3).
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotGranted {
    #[error("grant_type is missing")]
    NoGrant,
    #[error("the grant is not of this server")]
    UnsupportedGrant,
    #[error(transparent)]
    NotAuthenticated(#[from] NotAuthenticated),
    #[error("the client may not use this grant")]
    Unauthorized,
    #[error("a scope is not declared, or not the client's")]
    InvalidScope,
    #[error("no scope was asked for, and none is given by default")]
    NoDefaultScopes,
}

impl From<NotGranted> for OAuthError {
    fn from(not: NotGranted) -> Self {
        match not {
            NotGranted::NoGrant => Self::invalid_request("The parameter grant_type is missing."),
            NotGranted::UnsupportedGrant => {
                Self::bad_request("unsupported_grant_type", "This server knows the grant client_credentials.")
            }
            NotGranted::NotAuthenticated(not) => not.into(),
            NotGranted::Unauthorized => Self::bad_request("unauthorized_client", "The client may not use this grant."),
            NotGranted::InvalidScope => {
                Self::bad_request("invalid_scope", "A scope is unknown, or the client may not have it.")
            }
            NotGranted::NoDefaultScopes => Self::bad_request("invalid_scope", NO_DEFAULT_SCOPES),
        }
    }
}

pub(super) async fn token(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    Ok(answer(&oauth.grant(&request, &form, &caller).await?))
}

impl OAuth {
    async fn grant(&self, request: &HttpRequest, form: &Form, caller: &Caller) -> Result<TokenResponse, NotGranted> {
        // Before anything is known of the client: what the server has not is no secret.
        match form.get("grant_type") {
            None => return Err(NotGranted::NoGrant),
            Some(CLIENT_CREDENTIALS) => {}
            Some(_) => return Err(NotGranted::UnsupportedGrant),
        }
        let client = self.authenticate(request, form, caller).await?;
        if !client.may_use(CLIENT_CREDENTIALS) {
            return Err(NotGranted::Unauthorized);
        }
        let scopes = self.scopes_for(&client, form.get("scope"))?;
        // Not longer than all others live, or it would outlive the key that signed it when that is retired.
        let ttl = client.access_ttl().map_or(self.access_ttl, |own| own.min(self.access_ttl));
        let minted = self.accounts.issuer.mint_for_client(client.id(), &scopes, ttl);
        Ok(TokenResponse {
            access_token: minted.token,
            token_type: "Bearer",
            expires_in: minted.expires_in.as_secs(),
            scope: scopes.to_string(),
        })
    }

    /// The scopes asked for, when the client may have each and all are still declared; without any asked, its default ones.
    fn scopes_for(&self, client: &Client, asked: Option<&str>) -> Result<Scopes, NotGranted> {
        let declared = || self.clients.scopes.iter();
        let asked = Scopes::from(asked.unwrap_or_default());
        if asked.is_empty() {
            let own = |name: &&str| client.scopes.contains(name);
            let scopes: Scopes =
                declared().filter(|scope| scope.default).map(|scope| scope.name.as_str()).filter(own).collect();
            return if scopes.is_empty() { Err(NotGranted::NoDefaultScopes) } else { Ok(scopes) };
        }
        let may_have = |name: &str| client.scopes.contains(name) && declared().any(|scope| scope.name == name);
        if asked.iter().all(may_have) { Ok(asked) } else { Err(NotGranted::InvalidScope) }
    }
}
