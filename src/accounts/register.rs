//! Registering.

use actix_web::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Accounts;
use super::email::Email;
use super::email_verification::no_address;
use super::error::Unavailable;
use super::limits::TooMany;
use super::name::display_name;
use super::password::Password;
use super::records::{self, UserRecord};
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::mail::{Letter, queue};
use crate::settings::EmailVerification;
use crate::store::{Connection, StoreError};
use crate::token::clock::rfc3339;

/// Who wants an account.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "email": "ada@example.com", "password": "correct horse battery staple", "name": "Ada Lovelace" })))]
pub struct Registration {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
    name: Option<String>,
}

impl Registration {
    /// As a form has it.
    pub(crate) fn new(email: &str, password: &str, name: Option<&str>) -> Self {
        let password = Password::from(SecretString::from(password.to_owned()));
        Self { email: email.to_owned(), password, name: name.map(str::to_owned) }
    }
}

/// The account that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "id": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "email": "ada@example.com", "name": "Ada Lovelace", "email_verified": false, "created_at": "2026-11-24T04:56:15.818932Z" })))]
pub struct Registered {
    #[schema(format = "uuid")]
    id: String,
    email: String,
    #[schema(required)]
    name: Option<String>,
    email_verified: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What became of a registration.
#[derive(Debug)]
pub enum Outcome {
    /// There is an account.
    Made(Registered),
    /// A letter goes to the address; it tells the rest.
    Asked,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum NotRegistered {
    /// Registration is closed.
    #[error("registration is closed")]
    Closed,
    /// Too many from this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Some fields are wrong.
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    /// There is an account of this address already.
    #[error("the address is taken")]
    Taken,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotRegistered> for Problem {
    fn from(not: NotRegistered) -> Self {
        match not {
            NotRegistered::Closed => Self::new(StatusCode::FORBIDDEN, "registration-closed")
                .detail("New accounts are not made here by registering; ask whoever runs this server."),
            NotRegistered::TooMany(too_many) => too_many.into(),
            NotRegistered::Invalid(errors) => Self::invalid_fields(errors),
            NotRegistered::Taken => Self::new(StatusCode::CONFLICT, "email-taken")
                .detail("There is an account with this email address already; log in to it."),
            NotRegistered::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotRegistered {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, Unavailable)>([Self::Closed, Self::Invalid(vec![no_address()]), Self::Taken])
    }
}

impl Accounts {
    /// Makes an account, and asks by a letter whether its address is its owner's, where the settings want that.
    ///
    /// Where they want it before a login, the answer is the same for an address that has an account already, and so is its time: who has one is told by
    /// the letter alone.
    ///
    /// # Errors
    /// [`NotRegistered`].
    pub async fn register(&self, caller: &Caller, registration: Registration) -> Result<Outcome, NotRegistered> {
        self.counted_registration(self.try_to_register(caller, registration).await)
    }

    async fn try_to_register(&self, caller: &Caller, registration: Registration) -> Result<Outcome, NotRegistered> {
        if !self.rules.registration_open {
            return Err(NotRegistered::Closed);
        }
        let Registration { email, password, name } = registration;
        let (email, name) = self.check_fields(&email, &password, name.as_deref())?;
        self.hashing.check_room().map_err(Unavailable::from)?;
        self.limits.register_from(caller.address)?;
        let verification = self.rules.email_verification;
        if verification == EmailVerification::Required {
            self.limits.letter(caller.address, &email)?;
        } else {
            let mut reader = self.store.read().await.map_err(Unavailable::from)?;
            if records::user_by_email(reader.connection(), &email).await.map_err(Unavailable::from)?.is_some() {
                return Err(NotRegistered::Taken);
            }
        }
        let hashed = self.hashing.hash_new(password, email.as_str(), name.as_deref()).await;
        let hashed = hashed.map_err(Unavailable::from)?;
        let password_hash = hashed.map_err(|message| invalid("password", message))?;
        let user = UserRecord {
            id: Uuid::new_v4().to_string(),
            email: email.as_str().to_owned(),
            name,
            password_hash,
            roles: String::new(),
            created_at: self.clock.unix_micros(),
            email_verified_at: None,
            disabled_at: None,
            passkey_required_at: None,
            has_app: false,
        };
        let caller = caller.clone();
        let outcome = self
            .store
            .write(move |connection| Box::pin(async move { add(connection, user, &caller, verification).await }))
            .await?;
        self.letters_wait.notify_one();
        if let Outcome::Made(registered) = &outcome {
            tracing::info!(user = registered.id, "registered");
        }
        Ok(outcome)
    }

    fn check_fields(
        &self,
        email: &str,
        password: &Password,
        name: Option<&str>,
    ) -> Result<(Email, Option<String>), NotRegistered> {
        let mut errors = Vec::new();
        let email = Email::parse(email);
        if email.is_none() {
            errors.push(no_address());
        }
        if let Err(message) = password.check_length(&self.rules.password_length) {
            errors.push(FieldError { field: "password", message });
        }
        let name = display_name(name).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        match email {
            Some(email) if errors.is_empty() => Ok((email, name)),
            _ => Err(NotRegistered::Invalid(errors)),
        }
    }
}

impl From<StoreError> for NotRegistered {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

async fn add(
    mut connection: Connection<'_>,
    user: UserRecord,
    caller: &Caller,
    verification: EmailVerification,
) -> Result<Outcome, NotRegistered> {
    let now = user.created_at;
    let is_new = records::insert_user(connection.reborrow(), &user).await?;
    if verification != EmailVerification::Required && !is_new {
        return Err(NotRegistered::Taken);
    }
    match (verification, is_new) {
        (EmailVerification::Off, _) => {}
        (_, true) => {
            queue::post(connection.reborrow(), &Letter::VerifyEmail, Some(&user.id), &user.email, now).await?;
        }
        (_, false) => queue::post(connection.reborrow(), &Letter::AddressTaken, None, &user.email, now).await?,
    }
    let event = if is_new {
        Event::success(Act::Register, now).on_user(&user.id)
    } else {
        Event::failure(Act::Register, "address taken", now)
    };
    event.from(caller).record(connection).await?;
    if verification == EmailVerification::Required {
        return Ok(Outcome::Asked);
    }
    Ok(Outcome::Made(Registered {
        id: user.id,
        email: user.email,
        name: user.name,
        email_verified: false,
        created_at: rfc3339(now),
    }))
}

fn invalid(field: &'static str, message: std::borrow::Cow<'static, str>) -> NotRegistered {
    NotRegistered::Invalid(vec![FieldError { field, message }])
}
