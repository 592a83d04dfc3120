//! The extractor that lets a request in.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::future::{Either, LocalBoxFuture};

use super::credentials::Credentials;
use super::refusal::Refusal;
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

    /// Whoever is let in is also noted for the request's log line and for a second extractor.
    fn decided(
        verdict: Result<Arc<Claims>, Rejection>,
        verifier: Verifier,
        request: &HttpRequest,
    ) -> Result<Self, Refusal> {
        let claims = verdict.map_err(|rejection| refuse(&verifier, rejection))?;
        let bearer = Self { claims, verifier };
        request.extensions_mut().insert(bearer.clone());
        Ok(bearer)
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
        let unread = Credentials::unread(request);
        if let Some(verdict) = unread.and_then(|token| verifier.verdict_on_remembered(token)) {
            return Either::Left(ready(Self::decided(verdict, verifier.clone(), request)));
        }
        let credentials = match Credentials::of(request, verifier.realm()) {
            Ok(credentials) => credentials,
            Err(refusal) => return Either::Left(ready(Err(refusal))),
        };
        let token = credentials.token();
        let verdict = if unread.is_some() { verifier.verdict_on_new(token) } else { verifier.verdict(token) };
        if let Some(verdict) = verdict {
            return Either::Left(ready(Self::decided(verdict, verifier.clone(), request)));
        }
        let (verifier, request) = (verifier.clone(), request.clone());
        Either::Right(Box::pin(async move {
            let verdict = verifier.authenticate(credentials.token()).await;
            Self::decided(verdict, verifier, &request)
        }))
    }
}

fn refuse(verifier: &Verifier, rejection: Rejection) -> Refusal {
    tracing::debug!(%rejection, "refused a bearer token");
    if rejection.is_temporary() {
        return Refusal::unavailable(verifier.realm());
    }
    Refusal::invalid_token(verifier.realm())
}
