//! Distributions: how many of what is measured were below which bound.
//!
//! Not the histogram of prometheus-client, which locks a mutex for each observation; this is on the way of every request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts in buckets, and the sum of all.
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// Of one unit of the bounds in what metrics show.
    scale: f64,
    /// For each bound what is above the one before it and not above itself; and one more for what is above all.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has at a moment.
pub(crate) struct Reading {
    pub sum: f64,
    pub count: u64,
    /// Upper bounds with the counts of their own buckets; the last is without bound.
    pub buckets: Vec<(f64, u64)>,
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// Of requests and of the store: from a quarter of a millisecond to ten seconds.
const TIMES: [u64; 15] = [
    250 * MICROSECOND,
    500 * MICROSECOND,
    MILLISECOND,
    2_500 * MICROSECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    2_500 * MILLISECOND,
    5 * SECOND,
    10 * SECOND,
];

/// Of things that are done together.
const SIZES: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

impl Histogram {
    /// Of durations, shown in seconds.
    pub fn of_times() -> Self {
        Self::new(&TIMES, 1e-9)
    }

    /// Of small numbers.
    pub fn of_sizes() -> Self {
        Self::new(&SIZES, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, scale, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts a duration.
    pub fn took(&self, time: Duration) {
        self.observe(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a number.
    pub fn observe(&self, value: u64) {
        let index = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers, and bounds are far below 2^53")]
    pub fn read(&self) -> Reading {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = self.bounds.iter().map(|bound| *bound as f64 * self.scale).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        Reading {
            sum: self.sum.load(Ordering::Relaxed) as f64 * self.scale,
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

/// Measures how long work takes, which is not the time of day.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "how long work takes is not the time of day")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Until now.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_a_bound_is_below_it() {
        let histogram = Histogram::of_sizes();
        for value in [0, 1, 2, 3, 256, 257, 1_000] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        let counts: Vec<u64> = reading.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 1, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((reading.count, reading.sum), (7, 1519.0));
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let histogram = Histogram::of_times();
        histogram.took(Duration::from_millis(3));
        histogram.took(Duration::from_hours(1));
        let reading = histogram.read();
        assert_eq!(reading.buckets[4], (0.005, 1));
        assert_eq!(reading.buckets[15], (f64::INFINITY, 1));
        assert!((reading.sum - 3600.003).abs() < 1e-6);
    }
}
