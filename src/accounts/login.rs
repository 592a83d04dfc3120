//! Logging in.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::email::Email;
use super::email_verification::email_not_verified;
use super::error::Unavailable;
use super::hashing::Verified;
use super::limits::TooMany;
use super::new_session::{Begun, Door, Method, Opened, TokenResponse};
use super::passkey_login::PasskeyAnswer;
use super::password::Password;
use super::records::{self, UserRecord};
use super::refresh_token::RefreshToken;
use super::relying_party::Challenge;
use super::second_factor::Missing;
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::metrics::Grant;
use crate::settings::EmailVerification;
use crate::store::StoreError;

/// Who wants to log in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "email": "ada@example.com", "password": "correct horse battery staple" })))]
pub struct Credentials {
    pub(super) email: String,
    #[schema(value_type = String, format = Password)]
    pub(super) password: Password,
    /// A code of the authenticator app, or a recovery code, for whoever has set that up.
    #[schema(value_type = Option<String>)]
    pub(super) otp: Option<SecretString>,
    /// A passkey's answer to the challenge of the last try, instead of a code.
    pub(super) passkey: Option<PasskeyAnswer>,
}

/// A password that was right, while a second factor is asked for.
pub struct FirstFactor {
    pub(super) user: UserRecord,
    /// A new hash of the password, when the stored one has other parameters than the settings.
    pub(super) renewed: Option<String>,
    /// For the user's passkeys, when he has any.
    pub(super) challenge: Option<Challenge>,
}

