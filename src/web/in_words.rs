//! Sessions, as pages tell of them.

use crate::accounts::own_sessions::SessionOverview;
use crate::oauth::registry::Clients;

/// A time of RFC 3339, to the minute.
pub(super) fn minute_of(time: &str) -> String {
    time.get(..16).map_or_else(String::new, |minute| format!("{} UTC", minute.replace('T', " ")))
}

/// With what a session is used: the client that was granted it, by its name, else the browser.
pub(super) fn holder(session: &SessionOverview, clients: &Clients) -> String {
    match &session.client_id {
        Some(id) => clients.get(id).map_or_else(|| id.clone(), |client| client.name().to_owned()),
        None => session.browser.clone(),
    }
}
