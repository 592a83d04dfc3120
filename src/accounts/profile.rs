//! What the owner of an account may change about himself, and leaving.

use serde::Deserialize;

use super::Accounts;
use super::error::Unavailable;
use super::name::display_name;
use super::owner::Owner;
use super::password::Password;
use super::reauthentication::{NotReauthenticated, gone};
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::problem::FieldError;
use crate::store::StoreError;

/// What shall be different.
#[derive(Debug, Deserialize)]
pub struct ProfileChange {
    /// Absent: as it is. `null`: none.
    #[serde(default, deserialize_with = "some")]
    name: Option<Option<String>>,
}

/// A member that is there, even if it is `null` (RFC 7396).
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The password, before the account goes.
#[derive(Debug, Deserialize)]
pub struct Leave {
    password: Password,
}

/// Why the profile is as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// The name is none.
    #[error("the name is not one")]
    Invalid(FieldError),
    /// The account was deleted meanwhile.
    #[error("the account is gone")]
    Gone,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotSaved> for Problem {
    fn from(not: NotSaved) -> Self {
        match not {
            NotSaved::Invalid(error) => Self::invalid_fields(vec![error]),
            NotSaved::Gone => gone(),
            NotSaved::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<StoreError> for NotSaved {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// Changes the profile of the owner.
    ///
    /// # Errors
    /// [`NotSaved`].
    pub async fn change_profile(&self, owner: &Owner, change: ProfileChange) -> Result<(), NotSaved> {
        let Some(name) = change.name else { return Ok(()) };
        let name = display_name(name.as_deref()).map_err(NotSaved::Invalid)?;
        let user = owner.user_id.clone();
        let event = owner.did(Act::ProfileChange, self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    if !records::set_name(connection.reborrow(), &user, name.as_deref()).await? {
                        return Err(NotSaved::Gone);
                    }
                    Ok(event.record(connection).await?)
                })
            })
            .await
    }

    /// Deletes the account of the owner with all that belongs to it; its sessions are dead from the moment this is answered. What happened to it stays
    /// in the audit, under its id alone.
    ///
    /// # Errors
    /// [`NotReauthenticated`].
    pub async fn leave(&self, owner: &Owner, leave: Leave) -> Result<(), NotReauthenticated> {
        let user = self.reauthenticate(owner, leave.password, Act::AccountDelete).await?;
        let now = self.clock.unix_micros();
        let event = owner.did(Act::AccountDelete, now);
        let ended = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let ended = records::delete_user(connection.reborrow(), &user.id, now).await?;
                    event.record(connection).await?;
                    Ok::<_, StoreError>(ended)
                })
            })
            .await?;
        self.note_all_ended(&ended);
        tracing::info!(user = owner.user_id, "left; the account is deleted");
        Ok(())
    }
}