// Hashes of a password are in it.
impl fmt::Debug for FirstFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstFactor").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// Too many tries, from this address or to this account.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// No such account, or another password, or the account is disabled: nobody learns which.
    #[error("no account has this email address and this password")]
    WrongCredentials,
    /// The password is right, and the address was not shown to be its owner's, which this server wants first.
    #[error("the email address is not verified")]
    EmailNotVerified,
    /// The password is right, and a second factor is asked for.
    #[error("a second factor is asked for")]
    OtpRequired(Box<FirstFactor>),
    /// The password is right, and the code is not, or was used before.
    #[error("the code is wrong")]
    WrongOtp,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotLoggedIn> for Problem {
    fn from(not: NotLoggedIn) -> Self {
        match not {
            NotLoggedIn::TooMany(too_many) => too_many.into(),
            NotLoggedIn::WrongCredentials => {
                unauthorized("wrong-credentials", "No account has this email address and this password.")
            }
            NotLoggedIn::OtpRequired(first) => otp_required(first.challenge),
            NotLoggedIn::WrongOtp => unauthorized(
                "wrong-otp",
                "That is neither the code of this moment nor a recovery code that is left; each is good once.",
            ),
            NotLoggedIn::EmailNotVerified => email_not_verified(),
            NotLoggedIn::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotLoggedIn {
    fn problems() -> Vec<Problem> {
        let of_passkeys = otp_required(Some(Challenge::example()));
        let own = [Self::WrongCredentials, Self::WrongOtp, Self::EmailNotVerified].map(Problem::from);
        and::<(TooMany, Unavailable)>(own.into_iter().chain([otp_required(None), of_passkeys]))
    }
}

fn otp_required(challenge: Option<Challenge>) -> Problem {
    let Some(challenge) = challenge else {
        return unauthorized(
            "otp-required",
            "A second factor is asked for: send the same again with `otp`, a code of your authenticator app or a recovery code.",
        );
    };
    let problem = unauthorized(
        "otp-required",
        "A second factor is asked for: send the same again with `passkey`, the answer to this challenge, or with `otp`, a code of your authenticator app or a recovery code.",
    );
    challenge.into_members().into_iter().fold(problem, |problem, (name, value)| problem.extension(name, value))
}

fn unauthorized(kind: &str, detail: &'static str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"tokenhouse\"");
    Problem::new(StatusCode::UNAUTHORIZED, kind).detail(detail).header(WWW_AUTHENTICATE, challenge)
}

impl From<StoreError> for NotLoggedIn {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// Begins a session for whoever has the password of an account.
    ///
    /// The steps and their cost are the same whether or not there is such an account.
    ///
    /// # Errors
    /// [`NotLoggedIn`].
    pub async fn log_in(&self, caller: &Caller, credentials: Credentials) -> Result<TokenResponse, NotLoggedIn> {
        let token = RefreshToken::generate();
        let opened = self.enter(caller, &credentials, Door::Login(&token)).await?;
        self.metrics.minted(Grant::Login);
        Ok(self.tokens(&opened.session, &opened.user, &token))
    }

    /// The same at any door.
    pub(super) async fn enter(
        &self,
        caller: &Caller,
        credentials: &Credentials,
        door: Door<'_>,
    ) -> Result<Opened, NotLoggedIn> {
        self.counted(self.try_to_enter(caller, credentials, door).await)
    }

    async fn try_to_enter(
        &self,
        caller: &Caller,
        credentials: &Credentials,
        door: Door<'_>,
    ) -> Result<Opened, NotLoggedIn> {
        self.limits.login_from(caller.address)?;
        self.hashing.check_room().map_err(Unavailable::from)?;
        let email = Email::parse(&credentials.email);
        if let Some(email) = &email {
            self.limits.login_to(email)?;
        }
        // Twice, because a login beside this one may have renewed the hash while this one was held against the old.
        for _ in 0..2 {
            let (user, renewed) = self.check_password(caller, email.as_ref(), &credentials.password).await?;
            let (otp, passkey) = (credentials.otp.as_ref(), credentials.passkey.as_ref());
            if let Some(opened) = self.enter_with(caller, user, renewed, otp, passkey, door).await? {
                return Ok(opened);
            }
        }
        Err(self.refuse(caller, None, "changed meanwhile").await)
    }

    /// The account that has this password, and a new hash of it when the stored one has other parameters than the settings.
    async fn check_password(
        &self,
        caller: &Caller,
        email: Option<&Email>,
        password: &Password,
    ) -> Result<(UserRecord, Option<String>), NotLoggedIn> {
        let user = match email {
            Some(email) => {
                let mut reader = self.store.read().await?;
                records::user_by_email(reader.connection(), email).await?
            }
            None => None,
        };
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let tried = user.as_ref().map(|user| user.id.clone());
        let verified = self.hashing.verify(password.clone(), stored).await.map_err(Unavailable::from)?;
        let (Some(email), Some(user), Verified::Match { renewed }) = (email, user, verified) else {
            return Err(self.refuse(caller, tried.as_deref(), "wrong password").await);
        };
        if user.disabled_at.is_some() {
            return Err(self.refuse(caller, tried.as_deref(), "disabled account").await);
        }
        // Whoever has the password guesses at it no more; guesses at the second factor are counted apart.
        self.limits.logged_in(email);
        if self.rules.email_verification == EmailVerification::Required && user.email_verified_at.is_none() {
            self.refuse(caller, tried.as_deref(), "email address not verified").await;
            return Err(NotLoggedIn::EmailNotVerified);
        }
        Ok((user, renewed))
    }

    /// Begins a session for a user whose password was right; `None` when his account was changed meanwhile.
    pub(super) async fn enter_with(
        &self,
        caller: &Caller,
        user: UserRecord,
        renewed: Option<String>,
        otp: Option<&SecretString>,
        passkey: Option<&PasskeyAnswer>,
        door: Door<'_>,
    ) -> Result<Option<Opened>, NotLoggedIn> {
        let tried = user.id.clone();
        let second = match self.second_factor(&user, otp, passkey).await {
            Ok(second) => second,
            Err(Missing::Required(challenge)) => {
                return Err(NotLoggedIn::OtpRequired(Box::new(FirstFactor { user, renewed, challenge })));
            }
            Err(Missing::TooMany(too_many)) => return Err(too_many.into()),
            Err(Missing::Store(error)) => return Err(error.into()),
            Err(Missing::Wrong) => {
                self.refuse(caller, Some(&tried), "wrong code").await;
                return Err(NotLoggedIn::WrongOtp);
            }
        };
        match self.begin_session(user, caller, Method::Password { renewed, second }, door).await? {
            Begun::Session(opened) => Ok(Some(*opened)),
            Begun::FactorSpent => {
                self.refuse(caller, Some(&tried), "wrong code").await;
                Err(NotLoggedIn::WrongOtp)
            }
            Begun::Changed => Ok(None),
        }
    }

    /// Records a login that failed.
    pub(super) async fn refuse(&self, caller: &Caller, user_id: Option<&str>, why: &'static str) -> NotLoggedIn {
        // Without an account the address may be anything, a password in the wrong field for one: it is neither logged nor recorded.
        tracing::info!(from = %caller.address, user = user_id, why, "a login failed");
        let event = Event::failure(Act::Login, why, self.clock.unix_micros()).from(caller);
        self.note(user_id.into_iter().fold(event, Event::on_user)).await;
        NotLoggedIn::WrongCredentials
    }
}
