//! Staying logged in: a refresh token for new tokens (RFC 6749, section 6, with the rotation of RFC 9700, section 4.14.2).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::Unavailable;
use super::new_session::{Opened, TokenResponse};
use super::records::{self, Rotation, SessionRecord};
use super::refresh_token::{RefreshToken, Salt};
use super::{Accounts, micros};
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::metrics::{Grant, RefreshOutcome};
use crate::store::{Connection, StoreError};
use crate::token::Scopes;

/// Who wants new tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "refresh_token": "RvqAIPPKMocXwjhTVLJQN5hoDufqWzDe-o95tF9YKWnUvs_l2ooNi7Of6ZFJtNuMMk9ohV8ya78" })))]
pub struct Refresh {
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum NotRefreshed {
    /// The token is none, or its session has ended or expired: nobody learns which.
    #[error("the refresh token is not good")]
    NotGood,
    /// A client asked for more than its user granted. The token is not spent.
    #[error("more was asked for than was granted")]
    ScopeTooWide,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotRefreshed> for Problem {
    fn from(not: NotRefreshed) -> Self {
        match not {
            NotRefreshed::NotGood | NotRefreshed::ScopeTooWide => {
                Self::new(StatusCode::UNAUTHORIZED, "refresh-token-not-good")
                    .detail("The refresh token is not good any more; log in again.")
                    .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tokenhouse\""))
            }
            NotRefreshed::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotRefreshed {
    fn problems() -> Vec<Problem> {
        and::<StoreError>([Self::NotGood])
    }
}

impl From<StoreError> for NotRefreshed {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

/// What became of a refresh token that was shown. Each is committed, so that a reuse ends the session for good.
enum Outcome {
    /// New tokens; also for a second tab that shows the token just spent.
    Successor(SessionRecord, RefreshToken),
    /// A token that was spent longer ago: somebody has a copy. The session has ended.
    Reused(SessionRecord),
    NotGood,
    ScopeTooWide,
}

/// Who shows a refresh token, and what he wants for it.
#[derive(Clone)]
pub(crate) struct Holder {
    /// `None`: the owner of the account himself, at `/api/refresh`.
    pub client_id: Option<String>,
    /// What a client asks for; nothing is all that was granted.
    pub asked: Scopes,
    /// A session unused for so long is over.
    pub idle_ttl: Duration,
}

/// A refresh token that was spent, and its successor.
pub(crate) struct Refreshed {
    pub opened: Opened,
    pub successor: RefreshToken,
}

impl Accounts {
    /// New tokens for a refresh token, which is spent.
    ///
    /// # Errors
    /// [`NotRefreshed`].
    pub async fn refresh(&self, caller: &Caller, refresh: Refresh) -> Result<TokenResponse, NotRefreshed> {
        let holder = Holder { client_id: None, asked: Scopes::default(), idle_ttl: self.rules.idle_ttl };
        let Refreshed { opened, successor } = self.spend(caller, &refresh.refresh_token, holder).await?;
        self.metrics.minted(Grant::Refresh);
        Ok(self.tokens(&opened.session, &opened.user, &successor))
    }

    /// Spends a refresh token that `holder` shows.
    ///
    /// # Errors
    /// [`NotRefreshed`].
    pub(crate) async fn spend(
        &self,
        caller: &Caller,
        token: &SecretString,
        holder: Holder,
    ) -> Result<Refreshed, NotRefreshed> {
        let (spent, outcome) = match self.try_to_spend(caller, token, holder).await {
            Ok(Some(refreshed)) => (Ok(refreshed), RefreshOutcome::Good),
            Ok(None) => (Err(NotRefreshed::NotGood), RefreshOutcome::Reused),
            Err(not @ NotRefreshed::Unavailable(_)) => (Err(not), RefreshOutcome::StoreFailed),
            Err(not) => (Err(not), RefreshOutcome::NotGood),
        };
        self.metrics.refresh(outcome);
        spent
    }

    /// `None` when it was spent before, which has ended its session.
    async fn try_to_spend(
        &self,
        caller: &Caller,
        token: &SecretString,
        holder: Holder,
    ) -> Result<Option<Refreshed>, NotRefreshed> {
        let token = RefreshToken::parse(token.expose_secret()).ok_or(NotRefreshed::NotGood)?;
        let times = Times {
            now: self.clock.unix_micros(),
            idle_ttl: micros(holder.idle_ttl),
            grace: micros(self.rules.refresh_grace),
        };
        let reuse = Event::failure(Act::RefreshTokenReuse, "spent token", times.now).from(caller);
        let outcome = self
            .ending(move |connection| Box::pin(async move { spend(connection, token, &holder, times, reuse).await }))
            .await?;
        match outcome {
            Outcome::Successor(session, successor) => {
                let mut reader = self.store.read().await?;
                let user = records::user_by_id(reader.connection(), &session.user_id).await?;
                let user = user.filter(|user| user.disabled_at.is_none()).ok_or(NotRefreshed::NotGood)?;
                Ok(Some(Refreshed { opened: Opened { session, user }, successor }))
            }
            Outcome::Reused(session) => {
                tracing::warn!(
                    session = session.id,
                    user = session.user_id,
                    "a spent refresh token was shown again: the session has ended"
                );
                Ok(None)
            }
            Outcome::NotGood => Err(NotRefreshed::NotGood),
            Outcome::ScopeTooWide => Err(NotRefreshed::ScopeTooWide),
        }
    }
}

/// In microseconds.
#[derive(Clone, Copy)]
struct Times {
    now: i64,
    idle_ttl: i64,
    grace: i64,
}

async fn spend(
    mut connection: Connection<'_>,
    token: RefreshToken,
    holder: &Holder,
    times: Times,
    reuse: Event,
) -> Result<(Outcome, Vec<String>), StoreError> {
    let not = |outcome| Ok((outcome, Vec::new()));
    let (family, shown) = (token.family_hash(), token.secret_hash());
    // Twice, because on PostgreSQL another request may spend the token between the two statements.
    for _ in 0..2 {
        let Some(session) = records::session_by_family(connection.reborrow(), &family).await? else {
            return not(Outcome::NotGood);
        };
        let idle_end = session.last_used_at.saturating_add(times.idle_ttl);
        if session.ended_at.is_some() || times.now >= session.expires_at || times.now >= idle_end {
            return not(Outcome::NotGood);
        }
        // Whoever else has it has it from its holder, and learns nothing by it.
        if session.client_id != holder.client_id {
            return not(Outcome::NotGood);
        }
        let granted = Scopes::from(session.scopes.as_deref().unwrap_or_default());
        if !holder.asked.iter().all(|scope| granted.contains(scope)) {
            return not(Outcome::ScopeTooWide);
        }
        if same(&session.refresh_hash, &shown) {
            let successor = token.successor(&Salt::stored(session.successor_salt.clone()));
            let rotation = Rotation {
                refresh_hash: successor.secret_hash(),
                successor_salt: Salt::generate().to_store(),
                at: times.now,
            };
            if records::rotate_session(connection.reborrow(), &session, &rotation).await? {
                return not(Outcome::Successor(session, successor));
            }
            continue;
        }
        if let Some(successor) = successor_within_grace(&session, &token, &shown, times) {
            return not(Outcome::Successor(session, successor));
        }
        let ended = records::end_session(connection.reborrow(), &session.id, times.now).await?;
        let reuse = reuse.on_user(&session.user_id).in_session(&session.id);
        session.client_id.iter().fold(reuse, |reuse, client| reuse.on_client(client)).record(connection).await?;
        return Ok((Outcome::Reused(session), ended));
    }
    not(Outcome::NotGood)
}

/// The successor of the token that was spent last, when that was just now and the successor is still unspent.
fn successor_within_grace(
    session: &SessionRecord,
    token: &RefreshToken,
    shown: &str,
    times: Times,
) -> Option<RefreshToken> {
    let (previous, salt) = (session.previous_hash.as_ref()?, session.previous_salt.clone()?);
    // Before or after: of two requests at once, the one whose time was read first may come to the row last, and clocks of nodes differ. A clock that was
    // set back by more than the grace makes it no longer.
    let apart = times.now.abs_diff(session.rotated_at?);
    if !same(previous, shown) || apart >= times.grace.unsigned_abs() {
        return None;
    }
    let successor = token.successor(&Salt::stored(salt));
    same(&successor.secret_hash(), &session.refresh_hash).then_some(successor)
}

fn same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}
