//! Everything that is told. The names stay: dashboards and alerts are made of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;

use super::writer::{ALONE, Writer};
use crate::accounts::Accounts;
use crate::metrics::Metrics;
use crate::token::RemoteStatus;

const PREFIX: &str = "tokenhouse";

/// What there is to tell at one moment.
pub(super) struct Page {
    pub metrics: Arc<Metrics>,
    /// The remote issuers, in the verifier's order.
    pub remotes: Vec<RemoteStatus>,
    /// `None` where it is not known.
    pub letters_waiting: Option<i64>,
    /// Where there are accounts.
    pub accounts: Option<Arc<Accounts>>,
    pub now: DateTime<Utc>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Page {
    /// The text of `/metrics`.
    ///
    /// # Errors
    /// None is known.
    pub fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn requests(&self, w: &mut Writer<'_>) -> fmt::Result {
        let answered = self.metrics.requests.answered();
        let of_status =
            answered.iter().flat_map(|of| of.statuses.iter().map(move |(status, count)| (of, status, count)));
        let of_status: Vec<_> = of_status.map(|(of, status, count)| (of, status.to_string(), *count)).collect();
        w.counters(
            "http_requests",
            "Requests that were answered, by the pattern of their route",
            of_status.iter().map(|(of, status, count)| {
                ([("route", of.route.as_str()), ("method", of.method), ("status", status.as_str())], *count)
            }),
        )?;
        w.histograms(
            "http_request_duration_seconds",
            "How long the answer took, without sending it",
            answered.iter().map(|of| ([("route", of.route.as_str()), ("method", of.method)], &of.took)),
        )
    }

    fn tokens(&self, w: &mut Writer<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        w.counters(
            "token_verifications",
            "Access tokens that were believed, or why they were not",
            metrics
                .verifications
                .all()
                // Of tokens that are nobody's, most reasons can never be.
                .filter(|(issuer, _, count)| *issuer != "none" || *count > 0)
                .map(|(issuer, outcome, count)| ([("issuer", issuer), ("outcome", outcome)], count)),
        )?;
        w.counts("tokens_minted", "Access tokens that were made", "grant", &metrics.minted)?;
        w.counts("refreshes", "Refresh tokens that were shown", "outcome", &metrics.refreshes)
    }

    fn remotes(&self, w: &mut Writer<'_>) -> fmt::Result {
        // The local issuer is the first, where there is one.
        let local = self.metrics.verifications.issuers().count().saturating_sub(self.remotes.len());
        let named: Vec<_> = self.metrics.verifications.issuers().skip(local).zip(&self.remotes).collect();
        w.gauges(
            "jwks_keys",
            "Usable keys of a remote issuer; with none, no token of it is believed",
            named.iter().map(|(name, remote)| ([("issuer", *name)], u64::try_from(remote.keys).unwrap_or(u64::MAX))),
        )?;
        w.gauges(
            "jwks_age_seconds",
            "How long ago the keys of a remote issuer came",
            named.iter().filter_map(|(name, remote)| {
                let age = (self.now - remote.fetched_at?).as_seconds_f64();
                Some(([("issuer", *name)], age.max(0.0)))
            }),
        )?;
        w.counters(
            "jwks_fetches",
            "How often the keys of a remote issuer were asked for",
            named.iter().flat_map(|(name, remote)| {
                let outcomes = [("good", remote.fetches), ("failed", remote.failed_fetches)];
                outcomes.map(|(outcome, count)| ([("issuer", *name), ("outcome", outcome)], count))
            }),
        )
    }

    fn people(&self, accounts: &Accounts, w: &mut Writer<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        w.counts("logins", "How logins ended, at whichever door", "outcome", &metrics.logins)?;
        w.counts("registrations", "How registrations ended", "outcome", &metrics.registrations)?;
        w.counts("letters", "What became of letters that were tried", "outcome", &metrics.letters)?;
        w.gauges(
            "letters_waiting",
            "Letters that wait to be sent, counted up to 10000",
            self.letters_waiting.map(|waiting| (ALONE, waiting)),
        )?;
        let (waiting, room) = (accounts.hashing.waiting(), accounts.hashing.room());
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        w.gauge("hash_queue_length", "Password hashes that wait for a thread", number(waiting))?;
        w.gauge("hash_queue_limit", "So many may wait; the next is refused with 503", number(room))?;
        w.histogram("hash_wait_seconds", "How long a hash waited for a thread", &metrics.hashes.waited)?;
        w.histogram("hash_duration_seconds", "How long a hash took", &metrics.hashes.took)?;
        w.counters(
            "hashes_refused",
            "Hashes that found the queue full",
            [(ALONE, metrics.hashes.refused.load(Ordering::Relaxed))],
        )
    }

    fn store(accounts: &Accounts, w: &mut Writer<'_>) -> fmt::Result {
        let store = accounts.store();
        let (times, connections) = (store.times(), store.connections());
        w.histogram("store_wait_seconds", "How long a reader waited for a connection", &times.waited)?;
        w.histogram("store_read_seconds", "How long a reader had its connection", &times.read)?;
        w.histogram("store_write_seconds", "How long a write took, with waiting and commit", &times.wrote)?;
        w.histogram("store_commit_seconds", "How long a commit took", &times.committed)?;
        w.histogram("store_commit_writes", "How many writes were committed together", &times.together)?;
        w.counters(
            "store_failures",
            "Connections that could not be had, and transactions that could not be begun or committed",
            [("connection", &times.no_connection), ("commit", &times.not_committed)]
                .map(|(kind, count)| ([("kind", kind)], count.load(Ordering::Relaxed))),
        )?;
        w.gauges(
            "store_connections",
            "Open connections to read with; on PostgreSQL all of them",
            [("used", connections.used), ("idle", connections.idle)].map(|(state, count)| ([("state", state)], count)),
        )?;
        w.gauge("store_connections_limit", "So many may be open", connections.most)?;
        w.gauge(
            "store_writes_waiting",
            "Writes that wait for SQLite's one writer",
            u64::try_from(store.writes_waiting()).unwrap_or(u64::MAX),
        )
    }
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut w = Writer(encoder);
        w.gauges("build_info", "Always 1", [([("version", env!("CARGO_PKG_VERSION"))], 1_u64)])?;
        self.requests(&mut w)?;
        self.tokens(&mut w)?;
        self.remotes(&mut w)?;
        if let Some(accounts) = &self.accounts {
            self.people(accounts, &mut w)?;
            Self::store(accounts, &mut w)?;
        }
        Ok(())
    }
}
