//! What the owner of an account may change about himself, and leaving.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::administration::NotDone;
use super::name::display_name;
use super::new_session::is_admin;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::reauthentication::NotReauthenticated;
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::json::present;
use crate::http::problem::FieldError;
use crate::store::StoreError;

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

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum NotLeft {
    /// Nobody would be left who could administer.
    #[error("it is the last administrator who may log in")]
    LastAdmin,
    /// He was not believed.
    #[error(transparent)]
    NotReauthenticated(#[from] NotReauthenticated),
}

impl From<NotLeft> for Problem {
    fn from(not: NotLeft) -> Self {
        match not {
            NotLeft::LastAdmin => NotDone::LastAdmin.into(),
            NotLeft::NotReauthenticated(not) => not.into(),
        }
    }
}

impl From<NotOwner> for NotLeft {
    fn from(not: NotOwner) -> Self {
        NotReauthenticated::from(not).into()
    }
}

impl From<StoreError> for NotLeft {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl Problems for NotLeft {
    fn problems() -> Vec<Problem> {
        and::<NotReauthenticated>([Self::LastAdmin])
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
    /// [`NotLeft`].
    pub async fn leave(&self, owner: &Owner, leave: Leave) -> Result<(), NotLeft> {
        let user = self.reauthenticate(owner, leave.password, Act::AccountDelete).await?;
        let (entering, now) = (owner.clone(), self.clock.unix_micros());
        let verification = self.rules.email_verification;
        self.end_by(move |mut connection| {
            Box::pin(async move {
                let owner = entering;
                // Acts that may leave no administrator go one after the other; others wait for nobody.
                let may_take_away = is_admin(&user);
                if may_take_away {
                    records::lock_admins(connection.reborrow()).await?;
                }
                owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                let user = records::user_by_id(connection.reborrow(), &user.id).await?.ok_or(NotOwner::Ended)?;
                let is_last = is_admin(&user);
                if is_last && !may_take_away {
                    // He became one a moment ago.
                    records::lock_admins(connection.reborrow()).await?;
                }
                let ended = records::delete_user(connection.reborrow(), &user.id, now).await?;
                if is_last && !records::has_admin(connection.reborrow(), verification).await? {
                    return Err(NotLeft::LastAdmin);
                }
                owner.did(Act::AccountDelete, now).record(connection).await?;
                Ok(ended)
            })
        })
        .await?;
        tracing::info!(user = owner.user_id, "left; the account is deleted");
        Ok(())
    }
}
