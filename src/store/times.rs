//! How long the store takes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::{Histogram, Stopwatch};

/// What is measured of a store, for metrics.
pub(crate) struct Times {
    /// How long callers waited for a connection to read with.
    pub waited: Histogram,
    /// How long they had it.
    pub read: Histogram,
    /// How long a write took until it was committed or undone, from when it was asked for.
    pub wrote: Histogram,
    /// How long the commit alone took.
    pub committed: Histogram,
    /// How many writes were committed together: more than one on SQLite only.
    pub together: Histogram,
    /// Connections to read with that could not be had.
    pub no_connection: AtomicU64,
    /// Transactions that could not be begun or committed.
    pub not_committed: AtomicU64,
}

/// The connections of a store at a moment.
pub(crate) struct Connections {
    /// In the hands of somebody who reads; on PostgreSQL also of somebody who writes.
    pub used: u64,
    /// Open, and in nobody's hands.
    pub idle: u64,
    /// So many may be open.
    pub most: u64,
}

impl Times {
    pub(super) fn new() -> Self {
        Self {
            waited: Histogram::of_times(),
            read: Histogram::of_times(),
            wrote: Histogram::of_times(),
            committed: Histogram::of_times(),
            together: Histogram::of_sizes(),
            no_connection: AtomicU64::new(0),
            not_committed: AtomicU64::new(0),
        }
    }

    /// A commit of so many writes came to its end.
    pub(super) fn commit<E>(&self, took: Stopwatch, writes: usize, outcome: &Result<(), E>) {
        self.committed.took(took.elapsed());
        self.together.observe(u64::try_from(writes).unwrap_or(u64::MAX));
        if outcome.is_err() {
            self.failed_to_commit();
        }
    }

    pub(super) fn failed_to_commit(&self) {
        self.not_committed.fetch_add(1, Ordering::Relaxed);
    }
}
