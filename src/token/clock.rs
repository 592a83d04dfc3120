//! The time, passed in: the only place of the crate that asks the operating system what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeZone as _, Utc};

/// A clock: the system's, or one that a test moves by hand.
///
/// It has two hands. [`now`](Clock::now) is the wall clock, which a person or NTP may set back; `exp` and `nbf` are held against it.
/// [`monotonic`](Clock::monotonic) only goes forward; caches and limits use that one.
///
/// ```
/// use std::time::Duration;
/// use tokenhouse::token::Clock;
///
/// let (clock, hands) = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
/// hands.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_rfc3339(), "2026-01-01T00:01:30+00:00");
/// assert_eq!(clock.monotonic(), Duration::from_secs(90));
/// ```
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant },
    Manual(Hands),
}

/// Moves the clock that [`Clock::manual`] gave.
#[derive(Debug, Clone)]
pub struct Hands(Arc<Positions>);

/// Both in microseconds: the wall clock since 1970, the monotonic one since the clock was made.
#[derive(Debug)]
struct Positions {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn system() -> Self {
        Self(Source::System { started: Instant::now() })
    }

    /// A clock that stands at `start` until its hands are moved.
    #[must_use]
    pub fn manual(start: DateTime<Utc>) -> (Self, Hands) {
        let positions = Positions { wall: AtomicI64::new(start.timestamp_micros()), monotonic: AtomicI64::new(0) };
        let hands = Hands(Arc::new(positions));
        (Self(Source::Manual(hands.clone())), hands)
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Utc.timestamp_micros(self.unix_micros()).single().unwrap_or_default()
    }

    /// The wall clock in whole seconds since 1970, as the claims of RFC 7519 count.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.unix_micros().div_euclid(1_000_000)
    }

    /// The wall clock in microseconds since 1970, as the store counts.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn unix_micros(&self) -> i64 {
        match &self.0 {
            Source::System { .. } => match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
                Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, i64::wrapping_neg),
            },
            Source::Manual(hands) => hands.0.wall.load(Ordering::Relaxed),
        }
    }

    /// Time since the clock was made; never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Manual(hands) => {
                Duration::from_micros(hands.0.monotonic.load(Ordering::Relaxed).try_into().unwrap_or(0))
            }
        }
    }
}

/// A moment in microseconds since 1970, as RFC 3339 writes it in UTC: what answers and records have.
#[must_use]
pub fn rfc3339(micros: i64) -> String {
    let time: DateTime<Utc> = Utc.timestamp_micros(micros).single().unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Hands {
    /// Moves both hands forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.wall.fetch_add(micros, Ordering::Relaxed);
        self.0.monotonic.fetch_add(micros, Ordering::Relaxed);
    }

    /// Sets the wall clock, forward or back; the monotonic hand stays.
    pub fn set_wall(&self, to: DateTime<Utc>) {
        self.0.wall.store(to.timestamp_micros(), Ordering::Relaxed);
    }
}
