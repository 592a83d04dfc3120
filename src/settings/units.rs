//! Sizes, times and quotas as people write them.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Quota;

/// Reads a size in bytes: a whole number with an optional unit of the IEC (`KiB`, `MiB`, `GiB`: powers of 1024) or the SI
/// (`kB`, `MB`, `GB`: powers of 1000), in any case. `None` for anything else, also for one that does not fit.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Writes a size with the largest unit of the IEC that leaves a whole number.
pub(super) fn show_bytes(bytes: u64) -> String {
    [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(|| bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// Writes a time with the largest unit that leaves a whole number, days only from two days on: `24h`, `30d`.
pub(super) fn show_duration(time: Duration) -> String {
    const DAY: u64 = 86_400;
    if time.subsec_nanos() != 0 {
        return humantime::format_duration(time).to_string();
    }
    match time.as_secs() {
        0 => "0s".to_owned(),
        seconds if seconds >= 2 * DAY && seconds.is_multiple_of(DAY) => format!("{}d", seconds / DAY),
        seconds if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// Reads `10/15m`: so many in such a time. The time must be within `shortest` and `longest`, the count at least 1.
pub(super) fn quota(text: &str, shortest: Duration, longest: Duration) -> Option<Quota> {
    let (count, period) = text.split_once('/')?;
    let count: NonZeroU32 = count.trim().parse().ok()?;
    let period = humantime::parse_duration(period.trim()).ok()?;
    // Beyond one in a nanosecond there is no limit to keep.
    let is_limit = (shortest..=longest).contains(&period) && !(period / count.get()).is_zero();
    is_limit.then_some(Quota { count, period })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("64KiB", Some(65_536)),
            ("1MiB", Some(1_048_576)),
            ("1 MB", Some(1_000_000)),
            ("2gb", Some(2_000_000_000)),
            ("512", Some(512)),
            ("512B", Some(512)),
            ("", None),
            ("KiB", None),
            ("64K", None),
            ("1.5MiB", None),
            ("-1", None),
            ("18446744073709551615KiB", None),
            ("64 Кб", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        assert_eq!([show_bytes(65_536), show_bytes(1_000), show_bytes(1 << 30)], ["64KiB", "1000", "1GiB"]);
    }

    #[test]
    fn times_and_quotas() {
        let shown = [0, 45, 900, 86_400, 2_592_000].map(|seconds| show_duration(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0s", "45s", "15m", "24h", "30d"]);
        let hour = Duration::from_hours(1);
        let quota = |text| quota(text, Duration::from_secs(1), hour).map(|quota| (quota.count.get(), quota.period));
        assert_eq!(quota("20/1h"), Some((20, hour)));
        assert_eq!(quota("20 / 60m"), Some((20, hour)));
        for wrong in ["4000000000/1s", "0/1h", "20/2h", "20/0s", "20", "/1h", "20/", "x/1h", "20/1h/1h", "-1/1h"] {
            assert_eq!(quota(wrong), None, "{wrong}");
        }
    }
}
