//! The extractor that lets a request in.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::future::{Either, LocalBoxFuture};

use super::refusal::Refusal;
use crate::token::verifier::Verdict;
use crate::token::{Claims, Rejection, Verifier};

/// Whoever sent a good access token (RFC 6750, section 2.1): its claims, by `Deref`.
///
/// A handler that takes one is reached by nobody else. Which tokens are good is the matter of the [`Verifier`] in the application's data;
/// without one, every request is refused. The scheme is compared without regard to case (RFC 9110, section 11.1).
///
/// | request | answer |
/// |---|---|
/// | no bearer token | 401, a challenge without an error code |
/// | a token that is not good | 401 `invalid_token` |
/// | two Authorization headers, a Bearer header that is none, a second token in the query | 400 `invalid_request` |
/// | a scope missing, by [`require_scope`](Bearer::require_scope) | 403 `insufficient_scope` |
/// | keys or sessions not to be had | 503 with Retry-After |
///
/// ```
/// use tokenhouse::guard::{Bearer, Refusal};
///
/// async fn greet(user: Bearer) -> Result<String, Refusal> {
///     user.require_scope("profile")?;
///     let groups: Vec<String> = user.get("groups").unwrap_or_default();
///     Ok(format!("{} of {groups:?}", user.subject))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Bearer {
    claims: Arc<Claims>,
    verifier: Verifier,
}

impl Bearer {
    /// Asks for a scope.
    ///
    /// # Errors
    /// 403 `insufficient_scope`, when the token does not have it.
    pub fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        if self.claims.scopes.contains(scope) {
            return Ok(());
        }
        Err(Refusal::insufficient_scope(self.verifier.realm(), scope))
    }

    /// Whoever was let in, also noted for the request's log line and for a second extractor.
    fn admit(claims: Arc<Claims>, verifier: Verifier, request: &HttpRequest) -> Self {
        let bearer = Self { claims, verifier };
        request.extensions_mut().insert(bearer.clone());
        bearer
    }

    /// Its claims.
    #[must_use]
    pub fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// Whether the token is of this server's own issuer, and not of a remote one.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.verifier.is_local(&self.claims)
    }
}

impl Deref for Bearer {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.claims
    }
}

impl FromRequest for Bearer {
    type Error = Refusal;
    type Future = Either<Ready<Result<Self, Refusal>>, LocalBoxFuture<'static, Result<Self, Refusal>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(verifier) = request.app_data::<Verifier>() else {
            tracing::error!(
                "a route asks for a bearer token, but the application has no Verifier: give it one with app_data"
            );
            return Either::Left(ready(Err(Refusal::no_verifier())));
        };
        // What was found out for this request, by `Protect` for instance, is not found out again; but a scope with a verifier of its own
        // does not take another's word.
        if let Some(bearer) = request.extensions().get::<Self>().filter(|bearer| bearer.verifier.is(verifier)) {
            return Either::Left(ready(Ok(bearer.clone())));
        }
        let token = match token_of(request, verifier.realm()) {
            Ok(token) => token,
            Err(refusal) => return Either::Left(ready(Err(refusal))),
        };
        match verifier.verdict(token) {
            Verdict::Good(claims) => Either::Left(ready(Ok(Self::admit(claims, verifier.clone(), request)))),
            Verdict::Bad(rejection) => Either::Left(ready(Err(refuse(verifier, rejection)))),
            Verdict::Ask => {
                let (verifier, token, request) = (verifier.clone(), token.to_owned(), request.clone());
                Either::Right(Box::pin(async move {
                    match verifier.authenticate(&token).await {
                        Ok(claims) => Ok(Self::admit(claims, verifier, &request)),
                        Err(rejection) => Err(refuse(&verifier, rejection)),
                    }
                }))
            }
        }
    }
}

fn refuse(verifier: &Verifier, rejection: Rejection) -> Refusal {
    tracing::debug!(%rejection, "refused a bearer token");
    if rejection.is_temporary() {
        return Refusal::unavailable(verifier.realm());
    }
    Refusal::invalid_token(verifier.realm())
}

/// The one token that the request carries.
pub(crate) fn token_of<'r>(request: &'r HttpRequest, realm: &str) -> Result<&'r str, Refusal> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or_else(|| Refusal::no_credentials(realm))?;
    if headers.next().is_some() {
        return Err(Refusal::invalid_request(realm, "The request has more than one Authorization header"));
    }
    let token = parse(header).map_err(|wrong| match wrong {
        Wrong::NoBearer => Refusal::no_credentials(realm),
        Wrong::NoToken => Refusal::invalid_request(realm, "The Authorization header is not `Bearer` and one token"),
    })?;
    // RFC 6750, section 2: a client must not use more than one way in one request. This server takes the header only.
    let in_query = |pair: &str| pair.split('=').next() == Some("access_token");
    if request.query_string().split('&').any(in_query) {
        return Err(Refusal::invalid_request(realm, "The request has a token in the header and in the query"));
    }
    Ok(token)
}

enum Wrong {
    NoBearer,
    NoToken,
}

/// `Bearer` in any case (RFC 9110, section 11.1), one space, and a b64token (RFC 6750, section 2.1).
fn parse(header: &HeaderValue) -> Result<&str, Wrong> {
    let value = header.as_bytes();
    let (scheme, rest) = value.split_at(value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count());
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Wrong::NoBearer);
    }
    match rest {
        // A bare `Bearer` brings no credentials.
        [] | [b' '] => Err(Wrong::NoBearer),
        [b' ', token @ ..] if is_b64token(token) => std::str::from_utf8(token).map_err(|_| Wrong::NoToken),
        _ => Err(Wrong::NoToken),
    }
}

/// Looks at every byte, also behind one that is wrong: so the compiler makes it a loop over many at a time, and a token is long.
#[expect(clippy::needless_bitwise_bool, reason = "what may be left out cannot be done for many bytes at a time")]
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let token = text.get(..text.len() - padding).unwrap_or_default();
    let is_token = |byte: u8| {
        byte.is_ascii_alphanumeric()
            | (byte == b'-')
            | (byte == b'.')
            | (byte == b'_')
            | (byte == b'~')
            | (byte == b'+')
            | (byte == b'/')
    };
    !token.is_empty() && token.iter().fold(true, |all, byte| all & is_token(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_token_of_a_bearer_header_only() {
        let header = |value: &str| HeaderValue::from_str(value).unwrap();
        for (value, expected) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("BEARER abc==", Some("abc==")),
            ("Bearer  abc", None),
            ("Bearer\tabc", None),
            ("Bearer a b", None),
            ("Bearer,abc", None),
            ("Bearer=abc", None),
            ("Bearer =abc", None),
            ("Bearer a=b", None),
            ("Bearer a~b_c-d+e/f0", Some("a~b_c-d+e/f0")),
            ("Bearer a@b", None),
            ("Bearer a\u{e9}", None),
            ("Bearerabc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic dTpw", None),
            ("", None),
        ] {
            let header = header(value);
            assert_eq!(parse(&header).ok(), expected, "{value:?}");
        }
    }
}
