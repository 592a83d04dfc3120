//! A browser: its cookies, and whether what it sends is from a page of this server.
//!
//! Two cookies: one with the session of whoever is signed in, and one with a secret that each form repeats, so that no other site can have a browser
//! send one. Over https both have the prefix `__Host-`, so that no other host and no plain connection can set them (RFC 6265bis, section 4.1.3.2).

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, ORIGIN};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::look::Look;
use crate::accounts::browser_session::BrowserToken;
use crate::token::random::{base64url, bytes};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Longer cookies are none of this server's.
const LONGEST: usize = 64;

/// The address that browsers know this server by, as application data.
#[derive(Debug, Clone)]
pub(crate) struct PublicOrigin(pub String);

/// Where the page is that a request is from, as far as the browser says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentFrom {
    /// On this server.
    Here,
    /// On another; also a request of no page, such as an address that was typed in.
    Elsewhere,
    /// Nobody says: an old browser, or whatever is none.
    Unsaid,
}

impl SentFrom {
    /// By Fetch Metadata where the browser sends it, else by the origin. A page without a referrer has the origin `null`, so that one alone says nothing.
    pub fn of(request: &HttpRequest) -> Self {
        // What is no text is nothing that a browser says of a page here.
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let own = request.app_data::<PublicOrigin>().map(|own| own.0.as_str());
        match (header(SEC_FETCH_SITE), header(ORIGIN)) {
            (Some("same-origin"), _) => Self::Here,
            (None, None | Some("null")) => Self::Unsaid,
            (None, origin) if origin == own => Self::Here,
            (Some(_), _) | (None, Some(_)) => Self::Elsewhere,
        }
    }
}

/// A browser that sent a request.
pub(crate) struct Browser {
    /// Of the pages that it is shown.
    pub look: Look,
    origin: String,
    session: Option<BrowserToken>,
    form_token: String,
    /// Whether it must be told the form token.
    is_new: bool,
}

impl FromRequest for Browser {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let origin = request.app_data::<PublicOrigin>().map(|origin| origin.0.clone()).unwrap_or_default();
        let names = Names::at(&origin);
        let form_token = cookie(request, names.form);
        ready(Ok(Self {
            look: Look::at(request),
            session: cookie(request, names.session).map(|text| BrowserToken::of_cookie(&text)),
            is_new: form_token.is_none(),
            form_token: form_token.unwrap_or_else(|| base64url(&bytes::<32>())),
            origin,
        }))
    }
}

/// The one cookie of this name; none, when there are two.
fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let cookies = request.cookies().ok()?;
    let mut found = cookies.iter().filter(|cookie| cookie.name() == name);
    let value = found.next()?.value();
    let is_ours = (32..=LONGEST).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_ours && found.next().is_none()).then(|| value.to_owned())
}

impl Browser {
    /// What it shows of whoever is signed in.
    pub fn session(&self) -> Option<&BrowserToken> {
        self.session.as_ref()
    }

    /// What each form must repeat.
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether a form, which repeats `form_token`, is from a page of this server: by what the browser says of its page, and by the secret.
    pub fn sent(&self, request: &HttpRequest, form_token: Option<&str>) -> bool {
        let repeated = form_token.unwrap_or_default();
        let knows = !self.is_new && verify_slices_are_equal(repeated.as_bytes(), self.form_token.as_bytes()).is_ok();
        knows && SentFrom::of(request) != SentFrom::Elsewhere
    }

    /// Gives it the cookie of the session of whoever has signed in. It goes when the browser is closed.
    pub fn keep_session(&self, token: &BrowserToken, response: &mut HttpResponse) {
        self.keep(Names::at(&self.origin).session, token.to_cookie(), response);
    }

    /// Takes it away.
    pub fn forget_session(&self, response: &mut HttpResponse) {
        let mut cookie = self.cookie(Names::at(&self.origin).session, "");
        cookie.make_removal();
        self.add(&cookie, response);
    }

    /// Gives it the cookie of its forms, if it has none yet.
    pub fn keep_form_token(&self, response: &mut HttpResponse) {
        if self.is_new {
            self.keep(Names::at(&self.origin).form, &self.form_token, response);
        }
    }

    fn keep(&self, name: &'static str, value: &str, response: &mut HttpResponse) {
        self.add(&self.cookie(name, value), response);
    }

    fn cookie(&self, name: &'static str, value: &str) -> Cookie<'static> {
        // Lax, because clients of other sites send the browser here.
        Cookie::build(name, value.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.origin.starts_with("https:"))
            .finish()
    }

    #[expect(clippy::unused_self, reason = "the cookies are this browser's")]
    fn add(&self, cookie: &Cookie<'_>, response: &mut HttpResponse) {
        if let Err(error) = response.add_cookie(cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
}

/// The names of the cookies.
struct Names {
    session: &'static str,
    form: &'static str,
}

impl Names {
    fn at(origin: &str) -> Self {
        if origin.starts_with("https:") {
            Self { session: "__Host-tokenhouse-session", form: "__Host-tokenhouse-form" }
        } else {
            Self { session: "tokenhouse-session", form: "tokenhouse-form" }
        }
    }
}
