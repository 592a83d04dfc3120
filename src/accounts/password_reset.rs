//! A forgotten password: a letter, and another password for whoever read it.

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::email::Email;
use super::email_verification::{NotAsked, token_not_good};
use super::error::Unavailable;
use super::letter_token::{self, Purpose};
use super::letters::post_notice;
use super::limits::TooMany;
use super::password::Password;
use super::password::too_short;
use super::records;
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::mail::Letter;
use crate::store::StoreError;

/// The longest way back that is kept, in bytes: requests of clients are shorter.
const LONGEST_WAY_BACK: usize = 4096;

/// Who forgot his password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "email": "ada@example.com" })))]
pub struct Forgot {
    email: String,
    /// Where he was going: only a page of this server knows.
    #[serde(skip)]
    return_to: Option<String>,
}

/// The token of the letter, and another password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "token": "q0Pp8qvYp8G5o0k1m2N3b4V5c6X7z8L9a0S1d2F3g4H", "new_password": "seven green bottles on a wall" })))]
pub struct Reset {
    #[schema(value_type = String)]
    token: SecretString,
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

impl Forgot {
    /// As a form has it, from whoever was on the way to `return_to`, a path of this server that is checked already, or "".
    pub(crate) fn new(email: &str, return_to: &str) -> Self {
        let return_to = Some(return_to).filter(|path| (1..=LONGEST_WAY_BACK).contains(&path.len()));
        Self { email: email.to_owned(), return_to: return_to.map(str::to_owned) }
    }
}

impl Reset {
    /// As a form has it.
    pub(crate) fn new(token: &str, new_password: &str) -> Self {
        let new_password = Password::from(SecretString::from(new_password.to_owned()));
        Self { token: token.to_owned().into(), new_password }
    }
}

/// Why the password is as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotReset {
    /// The token is none, was used, has expired, or is void: nobody learns which.
    #[error("the token is not good")]
    NotGood,
    /// The new password is too short, too long, or easy to guess. The token stays good.
    #[error("the new password is not good enough")]
    Invalid(FieldError),
    /// Too many tries from this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotReset> for Problem {
    fn from(not: NotReset) -> Self {
        match not {
            NotReset::NotGood => token_not_good(),
            NotReset::TooMany(too_many) => too_many.into(),
            NotReset::Invalid(error) => Self::invalid_fields(vec![error]),
            NotReset::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotReset {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, Unavailable)>([Self::NotGood, Self::Invalid(too_short())])
    }
}

impl From<StoreError> for NotReset {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// Sends a letter with which another password can be set. Whether there is such an account is looked up when the letter is written: neither the
    /// answer nor its time tells.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub async fn forgot_password(&self, caller: &Caller, forgot: &Forgot) -> Result<(), NotAsked> {
        let email = Email::parse(&forgot.email).ok_or(NotAsked::Invalid)?;
        self.limits.letter(caller.address, &email)?;
        let event = Event::success(Act::PasswordForgot, self.clock.unix_micros()).from(caller);
        let letter = Letter::ResetPassword { return_to: forgot.return_to.clone() };
        self.post_letter(letter, email, Some(event)).await?;
        Ok(())
    }

    /// Sets another password for whoever read the letter. All sessions end, and second factors stay; but of an account whose address nobody had shown to
    /// be his before, they go: whoever set them up never owned the address. Answers where he was going, if that is known.
    ///
    /// # Errors
    /// [`NotReset`].
    pub async fn reset_password(&self, caller: &Caller, reset: Reset) -> Result<Option<String>, NotReset> {
        self.limits.login_from(caller.address)?;
        let outcome = self.reset_with_token(caller, reset).await;
        if matches!(outcome, Err(NotReset::NotGood)) {
            let now = self.clock.unix_micros();
            self.note(Event::failure(Act::PasswordReset, "token not good", now).from(caller)).await;
        }
        outcome
    }

    async fn reset_with_token(&self, caller: &Caller, reset: Reset) -> Result<Option<String>, NotReset> {
        let invalid = |message| NotReset::Invalid(FieldError { field: "new_password", message });
        let hash = letter_token::hash(&reset.token).ok_or(NotReset::NotGood)?;
        reset.new_password.check_length(&self.rules.password_length).map_err(invalid)?;
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let token = records::good_token(reader.connection(), &hash, now).await?;
        let is_for_this =
            |purpose: &str| [Purpose::ResetPassword, Purpose::Invitation].iter().any(|p| p.name() == purpose);
        let token = token.filter(|token| is_for_this(&token.purpose)).ok_or(NotReset::NotGood)?;
        let user = records::user_by_id(reader.connection(), &token.user_id).await?.ok_or(NotReset::NotGood)?;
        drop(reader);
        // Before the token is spent, so that a password that is refused does not cost it.
        let hashed = self.hashing.hash_new(reset.new_password, &user.email, user.name.as_deref()).await;
        let new = hashed.map_err(Unavailable::from)?.map_err(invalid)?;

        let caller = caller.clone();
        let email = Email::parse(&user.email);
        let id = user.id.clone();
        let return_to = token.return_to.clone();
        self.end_by(move |mut connection| {
            Box::pin(async move {
                if !records::lock_user(connection.reborrow(), &user.id, None).await? {
                    return Err(NotReset::NotGood);
                }
                records::spend_token(connection.reborrow(), &hash, now).await?.ok_or(NotReset::NotGood)?;
                // As it is now that its row is ours.
                let mut user = records::user_by_id(connection.reborrow(), &user.id).await?.ok_or(NotReset::NotGood)?;
                records::set_password_hash(connection.reborrow(), &user.id, &new).await?;
                if !records::verify_email(connection.reborrow(), &user.id, &token.email, now).await? {
                    return Err(NotReset::NotGood);
                }
                if user.email_verified_at.is_none() {
                    records::delete_factors(connection.reborrow(), &user.id).await?;
                    user.email_verified_at = Some(now);
                }
                records::void_tokens(connection.reborrow(), &user.id, now).await?;
                let ended = records::end_sessions_of_user(connection.reborrow(), &user.id, None, now).await?;
                post_notice(connection.reborrow(), &user, Act::PasswordReset, &caller, now).await?;
                let event = Event::success(Act::PasswordReset, now).on_user(&user.id).from(&caller);
                event.record(connection).await?;
                Ok(ended)
            })
        })
        .await?;
        self.letters_wait.notify_one();
        // Whoever guessed at the old password is no reason to keep its owner waiting.
        if let Some(email) = &email {
            self.limits.logged_in(email);
        }
        tracing::info!(user = id, "set another password by a letter");
        Ok(return_to)
    }
}
