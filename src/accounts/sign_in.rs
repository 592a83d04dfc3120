//! Signing in at the server's pages: as logging in, a step a page, and with a cookie in the end.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::browser_session::BrowserToken;
use super::login::{Credentials, FirstFactor, NotLoggedIn};
use super::new_session::{Door, Opened};
use super::passkey_login::{self, PasskeyAnswer};
use super::password::Password;
use super::records::{self, UserRecord};
use super::relying_party::Challenge;
use super::{Accounts, micros};
use crate::http::caller::Caller;
use crate::store::StoreError;

/// The second page must be answered within so long.
const PATIENCE: Duration = Duration::from_mins(5);

/// For whom the state between both pages is sealed.
const SEALED_FOR: &str = "second page of a sign-in";

/// What came of a page.
pub(crate) enum Step {
    /// A session of the browser.
    SignedIn(BrowserToken),
    /// The password was right, and another page must ask for a second factor.
    SecondFactor(Second),
}

/// What the second page must carry.
pub(crate) struct Second {
    /// That the password was right, for whom and until when, readable by this server only.
    pub state: String,
    /// For the user's passkeys, when he has any.
    pub challenge: Option<Challenge>,
    /// Whether he has an authenticator app.
    pub has_app: bool,
}

/// What is sealed between both pages. The hash says that the password is still the one that was right.
#[derive(Serialize, Deserialize)]
struct Between {
    user_id: String,
    password_hash: String,
    renewed: Option<String>,
    /// Microseconds since 1970.
    until: i64,
}

impl Accounts {
    /// The first page: email address and password.
    ///
    /// # Errors
    /// [`NotLoggedIn`], but for a second factor that is asked for.
    pub(crate) async fn sign_in(&self, caller: &Caller, email: &str, password: &str) -> Result<Step, NotLoggedIn> {
        let token = BrowserToken::generate();
        let credentials = Credentials {
            email: email.to_owned(),
            password: Password::from(SecretString::from(password.to_owned())),
            otp: None,
            passkey: None,
        };
        match self.enter(caller, &credentials, Door::Browser(&token)).await {
            Ok(_) => Ok(Step::SignedIn(token)),
            Err(NotLoggedIn::OtpRequired(first)) => Ok(Step::SecondFactor(self.second_page(*first))),
            Err(not) => Err(not),
        }
    }

    /// The second page: a code, or a passkey. `state` is what it carried.
    ///
    /// # Errors
    /// [`NotLoggedIn`]; wrong credentials when the first page must be asked again.
    pub(crate) async fn sign_in_further(
        &self,
        caller: &Caller,
        state: &str,
        otp: Option<&SecretString>,
        passkey: Option<&PasskeyAnswer>,
    ) -> Result<Step, NotLoggedIn> {
        let token = BrowserToken::generate();
        let entered = self.enter_further(caller, state, otp, passkey, Door::Browser(&token)).await;
        match self.counted(entered) {
            Ok(_) => Ok(Step::SignedIn(token)),
            Err(NotLoggedIn::OtpRequired(first)) => Ok(Step::SecondFactor(self.second_page(*first))),
            Err(not) => Err(not),
        }
    }

    async fn enter_further(
        &self,
        caller: &Caller,
        state: &str,
        otp: Option<&SecretString>,
        passkey: Option<&PasskeyAnswer>,
        door: Door<'_>,
    ) -> Result<Opened, NotLoggedIn> {
        self.limits.login_from(caller.address)?;
        let Some((user, renewed)) = self.reopen(state).await? else { return Err(NotLoggedIn::WrongCredentials) };
        match self.enter_with(caller, user, renewed, otp, passkey, door).await? {
            Some(opened) => Ok(opened),
            None => Err(self.refuse(caller, None, "changed meanwhile").await),
        }
    }

    /// The second page once more, after a wrong code; `None` when the first must be asked again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn second_page_again(&self, state: &str) -> Result<Option<Second>, StoreError> {
        let Some((user, renewed)) = self.reopen(state).await? else { return Ok(None) };
        let challenge = self.second_factor_challenge(&user).await?;
        Ok(Some(self.second_page(FirstFactor { user, renewed, challenge })))
    }

    /// The user of a second page, and a new hash of his password when it is due; `None` when it is too late, or his account is not as it was.
    async fn reopen(&self, state: &str) -> Result<Option<(UserRecord, Option<String>)>, StoreError> {
        let opened = self.sealing.open_sealed(SEALED_FOR, state);
        let between = opened.and_then(|bytes| serde_json::from_slice::<Between>(bytes.expose_secret()).ok());
        let now = self.clock.unix_micros();
        let Some(between) = between.filter(|between| now < between.until) else { return Ok(None) };
        let mut reader = self.store.read().await?;
        let user = records::user_by_id(reader.connection(), &between.user_id).await?;
        let as_it_was = |user: &UserRecord| user.disabled_at.is_none() && user.password_hash == between.password_hash;
        Ok(user.filter(as_it_was).map(|user| (user, between.renewed)))
    }

    /// A passkey alone.
    ///
    /// # Errors
    /// [`passkey_login::NotLoggedIn`].
    pub(crate) async fn sign_in_with_passkey(
        &self,
        caller: &Caller,
        answer: PasskeyAnswer,
    ) -> Result<BrowserToken, passkey_login::NotLoggedIn> {
        let token = BrowserToken::generate();
        self.enter_with_passkey(caller, answer, Door::Browser(&token)).await?;
        Ok(token)
    }

    fn second_page(&self, first: FirstFactor) -> Second {
        let between = Between {
            user_id: first.user.id,
            password_hash: first.user.password_hash,
            renewed: first.renewed,
            until: self.clock.unix_micros().saturating_add(micros(PATIENCE)),
        };
        let bytes = SecretString::from(serde_json::to_string(&between).unwrap_or_default());
        let state = self.sealing.seal(SEALED_FOR, bytes.expose_secret().as_bytes());
        Second { state, challenge: first.challenge, has_app: first.user.has_app }
    }
}
