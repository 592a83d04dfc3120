//! Forms of the pages, which only pages of this server may send.

use std::fmt;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned};

use super::browser::Browser;
use super::look::Look;
use super::page::{self, Message};
use crate::http::Problem;
use crate::oauth::OAuthError;
use crate::oauth::form::Form;

/// A form, and the browser that sent it from a page of this server.
pub(crate) struct OwnForm {
    pub browser: Browser,
    form: Form,
}

/// Why a form is not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// No page of this server sent it, or one that is too old.
    NotOurs(Look),
    /// It is no form, or too large.
    NotAForm(OAuthError, Look),
}

impl OwnForm {
    /// Its fields as what an act of the API takes, where that is texts alone.
    ///
    /// # Errors
    /// 422, when a field is missing.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let fields = MapDeserializer::<_, de::value::Error>::new(self.form.iter());
        T::deserialize(fields).map_err(|_| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields").detail("Please fill in all fields.")
        })
    }

    /// The names of the fields that were filled in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.form.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name)
    }

    /// A field, if it was filled in.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name)
    }
}

impl FromRequest for OwnForm {
    type Error = NotTaken;
    type Future = LocalBoxFuture<'static, Result<Self, NotTaken>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (browser, form) = (Browser::from_request(request, payload), Form::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let Ok(browser) = browser.await;
            let form = form.await.map_err(|error| NotTaken::NotAForm(error, browser.look.clone()))?;
            let is_ours = browser.sent(&request, form.get("form_token"));
            if is_ours { Ok(Self { browser, form }) } else { Err(NotTaken::NotOurs(browser.look)) }
        })
    }
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs(_) => f.write_str("no page of this server sent the form"),
            Self::NotAForm(error, _) => error.fmt(f),
        }
    }
}

impl ResponseError for NotTaken {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotOurs(_) => StatusCode::FORBIDDEN,
            Self::NotAForm(error, _) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NotOurs(look) => page::not_from_here(look),
            Self::NotAForm(error, look) => page::message(
                look,
                error.status_code(),
                &Message::new("This form cannot be taken", "It is too large, or broken. Please go back and try again."),
            ),
        }
    }
}
