//! Staying logged in: a refresh token for new tokens (RFC 6749, section 6, with the rotation of RFC 9700, section 4.14.2).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::error::Unavailable;
use super::new_session::TokenResponse;
use super::records::{self, Rotation, SessionRecord};
use super::refresh_token::{RefreshToken, Salt};
use super::{Accounts, micros};
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::store::{Connection, StoreError};

/// Who wants new tokens.
#[derive(Debug, Deserialize)]
pub struct Refresh {
    refresh_token: SecretString,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum NotRefreshed {
    /// The token is none, or its session has ended or expired: nobody learns which.
    #[error("the refresh token is not good")]
    NotGood,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotRefreshed> for Problem {
    fn from(not: NotRefreshed) -> Self {
        match not {
            NotRefreshed::NotGood => Self::new(StatusCode::UNAUTHORIZED, "refresh-token-not-good")
                .detail("The refresh token is not good any more; log in again.")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tokenhouse\"")),
            NotRefreshed::Unavailable(unavailable) => unavailable.into(),
        }
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
}

impl Accounts {
    /// New tokens for a refresh token, which is spent.
    ///
    /// # Errors
    /// [`NotRefreshed`].
    pub async fn refresh(&self, caller: &Caller, refresh: Refresh) -> Result<TokenResponse, NotRefreshed> {
        let token = RefreshToken::parse(refresh.refresh_token.expose_secret()).ok_or(NotRefreshed::NotGood)?;
        let times = Times {
            now: self.clock.unix_micros(),
            idle_ttl: micros(self.rules.idle_ttl),
            grace: micros(self.rules.refresh_grace),
        };
        let reuse = Event::failure(Act::RefreshTokenReuse, "spent token", times.now).from(caller);
        let (store, sessions) = (self.store.clone(), Arc::clone(&self.sessions));
        // It goes on when the caller hangs up: an end that was committed must be noted.
        let spending = tokio::spawn(async move {
            let outcome = store
                .write(move |connection| Box::pin(async move { spend(connection, token, times, reuse).await }))
                .await?;
            if let Outcome::Reused(session) = &outcome
                && let Ok(id) = session.id.parse()
            {
                sessions.note_ended(id);
            }
            Ok::<_, StoreError>(outcome)
        });
        let outcome = spending.await.unwrap_or(Err(StoreError::Interrupted))?;
        match outcome {
            Outcome::Successor(session, successor) => {
                let mut reader = self.store.read().await?;
                let user = records::user_by_id(reader.connection(), &session.user_id).await?;
                let user = user.filter(|user| user.disabled_at.is_none()).ok_or(NotRefreshed::NotGood)?;
                Ok(self.tokens(&session, &user, &successor))
            }
            Outcome::Reused(session) => {
                tracing::warn!(
                    session = session.id,
                    user = session.user_id,
                    "a spent refresh token was shown again: the session has ended"
                );
                Err(NotRefreshed::NotGood)
            }
            Outcome::NotGood => Err(NotRefreshed::NotGood),
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
    times: Times,
    reuse: Event,
) -> Result<Outcome, StoreError> {
    let (family, shown) = (token.family_hash(), token.secret_hash());
    // Twice, because on PostgreSQL another request may spend the token between the two statements.
    for _ in 0..2 {
        let Some(session) = records::session_by_family(connection.reborrow(), &family).await? else {
            return Ok(Outcome::NotGood);
        };
        let idle_end = session.last_used_at.saturating_add(times.idle_ttl);
        if session.ended_at.is_some() || times.now >= session.expires_at || times.now >= idle_end {
            return Ok(Outcome::NotGood);
        }
        if same(&session.refresh_hash, &shown) {
            let successor = token.successor(&Salt::stored(session.successor_salt.clone()));
            let rotation = Rotation {
                refresh_hash: successor.secret_hash(),
                successor_salt: Salt::generate().to_store(),
                at: times.now,
            };
            if records::rotate_session(connection.reborrow(), &session, &rotation).await? {
                return Ok(Outcome::Successor(session, successor));
            }
            continue;
        }
        if let Some(successor) = successor_within_grace(&session, &token, &shown, times) {
            return Ok(Outcome::Successor(session, successor));
        }
        records::end_session(connection.reborrow(), &session.id, times.now).await?;
        reuse.on_user(&session.user_id).in_session(&session.id).record(connection).await?;
        return Ok(Outcome::Reused(session));
    }
    Ok(Outcome::NotGood)
}

/// The successor of the token that was spent last, when that was just now and the successor is still unspent.
fn successor_within_grace(
    session: &SessionRecord,
    token: &RefreshToken,
    shown: &str,
    times: Times,
) -> Option<RefreshToken> {
    let (previous, salt) = (session.previous_hash.as_ref()?, session.previous_salt.clone()?);
    let spent_for = times.now.saturating_sub(session.rotated_at?);
    // A clock that was set back makes no grace longer.
    if !same(previous, shown) || !(0..times.grace).contains(&spent_for) {
        return None;
    }
    let successor = token.successor(&Salt::stored(salt));
    same(&successor.secret_hash(), &session.refresh_hash).then_some(successor)
}

fn same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}
