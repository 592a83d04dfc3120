//! How acts ended, as the metrics name it.

use super::error::Unavailable;
use super::register::{NotRegistered, Outcome};
use super::{Accounts, login, passkey_login};
use crate::metrics::{LoginOutcome, RegistrationOutcome};

impl Accounts {
    /// Counts a login at whichever door.
    pub(super) fn counted<T>(&self, ended: Result<T, login::NotLoggedIn>) -> Result<T, login::NotLoggedIn> {
        use login::NotLoggedIn as Not;
        self.metrics.login(match &ended {
            Ok(_) => LoginOutcome::Good,
            Err(Not::OtpRequired(_)) => LoginOutcome::SecondFactorAsked,
            Err(Not::WrongCredentials) => LoginOutcome::WrongCredentials,
            Err(Not::WrongOtp) => LoginOutcome::WrongCode,
            Err(Not::EmailNotVerified) => LoginOutcome::EmailNotVerified,
            Err(Not::TooMany(_)) => LoginOutcome::Limited,
            Err(Not::Unavailable(Unavailable::Hashing(_))) => LoginOutcome::Busy,
            Err(Not::Unavailable(Unavailable::Store(_))) => LoginOutcome::StoreFailed,
        });
        ended
    }

    /// Counts a login with a passkey alone.
    pub(super) fn counted_passkey<T>(
        &self,
        ended: Result<T, passkey_login::NotLoggedIn>,
    ) -> Result<T, passkey_login::NotLoggedIn> {
        use passkey_login::NotLoggedIn as Not;
        self.metrics.login(match &ended {
            Ok(_) => LoginOutcome::Good,
            Err(Not::NotHere | Not::NotGood) => LoginOutcome::WrongPasskey,
            Err(Not::EmailNotVerified) => LoginOutcome::EmailNotVerified,
            Err(Not::TooMany(_)) => LoginOutcome::Limited,
            Err(Not::Unavailable(Unavailable::Hashing(_))) => LoginOutcome::Busy,
            Err(Not::Unavailable(Unavailable::Store(_))) => LoginOutcome::StoreFailed,
        });
        ended
    }

    /// Counts a registration.
    pub(super) fn counted_registration(&self, ended: Result<Outcome, NotRegistered>) -> Result<Outcome, NotRegistered> {
        self.metrics.registration(match &ended {
            Ok(Outcome::Made(_)) => RegistrationOutcome::Made,
            Ok(Outcome::Asked) => RegistrationOutcome::Asked,
            Err(NotRegistered::Taken) => RegistrationOutcome::Taken,
            Err(NotRegistered::Invalid(_)) => RegistrationOutcome::Invalid,
            Err(NotRegistered::Closed) => RegistrationOutcome::Closed,
            Err(NotRegistered::TooMany(_)) => RegistrationOutcome::Limited,
            Err(NotRegistered::Unavailable(Unavailable::Hashing(_))) => RegistrationOutcome::Busy,
            Err(NotRegistered::Unavailable(Unavailable::Store(_))) => RegistrationOutcome::StoreFailed,
        });
        ended
    }
}
