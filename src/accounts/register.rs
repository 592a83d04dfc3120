//! Registering.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Accounts;
use super::email::Email;
use super::error::Unavailable;
use super::limits::TooMany;
use super::name::display_name;
use super::password::Password;
use super::records::{self, UserRecord};
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::problem::FieldError;
use crate::token::clock::rfc3339;

/// Who wants an account.
#[derive(Debug, Deserialize)]
pub struct Registration {
    email: String,
    password: Password,
    name: Option<String>,
}

/// The account that was made.
#[derive(Debug, Serialize)]
pub struct Registered {
    id: String,
    email: String,
    name: Option<String>,
    email_verified: bool,
    created_at: String,
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

impl Accounts {
    /// Makes an account.
    ///
    /// # Errors
    /// [`NotRegistered`].
    pub async fn register(&self, caller: &Caller, registration: Registration) -> Result<Registered, NotRegistered> {
        if !self.rules.registration_open {
            return Err(NotRegistered::Closed);
        }
        let Registration { email, password, name } = registration;
        let (email, name) = self.check_fields(&email, &password, name)?;
        self.limits.register_from(caller.address)?;
        let mut reader = self.store.read().await.map_err(Unavailable::from)?;
        let taken = records::user_by_email(reader.connection(), &email).await.map_err(Unavailable::from)?;
        drop(reader);
        if taken.is_some() {
            return Err(NotRegistered::Taken);
        }
        let known = [Some(email.as_str().to_owned()), name.clone()].into_iter().flatten().collect();
        let hashed = self.hashing.hash_new(password, known).await.map_err(Unavailable::from)?;
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
        };
        let event = Event::success(Act::Register, user.created_at).on_user(&user.id).from(caller);
        let registered = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    if !records::insert_user(connection.reborrow(), &user).await? {
                        return Err(NotRegistered::Taken);
                    }
                    event.record(connection).await?;
                    Ok(user)
                })
            })
            .await?;
        tracing::info!(user = registered.id, "registered");
        Ok(Registered {
            id: registered.id,
            email: registered.email,
            name: registered.name,
            email_verified: false,
            created_at: rfc3339(registered.created_at),
        })
    }

    fn check_fields(
        &self,
        email: &str,
        password: &Password,
        name: Option<String>,
    ) -> Result<(Email, Option<String>), NotRegistered> {
        let mut errors = Vec::new();
        let mut wrong = |field, message| errors.push(FieldError { field, message });
        let email = Email::parse(email);
        if email.is_none() {
            wrong("email", "must be an email address such as ada@example.com".into());
        }
        if let Err(message) = password.check_length(&self.rules.password_length) {
            wrong("password", message);
        }
        let name = display_name(name.as_deref()).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        match email {
            Some(email) if errors.is_empty() => Ok((email, name)),
            _ => Err(NotRegistered::Invalid(errors)),
        }
    }
}

impl From<crate::store::StoreError> for NotRegistered {
    fn from(error: crate::store::StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

fn invalid(field: &'static str, message: std::borrow::Cow<'static, str>) -> NotRegistered {
    NotRegistered::Invalid(vec![FieldError { field, message }])
}
