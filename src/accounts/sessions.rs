//! Which sessions stand, in memory: what makes a logout act at once and costs the requests in between nothing.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::records;
use crate::store::Store;
use crate::token::local::MAX_ACCESS_TTL;
use crate::token::{Claims, Clock, Known, Standing, StoreUnavailable};

/// So many parts, each with a lock of its own, that requests do not wait for each other.
const SHARDS: usize = 64;

/// So many sessions in each part; some 6 MiB in all parts together.
const SESSIONS_PER_SHARD: usize = 1024;

/// A look-up that began before a session ended has come to its end after so long; only then may the end be forgotten.
const LOOK_UP_TAKES_AT_MOST: Duration = Duration::from_mins(1);

/// Knows which sessions stand, and asks the store about those it has not seen.
///
/// An end is noted after the store has it and before it is answered. From then on it wins over whatever a look-up that was under way brings back, so
/// no request that begins after the answer gets through.
pub struct Sessions {
    store: Store,
    clock: Clock,
    shards: Vec<RwLock<HashMap<Uuid, State>>>,
}

#[derive(Clone, Copy)]
enum State {
    /// Of this user, until then in microseconds since 1970.
    Stands { user: Uuid, expires_at: i64 },
    /// Noted at this time of the monotonic clock.
    Ended { at: Duration },
}

impl Sessions {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { store, clock, shards }
    }

    /// Notes a session that was just begun, or found standing.
    pub(super) fn note_standing(&self, session: Uuid, user: Uuid, expires_at: i64) {
        self.with_shard(session, |shard| {
            if shard.len() >= SESSIONS_PER_SHARD {
                make_room(shard, self.clock.monotonic());
            }
            // Not over an end: that was noted while this was looked up.
            shard.entry(session).or_insert(State::Stands { user, expires_at });
        });
    }

    /// Notes the end of a session, which the store has already.
    pub(super) fn note_ended(&self, session: Uuid) {
        let at = self.clock.monotonic();
        self.with_shard(session, |shard| {
            if !matches!(shard.get(&session), Some(State::Ended { .. })) {
                shard.insert(session, State::Ended { at });
            }
            if shard.len() > SESSIONS_PER_SHARD {
                make_room(shard, at);
            }
        });
    }

    /// The same of several, by their ids as the store has them.
    pub(super) fn note_all_ended(&self, sessions: &[String]) {
        for session in sessions.iter().filter_map(|id| id.parse().ok()) {
            self.note_ended(session);
        }
    }

    fn with_shard(&self, session: Uuid, act: impl FnOnce(&mut HashMap<Uuid, State>)) {
        if let Some(shard) = self.shard(session) {
            act(&mut shard.write().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn shard(&self, session: Uuid) -> Option<&RwLock<HashMap<Uuid, State>>> {
        // Ids are random, and this server's own.
        let index = usize::try_from(session.as_u128() % SHARDS as u128).ok()?;
        self.shards.get(index)
    }

    async fn ask_store(&self, session: Uuid, user: Uuid) -> Result<Known, StoreUnavailable> {
        let look_up = async {
            let mut reader = self.store.read().await?;
            records::standing(reader.connection(), &session.to_string(), &user.to_string()).await
        };
        let found = tokio::time::timeout(LOOK_UP_TAKES_AT_MOST / 2, look_up).await.map_err(|_| StoreUnavailable)?;
        let found = found.map_err(|error| {
            tracing::error!(%error, "could not look up a session");
            StoreUnavailable
        })?;
        // Noted, so that a token of an ended session does not ask the store each time. Not for a disabled account, which may be enabled again.
        let Some(found) = found.filter(|found| found.ended_at.is_none()) else {
            self.note_ended(session);
            return Ok(Known::Ended);
        };
        if found.disabled_at.is_some() {
            return Ok(Known::Ended);
        }
        self.note_standing(session, user, found.expires_at);
        Ok(self.in_memory(session, user))
    }

    fn in_memory(&self, session: Uuid, user: Uuid) -> Known {
        let Some(shard) = self.shard(session) else { return Known::No };
        let state = shard.read().unwrap_or_else(PoisonError::into_inner).get(&session).copied();
        match state {
            Some(State::Stands { user: its_user, expires_at }) => {
                if its_user == user && self.clock.unix_micros() < expires_at { Known::Stands } else { Known::Ended }
            }
            Some(State::Ended { .. }) => Known::Ended,
            None => Known::No,
        }
    }
}

/// Forgets ends that no token can ask for any more, then, when that is not enough, everything the store can tell again.
fn make_room(shard: &mut HashMap<Uuid, State>, now: Duration) {
    let age = |at: Duration| now.saturating_sub(at);
    shard.retain(|_, state| !matches!(state, State::Ended { at } if age(*at) > MAX_ACCESS_TTL));
    if shard.len() >= SESSIONS_PER_SHARD {
        shard.retain(|_, state| matches!(state, State::Ended { at } if age(*at) <= LOOK_UP_TAKES_AT_MOST));
    }
}

fn ids(claims: &Claims) -> Option<(Uuid, Uuid)> {
    let session = claims.session_id.as_deref()?.parse().ok()?;
    Some((session, claims.subject.parse().ok()?))
}

impl Standing for Sessions {
    fn known(&self, claims: &Claims) -> Known {
        ids(claims).map_or(Known::Ended, |(session, user)| self.in_memory(session, user))
    }

    fn look_up<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Known, StoreUnavailable>> {
        match ids(claims) {
            Some((session, user)) => self.ask_store(session, user).boxed(),
            None => std::future::ready(Ok(Known::Ended)).boxed(),
        }
    }
}
