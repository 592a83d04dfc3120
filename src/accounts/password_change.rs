//! Changing one's password.

use actix_web::http::StatusCode;
use serde::Deserialize;

use super::Accounts;
use super::error::Unavailable;
use super::owner::Owner;
use super::password::Password;
use super::reauthentication::NotReauthenticated;
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::problem::FieldError;
use crate::store::StoreError;

/// The password there is, and the one there shall be.
#[derive(Debug, Deserialize)]
pub struct PasswordChange {
    current_password: Password,
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
    /// Another request changed it while this one was under way.
    #[error("the password was changed meanwhile")]
    Meanwhile,
}

impl From<NotChanged> for Problem {
    fn from(not: NotChanged) -> Self {
        match not {
            NotChanged::Invalid(error) => Self::invalid_fields(vec![error]),
            NotChanged::NotReauthenticated(not) => not.into(),
            NotChanged::Meanwhile => Self::new(StatusCode::CONFLICT, "changed-meanwhile")
                .detail("The password was changed by another request at this moment."),
        }
    }
}

impl From<StoreError> for NotChanged {
    fn from(error: StoreError) -> Self {
        NotReauthenticated::from(error).into()
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
        let known = [Some(user.email.clone()), user.name.clone()].into_iter().flatten().collect();
        let hashed = self.hashing.hash_new(change.new_password, known).await.map_err(Unavailable::from)?;
        let new = hashed.map_err(invalid)?;

        let now = self.clock.unix_micros();
        let (session, event) = (owner.session.to_string(), owner.did(Act::PasswordChange, now));
        let ended = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let old = &user.password_hash;
                    if !records::change_password_hash(connection.reborrow(), &user.id, old, &new).await? {
                        return Err(NotChanged::Meanwhile);
                    }
                    let ended =
                        records::end_sessions_of_user(connection.reborrow(), &user.id, Some(&session), now).await?;
                    event.record(connection).await?;
                    Ok(ended)
                })
            })
            .await?;
        self.note_all_ended(&ended);
        tracing::info!(user = owner.user_id, "changed the password");
        Ok(())
    }
}
