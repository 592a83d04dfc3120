//! Whoever is signed in in the browser that asks.

use std::fmt;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;

use super::browser::Browser;
use super::look::Look;
use super::{ACCOUNT, see_other, sign_in_at};
use crate::accounts::new_session::Opened;
use crate::accounts::owner::Owner;
use crate::http::caller::Caller;
use crate::oauth::{OAuth, unavailable};
use crate::store::StoreError;

/// Whoever is signed in.
pub(crate) struct SignedIn {
    pub browser: Browser,
    pub opened: Opened,
    /// Himself, for the acts on his account.
    pub owner: Owner,
}

/// Why nobody is.
#[derive(Debug)]
pub(crate) enum NotSignedIn {
    /// He must sign in first, and comes back to his account.
    Nobody,
    Store(StoreError, Look),
}

impl FromRequest for SignedIn {
    type Error = NotSignedIn;
    type Future = LocalBoxFuture<'static, Result<Self, NotSignedIn>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (browser, caller) = (Browser::from_request(request, payload), Caller::from_request(request, payload));
        let oauth = request.app_data::<Data<OAuth>>().cloned();
        Box::pin(async move {
            let (Ok(browser), Ok(caller)) = (browser.await, caller.await);
            let oauth = oauth.ok_or(NotSignedIn::Nobody)?;
            let opened = oauth
                .signed_in(&browser)
                .await
                .map_err(|error| NotSignedIn::Store(error, browser.look.clone()))?
                .ok_or(NotSignedIn::Nobody)?;
            let session = opened.session.id.parse().map_err(|_| NotSignedIn::Nobody)?;
            let owner = Owner { user_id: opened.user.id.clone(), session, caller };
            Ok(Self { browser, opened, owner })
        })
    }
}

impl fmt::Display for NotSignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody is signed in"),
            Self::Store(error, _) => error.fmt(f),
        }
    }
}

impl ResponseError for NotSignedIn {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Nobody => StatusCode::SEE_OTHER,
            Self::Store(..) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Nobody => see_other(&sign_in_at(ACCOUNT, None)),
            Self::Store(error, look) => unavailable(look, error),
        }
    }
}
