//! What a restored database must not bring back to life.
//!
//! It is as of the backup: a session that was ended since stands in it again, and so does a link, a code or a challenge that was used since. Nothing tells
//! which those are, so all of them end.

use crate::accounts::records;
use crate::audit::{Act, Event};
use crate::mail::queue;
use crate::oauth::records::delete_all_codes;
use crate::store::{Connection, StoreError};

/// What becomes of the sessions of a restored database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// All end, with whatever could begin one or change an account without its password.
    End,
    /// All are as of the backup.
    Keep,
}

/// What ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    /// Sessions that stood in the backup.
    pub sessions: i64,
    /// Letters that waited in it; most were sent since, and their links are void.
    pub letters: u64,
}

/// Ends what must, and records that the database was restored, at `now` in microseconds since 1970.
pub(crate) async fn settle(mut connection: Connection<'_>, sessions: Sessions, now: i64) -> Result<Ended, StoreError> {
    let mut ended = Ended::default();
    if sessions == Sessions::End {
        ended.sessions = records::end_all_sessions(connection.reborrow(), now).await?;
        records::delete_all_tokens(connection.reborrow()).await?;
        records::delete_all_challenges(connection.reborrow()).await?;
        delete_all_codes(connection.reborrow()).await?;
        ended.letters = queue::delete_all(connection.reborrow()).await?;
    }
    Event::success(Act::DbRestore, now).by_operator().record(connection).await?;
    Ok(ended)
}
