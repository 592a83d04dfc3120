//! Another account, with a password or an invitation.

use serde_json::json;
use uuid::Uuid;

use super::{Administration, NotDone};
use crate::accounts::email::Email;
use crate::accounts::import::NO_PASSWORD;
use crate::accounts::name::display_name;
use crate::accounts::password::Password;
use crate::accounts::records::{self, UserRecord};
use crate::accounts::roles::Roles;
use crate::audit::Act;
use crate::http::problem::FieldError;
use crate::mail::{Letter, queue};

/// An account to be added.
#[derive(Debug)]
pub struct NewUser {
    /// Its address, as it was typed.
    pub email: String,
    /// The name that is displayed.
    pub name: Option<String>,
    /// What its owner shall log in with. Without one, a letter asks him to set it.
    pub password: Option<Password>,
    /// Its roles.
    pub roles: Vec<String>,
    /// Whether somebody vouches for the address. Whoever is asked by letter shows himself that it is his.
    pub verified: bool,
}

impl Administration<'_> {
    /// Adds an account, by the same rules as registering.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn add(&self, new: NewUser) -> Result<UserRecord, NotDone> {
        let mut errors = Vec::new();
        let email = Email::parse(&new.email);
        if email.is_none() {
            errors.push(crate::accounts::email_verification::no_address());
        }
        if let Some(Err(message)) = new.password.as_ref().map(|password| password.check_length(&self.password_length)) {
            errors.push(FieldError { field: "password", message });
        }
        let name = display_name(new.name.as_deref()).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let roles = Roles::of(new.roles.iter().map(String::as_str)).unwrap_or_else(|error| {
            errors.push(error);
            Roles::default()
        });
        let Some(email) = email.filter(|_| errors.is_empty()) else { return Err(NotDone::Invalid(errors)) };
        let is_invited = new.password.is_none();
        let password_hash = match new.password {
            None => NO_PASSWORD.to_owned(),
            Some(password) => {
                let invalid = |message| NotDone::Invalid(vec![FieldError { field: "password", message }]);
                self.hashing.hash_new(password, email.as_str(), name.as_deref()).await?.map_err(invalid)?
            }
        };
        let now = self.clock.unix_micros();
        let user = UserRecord {
            id: Uuid::new_v4().to_string(),
            email: email.as_str().to_owned(),
            name,
            password_hash,
            roles: roles.to_store(),
            created_at: now,
            email_verified_at: (new.verified && !is_invited).then_some(now),
            disabled_at: None,
            passkey_required_at: None,
            has_app: false,
        };
        let (by, mut event) = (self.by.clone(), self.by.did(Act::UserAdd, &user.id, now));
        let mut details = serde_json::Map::new();
        if !user.roles.is_empty() {
            details.insert("roles".to_owned(), json!(roles.iter().collect::<Vec<_>>()));
        }
        if is_invited {
            details.insert("password".to_owned(), json!("by invitation"));
        }
        if !details.is_empty() {
            event = event.with(&details.into());
        }
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    by.enter(connection.reborrow(), now).await?;
                    if !records::insert_user(connection.reborrow(), &user).await? {
                        return Err(NotDone::Taken);
                    }
                    if is_invited {
                        queue::post(connection.reborrow(), &Letter::Invitation, Some(&user.id), &user.email, now)
                            .await?;
                    }
                    event.record(connection).await?;
                    Ok(user)
                })
            })
            .await
    }
}
