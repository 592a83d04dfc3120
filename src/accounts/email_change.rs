//! Asking for another email address. It is the account's once a letter to it was read: see [`email_verification`](super::email_verification).

use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::email::Email;
use super::email_verification::no_address;
use super::error::Unavailable;
use super::limits::TooMany;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::reauthentication::NotReauthenticated;
use super::records;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::mail::{Letter, queue};

/// The address that is wanted, and the password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "email": "ada@example.org", "password": "correct horse battery staple" })))]
pub struct EmailChange {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Why no letter goes out.
#[derive(Debug, thiserror::Error)]
pub enum NotRequested {
    /// It is no address, or the one the account has.
    #[error("the address cannot be wanted")]
    Invalid(FieldError),
    /// Too many letters, to this address or for this caller.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It is not his password, or not now.
    #[error(transparent)]
    NotReauthenticated(#[from] NotReauthenticated),
}

impl From<NotRequested> for Problem {
    fn from(not: NotRequested) -> Self {
        match not {
            NotRequested::Invalid(error) => Self::invalid_fields(vec![error]),
            NotRequested::TooMany(too_many) => too_many.into(),
            NotRequested::NotReauthenticated(not) => not.into(),
        }
    }
}

impl Problems for NotRequested {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, NotReauthenticated)>([Self::Invalid(no_address())])
    }
}

impl Accounts {
    /// Sends a letter to the address that the owner wants. Whether somebody else has it already is not told: then that one is told instead.
    ///
    /// # Errors
    /// [`NotRequested`].
    pub async fn request_email_change(&self, owner: &Owner, change: EmailChange) -> Result<(), NotRequested> {
        let email = Email::parse(&change.email).ok_or(NotRequested::Invalid(no_address()))?;
        let user = self.reauthenticate(owner, change.password, Act::EmailChangeRequest).await?;
        if user.email == email.as_str() {
            let message = "is the address that your account has already".into();
            return Err(NotRequested::Invalid(FieldError { field: "email", message }));
        }
        self.limits.letter(owner.caller.address, &email)?;
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        let asked = self.store.write(move |mut connection| {
            Box::pin(async move {
                owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                let is_taken = records::user_by_email(connection.reborrow(), &email).await?.is_some();
                let (letter, user_id) = if is_taken {
                    (Letter::AddressTaken, None)
                } else {
                    (Letter::ConfirmNewEmail, Some(user.id.as_str()))
                };
                queue::post(connection.reborrow(), &letter, user_id, email.as_str(), now).await?;
                owner.did(Act::EmailChangeRequest, now).record(connection).await?;
                Ok::<_, NotOwner>(())
            })
        });
        asked.await.map_err(NotReauthenticated::from)?;
        self.letters_wait.notify_one();
        Ok(())
    }
}

impl From<Unavailable> for NotRequested {
    fn from(unavailable: Unavailable) -> Self {
        NotReauthenticated::from(unavailable).into()
    }
}
