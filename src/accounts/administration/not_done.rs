//! Why an act of administration was not done.

use actix_web::http::StatusCode;

use crate::accounts::email_verification::no_address;
use crate::accounts::error::Unavailable;
use crate::accounts::hashing::Busy;
use crate::accounts::owner::NotOwner;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::store::StoreError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Some fields are wrong.
    #[error("{}", told(.0))]
    Invalid(Vec<FieldError>),
    /// There is an account of this address already.
    #[error("there is an account with this email address already")]
    Taken,
    /// There is no such account.
    #[error("there is no such account; `tokenhouse user list` shows all")]
    Unknown,
    /// Nobody would be left who could administer.
    #[error("it is the last administrator who may log in; give somebody else the role first")]
    LastAdmin,
    /// It is not any more as it was when somebody decided what shall be different.
    #[error("the account was changed meanwhile")]
    ChangedMeanwhile,
    /// It is the administrator's own password, or his own second factors.
    #[error("it is the administrator's own account")]
    OwnAccount,
    /// There are no second factors to take away.
    #[error("there are no second factors")]
    NoFactors,
    /// The administrator's own session has ended meanwhile, or it cannot be told now.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

fn told(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl From<Busy> for NotDone {
    fn from(busy: Busy) -> Self {
        NotOwner::from(Unavailable::from(busy)).into()
    }
}

impl From<NotDone> for Problem {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::Invalid(errors) => Self::invalid_fields(errors),
            NotDone::Taken => Self::new(StatusCode::CONFLICT, "email-taken")
                .detail("There is an account with this email address already."),
            NotDone::Unknown => {
                Self::new(StatusCode::NOT_FOUND, "no-such-user").detail("There is no account with this id.")
            }
            NotDone::LastAdmin => Self::new(StatusCode::CONFLICT, "last-admin")
                .detail("This is the last administrator who may log in; give somebody else the role first."),
            NotDone::ChangedMeanwhile => Self::new(StatusCode::CONFLICT, "changed-meanwhile").detail(
                "Somebody else changed this meanwhile, so nothing was saved. The page has it as it is now: please look, and change it again.",
            ),
            NotDone::OwnAccount => Self::new(StatusCode::FORBIDDEN, "own-account").detail(
                "Nothing was changed: your own password and second factors are changed on the page of your account, which asks for the password that you have.",
            ),
            NotDone::NoFactors => Self::new(StatusCode::CONFLICT, "no-second-factors")
                .detail("This account has no second factors and no passkeys."),
            NotDone::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotDone {
    fn problems() -> Vec<Problem> {
        and::<(NotOwner, Unavailable)>([Self::Invalid(vec![no_address()]), Self::Taken, Self::Unknown, Self::LastAdmin])
    }
}
