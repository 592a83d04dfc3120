//! What is around every page of administration, and how one is answered.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, TimeZone as _, Utc};

use super::administrator::Administrator;
use crate::accounts::error::Unavailable;
use crate::http::Problem;
use crate::store::StoreError;
use crate::web::complaint::Complaint;
use crate::web::page::{self, Message};
use crate::web::{ADMIN, see_other, sign_in_at};

/// The pages of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Users,
    Clients,
    Keys,
    Record,
    Settings,
}

impl Here {
    const ALL: [Self; 6] = [Self::Overview, Self::Users, Self::Clients, Self::Keys, Self::Record, Self::Settings];

    fn path(self) -> &'static str {
        match self {
            Self::Overview => ADMIN,
            Self::Users => "/admin/users",
            Self::Clients => "/admin/clients",
            Self::Keys => "/admin/keys",
            Self::Record => "/admin/audit",
            Self::Settings => "/admin/settings",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Users => "Users",
            Self::Clients => "Clients",
            Self::Keys => "Keys",
            Self::Record => "Record",
            Self::Settings => "Settings",
        }
    }
}

/// What is around a page.
pub(super) struct Frame<'f> {
    here: Here,
    pub who: &'f str,
    pub form_token: &'f str,
    /// What was done.
    pub notice: Option<&'static str>,
    /// What was not, and why.
    pub error: Option<&'f Complaint>,
}

impl<'f> Frame<'f> {
    pub fn of(admin: &'f Administrator, here: Here) -> Self {
        Self { here, who: &admin.email, form_token: admin.browser.form_token(), notice: None, error: None }
    }

    /// With what was done, by its name in the address; not by a link from elsewhere, which would say what was not done.
    pub fn done(mut self, admin: &Administrator, done: &str) -> Self {
        let words = DONE.iter().find(|(name, _)| *name == done).map(|(_, words)| *words);
        self.notice = words.filter(|_| admin.is_same_origin);
        self
    }

    pub fn error(mut self, error: Option<&'f Complaint>) -> Self {
        self.error = error;
        self
    }

    /// The menu: where each leads, its words, and whether it is this one.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Here::ALL.into_iter().map(|place| (place.path(), place.words(), place == self.here))
    }
}

/// What was done, to be told on the page that comes after it.
const DONE: [(&str, &str); 16] = [
    ("renamed", "The name is saved."),
    ("roles", "The roles are saved. Where one was taken away, all sessions have ended."),
    ("password", "Another password is set, and all sessions have ended."),
    ("disabled", "The account is disabled: all its sessions have ended, and nobody signs in to it."),
    ("enabled", "Its owner may sign in again."),
    ("signed-out", "All sessions have ended."),
    ("factors", "The second factors are removed, and all sessions have ended."),
    ("deleted", "The account is deleted."),
    ("added", "The account is made."),
    ("invited", "The account is made, and a letter is on its way in which its owner sets a password."),
    ("changed", "The client is saved."),
    ("client-disabled", "The client is disabled: it gets no token, and those it has are dead."),
    ("client-enabled", "The client is enabled: it gets tokens again."),
    ("removed", "The client is removed, and its tokens are dead."),
    ("rotated", "There is a new key."),
    ("compromised", "There is a new key, and no other is believed any more."),
];

/// A page.
pub(super) fn answer(status: StatusCode, admin: &Administrator, page: &impl Template) -> HttpResponse {
    page::page(status, page, &admin.browser, None)
}

/// After an act, on to `page`, which tells it.
pub(super) fn done(page: &str, done: &str) -> HttpResponse {
    see_other(&format!("{page}?done={done}"))
}

/// The page again with a problem of the API told on it; where the session has ended meanwhile, to the page where one signs in.
pub(super) fn refused(
    back: &str,
    problem: &Problem,
    again: impl FnOnce(StatusCode, &Complaint) -> HttpResponse,
) -> HttpResponse {
    if problem.is("invalid-token") {
        return see_other(&sign_in_at(back, None));
    }
    page::of_problem(problem, again)
}

/// 404.
pub(super) fn nothing_here(admin: &Administrator, what: &str, back: &str, words: &str) -> HttpResponse {
    let message = Message::new("There is nothing here", what).leading_to(back, words);
    page::message(&admin.browser.look, StatusCode::NOT_FOUND, &message)
}

/// 503.
pub(super) fn unavailable(admin: &Administrator, error: &StoreError) -> HttpResponse {
    crate::oauth::unavailable(&admin.browser.look, error)
}

pub(super) fn not_now(admin: &Administrator, not: Unavailable) -> HttpResponse {
    unavailable(admin, &not.of_store())
}

/// The query of an address, with what has a value.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A moment for people, to the minute.
pub(super) fn minute(micros: i64) -> String {
    moment(micros).format("%Y-%m-%d %H:%M UTC").to_string()
}

/// To the second.
pub(super) fn second(micros: i64) -> String {
    moment(micros).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn moment(micros: i64) -> DateTime<Utc> {
    Utc.timestamp_micros(micros).single().unwrap_or_default()
}
