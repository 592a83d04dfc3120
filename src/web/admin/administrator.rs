//! Who may see the pages of administration, and who may act on them.

use std::fmt;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;

use crate::accounts::micros;
use crate::accounts::new_session::is_admin;
use crate::accounts::owner::Owner;
use crate::oauth::{OAuth, unavailable};
use crate::shell::quoted;
use crate::store::StoreError;
use crate::web::browser::{Browser, SentFrom};
use crate::web::look::Look;
use crate::web::own_form::{NotTaken, OwnForm};
use crate::web::page::{self, Message};
use crate::web::signed_in::{NotSignedIn, SignedIn};
use crate::web::{ACCOUNT, ADMIN, see_other, sign_in_at};

/// Whoever acts has signed in so short a while ago: a browser that was left open shall not be enough (ASVS 5.0, 7.5.3).
const RECENT: Duration = Duration::from_mins(15);

/// Somebody signed in with the role `admin`, who may see everything.
pub(super) struct Administrator {
    pub browser: Browser,
    pub owner: Owner,
    pub email: String,
    /// Microseconds since 1970.
    authenticated_at: i64,
    /// Whether a page of this server led here.
    pub is_same_origin: bool,
}

/// The same, who sent a form and signed in a short while ago.
pub(super) struct Acting {
    pub admin: Administrator,
    pub form: OwnForm,
}

/// Why somebody is none.
#[derive(Debug)]
pub(super) enum NotAdministrator {
    /// Nobody is signed in.
    Nobody {
        back: String,
    },
    /// Somebody is who has not the role.
    Other {
        email: String,
        look: Look,
    },
    /// An administrator signed in too long ago to act.
    TooLongAgo {
        back: String,
        look: Look,
    },
    NotTaken(NotTaken),
    Store(StoreError, Look),
}

impl FromRequest for Administrator {
    type Error = NotAdministrator;
    type Future = LocalBoxFuture<'static, Result<Self, NotAdministrator>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let SignedIn { browser, opened, owner } = signed_in.await.map_err(|not| match not {
                NotSignedIn::Nobody => NotAdministrator::Nobody { back: page_of(&request) },
                NotSignedIn::Store(error, look) => NotAdministrator::Store(error, look),
            })?;
            let email = opened.user.email.clone();
            if !is_admin(&opened.user) {
                return Err(NotAdministrator::Other { email, look: browser.look });
            }
            let is_same_origin = SentFrom::of(&request) != SentFrom::Elsewhere;
            Ok(Self { browser, owner, email, authenticated_at: opened.session.authenticated_at(), is_same_origin })
        })
    }
}

impl FromRequest for Acting {
    type Error = NotAdministrator;
    type Future = LocalBoxFuture<'static, Result<Self, NotAdministrator>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (admin, form) = (Administrator::from_request(request, payload), OwnForm::from_request(request, payload));
        let now = request.app_data::<Data<OAuth>>().map_or(i64::MAX, |oauth| oauth.accounts.clock.unix_micros());
        let back = page_of(request);
        Box::pin(async move {
            let admin = admin.await?;
            let form = form.await.map_err(NotAdministrator::NotTaken)?;
            if now.saturating_sub(admin.authenticated_at) > micros(RECENT) {
                return Err(NotAdministrator::TooLongAgo { back, look: admin.browser.look });
            }
            Ok(Self { admin, form })
        })
    }
}

/// The page to come back to: for an act, the one that its form is on.
fn page_of(request: &HttpRequest) -> String {
    if request.method() != Method::POST {
        return request.uri().path_and_query().map_or_else(|| ADMIN.to_owned(), ToString::to_string);
    }
    let mut parts = request.path().split('/').filter(|part| !part.is_empty()).skip(1);
    let parts = match (parts.next(), parts.next()) {
        (Some(list @ ("users" | "clients")), Some(id)) => vec![list, id],
        (Some(list), _) => vec![list],
        (None, _) => Vec::new(),
    };
    parts.iter().fold(ADMIN.to_owned(), |path, part| format!("{path}/{part}"))
}

impl fmt::Display for NotAdministrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody { .. } => f.write_str("nobody is signed in"),
            Self::Other { .. } => f.write_str("whoever is signed in is no administrator"),
            Self::TooLongAgo { .. } => f.write_str("the administrator signed in too long ago"),
            Self::NotTaken(not) => not.fmt(f),
            Self::Store(error, _) => error.fmt(f),
        }
    }
}

impl ResponseError for NotAdministrator {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Nobody { .. } => StatusCode::SEE_OTHER,
            Self::Other { .. } | Self::TooLongAgo { .. } => StatusCode::FORBIDDEN,
            Self::NotTaken(not) => not.status_code(),
            Self::Store(..) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Nobody { back } => see_other(&sign_in_at(back, None)),
            Self::Other { email, look } => {
                let text = format!(
                    "You are signed in as {email}, who is no administrator here. An administrator can give the role \"admin\" to an account; so can whoever \
                     runs this server, with: tokenhouse user role {} add admin",
                    quoted(email)
                );
                let message = Message::new("This is for administrators", &text);
                page::message(look, StatusCode::FORBIDDEN, &message.leading_to(ACCOUNT, "Your account"))
            }
            Self::TooLongAgo { back, look } => {
                let minutes = RECENT.as_secs() / 60;
                let text = format!(
                    "Nothing was changed: you signed in more than {minutes} minutes ago. Please sign in once more, and then do it again."
                );
                let message = Message::new("Please sign in again", &text);
                page::message(
                    look,
                    StatusCode::FORBIDDEN,
                    &message.leading_to(&sign_in_at(back, None), "Sign in again"),
                )
            }
            Self::NotTaken(not) => not.error_response(),
            Self::Store(error, look) => unavailable(look, error),
        }
    }
}
