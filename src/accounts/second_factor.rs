//! The second factor at a login.

use secrecy::SecretString;

use super::Accounts;
use super::limits::TooMany;
use super::records::{self, UserRecord};
use super::recovery_codes;
use super::totp::step_of;
use crate::store::{Connection, StoreError};

/// What somebody showed besides his password. It is used up in the transaction that begins his session.
#[derive(Debug)]
pub(super) enum SecondFactor {
    /// A code of his authenticator app, of this step.
    Totp(i64),
    /// A recovery code, by its hash.
    RecoveryCode(String),
}

/// Why the password alone will not do.
#[derive(Debug)]
pub(super) enum Missing {
    /// A second factor is asked for, and none came.
    Required,
    /// It is none of his.
    Wrong,
    TooMany(TooMany),
    Store(StoreError),
}

impl From<StoreError> for Missing {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Accounts {
    /// The second factor of a user whose password was right; none, when he has not set one up.
    pub(super) async fn second_factor(
        &self,
        user: &UserRecord,
        otp: Option<&SecretString>,
    ) -> Result<Option<SecondFactor>, Missing> {
        let mut reader = self.store.read().await?;
        let totp = records::totp_of(reader.connection(), &user.id).await?.filter(|totp| totp.confirmed_at.is_some());
        drop(reader);
        let Some(totp) = totp else { return Ok(None) };
        let otp = otp.ok_or(Missing::Required)?;
        // Before it is known whether it is right: guesses made at once must not all get through.
        self.limits.otp_of(&user.id).map_err(Missing::TooMany)?;
        if let Some(step) = step_of(&self.sealing, &user.id, &totp.sealed_secret, otp, self.clock.unix_micros()) {
            return Ok(Some(SecondFactor::Totp(step)));
        }
        let code = recovery_codes::hash(&user.id, otp).ok_or(Missing::Wrong)?;
        Ok(Some(SecondFactor::RecoveryCode(code)))
    }
}

impl SecondFactor {
    /// Uses it up; `false` when that was done before, or it never was one.
    pub async fn spend(&self, connection: Connection<'_>, user_id: &str) -> Result<bool, StoreError> {
        match self {
            Self::Totp(step) => records::use_totp_step(connection, user_id, *step).await,
            Self::RecoveryCode(hash) => records::use_recovery_code(connection, user_id, hash).await,
        }
    }
}
