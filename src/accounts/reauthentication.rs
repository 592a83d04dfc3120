//! The password once more, before what cannot be undone (ASVS 5.0, 7.5.1): a stolen token alone shall not do it.

use actix_web::http::StatusCode;

use super::Accounts;
use super::error::Unavailable;
use super::hashing::Verified;
use super::limits::TooMany;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::records::{self, UserRecord};
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::store::StoreError;

/// Why the owner was not believed.
#[derive(Debug, thiserror::Error)]
pub enum NotReauthenticated {
    /// Too many wrong passwords for this account.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It is not the password.
    #[error("it is not the account's password")]
    WrongPassword,
    /// His session has ended meanwhile, or it cannot be told now.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl From<NotReauthenticated> for Problem {
    fn from(not: NotReauthenticated) -> Self {
        match not {
            NotReauthenticated::TooMany(too_many) => too_many.into(),
            NotReauthenticated::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, "wrong-password").detail("That is not the password of your account.")
            }
            NotReauthenticated::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotReauthenticated {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, NotOwner, Unavailable)>([Self::WrongPassword])
    }
}

impl From<StoreError> for NotReauthenticated {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl From<Unavailable> for NotReauthenticated {
    fn from(unavailable: Unavailable) -> Self {
        NotOwner::from(unavailable).into()
    }
}

/// The account was deleted while its request was under way.
pub(crate) fn gone() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "account-gone").detail("The account is gone.")
}

/// That an account may be gone, for the OpenAPI document.
pub(crate) struct Gone;

impl Problems for Gone {
    fn problems() -> Vec<Problem> {
        vec![gone()]
    }
}

impl Accounts {
    /// The owner's account, if `password` is its password. A wrong one is recorded as a refused `act`.
    ///
    /// What is done with the answer must begin with [`Owner::enter`], for the account may change while the password is hashed.
    ///
    /// # Errors
    /// [`NotReauthenticated`].
    pub(super) async fn reauthenticate(
        &self,
        owner: &Owner,
        password: Password,
        act: Act,
    ) -> Result<UserRecord, NotReauthenticated> {
        let mut reader = self.store.read().await?;
        let user = records::user_by_id(reader.connection(), &owner.user_id).await?;
        drop(reader);
        let user = user.filter(|user| user.disabled_at.is_none()).ok_or(NotOwner::Ended)?;
        self.hashing.check_room().map_err(Unavailable::from)?;
        self.limits.reauthentication_of(&user.id)?;
        let stored = Some(user.password_hash.clone());
        match self.hashing.verify(password, stored).await.map_err(Unavailable::from)? {
            Verified::Match { .. } => Ok(user),
            Verified::NoMatch => {
                self.note(owner.was_refused(act, "wrong password", self.clock.unix_micros())).await;
                Err(NotReauthenticated::WrongPassword)
            }
        }
    }
}
