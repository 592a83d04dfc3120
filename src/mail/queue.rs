//! The letters that wait, in the table `letters`.
//!
//! What waits is not a text but what it shall tell. The text is written when it is sent, so no token is ever kept in clear.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use crate::audit::Act;
use crate::http::caller::Caller;
use crate::store::{Connection, StoreError, sql};

/// What a letter tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Letter {
    /// Asks whoever registered to show that the address is his.
    VerifyEmail,
    /// Somebody wanted an account for an address that has one.
    AddressTaken,
    /// Asks to show that a new address, to which it goes, is the account's owner's.
    ConfirmNewEmail,
    /// The address of an account is another from now on: goes to the old one.
    EmailChanged {
        /// The new address.
        new_email: String,
    },
    /// Lets whoever forgot his password set another.
    ResetPassword {
        /// Where he was going: a path of this server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        return_to: Option<String>,
    },
    /// Lets whoever was given an account set its first password.
    Invitation,
    /// An administrator did something that matters for security to the account: its owner shall know.
    ByAdministrator {
        /// The [`Act`]'s name.
        act: String,
    },
    /// Something that matters for security was done to the account: its owner shall know, for it may not have been him.
    Notice {
        /// The [`Act`]'s name.
        act: String,
        /// From where.
        ip: String,
        /// With which browser.
        user_agent: Option<String>,
    },
}

impl Letter {
    /// A notice of `act` by `caller`.
    pub fn notice(act: Act, caller: &Caller) -> Self {
        Self::Notice {
            act: act.name().to_owned(),
            ip: caller.address.to_string(),
            user_agent: caller.user_agent.clone(),
        }
    }

    /// Its name in the table.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AddressTaken => "address_taken",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::ResetPassword { .. } => "reset_password",
            Self::Invitation => "invitation",
            Self::ByAdministrator { .. } => "by_administrator",
            Self::Notice { .. } => "notice",
        }
    }
}

/// Puts a letter to `email` into the queue, about the account `user_id`; without one, about whichever account has the address when it is written.
///
/// # Errors
/// [`StoreError`].
pub async fn post(
    connection: Connection<'_>,
    letter: &Letter,
    user_id: Option<&str>,
    email: &str,
    now: i64,
) -> Result<(), StoreError> {
    let details = serde_json::to_string(letter).unwrap_or_default();
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO letters (id, kind, user_id, email, details, created_at, next_try_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)"
        )
        .bind(Uuid::new_v4().to_string())
        .bind(letter.kind())
        .bind(user_id)
        .bind(email)
        .bind(&details)
        .bind(now)
    )?;
    Ok(())
}

/// A letter that waits, as a row of `letters`.
#[derive(Debug, Clone, FromRow)]
pub struct Waiting {
    pub id: String,
    pub user_id: Option<String>,
    pub email: String,
    details: String,
    pub created_at: i64,
    /// When its token was made.
    pub prepared_at: Option<i64>,
    /// How often it was tried.
    pub tries: i64,
    next_try_at: i64,
}

impl Waiting {
    /// What it shall tell; `None` when another version wrote it.
    pub fn letter(&self) -> Option<Letter> {
        serde_json::from_str(&self.details).ok()
    }
}

/// How the queue is doing.
#[derive(Debug, Clone, FromRow)]
pub struct QueueState {
    /// How many letters wait.
    pub waiting: i64,
    /// How many of them were tried in vain.
    pub failing: i64,
    /// Since when the first of them waits, in microseconds since 1970.
    pub oldest: Option<i64>,
}

/// How the queue is doing.
///
/// # Errors
/// [`StoreError`].
pub async fn state(connection: Connection<'_>) -> Result<QueueState, StoreError> {
    sql!(
        connection,
        fetch_one,
        sqlx::query_as(
            "SELECT COUNT(*) AS waiting, COUNT(CASE WHEN tries > 0 THEN 1 END) AS failing, MIN(created_at) AS oldest
             FROM letters"
        )
    )
}

/// The letters that are due, the one that waited longest first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn due(connection: Connection<'_>, now: i64, limit: i64) -> Result<Vec<Waiting>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, user_id, email, details, created_at, prepared_at, tries, next_try_at
             FROM letters WHERE next_try_at <= $1 ORDER BY next_try_at, created_at, id LIMIT $2"
        )
        .bind(now)
        .bind(limit)
    )
}

/// Takes a letter, to be tried now, and again at `next_try_at` should it not be done by then; `false` when another node has taken it.
///
/// # Errors
/// [`StoreError`].
pub async fn take(connection: Connection<'_>, waiting: &Waiting, next_try_at: i64) -> Result<bool, StoreError> {
    let taken = sql!(
        connection,
        execute,
        sqlx::query("UPDATE letters SET tries = tries + 1, next_try_at = $3 WHERE id = $1 AND next_try_at = $2")
            .bind(&waiting.id)
            .bind(waiting.next_try_at)
            .bind(next_try_at)
    )?;
    Ok(taken == 1)
}

/// Notes that the token of a letter was made.
///
/// # Errors
/// [`StoreError`].
pub async fn prepared(connection: Connection<'_>, id: &str, now: i64) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("UPDATE letters SET prepared_at = $2 WHERE id = $1").bind(id).bind(now))?;
    Ok(())
}

/// Takes a letter out of the queue: it was sent, or will never be.
///
/// # Errors
/// [`StoreError`].
pub async fn done(connection: Connection<'_>, id: &str) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("DELETE FROM letters WHERE id = $1").bind(id))?;
    Ok(())
}

/// How many letters wait, counted no further than `most`.
///
/// # Errors
/// [`StoreError`].
pub async fn waiting(connection: Connection<'_>, most: i64) -> Result<i64, StoreError> {
    sql!(
        connection,
        fetch_one,
        sqlx::query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM letters LIMIT $1) AS counted").bind(most)
    )
}

/// Deletes all letters that wait; how many.
///
/// # Errors
/// [`StoreError`].
pub async fn delete_all(connection: Connection<'_>) -> Result<u64, StoreError> {
    sql!(connection, execute, sqlx::query("DELETE FROM letters"))
}
