//! The answers to a request whose token does not open the route (RFC 6750, section 3).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use actix_web_httpauth::extractors::bearer::Error as BearerError;

use crate::http::Problem;

/// When to try again while keys or the store are not to be had.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a request is not let in, as its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    realm: Cow<'static, str>,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    NoCredentials,
    InvalidRequest(&'static str),
    InvalidToken,
    InsufficientScope(String),
    Unavailable,
    NoVerifier,
}

impl Refusal {
    fn new(realm: &str, reason: Reason) -> Self {
        Self { realm: Cow::Owned(realm.to_owned()), reason }
    }

    pub(super) fn no_credentials(realm: &str) -> Self {
        Self::new(realm, Reason::NoCredentials)
    }

    pub(super) fn invalid_request(realm: &str, why: &'static str) -> Self {
        Self::new(realm, Reason::InvalidRequest(why))
    }

    pub(crate) fn invalid_token(realm: &str) -> Self {
        Self::new(realm, Reason::InvalidToken)
    }

    pub(crate) fn insufficient_scope(realm: &str, scope: &str) -> Self {
        Self::new(realm, Reason::InsufficientScope(scope.to_owned()))
    }

    /// One of each kind that any protected route may answer with.
    #[cfg(feature = "server")]
    pub(crate) fn of_any_route() -> Vec<Self> {
        let all = [
            Reason::NoCredentials,
            Reason::InvalidRequest("The request has more than one Authorization header"),
            Reason::InvalidToken,
            Reason::Unavailable,
        ];
        all.into_iter().map(|reason| Self::new(crate::token::DEFAULT_REALM, reason)).collect()
    }

    pub(super) fn unavailable(realm: &str) -> Self {
        Self::new(realm, Reason::Unavailable)
    }

    pub(super) fn no_verifier() -> Self {
        Self { realm: Cow::Borrowed(""), reason: Reason::NoVerifier }
    }

    /// The challenge (RFC 6750, section 3); an unavailable verifier asks for nothing.
    ///
    /// By hand, because the one of actix-web-httpauth leaves out the commas that RFC 9110, section 11.6.1, wants between parameters.
    fn challenge(&self) -> Option<HeaderValue> {
        let error = match &self.reason {
            Reason::NoCredentials => String::new(),
            Reason::InvalidRequest(why) => error(BearerError::InvalidRequest, why),
            Reason::InvalidToken => error(BearerError::InvalidToken, INVALID_TOKEN),
            Reason::InsufficientScope(scope) => {
                format!("{}, scope={}", error(BearerError::InsufficientScope, INSUFFICIENT_SCOPE), quoted(scope))
            }
            Reason::Unavailable | Reason::NoVerifier => return None,
        };
        HeaderValue::try_from(format!("Bearer realm={}{error}", quoted(&self.realm))).ok()
    }

    /// Status, error code, description and challenge, for answers in OAuth's own form. Without credentials there is no code in the challenge.
    #[cfg(feature = "server")]
    pub(crate) fn in_parts(&self) -> (StatusCode, &'static str, Cow<'static, str>, Option<HeaderValue>) {
        let (code, description) = match &self.reason {
            Reason::NoCredentials => {
                ("invalid_request", "An access token is needed in the header Authorization.".into())
            }
            Reason::InvalidRequest(why) => ("invalid_request", Cow::Borrowed(*why)),
            Reason::InvalidToken => ("invalid_token", INVALID_TOKEN.into()),
            Reason::InsufficientScope(scope) => ("insufficient_scope", format!("{INSUFFICIENT_SCOPE}: {scope}").into()),
            Reason::Unavailable | Reason::NoVerifier => {
                ("temporarily_unavailable", "The token cannot be verified at the moment.".into())
            }
        };
        (self.status_code(), code, description, self.challenge())
    }

    fn problem(&self) -> Problem {
        match &self.reason {
            Reason::NoCredentials => Problem::new(StatusCode::UNAUTHORIZED, "no-credentials")
                .detail("This route needs an access token in the header `Authorization: Bearer …`."),
            Reason::InvalidRequest(why) => Problem::new(StatusCode::BAD_REQUEST, "invalid-request").detail(*why),
            Reason::InvalidToken => Problem::new(StatusCode::UNAUTHORIZED, "invalid-token").detail(INVALID_TOKEN),
            Reason::InsufficientScope(scope) => Problem::new(StatusCode::FORBIDDEN, "insufficient-scope")
                .detail(format!("{INSUFFICIENT_SCOPE}: {scope}")),
            Reason::Unavailable => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "cannot-verify")
                .detail("The token cannot be verified at the moment.")
                .retry_after(RETRY_AFTER),
            Reason::NoVerifier => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

fn error(error: BearerError, description: &str) -> String {
    format!(", error={}, error_description={}", quoted(&error.to_string()), quoted(description))
}

/// A quoted string, without what RFC 6750, section 3, does not allow in one.
fn quoted(text: &str) -> String {
    let allowed = |c: &char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    format!("\"{}\"", text.chars().filter(allowed).collect::<String>())
}

/// One text for every cause, so that nobody learns which check a forged token passed.
const INVALID_TOKEN: &str = "The access token is malformed, expired, revoked or not meant for this server";

const INSUFFICIENT_SCOPE: &str = "The access token lacks a scope that this route needs";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem().fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal.challenge() {
            Some(challenge) => refusal.problem().header(WWW_AUTHENTICATE, challenge),
            None => refusal.problem(),
        }
    }
}

#[cfg(feature = "server")]
impl crate::http::documented::Problems for super::Bearer {
    fn problems() -> Vec<Problem> {
        Refusal::of_any_route().into_iter().map(Problem::from).collect()
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.problem().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        Problem::from(self.clone()).error_response()
    }
}
