//! Whose request it is, for the acts that only the owner of an account may do.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use crate::audit::{Act, Event};
use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::caller::Caller;

/// Whoever has a good token of a session of this server. A remote issuer's token is refused with 403: its accounts are not kept here.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The account.
    pub user_id: String,
    /// The session of the token.
    pub session: Uuid,
    /// From where.
    pub caller: Caller,
}

impl Owner {
    /// The start of an event about what the owner did at `at`, in microseconds since 1970.
    pub(crate) fn did(&self, act: Act, at: i64) -> Event {
        self.signed(Event::success(act, at))
    }

    /// The start of an event about what the owner was refused.
    pub(crate) fn was_refused(&self, act: Act, reason: &'static str, at: i64) -> Event {
        self.signed(Event::failure(act, reason, at))
    }

    fn signed(&self, event: Event) -> Event {
        event.on_user(&self.user_id).in_session(&self.session.to_string()).from(&self.caller)
    }
}

impl FromRequest for Owner {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (bearer, caller) = (Bearer::from_request(request, payload), Caller::from_request(request, payload));
        Box::pin(async move {
            let (bearer, caller) = (bearer.await?, caller.await?);
            let session = bearer.session_id.as_deref().filter(|_| bearer.is_local());
            let session = session.and_then(|id| id.parse().ok()).ok_or_else(|| elsewhere(&bearer.issuer))?;
            Ok(Self { user_id: bearer.subject.clone(), session, caller })
        })
    }
}

fn elsewhere(issuer: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not-a-session-of-this-server")
        .detail(format!("The token was issued by {issuer}; its account and its sessions are kept there."))
}
