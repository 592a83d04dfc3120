//! Moments and spans in words.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// A moment that a claim names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct When {
    /// As RFC 3339 writes it, in UTC.
    pub at: String,
    /// How far from now, in words: `5 minutes ago`, `in 1 hour`, `now`.
    pub from_now: String,
}

impl When {
    /// The moment `seconds` since 1970, seen from `now`; `None` beyond the calendar.
    pub(super) fn of(seconds: i64, now: DateTime<Utc>) -> Option<Self> {
        let at = DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true);
        let away = seconds.saturating_sub(now.timestamp());
        let from_now = match away {
            0 => "now".to_owned(),
            1.. => format!("in {}", span(away.unsigned_abs())),
            _ => format!("{} ago", span(away.unsigned_abs())),
        };
        Some(Self { at, from_now })
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.at, self.from_now)
    }
}

/// A span in its two largest units.
pub(super) fn span(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    let units = [(365 * DAY, "year"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let mut left = seconds;
    let mut words = Vec::new();
    for (size, unit) in units {
        let count = left / size;
        left %= size;
        match (count, words.is_empty()) {
            // Of two units that are not neighbours the second says little.
            (0, false) => break,
            (0, true) => {}
            (1, _) => words.push(format!("1 {unit}")),
            (count, _) => words.push(format!("{count} {unit}s")),
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute 1 second"),
            (3599, "59 minutes 59 seconds"),
            (3600, "1 hour"),
            (3601, "1 hour"),
            (90_000, "1 day 1 hour"),
            (86_400 * 400, "1 year 35 days"),
        ] {
            assert_eq!(span(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn moments_are_seen_from_now() {
        let now = "2026-06-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let when = |away| When::of(now.timestamp() + away, now).unwrap().to_string();
        assert_eq!(when(0), "2026-06-01T12:00:00Z (now)");
        assert_eq!(when(90), "2026-06-01T12:01:30Z (in 1 minute 30 seconds)");
        assert_eq!(when(-7200), "2026-06-01T10:00:00Z (2 hours ago)");
        assert_eq!(When::of(i64::MAX, now), None);
    }
}
