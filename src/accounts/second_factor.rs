//! The second factor at a login.

use secrecy::SecretString;

use super::Accounts;
use super::limits::TooMany;
use super::passkey_login::{PasskeyAnswer, UsedPasskey};
use super::records::{self, UserRecord};
use super::recovery_codes;
use super::relying_party::Challenge;
use super::totp_generator::step_of;
use crate::store::{Connection, StoreError};

/// What somebody showed besides his password. It is used up in the transaction that begins his session.
#[derive(Debug)]
pub(super) enum SecondFactor {
    /// A code of his authenticator app, of this step.
    Totp(i64),
    /// A recovery code, by its hash.
    RecoveryCode(String),
    /// A passkey, which answered a challenge.
    Passkey(UsedPasskey),
}

/// Why the password alone will not do.
#[derive(Debug)]
pub(super) enum Missing {
    /// A second factor is asked for, and none came. With a challenge, when he has passkeys.
    Required(Option<Challenge>),
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
        passkey: Option<&PasskeyAnswer>,
    ) -> Result<Option<SecondFactor>, Missing> {
        // By what was read with the password: whoever turned a factor on since is not let in without it either, when the session begins.
        if !user.has_app && user.passkey_required_at.is_none() {
            return Ok(None);
        }
        if let Some(answer) = passkey {
            return Ok(Some(SecondFactor::Passkey(self.check_second_passkey(user, answer).await?)));
        }
        let Some(otp) = otp else {
            return Err(Missing::Required(self.second_factor_challenge(user).await?));
        };
        // Before it is known whether it is right: guesses made at once must not all get through.
        self.limits.otp_of(&user.id).map_err(Missing::TooMany)?;
        let mut reader = self.store.read().await?;
        let totp = records::totp_of(reader.connection(), &user.id).await?.filter(|totp| totp.confirmed_at.is_some());
        drop(reader);
        let now = self.clock.unix_micros();
        if let Some(step) = totp.and_then(|totp| step_of(&self.sealing, &user.id, &totp.sealed_secret, otp, now)) {
            return Ok(Some(SecondFactor::Totp(step)));
        }
        let code = recovery_codes::hash(&user.id, otp).ok_or(Missing::Wrong)?;
        Ok(Some(SecondFactor::RecoveryCode(code)))
    }
}

impl SecondFactor {
    /// Uses it up; `false` when that was done before, or it never was one.
    pub async fn spend(&self, connection: Connection<'_>, user_id: &str, now: i64) -> Result<bool, StoreError> {
        match self {
            Self::Totp(step) => records::use_totp_step(connection, user_id, *step).await,
            Self::RecoveryCode(hash) => records::use_recovery_code(connection, user_id, hash).await,
            Self::Passkey(passkey) => passkey.spend(connection, now).await,
        }
    }
}
