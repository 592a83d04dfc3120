//! The picture of the last hour: logins, refusals, and the queue of hashes, minute by minute. It is drawn here, so that it needs no script, and told in a
//! table too.

use askama::Template;

use crate::metrics::Minute;

/// The picture's own units: ten across for each minute, and a hundred upwards.
const ACROSS: u64 = 10;
const UP: u64 = 100;

/// So many minutes are a row of the table.
const ROW: usize = 5;

/// A bar of the picture.
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    kind: &'static str,
}

/// Some minutes, in numbers.
struct Row {
    from: String,
    logins: u64,
    refused: u64,
    registrations: u64,
    waiting: u64,
}

/// One of the two charts: what it shows, what its highest bar stands for, and its bars.
struct Chart {
    title: &'static str,
    highest: u64,
    bars: Vec<Bar>,
}

#[derive(Template)]
#[template(path = "admin/picture.html")]
pub(super) struct Picture {
    width: u64,
    up: u64,
    charts: [Chart; 2],
    /// When the first minute began, when the middle did, and now.
    times: Vec<String>,
    rows: Vec<Row>,
    /// All of it in a sentence.
    words: String,
}

fn refused(minute: &Minute) -> u64 {
    minute.logins_refused.saturating_add(minute.tokens_refused)
}

impl Picture {
    pub fn of(hour: &[Minute]) -> Self {
        let events = stacked(hour, |minute| [(minute.logins, "logins"), (refused(minute), "refused")]);
        let queue = stacked(hour, |minute| [(minute.hash_queue, "waiting")]);
        let sum = |count: fn(&Minute) -> u64| hour.iter().map(count).fold(0, u64::saturating_add);
        let (logins, refusals) = (sum(|minute| minute.logins), sum(refused));
        let longest = hour.iter().map(|minute| minute.hash_queue).max().unwrap_or_default();
        Self {
            width: count(hour.len()).saturating_mul(ACROSS),
            up: UP,
            charts: [
                Chart { title: "Logins and refusals a minute", highest: events.0, bars: events.1 },
                Chart { title: "Most hashes that waited at once", highest: queue.0, bars: queue.1 },
            ],
            times: times(hour),
            rows: hour.chunks(ROW).filter_map(Row::of).collect(),
            words: format!(
                "In the last hour: {}, {}, and at most {} waiting at once.",
                counted(logins, "login"),
                counted(refusals, "refusal"),
                counted(longest, "hash"),
            ),
        }
    }
}

/// The bars of each minute, one on top of the other, and what the height of all of them stands for.
fn stacked<const N: usize>(hour: &[Minute], parts: impl Fn(&Minute) -> [(u64, &'static str); N]) -> (u64, Vec<Bar>) {
    let total = |minute: &Minute| parts(minute).iter().map(|(count, _)| *count).fold(0, u64::saturating_add);
    let highest = hour.iter().map(total).max().unwrap_or_default();
    let mut bars = Vec::new();
    for (place, minute) in hour.iter().enumerate() {
        let (mut y, x) = (UP, count(place).saturating_mul(ACROSS));
        for (value, kind) in parts(minute).into_iter().filter(|(value, _)| *value > 0) {
            // At least something can be seen of whatever happened.
            let share = u128::from(value) * u128::from(UP) / u128::from(highest.max(1));
            let height = u64::try_from(share).unwrap_or(UP).max(2).min(y);
            y -= height;
            bars.push(Bar { x, y, height, kind });
        }
    }
    (highest, bars)
}

/// A number with its noun.
fn counted(number: u64, noun: &str) -> String {
    match (number, noun.ends_with('h')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}es"),
        (_, false) => format!("{number} {noun}s"),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn times(hour: &[Minute]) -> Vec<String> {
    let ends = [hour.first(), hour.get(hour.len() / 2), hour.last()];
    ends.into_iter().flatten().map(|minute| minute.start.format("%H:%M").to_string()).collect()
}

impl Row {
    fn of(minutes: &[Minute]) -> Option<Self> {
        let (first, last) = (minutes.first()?, minutes.last()?);
        let sum = |count: fn(&Minute) -> u64| minutes.iter().map(count).fold(0, u64::saturating_add);
        Some(Self {
            from: format!("{} to {}", first.start.format("%H:%M"), last.start.format("%H:%M")),
            logins: sum(|minute| minute.logins),
            refused: sum(refused),
            registrations: sum(|minute| minute.registrations),
            waiting: minutes.iter().map(|minute| minute.hash_queue).max().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn hour(at: impl Fn(i64) -> [u64; 3]) -> Vec<Minute> {
        let minute = |n: i64| {
            let [logins, logins_refused, hash_queue] = at(n);
            let start = DateTime::UNIX_EPOCH + TimeDelta::minutes(n);
            Minute { start, logins, logins_refused, tokens_refused: 1, registrations: 0, hash_queue }
        };
        (0..60).map(minute).collect()
    }

    #[test]
    fn bars_stand_on_each_other_and_stay_inside() {
        let huge = u64::MAX / 120;
        for scale in [1, huge] {
            let picture = Picture::of(&hour(|n| if n == 59 { [6 * scale, 3 * scale, 9] } else { [0, 0, 0] }));
            for chart in &picture.charts {
                assert!(chart.bars.iter().all(|bar| bar.y + bar.height <= UP && bar.height >= 2), "{scale}");
            }
            let last: Vec<_> = picture.charts[0].bars.iter().filter(|bar| bar.x == 590).collect();
            assert_eq!(last.iter().map(|bar| bar.kind).collect::<Vec<_>>(), ["logins", "refused"]);
            assert_eq!(last[1].y + last[1].height, last[0].y);
            assert_eq!(picture.charts[1].bars.len(), 1);
        }
    }

    #[test]
    fn the_table_says_the_same() {
        let picture = Picture::of(&hour(|n| [u64::from(n == 3), 0, u64::from(n == 4) * 7]));
        assert_eq!(picture.rows.len(), 12);
        let first = &picture.rows[0];
        assert_eq!((first.from.as_str(), first.logins, first.refused, first.waiting), ("00:00 to 00:04", 1, 5, 7));
        assert_eq!(picture.times, ["00:00", "00:30", "00:59"]);
        assert_eq!(picture.words, "In the last hour: 1 login, 60 refusals, and at most 7 hashes waiting at once.");
    }

    #[test]
    fn an_hour_in_which_nothing_happened_has_no_bars() {
        let mut nothing = hour(|_| [0, 0, 0]);
        for minute in &mut nothing {
            minute.tokens_refused = 0;
        }
        for hour in [nothing, Vec::new()] {
            let html = Picture::of(&hour).render().unwrap();
            assert!(html.contains("0 logins, 0 refusals, and at most 0 hashes"), "{html}");
            let (_, charts) = html.split_once("class=\"small chart\"").unwrap();
            assert!(!charts.contains("<rect"), "{html}");
        }
    }
}
