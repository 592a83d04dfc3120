//! One's sessions: which there are, and ending them.

use actix_web::http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::browser;
use super::error::Unavailable;
use super::owner::Owner;
use super::records::{self, SessionRecord};
use super::{Accounts, micros};
use crate::audit::Act;
use crate::http::Problem;
use crate::store::StoreError;
use crate::token::clock::rfc3339;

/// So many are listed at most, those used last; ending all others ends those beyond too.
const LISTED: i64 = 200;

/// One session, as its owner sees it.
#[derive(Debug, Serialize)]
pub struct SessionOverview {
    id: String,
    created_at: String,
    /// When tokens were given out last: access tokens in use leave no trace in between.
    last_used_at: String,
    ip: Option<String>,
    user_agent: Option<String>,
    /// The user agent in words.
    browser: String,
    /// Whether it is the session of the request's own token.
    current: bool,
}

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum NotEnded {
    /// The owner has no such session; nobody learns whether somebody else has.
    #[error("there is no such session")]
    Unknown,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotEnded> for Problem {
    fn from(not: NotEnded) -> Self {
        match not {
            NotEnded::Unknown => Self::new(StatusCode::NOT_FOUND, "no-such-session")
                .detail("You have no session with this id; GET /api/sessions lists yours."),
            NotEnded::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<StoreError> for NotEnded {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// The sessions of the owner that stand, the one used last first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sessions_of(&self, owner: &Owner) -> Result<Vec<SessionOverview>, Unavailable> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let sessions = records::sessions_of_user(reader.connection(), &owner.user_id, now, LISTED).await?;
        let used_after = now.saturating_sub(micros(self.rules.idle_ttl));
        let current = owner.session.to_string();
        let standing = sessions.into_iter().filter(|session| session.last_used_at > used_after);
        Ok(standing.map(|session| overview(session, &current)).collect())
    }

    /// Ends one session of the owner; it is dead from the moment this is answered. One that has ended already may be ended again.
    ///
    /// # Errors
    /// [`NotEnded`].
    pub async fn end_session(&self, owner: &Owner, id: Uuid) -> Result<(), NotEnded> {
        let now = self.clock.unix_micros();
        let (session, user) = (id.to_string(), owner.user_id.clone());
        let mut event = owner.did(Act::SessionEnd, now);
        event = event.in_session(&session);
        let found = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let found = records::session_of(connection.reborrow(), &session, &user).await?;
                    if found.is_some_and(|found| found.ended_at.is_some()) {
                        return Ok(true);
                    }
                    let ended = records::end_session_of(connection.reborrow(), &session, &user, now).await?;
                    if ended {
                        event.record(connection).await?;
                    }
                    Ok::<_, StoreError>(ended)
                })
            })
            .await?;
        if !found {
            return Err(NotEnded::Unknown);
        }
        self.sessions.note_ended(id);
        Ok(())
    }

    /// Ends all sessions of the owner but that of the request.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_other_sessions(&self, owner: &Owner) -> Result<(), Unavailable> {
        let now = self.clock.unix_micros();
        let (spare, user) = (owner.session.to_string(), owner.user_id.clone());
        let event = owner.did(Act::OtherSessionsEnd, now);
        let ended = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let ended = records::end_sessions_of_user(connection.reborrow(), &user, Some(&spare), now).await?;
                    event.record(connection).await?;
                    Ok::<_, StoreError>(ended)
                })
            })
            .await?;
        self.note_all_ended(&ended);
        Ok(())
    }

    /// Notes ends that the store has already, so that they act at once.
    pub(super) fn note_all_ended(&self, sessions: &[String]) {
        for session in sessions.iter().filter_map(|id| id.parse().ok()) {
            self.sessions.note_ended(session);
        }
    }
}

fn overview(session: SessionRecord, current: &str) -> SessionOverview {
    SessionOverview {
        created_at: rfc3339(session.created_at),
        last_used_at: rfc3339(session.last_used_at),
        ip: session.ip,
        browser: browser::in_words(session.user_agent.as_deref()),
        user_agent: session.user_agent,
        current: session.id == current,
        id: session.id,
    }
}
