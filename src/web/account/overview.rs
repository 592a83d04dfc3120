//! The page of one's account.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use crate::accounts::error::Unavailable;
use crate::accounts::new_session::is_admin;
use crate::accounts::owner::NotOwner;
use crate::accounts::passkeys::PasskeyOverview;
use crate::http::query::Query;
use crate::oauth::{OAuth, unavailable};
use crate::web::browser::SentFrom;
use crate::web::complaint::Complaint;
use crate::web::in_words::{holder, minute_of};
use crate::web::page;
use crate::web::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    #[serde(default)]
    done: String,
}

/// What was done, to be told on the page that comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Name,
    Email,
    Password,
    Session,
    Others,
    TotpOff,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    PasskeyRequired,
}

impl Done {
    const ALL: [Self; 10] = [
        Self::Name,
        Self::Email,
        Self::Password,
        Self::Session,
        Self::Others,
        Self::TotpOff,
        Self::PasskeyAdded,
        Self::PasskeyRenamed,
        Self::PasskeyRemoved,
        Self::PasskeyRequired,
    ];

    /// In the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Password => "password",
            Self::Session => "session",
            Self::Others => "others",
            Self::TotpOff => "totp-off",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyRenamed => "passkey-renamed",
            Self::PasskeyRemoved => "passkey-removed",
            Self::PasskeyRequired => "passkey-required",
        }
    }

    /// The form that it was done by.
    pub fn form(self) -> &'static str {
        match self {
            Self::TotpOff => "codes",
            done => done.name(),
        }
    }

    /// On the page.
    fn words(self) -> &'static str {
        match self {
            Self::Name => "Your name is saved.",
            Self::Email => "A letter is on its way to the new address. It becomes yours when you open the link in it.",
            Self::Password => "Your password is changed, and your other sessions have ended.",
            Self::Session => "The session has ended.",
            Self::Others => "All your other sessions have ended.",
            Self::TotpOff => "No code of an app is asked for any more.",
            Self::PasskeyAdded => "The passkey is added.",
            Self::PasskeyRenamed => "The passkey has another name.",
            Self::PasskeyRemoved => "The passkey is removed.",
            Self::PasskeyRequired => "No passkey is asked for besides the password any more.",
        }
    }
}

/// A session, in words.
struct Session {
    id: String,
    /// A browser, or the client that it is of.
    what: String,
    last_used: String,
    ip: String,
    current: bool,
}

/// All that is on the page.
pub(super) struct Overview {
    name: String,
    email: String,
    is_verified: bool,
    is_admin: bool,
    sessions: Vec<Session>,
    totp: bool,
    codes_left: i64,
    has_passkeys: bool,
    passkeys: Vec<PasskeyOverview>,
    passkey_required: bool,
    shortest: usize,
    notice: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'p> {
    of: &'p Overview,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

pub(super) async fn overview(
    request: HttpRequest,
    signed_in: SignedIn,
    oauth: Data<OAuth>,
    query: Query<ShowQuery>,
) -> HttpResponse {
    // Not by a link from elsewhere, which would say what was not done.
    let is_told = SentFrom::of(&request) != SentFrom::Elsewhere;
    let done = Done::ALL.into_iter().find(|done| is_told && done.name() == query.0.done);
    match show(&signed_in, &oauth, done).await {
        Ok(page) => page.render(StatusCode::OK, &signed_in, None),
        Err(not) => unavailable(&signed_in.browser.look, &not.of_store()),
    }
}

/// Reads what is on the page.
pub(super) async fn show(signed_in: &SignedIn, oauth: &OAuth, done: Option<Done>) -> Result<Overview, Unavailable> {
    let (accounts, owner) = (&oauth.accounts, &signed_in.owner);
    let clients = oauth.registry.clients();
    let sessions = accounts.sessions_of(owner).await?.into_iter().map(|session| Session {
        what: holder(&session, &clients),
        id: session.id,
        last_used: minute_of(&session.last_used_at),
        // Of a client it is the client's own server.
        ip: session.ip.filter(|_| session.client_id.is_none()).unwrap_or_default(),
        current: session.current,
    });
    let totp = accounts.totp_state(owner).await?;
    let passkeys = accounts.passkeys(owner).await.or_else(|not| match not {
        NotOwner::Ended => Ok(Vec::new()),
        NotOwner::Unavailable(unavailable) => Err(unavailable),
    })?;
    let user = &signed_in.opened.user;
    Ok(Overview {
        name: user.name.clone().unwrap_or_default(),
        email: user.email.clone(),
        is_verified: user.email_verified_at.is_some(),
        is_admin: is_admin(user),
        sessions: sessions.collect(),
        totp: totp.enabled,
        codes_left: totp.recovery_codes_left,
        has_passkeys: accounts.relying_party.is_some(),
        passkeys,
        passkey_required: user.passkey_required_at.is_some(),
        shortest: *accounts.rules.password_length.start(),
        notice: done.map(Done::words),
    })
}

impl Overview {
    pub fn render(&self, status: StatusCode, signed_in: &SignedIn, error: Option<&Complaint>) -> HttpResponse {
        let page = AccountPage { of: self, error, form_token: signed_in.browser.form_token() };
        page::page(status, &page, &signed_in.browser, None)
    }
}
