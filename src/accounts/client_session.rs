//! A session of a client that acts for its user: begun by what the user granted in a browser, ended like any other.

use std::time::Duration;

use super::new_session::{NO_REFRESH_TOKEN, Opened};
use super::records::{self, SessionKind, SessionRecord};
use super::refresh_token::RefreshToken;
use super::{Accounts, micros};
use crate::http::caller::Caller;
use crate::store::{Connection, StoreError};
use crate::token::Scopes;
use crate::token::random::{base64url, bytes};

/// What a user granted a client, and where.
#[derive(Clone)]
pub(crate) struct Grant {
    pub user_id: String,
    pub browser_session_id: String,
    pub client_id: String,
    pub scopes: Scopes,
    /// How long the session is: as long as access tokens where it has no refresh token.
    pub ttl: Duration,
    /// The first of its refresh tokens, if it has any.
    pub refresh: Option<RefreshToken>,
}

/// So many sessions of one client may stand for one user: devices and browsers of his that it runs on.
const MOST_OF_A_CLIENT: usize = 100;

/// Begins the session, and answers the ids of older ones that gave way; `None` when the user's account, or his session in the browser, is no more.
pub(crate) async fn begin(
    mut connection: Connection<'_>,
    grant: &Grant,
    caller: &Caller,
    now: i64,
) -> Result<Option<(Opened, Vec<String>)>, StoreError> {
    if !records::lock_user(connection.reborrow(), &grant.user_id, None).await? {
        return Ok(None);
    }
    let browser = records::session_of(connection.reborrow(), &grant.browser_session_id, &grant.user_id).await?;
    let stands = |session: &SessionRecord| session.ended_at.is_none() && now < session.expires_at;
    let Some(browser) = browser.filter(stands) else { return Ok(None) };
    let Some(user) = records::user_by_id(connection.reborrow(), &grant.user_id).await? else { return Ok(None) };
    let hashes = match &grant.refresh {
        Some(token) => (token.family_hash(), token.secret_hash()),
        // Found by nothing.
        None => (base64url(&bytes::<16>()), NO_REFRESH_TOKEN.to_owned()),
    };
    let times = (now, now.saturating_add(micros(grant.ttl)));
    let mut session = SessionRecord::new(SessionKind::Client, &grant.user_id, caller, hashes, times);
    session.methods.clone_from(&browser.methods);
    session.authenticated_at = Some(browser.authenticated_at());
    session.client_id = Some(grant.client_id.clone());
    session.scopes = Some(grant.scopes.to_string());
    // With a refresh token it stays when the browser's session ends: that is what `offline_access` means.
    session.browser_session_id = grant.refresh.is_none().then_some(browser.id);
    let ended = make_room(connection.reborrow(), &session, now).await?;
    records::insert_session(connection, &session).await?;
    Ok(Some((Opened { session, user }, ended)))
}

/// Ends the oldest sessions of a client for a user when there are too many: a client may ask again and again.
async fn make_room(
    mut connection: Connection<'_>,
    session: &SessionRecord,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    let client_id = session.client_id.as_deref().unwrap_or_default();
    let standing = records::sessions_of_client(connection.reborrow(), &session.user_id, client_id, now).await?;
    let mut ended = Vec::new();
    for id in standing.iter().skip(MOST_OF_A_CLIENT - 1) {
        ended.extend(records::end_session(connection.reborrow(), id, now).await?);
    }
    Ok(ended)
}

impl Accounts {
    /// The longest that a session may be.
    pub(crate) fn longest_session(&self) -> Duration {
        self.rules.absolute_ttl
    }

    /// A session unused for so long is over.
    pub(crate) fn idle_ttl(&self) -> Duration {
        self.rules.idle_ttl
    }

    /// Notes a session that stands, so that its first access token need not ask the store.
    pub(crate) fn note_begun(&self, session: &SessionRecord) {
        if let (Ok(session_id), Ok(user_id)) = (session.id.parse(), session.user_id.parse()) {
            self.sessions.note_standing(session_id, user_id, session.expires_at);
        }
    }
}
