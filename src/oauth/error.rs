//! Errors as OAuth writes them (RFC 6749, section 5.2).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

use crate::guard::Refusal;
use crate::http::Problem;
use crate::http::documented::Told;

/// An error as a client of the authorization server sees it: `{"error", "error_description"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    header: Option<(Header, HeaderValue)>,
}

/// What an answer may say besides its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Challenge,
    Allow,
    RetryAfter,
}

impl OAuthError {
    /// 400, with a code of RFC 6749, section 5.2.
    #[must_use]
    pub fn bad_request(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }

    /// 400 `invalid_request`.
    #[must_use]
    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request("invalid_request", description)
    }

    /// 401 `invalid_client`: the same, whatever was wrong. The challenge is in every one, as RFC 9110, section 15.5.2, wants it.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", "The client is unknown, or its authentication failed.")
            .with(Header::Challenge, HeaderValue::from_static("Basic realm=\"tokenhouse\""))
    }

    /// 404, where there is nothing.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request", "There is nothing at this address.")
    }

    /// 405, with the methods that the address takes.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let description = "This address does not take that method; the header Allow says which it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", description)
            .with(Header::Allow, HeaderValue::from_static(allow))
    }

    /// 429, after too many failed authentications.
    #[must_use]
    pub fn too_many(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "temporarily_unavailable",
            "Too many requests, or too many that failed; wait before the next one.",
        )
        .retry_after(wait)
    }

    /// 503, when the store does not answer.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "The server cannot reach its data at this moment; nothing was changed.",
        )
        .retry_after(Duration::from_secs(5))
    }

    /// 500, when a mistake of this server's kept it from answering.
    #[must_use]
    pub fn server_error() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Something went wrong on this side; the log says what.",
        )
    }

    fn new(status: StatusCode, error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status, error, description: description.into(), header: None }
    }

    fn with(mut self, header: Header, value: HeaderValue) -> Self {
        self.header = Some((header, value));
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(Header::RetryAfter, HeaderValue::from(seconds.max(1)))
    }

    /// 400: what is in a URL is in logs and histories too.
    pub(super) fn in_query() -> Self {
        Self::invalid_request("The parameters belong in the body, and not in the query.")
    }

    /// 400, where there is no form.
    pub(super) fn not_a_form() -> Self {
        Self::invalid_request(
            "The body must be a form, with the header Content-Type: application/x-www-form-urlencoded.",
        )
    }

    fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.allowed_description() })
    }

    /// As the OpenAPI document tells it.
    pub(super) fn told(&self) -> Told {
        Told::of(self, self.error.to_owned(), self.description.clone().into_owned(), self.body())
    }

    /// The description, without what RFC 6749, section 5.2, does not allow in one.
    fn allowed_description(&self) -> String {
        let allowed = |c: &char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        self.description.chars().map(|c| if c == '"' { '\'' } else { c }).filter(allowed).collect()
    }
}

/// A token that does not open what was asked for (RFC 6750, section 3).
impl From<Refusal> for OAuthError {
    fn from(refusal: Refusal) -> Self {
        let (status, code, description, challenge) = refusal.in_parts();
        let error = Self::new(status, code, description);
        match challenge {
            Some(challenge) => error.with(Header::Challenge, challenge),
            None => error.retry_after(Duration::from_secs(2)),
        }
    }
}

/// A body that was not taken: too large, too slow, broken off.
impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        Self::new(problem.status_code(), "invalid_request", problem.to_string())
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.description)
    }
}

impl std::error::Error for OAuthError {}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
        if let Some((header, value)) = &self.header {
            let name = match header {
                Header::Challenge => WWW_AUTHENTICATE,
                Header::Allow => ALLOW,
                Header::RetryAfter => RETRY_AFTER,
            };
            response.insert_header((name, value.clone()));
        }
        response.content_type("application/json;charset=UTF-8").body(self.body().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_no_other_characters_than_it_may() {
        let error = OAuthError::invalid_request("a \"quoted\" \\ word, é and\nmore");
        assert_eq!(error.allowed_description(), "a 'quoted'  word,  andmore");
    }
}
