//! The queue of hashes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;

/// How long hashes waited and took, and how many found the queue full.
pub(crate) struct Hashes {
    pub(crate) waited: Histogram,
    pub(crate) took: Histogram,
    pub(crate) refused: AtomicU64,
}

impl Hashes {
    pub(super) fn new() -> Self {
        Self { waited: Histogram::of_times(), took: Histogram::of_times(), refused: AtomicU64::new(0) }
    }
}

impl super::Metrics {
    /// A hash was put into the queue or taken out of it; so many wait, or waited before.
    pub(crate) fn hashes_wait(&self, waiting: usize) {
        self.history.highest(super::history::Kind::HashQueue, u64::try_from(waiting).unwrap_or(u64::MAX));
    }

    /// A hash was refused, because the queue was full.
    pub(crate) fn hash_refused(&self) {
        self.hashes.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A hash waited so long for its thread.
    pub(crate) fn hash_waited(&self, time: std::time::Duration) {
        self.hashes.waited.took(time);
    }

    /// A hash took so long.
    pub(crate) fn hash_took(&self, time: std::time::Duration) {
        self.hashes.took.took(time);
    }
}
