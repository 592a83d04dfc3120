//! What became of tokens, by issuer.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counts::{Counts, Name};
use crate::token::Rejection;

impl Name for Rejection {
    const ALL: &'static [Self] = &Self::ALL;

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// Counts of each issuer, and of tokens that name none that is accepted.
pub(crate) struct Verifications {
    issuers: Vec<OfIssuer>,
    of_none: Counts<Rejection>,
}

struct OfIssuer {
    name: String,
    accepted: Accepted,
    refused: Counts<Rejection>,
}

/// Counted by every request, so it shares its line of the processors' caches with nothing else.
#[repr(align(128))]
#[derive(Default)]
struct Accepted(AtomicU64);

impl Verifications {
    pub fn new(issuers: Vec<String>) -> Self {
        let issuers = issuers.into_iter().map(|name| OfIssuer {
            name,
            accepted: Accepted::default(),
            refused: Counts::default(),
        });
        Self { issuers: issuers.collect(), of_none: Counts::default() }
    }

    pub fn accepted(&self, issuer: usize) {
        if let Some(issuer) = self.issuers.get(issuer) {
            issuer.accepted.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each issuer's name, what became of its tokens, and how often; tokens of no issuer of ours have the name "none".
    pub fn all(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        let issuers = self.issuers.iter().flat_map(|issuer| {
            let accepted = ("accepted", issuer.accepted.0.load(Ordering::Relaxed));
            let refused = issuer.refused.all().map(|(why, count)| (why.name(), count));
            std::iter::once(accepted).chain(refused).map(|(outcome, count)| (issuer.name.as_str(), outcome, count))
        });
        issuers.chain(self.of_none.all().map(|(why, count)| ("none", why.name(), count)))
    }

    /// The names of the issuers, in the verifier's order.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| issuer.name.as_str())
    }

    pub fn refused(&self, issuer: Option<usize>, why: Rejection) {
        let of_issuer = issuer.and_then(|issuer| self.issuers.get(issuer));
        of_issuer.map_or(&self.of_none, |issuer| &issuer.refused).count(why);
    }
}
