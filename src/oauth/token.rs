//! `POST /v1/token`: the token endpoint (RFC 6749, section 3.2).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::authentication::NotAuthenticated;
use super::client::{Client, GrantType, OFFLINE_ACCESS, OPENID_SCOPES};
use super::documented::{OAuthAnswers, TokenRequest};
use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, answer};
use crate::http::caller::Caller;
use crate::metrics::Grant;
use crate::store::StoreError;
use crate::token::local::NewToken;
use crate::token::{KeyFileError, Scopes};

/// Okta's own words, which clients written for it may look for.
const NO_DEFAULT_SCOPES: &str =
    "The authorization server resource does not have any configured default scopes, 'scope' must be provided.";

/// RFC 6749, section 5.1.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiIsImtpZCI6IkNBNVpFTWNmaTVJZml0VDIifQ.eyJ2ZXIiOjF9.AhD3u4v9", "token_type": "Bearer", "expires_in": 3600, "scope": "customScope" })))]
pub(super) struct TokenResponse {
    pub access_token: String,
    #[schema(pattern = "^Bearer$")]
    pub token_type: &'static str,
    pub expires_in: u64,
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotGranted {
    #[error("a parameter is missing")]
    Missing(&'static str),
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
    /// The code or the refresh token is not good, or what came with it is not what belongs to it: nobody learns which.
    #[error("what was shown is not good")]
    InvalidGrant,
    #[error("the user has not decided yet")]
    AuthorizationPending,
    #[error("the device asks too often")]
    SlowDown,
    #[error("the user said no")]
    AccessDenied,
    #[error("the device code is over")]
    ExpiredToken,
    #[error("the key of ID tokens: {0}")]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotGranted> for OAuthError {
    fn from(not: NotGranted) -> Self {
        match not {
            NotGranted::Missing(name) => Self::invalid_request(format!("The parameter {name} is missing.")),
            NotGranted::UnsupportedGrant => Self::bad_request(
                "unsupported_grant_type",
                format!("This server knows the grants {}.", GrantType::ALL.map(GrantType::name).join(", ")),
            ),
            NotGranted::NotAuthenticated(not) => not.into(),
            NotGranted::Unauthorized => Self::bad_request("unauthorized_client", "The client may not use this grant."),
            NotGranted::InvalidScope => {
                Self::bad_request("invalid_scope", "A scope is unknown, or the client may not have it.")
            }
            NotGranted::NoDefaultScopes => Self::bad_request("invalid_scope", NO_DEFAULT_SCOPES),
            NotGranted::InvalidGrant => Self::bad_request(
                "invalid_grant",
                "The code or token is unknown, over or used, or was given to another client or for other parameters.",
            ),
            NotGranted::AuthorizationPending => {
                Self::bad_request("authorization_pending", "The user has not decided yet; ask again.")
            }
            NotGranted::SlowDown => {
                Self::bad_request("slow_down", "Too soon; wait five seconds longer each time from now on.")
            }
            NotGranted::AccessDenied => Self::bad_request("access_denied", "The user said no."),
            NotGranted::ExpiredToken => Self::bad_request("expired_token", "The device code is over; get a new one."),
            NotGranted::Key(error) => {
                tracing::error!(%error, "an ID token could not be signed");
                Self::unavailable()
            }
            NotGranted::Store(error) => {
                tracing::error!(%error, "the store failed");
                Self::unavailable()
            }
        }
    }
}

/// The token endpoint.
///
/// Grants: `client_credentials`, `authorization_code` with PKCE, `refresh_token`, and the device grant (RFC 6749, section 3.2; RFC 8628). A
/// client authenticates in the header, or by parameters of the body.
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/token",
    operation_id = "token",
    tag = "OAuth and OpenID Connect",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Tokens.", body = TokenResponse, headers(("Cache-Control" = String, description = "`no-store`"))),
        OAuthAnswers<(Form, NotGranted)>,
    ),
    security(("client_secret_basic" = []), ()),
)]
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
        let grant = form.get("grant_type").ok_or(NotGranted::Missing("grant_type"))?;
        let grant = GrantType::of(grant).ok_or(NotGranted::UnsupportedGrant)?;
        let client = self.authenticate(request, form, caller).await?;
        if !client.may_use(grant) {
            return Err(NotGranted::Unauthorized);
        }
        let (granted, grant) = match grant {
            GrantType::ClientCredentials => (self.grant_to_itself(&client, form), Grant::ClientCredentials),
            GrantType::AuthorizationCode => {
                (self.grant_for_code(&client, form, caller).await, Grant::AuthorizationCode)
            }
            GrantType::RefreshToken => (self.grant_again(&client, form, caller).await, Grant::RefreshToken),
            GrantType::DeviceCode => (self.grant_to_device(&client, form, caller).await, Grant::DeviceCode),
        };
        if granted.is_ok() {
            self.accounts.metrics.minted(grant);
        }
        granted
    }

    /// RFC 6749, section 4.4. There is no refresh token: the client can ask again (section 4.4.3).
    fn grant_to_itself(&self, client: &Client, form: &Form) -> Result<TokenResponse, NotGranted> {
        let scopes = self.scopes_for(client, form.get("scope"))?;
        let minted = self.accounts.issuer.mint(&NewToken {
            client_id: client.id(),
            user: None,
            audience: client.audience(),
            scopes: &scopes,
            ttl: self.access_ttl_of(client),
            other: &serde_json::Map::new(),
        });
        Ok(TokenResponse {
            access_token: minted.token,
            token_type: "Bearer",
            expires_in: minted.expires_in.as_secs(),
            scope: scopes.to_string(),
            refresh_token: None,
            id_token: None,
        })
    }

    /// Not longer than all others live, or a token would outlive the key that signed it when that is retired.
    pub(super) fn access_ttl_of(&self, client: &Client) -> std::time::Duration {
        client.access_ttl().map_or(self.access_ttl, |own| own.min(self.access_ttl))
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
        if asked.iter().all(|scope| self.may_have(client, scope)) { Ok(asked) } else { Err(NotGranted::InvalidScope) }
    }

    /// The same of scopes that a user is asked for.
    pub(super) fn scopes_of_user(&self, client: &Client, asked: Option<&str>) -> Result<Scopes, NotGranted> {
        let asked_for = Scopes::from(asked.unwrap_or_default());
        if asked_for.is_empty() {
            return self.scopes_for(client, asked);
        }
        let is_good = asked_for.iter().all(|scope| self.may_ask_user(client, scope));
        if is_good { Ok(asked_for) } else { Err(NotGranted::InvalidScope) }
    }

    /// Whether a client may ask a user for this scope.
    pub(super) fn may_ask_user(&self, client: &Client, scope: &str) -> bool {
        match scope {
            OFFLINE_ACCESS => client.may_use(GrantType::RefreshToken),
            scope => OPENID_SCOPES.contains(&scope) || self.may_have(client, scope),
        }
    }

    /// Of scopes that a user granted, those that the client may still ask for.
    pub(super) fn still_asked(&self, client: &Client, granted: &str) -> Scopes {
        Scopes::from(granted).iter().filter(|scope| self.may_ask_user(client, scope)).collect()
    }

    fn may_have(&self, client: &Client, scope: &str) -> bool {
        client.scopes.contains(scope) && self.clients.scopes.iter().any(|declared| declared.name == scope)
    }
}
