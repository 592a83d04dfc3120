//! Showing that an email address is one's own: by a link in a letter.

use actix_web::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Accounts;
use super::email::Email;
use super::error::Unavailable;
use super::letter_token::{self, Purpose};
use super::limits::TooMany;
use super::owner::Owner;
use super::records;
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::mail::{Letter, queue};
use crate::settings::EmailVerification;
use crate::store::{Connection, StoreError};

/// The token of a letter.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = EmailVerification, examples(json!({ "token": "q0Pp8qvYp8G5o0k1m2N3b4V5c6X7z8L9a0S1d2F3g4H" })))]
pub struct Verification {
    #[schema(value_type = String)]
    token: SecretString,
}

impl Verification {
    /// As a form has it.
    pub(crate) fn new(token: &str) -> Self {
        Self { token: token.to_owned().into() }
    }
}

/// Who wants the letter again.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "email": "ada@example.com" })))]
pub struct Resend {
    email: String,
}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    /// The token is none, was used, has expired, or its letter is void: nobody learns which.
    #[error("the token is not good")]
    NotGood,
    /// Too many tries from this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotVerified> for Problem {
    fn from(not: NotVerified) -> Self {
        match not {
            NotVerified::NotGood => token_not_good(),
            NotVerified::TooMany(too_many) => too_many.into(),
            NotVerified::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotVerified {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, StoreError)>([Self::NotGood])
    }
}

impl From<StoreError> for NotVerified {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

/// One answer for every token of a letter that is not good.
pub(super) fn token_not_good() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "token-not-good")
        .detail("The token is not good: it was used, has expired, or a newer letter took its place. Ask for another.")
}

/// 403: whoever logged in has to show first that the address is his.
pub(super) fn email_not_verified() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "email-not-verified")
        .detail("Open the link in the letter that was sent to this address; POST /api/email/resend sends it again.")
}

/// Why no letter goes out.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// This server asks nobody to verify his address.
    #[error("addresses are not verified here")]
    Off,
    /// It is no address.
    #[error("the address is none")]
    Invalid,
    /// Too many letters, to this address or for this caller.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotAsked> for Problem {
    fn from(not: NotAsked) -> Self {
        match not {
            NotAsked::Off => Self::new(StatusCode::CONFLICT, "verification-off")
                .detail("This server does not verify email addresses."),
            NotAsked::Invalid => Self::invalid_fields(vec![no_address()]),
            NotAsked::TooMany(too_many) => too_many.into(),
            NotAsked::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotAsked {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, StoreError)>([Self::Off, Self::Invalid])
    }
}

impl From<StoreError> for NotAsked {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

/// What is said of a text that is no address.
pub(super) fn no_address() -> FieldError {
    FieldError { field: "email", message: "must be an email address such as ada@example.com".into() }
}

impl Accounts {
    /// Takes the token of a letter for proof that its address is the account's owner's: of the address that he has, or of the one that he wants.
    ///
    /// # Errors
    /// [`NotVerified`].
    pub async fn verify_email(&self, caller: &Caller, verification: Verification) -> Result<(), NotVerified> {
        self.limits.login_from(caller.address)?;
        let now = self.clock.unix_micros();
        let verified = match letter_token::hash(&verification.token) {
            Some(hash) => self.spend_verification(caller.clone(), hash, now).await,
            None => Err(NotVerified::NotGood),
        };
        if matches!(verified, Err(NotVerified::NotGood)) {
            self.note(Event::failure(Act::EmailVerify, "token not good", now).from(caller)).await;
        }
        verified?;
        self.letters_wait.notify_one();
        Ok(())
    }

    async fn spend_verification(&self, caller: Caller, hash: String, now: i64) -> Result<(), NotVerified> {
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    // The account's row first, as everywhere: two who wait for each other's rows would wait for ever.
                    let token = records::good_token(connection.reborrow(), &hash, now).await?;
                    let token = token.ok_or(NotVerified::NotGood)?;
                    if !records::lock_user(connection.reborrow(), &token.user_id, None).await? {
                        return Err(NotVerified::NotGood);
                    }
                    let token = records::spend_token(connection.reborrow(), &hash, now).await?;
                    let token = token.ok_or(NotVerified::NotGood)?;
                    let (act, is_done) = match Purpose::of_name(&token.purpose) {
                        Some(Purpose::VerifyEmail) => {
                            let (user, email) = (&token.user_id, &token.email);
                            (Act::EmailVerify, records::verify_email(connection.reborrow(), user, email, now).await?)
                        }
                        Some(Purpose::ChangeEmail) => {
                            (Act::EmailChange, change(connection.reborrow(), &token, now).await?)
                        }
                        // It is for something else, and stays good for that.
                        Some(Purpose::ResetPassword | Purpose::Invitation) | None => return Err(NotVerified::NotGood),
                    };
                    if !is_done {
                        return Err(NotVerified::NotGood);
                    }
                    Ok(Event::success(act, now).on_user(&token.user_id).from(&caller).record(connection).await?)
                })
            })
            .await
    }

    /// Sends the letter again. Whether there is an account of this address, and whether it is verified already, is looked up when the letter is
    /// written: neither the answer nor its time tells.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub async fn resend_verification(&self, caller: &Caller, resend: &Resend) -> Result<(), NotAsked> {
        if self.rules.email_verification == EmailVerification::Off {
            return Err(NotAsked::Off);
        }
        let email = Email::parse(&resend.email).ok_or(NotAsked::Invalid)?;
        self.limits.letter(caller.address, &email)?;
        self.post_letter(Letter::VerifyEmail, email, None).await?;
        Ok(())
    }

    /// The same for the owner of an account.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub async fn resend_own_verification(&self, owner: &Owner) -> Result<(), NotAsked> {
        let mut reader = self.store.read().await?;
        let user = records::user_by_id(reader.connection(), &owner.user_id).await?;
        drop(reader);
        let Some(user) = user else { return Ok(()) };
        self.resend_verification(&owner.caller, &Resend { email: user.email }).await
    }

    /// Puts a letter to whoever has an address into the queue, with an event about it when there is one.
    pub(super) async fn post_letter(
        &self,
        letter: Letter,
        email: Email,
        event: Option<Event>,
    ) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    queue::post(connection.reborrow(), &letter, None, email.as_str(), now).await?;
                    match event {
                        Some(event) => event.record(connection).await,
                        None => Ok(()),
                    }
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(())
    }
}

/// Gives the account its new address, and tells the old one; `false` when somebody has it by now.
async fn change(mut connection: Connection<'_>, token: &records::OneTimeToken, now: i64) -> Result<bool, StoreError> {
    let Some(user) = records::user_by_id(connection.reborrow(), &token.user_id).await? else { return Ok(false) };
    if !records::change_email(connection.reborrow(), &user.id, &token.email, now).await? {
        return Ok(false);
    }
    records::void_tokens(connection.reborrow(), &user.id, now).await?;
    // An address that was never shown to be his may be a stranger's, whom it does not concern.
    if user.email_verified_at.is_some() {
        let letter = Letter::EmailChanged { new_email: token.email.clone() };
        queue::post(connection, &letter, Some(&user.id), &user.email, now).await?;
    }
    Ok(true)
}
