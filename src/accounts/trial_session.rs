//! A session with one access token and nothing to come back with: an operator's, for trying out what a user may do.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::micros;
use super::new_session::NO_REFRESH_TOKEN;
use super::records::{self, SessionKind, SessionRecord};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::{Store, StoreError};
use crate::token::random::{base64url, bytes};

/// What its owner sees in the list of his sessions, where others have a browser.
const SEEN_AS: &str = "tokenhouse token mint, by an operator";

/// The session ends so long after its token does: the token is made a moment later, and is to have its whole time.
const LONGER: Duration = Duration::from_secs(5);

/// Begins a session of `user_id` at `now`, in microseconds since 1970, for a token that lives for `ttl`; `None` when the account is gone or disabled.
///
/// Its owner sees it among his sessions and can end it, as he can any other, and the act is recorded.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn begin(
    store: &Store,
    user_id: &str,
    ttl: Duration,
    now: i64,
) -> Result<Option<SessionRecord>, StoreError> {
    let caller = Caller { address: Ipv4Addr::LOCALHOST.into(), user_agent: Some(SEEN_AS.to_owned()) };
    // Found by nothing.
    let hashes = (base64url(&bytes::<16>()), NO_REFRESH_TOKEN.to_owned());
    let times = (now, now.saturating_add(micros(ttl + LONGER)));
    let mut session = SessionRecord::new(SessionKind::Login, user_id, &caller, hashes, times);
    session.ip = None;
    store
        .write(move |mut connection| {
            Box::pin(async move {
                if !records::lock_user(connection.reborrow(), &session.user_id, None).await? {
                    return Ok(None);
                }
                records::insert_session(connection.reborrow(), &session).await?;
                let event = Event::success(Act::TokenMint, now).by_operator();
                event.on_user(&session.user_id).in_session(&session.id).record(connection).await?;
                Ok(Some(session))
            })
        })
        .await
}
