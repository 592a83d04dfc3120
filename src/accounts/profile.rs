//! What the owner of an account may change about himself, and leaving.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::name::display_name;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::reauthentication::NotReauthenticated;
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::json::present;
use crate::http::problem::FieldError;

/// What shall be different.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
#[schema(examples(json!({ "name": "Ada King" })))]
pub struct ProfileChange {
    /// Absent: as it is. `null`: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
}

impl ProfileChange {
    /// Another name, or none.
    pub(crate) fn name(name: &str) -> Self {
        Self { name: Some(Some(name.to_owned()).filter(|name| !name.is_empty())) }
    }
}

/// The password, before the account goes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "password": "correct horse battery staple" })))]
pub struct Leave {
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Why the profile is as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// The name is none.
    #[error("the name is not one")]
    Invalid(FieldError),
    /// His session has ended meanwhile, or it cannot be told now.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl From<NotSaved> for Problem {
    fn from(not: NotSaved) -> Self {
        match not {
            NotSaved::Invalid(error) => Self::invalid_fields(vec![error]),
            NotSaved::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotSaved {
    fn problems() -> Vec<Problem> {
        let wrong = FieldError { field: "name", message: "must have at most 100 characters".into() };
        and::<NotOwner>([Self::Invalid(wrong)])
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
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        let saved = self.store.write(move |mut connection| {
            Box::pin(async move {
                owner.enter(connection.reborrow(), None, now).await?;
                records::set_name(connection, &owner.user_id, name.as_deref()).await?;
                Ok::<_, NotOwner>(())
            })
        });
        Ok(saved.await?)
    }

    /// Deletes the account of the owner with all that belongs to it; its sessions are dead from the moment this is answered. What happened to it stays
    /// in the audit as long as that is kept.
    ///
    /// # Errors
    /// [`NotReauthenticated`].
    pub async fn leave(&self, owner: &Owner, leave: Leave) -> Result<(), NotReauthenticated> {
        let user = self.reauthenticate(owner, leave.password, Act::AccountDelete).await?;
        let (entering, now) = (owner.clone(), self.clock.unix_micros());
        self.end_by(move |mut connection| {
            Box::pin(async move {
                let owner = entering;
                owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                let ended = records::delete_user(connection.reborrow(), &user.id, now).await?;
                owner.did(Act::AccountDelete, now).record(connection).await?;
                Ok::<_, NotReauthenticated>(ended)
            })
        })
        .await?;
        tracing::info!(user = owner.user_id, "left; the account is deleted");
        Ok(())
    }
}
