//! Changing one's password.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::error::Unavailable;
use super::letters::post_notice;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::password::too_short;
use super::reauthentication::NotReauthenticated;
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::store::StoreError;

/// The password there is, and the one there shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "current_password": "correct horse battery staple", "new_password": "seven green bottles on a wall" })))]
pub struct PasswordChange {
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

/// Why the password is as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The new one is too short, too long, or easy to guess.
    #[error("the new password is not good enough")]
    Invalid(FieldError),
    /// The current one is not.
    #[error(transparent)]
    NotReauthenticated(#[from] NotReauthenticated),
}

impl From<NotChanged> for Problem {
    fn from(not: NotChanged) -> Self {
        match not {
            NotChanged::Invalid(error) => Self::invalid_fields(vec![error]),
            NotChanged::NotReauthenticated(not) => not.into(),
        }
    }
}

impl Problems for NotChanged {
    fn problems() -> Vec<Problem> {
        and::<NotReauthenticated>([Self::Invalid(too_short())])
    }
}

impl From<StoreError> for NotChanged {
    fn from(error: StoreError) -> Self {
        NotReauthenticated::from(error).into()
    }
}

impl From<NotOwner> for NotChanged {
    fn from(not: NotOwner) -> Self {
        NotReauthenticated::from(not).into()
    }
}

impl From<Unavailable> for NotChanged {
    fn from(unavailable: Unavailable) -> Self {
        NotReauthenticated::from(unavailable).into()
    }
}

impl Accounts {
    /// Sets another password. All other sessions of the account end, and letters that would reset the old password are void.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn change_password(&self, owner: &Owner, change: PasswordChange) -> Result<(), NotChanged> {
        let invalid = |message| NotChanged::Invalid(FieldError { field: "new_password", message });
        change.new_password.check_length(&self.rules.password_length).map_err(invalid)?;
        let user = self.reauthenticate(owner, change.current_password, Act::PasswordChange).await?;
        let hashed = self.hashing.hash_new(change.new_password, &user.email, user.name.as_deref()).await;
        let new = hashed.map_err(Unavailable::from)?.map_err(invalid)?;

        let (entering, now) = (owner.clone(), self.clock.unix_micros());
        self.end_by(move |mut connection| {
            Box::pin(async move {
                let owner = entering;
                owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                records::set_password_hash(connection.reborrow(), &user.id, &new).await?;
                let spare = owner.session.to_string();
                let ended = records::end_sessions_of_user(connection.reborrow(), &user.id, Some(&spare), now).await?;
                records::void_tokens(connection.reborrow(), &user.id, now).await?;
                post_notice(connection.reborrow(), &user, Act::PasswordChange, &owner.caller, now).await?;
                owner.did(Act::PasswordChange, now).record(connection).await?;
                Ok::<_, NotChanged>(ended)
            })
        })
        .await?;
        self.letters_wait.notify_one();
        tracing::info!(user = owner.user_id, "changed the password");
        Ok(())
    }
}
