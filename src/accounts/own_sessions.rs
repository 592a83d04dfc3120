//! One's sessions: which there are, and ending them.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::browser;
use super::error::Unavailable;
use super::owner::{NotOwner, Owner};
use super::records::{self, SessionRecord};
use super::{Accounts, micros};
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::store::StoreError;
use crate::token::clock::rfc3339;

/// So many are listed at most, those used last; ending all others ends those beyond too.
const LISTED: i64 = 200;

/// One session, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "id": "24e2b428-fc7f-4eec-bca0-c779308959b0", "created_at": "2026-11-24T04:56:15.818932Z", "last_used_at": "2026-11-24T04:56:15.818932Z", "ip": "192.0.2.7", "user_agent": "curl/8.14.1", "browser": "curl", "kind": "login", "client_id": null, "scopes": null, "current": true })))]
pub struct SessionOverview {
    #[schema(format = "uuid")]
    pub(crate) id: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When tokens were given out last: access tokens in use leave no trace in between.
    #[schema(format = DateTime)]
    pub(crate) last_used_at: String,
    #[schema(required)]
    pub(crate) ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    /// The user agent in words.
    pub(crate) browser: String,
    /// `login` of `/api/login`, `browser` of the server's pages, `client` of a client that acts for its owner.
    pub(crate) kind: String,
    /// The client that was granted it; `null` for the owner's own.
    #[schema(required)]
    pub(crate) client_id: Option<String>,
    /// What the client was granted; `null` for the owner's own.
    #[schema(required)]
    scopes: Option<Vec<String>>,
    /// Whether it is the session of the request's own token.
    pub(crate) current: bool,
}

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum NotEnded {
    /// The owner has no such session; nobody learns whether somebody else has.
    #[error("there is no such session")]
    Unknown,
    /// His own session has ended meanwhile, or it cannot be told now.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl From<NotEnded> for Problem {
    fn from(not: NotEnded) -> Self {
        match not {
            NotEnded::Unknown => Self::new(StatusCode::NOT_FOUND, "no-such-session")
                .detail("You have no session with this id; GET /api/sessions lists yours."),
            NotEnded::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotEnded {
    fn problems() -> Vec<Problem> {
        and::<NotOwner>([Self::Unknown])
    }
}

impl From<StoreError> for NotEnded {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl Accounts {
    /// The sessions of the owner that stand, the one used last first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sessions_of(&self, owner: &Owner) -> Result<Vec<SessionOverview>, Unavailable> {
        self.sessions_of_user(&owner.user_id, &owner.session.to_string()).await
    }

    /// The same of any account, for whoever may see that; `current` is the session of the request.
    pub(crate) async fn sessions_of_user(
        &self,
        user_id: &str,
        current: &str,
    ) -> Result<Vec<SessionOverview>, Unavailable> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let sessions = records::sessions_of_user(reader.connection(), user_id, now, LISTED).await?;
        let used_after = now.saturating_sub(micros(self.rules.idle_ttl));
        let standing = sessions.into_iter().filter(|session| session.last_used_at > used_after);
        Ok(standing.map(|session| overview(session, current)).collect())
    }

    /// Ends one session of the owner; it is dead from the moment this is answered. One that has ended already may be ended again.
    ///
    /// # Errors
    /// [`NotEnded`].
    pub async fn end_session(&self, owner: &Owner, id: Uuid) -> Result<(), NotEnded> {
        let now = self.clock.unix_micros();
        let (owner, session) = (owner.clone(), id.to_string());
        self.end_by(move |mut connection| {
            Box::pin(async move {
                owner.enter(connection.reborrow(), None, now).await?;
                let found = records::session_of(connection.reborrow(), &session, &owner.user_id).await?;
                let found = found.ok_or(NotEnded::Unknown)?;
                let ended = records::end_session(connection.reborrow(), &session, now).await?;
                if let Some(client) = &found.client_id {
                    // Or the client would have another one without his being asked.
                    records::forget_consent(connection.reborrow(), &owner.user_id, Some(client)).await?;
                }
                if found.ended_at.is_none() {
                    owner.did(Act::SessionEnd, now).in_session(&session).record(connection).await?;
                }
                Ok(ended)
            })
        })
        .await
    }

    /// Ends all sessions of the owner but that of the request.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub async fn end_other_sessions(&self, owner: &Owner) -> Result<(), NotOwner> {
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.end_by(move |mut connection| {
            Box::pin(async move {
                owner.enter(connection.reborrow(), None, now).await?;
                let (user, spare) = (&owner.user_id, owner.session.to_string());
                let ended = records::end_sessions_of_user(connection.reborrow(), user, Some(&spare), now).await?;
                records::forget_consent(connection.reborrow(), user, None).await?;
                owner.did(Act::OtherSessionsEnd, now).record(connection).await?;
                Ok(ended)
            })
        })
        .await
    }
}

fn overview(session: SessionRecord, current: &str) -> SessionOverview {
    SessionOverview {
        created_at: rfc3339(session.created_at),
        last_used_at: rfc3339(session.last_used_at),
        ip: session.ip,
        browser: browser::in_words(session.user_agent.as_deref()),
        user_agent: session.user_agent,
        kind: session.kind,
        client_id: session.client_id,
        scopes: session.scopes.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect()),
        current: session.id == current,
        id: session.id,
    }
}
