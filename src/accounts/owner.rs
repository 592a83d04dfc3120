//! Whose request it is, for the acts that only the owner of an account may do.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::error::Unavailable;
use super::records;
use crate::audit::{Act, Event};
use crate::guard::{Bearer, Refusal};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::store::{Connection, StoreError};
use crate::token::DEFAULT_REALM;
use crate::token::local::OWN_CLIENT_ID;

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

/// Why the owner was not believed after all.
#[derive(Debug, thiserror::Error)]
pub enum NotOwner {
    /// His session ended, or his account changed, while the request was under way: it is as if it had come with a bad token.
    #[error("the session has ended meanwhile")]
    Ended,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotOwner> for Problem {
    fn from(not: NotOwner) -> Self {
        match not {
            NotOwner::Ended => Refusal::invalid_token(DEFAULT_REALM).into(),
            NotOwner::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotOwner {
    fn problems() -> Vec<Problem> {
        and::<StoreError>([Self::Ended])
    }
}

impl Problems for Owner {
    fn problems() -> Vec<Problem> {
        and::<Bearer>([of_a_client(), of_another_issuer("https://dev-123456.okta.com/oauth2/default")])
    }
}

impl From<StoreError> for NotOwner {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Owner {
    /// The first thing in a transaction of the owner's: takes the row of his account and asks whether his session still stands, for it may have ended
    /// since the token was checked, while a body was read or a password hashed. `password_hash` is the one that was checked, when one was.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub(crate) async fn enter(
        &self,
        mut connection: Connection<'_>,
        password_hash: Option<&str>,
        now: i64,
    ) -> Result<(), NotOwner> {
        // Two statements: on PostgreSQL the second sees what was committed while the first waited for the row.
        let stands = records::lock_user(connection.reborrow(), &self.user_id, password_hash).await?
            && records::session_stands(connection, &self.session.to_string(), &self.user_id, now).await?;
        if stands { Ok(()) } else { Err(NotOwner::Ended) }
    }
}

impl FromRequest for Owner {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (bearer, caller) = (Bearer::from_request(request, payload), Caller::from_request(request, payload));
        Box::pin(async move {
            let (bearer, caller) = (bearer.await?, caller.await?);
            // What its user granted a client is not to change his account, or to grant more.
            let is_own = bearer.is_local() && bearer.client_id.as_deref() == Some(OWN_CLIENT_ID);
            let session = bearer.session_id.as_deref().filter(|_| is_own);
            let session = session.and_then(|id| id.parse().ok()).ok_or_else(|| no_session(&bearer))?;
            Ok(Self { user_id: bearer.subject.clone(), session, caller })
        })
    }
}

fn no_session(bearer: &Bearer) -> Problem {
    if bearer.is_local() { of_a_client() } else { of_another_issuer(&bearer.issuer) }
}

fn of_a_client() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not-a-session-of-this-server")
        .detail("The token is of a client; this is for people who logged in themselves.")
}

fn of_another_issuer(issuer: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not-a-session-of-this-server")
        .detail(format!("The token was issued by {issuer}; its account and its sessions are kept there."))
}
