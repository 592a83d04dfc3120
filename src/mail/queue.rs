//! The letters that wait, in the table `letters`.
//!
//! What waits is not a text but what it shall tell. The text is written when it is sent, so no token is ever kept in clear.

use serde::{Deserialize, Serialize};
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
    ResetPassword,
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

    fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AddressTaken => "address_taken",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::ResetPassword => "reset_password",
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
