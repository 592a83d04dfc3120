//! What somebody signs in with, and taking second factors away from whoever has lost his.

use super::{Administration, NotDone, end_all};
use crate::accounts::letters::post_notice_of_administrator;
use crate::accounts::records::{self, UserRecord};
use crate::audit::Act;
use crate::store::StoreError;

/// What somebody signs in with besides a password.
pub(crate) struct Factors {
    /// Codes of an authenticator app are asked for.
    pub totp: bool,
    pub recovery_codes_left: i64,
    /// Names of passkeys.
    pub passkeys: Vec<String>,
    /// One of them is asked for besides the password.
    pub passkey_required: bool,
}

impl Factors {
    /// Whether there is anything to take away.
    pub fn are_some(&self) -> bool {
        self.totp || !self.passkeys.is_empty()
    }
}

impl Administration<'_> {
    /// What somebody signs in with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn factors(&self, user: &UserRecord) -> Result<Factors, StoreError> {
        let mut reader = self.store.read().await?;
        let totp = records::totp_of(reader.connection(), &user.id).await?;
        let passkeys = records::passkeys_of(reader.connection(), &user.id).await?;
        Ok(Factors {
            totp: totp.is_some_and(|totp| totp.confirmed_at.is_some()),
            recovery_codes_left: records::exported_recovery_codes(reader.connection(), &user.id).await?,
            passkeys: passkeys.into_iter().map(|passkey| passkey.name).collect(),
            passkey_required: user.passkey_required_at.is_some(),
        })
    }

    /// Takes authenticator app, recovery codes and passkeys away from an account. All sessions end: whoever asked for this may be somebody else. Their ids.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(crate) async fn remove_factors(&self, user: &UserRecord) -> Result<Vec<String>, NotDone> {
        self.by.check_is_other(&user.id)?;
        if !self.factors(user).await?.are_some() {
            return Err(NotDone::NoFactors);
        }
        let now = self.clock.unix_micros();
        let (by, user) = (self.by.clone(), user.clone());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    by.enter(connection.reborrow(), now).await?;
                    let _ = records::lock_user(connection.reborrow(), &user.id, None).await?;
                    let user = records::user_by_id(connection.reborrow(), &user.id).await?.ok_or(NotDone::Unknown)?;
                    records::delete_factors(connection.reborrow(), &user.id).await?;
                    let act = Act::UserFactorsRemove;
                    post_notice_of_administrator(connection.reborrow(), &user, act, now).await?;
                    end_all(connection, &user.id, by.did(act, &user.id, now), now).await
                })
            })
            .await
    }
}
