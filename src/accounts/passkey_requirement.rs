//! Asking for a passkey besides the password, or no more.

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::owner::Owner;
use super::passkeys::NotChanged;
use super::password::Password;
use super::records;
use super::totp::{RecoveryCodes, new_codes, tell};
use crate::audit::Act;

/// Whether a passkey is asked for besides the password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "required": true, "password": "correct horse battery staple" })))]
pub struct SecondFactorChange {
    required: bool,
    #[schema(value_type = String, format = Password)]
    password: Password,
}

impl SecondFactorChange {
    /// As a form has it.
    pub(crate) fn new(required: bool, password: &str) -> Self {
        Self { required, password: Password::from(SecretString::from(password.to_owned())) }
    }
}

impl Accounts {
    /// Asks for a passkey besides the password from now on, or not. Answers new recovery codes when it does.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn require_passkey(
        &self,
        owner: &Owner,
        change: SecondFactorChange,
    ) -> Result<Option<RecoveryCodes>, NotChanged> {
        let user = self.reauthenticate(owner, change.password, Act::PasskeySecondFactor).await?;
        let (codes, hashes) = new_codes(&owner.user_id);
        let (owner, now, required) = (owner.clone(), self.clock.unix_micros(), change.required);
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                    if required && records::passkeys_of(connection.reborrow(), &owner.user_id).await?.is_empty() {
                        return Err(NotChanged::Unknown);
                    }
                    records::set_passkey_required(connection.reborrow(), &owner.user_id, required.then_some(now))
                        .await?;
                    if required {
                        records::replace_recovery_codes(connection.reborrow(), &owner.user_id, &hashes, now).await?;
                    } else {
                        records::drop_idle_recovery_codes(connection.reborrow(), &owner.user_id).await?;
                    }
                    Ok(tell(connection, &owner, Act::PasskeySecondFactor, now).await?)
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(change.required.then_some(codes))
    }
}
