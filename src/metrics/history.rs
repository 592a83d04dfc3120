//! The last hour, minute by minute.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeZone as _, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::token::Clock;

const MINUTES: i64 = 60;

/// What happened in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Minute {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub start: DateTime<Utc>,
    /// Sessions that began by a login, at whichever door.
    pub logins: u64,
    /// Logins that were refused, for whatever reason.
    pub logins_refused: u64,
    /// Access tokens that were not believed.
    pub tokens_refused: u64,
    /// Registrations that were taken.
    pub registrations: u64,
    /// The most hashes that waited for a thread at once.
    pub hash_queue: u64,
}

/// What is kept of a minute.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Login,
    LoginRefused,
    TokenRefused,
    Registration,
    HashQueue,
}

const KINDS: usize = 5;

/// A slot for each of sixty minutes; a minute takes the slot of the one an hour before it.
pub(super) struct History {
    clock: Clock,
    slots: Vec<Slot>,
    /// Held while a slot is given to another minute, which happens once in a minute.
    turning: Mutex<()>,
}

struct Slot {
    /// Minutes since 1970.
    minute: AtomicI64,
    counts: [AtomicU64; KINDS],
}

impl History {
    pub fn new(clock: Clock) -> Self {
        let empty = |_| Slot { minute: AtomicI64::new(i64::MIN), counts: Default::default() };
        Self { clock, slots: (0..MINUTES).map(empty).collect(), turning: Mutex::default() }
    }

    /// One more in the minute under way.
    pub fn count(&self, kind: Kind) {
        if let Some(count) = self.now().and_then(|slot| slot.counts.get(kind as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So many at once; the minute keeps its highest.
    pub fn highest(&self, kind: Kind, value: u64) {
        if let Some(count) = self.now().and_then(|slot| slot.counts.get(kind as usize)) {
            count.fetch_max(value, Ordering::Relaxed);
        }
    }

    pub fn last_hour(&self) -> Vec<Minute> {
        let now = self.minute();
        (now - MINUTES + 1..=now).map(|minute| self.read(minute)).collect()
    }

    fn minute(&self) -> i64 {
        self.clock.unix_seconds().div_euclid(60)
    }

    fn slot(&self, minute: i64) -> Option<&Slot> {
        self.slots.get(usize::try_from(minute.rem_euclid(MINUTES)).ok()?)
    }

    /// The slot of the minute under way. Who was held up for an hour between this and counting counts in the wrong minute; nobody is.
    fn now(&self) -> Option<&Slot> {
        let minute = self.minute();
        let slot = self.slot(minute)?;
        if slot.minute.load(Ordering::Acquire) != minute {
            let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.minute.load(Ordering::Acquire) != minute {
                slot.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
                slot.minute.store(minute, Ordering::Release);
            }
        }
        Some(slot)
    }

    fn read(&self, minute: i64) -> Minute {
        let slot = self.slot(minute).filter(|slot| slot.minute.load(Ordering::Acquire) == minute);
        let count = |kind: Kind| {
            slot.and_then(|slot| slot.counts.get(kind as usize)).map_or(0, |count| count.load(Ordering::Relaxed))
        };
        Minute {
            start: Utc.timestamp_opt(minute.saturating_mul(60), 0).single().unwrap_or_default(),
            logins: count(Kind::Login),
            logins_refused: count(Kind::LoginRefused),
            tokens_refused: count(Kind::TokenRefused),
            registrations: count(Kind::Registration),
            hash_queue: count(Kind::HashQueue),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn history() -> (History, crate::token::Hands) {
        let (clock, hands) = Clock::manual("2026-06-01T12:00:30Z".parse().unwrap());
        (History::new(clock), hands)
    }

    #[test]
    fn sixty_minutes_the_oldest_first() {
        let (history, _) = history();
        let hour = history.last_hour();
        assert_eq!(hour.len(), 60);
        assert_eq!(hour[0].start.to_rfc3339(), "2026-06-01T11:01:00+00:00");
        assert_eq!(hour[59].start.to_rfc3339(), "2026-06-01T12:00:00+00:00");
        assert!(hour.iter().all(|minute| minute.logins == 0));
    }

    #[test]
    fn each_minute_has_its_own_counts() {
        let (history, hands) = history();
        history.count(Kind::Login);
        history.count(Kind::Login);
        history.highest(Kind::HashQueue, 7);
        history.highest(Kind::HashQueue, 3);
        hands.advance(Duration::from_secs(30));
        history.count(Kind::TokenRefused);
        let hour = history.last_hour();
        assert_eq!((hour[58].logins, hour[58].hash_queue, hour[58].tokens_refused), (2, 7, 0));
        assert_eq!((hour[59].logins, hour[59].hash_queue, hour[59].tokens_refused), (0, 0, 1));
    }

    #[test]
    fn what_is_older_than_an_hour_is_gone() {
        let (history, hands) = history();
        history.count(Kind::Registration);
        hands.advance(Duration::from_mins(59));
        assert_eq!(history.last_hour()[0].registrations, 1);
        hands.advance(Duration::from_mins(1));
        assert!(history.last_hour().iter().all(|minute| minute.registrations == 0));
        history.count(Kind::Login);
        let hour = history.last_hour();
        assert_eq!((hour[59].registrations, hour[59].logins), (0, 1));
    }

    #[test]
    fn a_clock_that_is_set_back_does_no_harm() {
        let (history, hands) = history();
        history.count(Kind::Login);
        hands.set_wall("2026-06-01T10:00:00Z".parse().unwrap());
        history.count(Kind::Login);
        let hour = history.last_hour();
        assert_eq!(hour[59].logins, 1);
        assert_eq!(hour.iter().map(|minute| minute.logins).sum::<u64>(), 1);
    }

    #[test]
    fn threads_lose_no_count() {
        let (history, _) = history();
        let history = Arc::new(history);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| history.count(Kind::Login)));
            }
        });
        assert_eq!(history.last_hour()[59].logins, 40_000);
    }
}
