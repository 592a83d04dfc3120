//! Tokens verified already: the second request with a token costs a look-up.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::claims::Claims;

/// What one remembered token costs besides its own text, roughly: its claims and the cache's bookkeeping.
const BYTES_BESIDE_TEXT: usize = 1024;

/// Room for so many bytes of tokens and claims, some 10,000 tokens of usual size.
const CAPACITY_BYTES: u64 = 16 * 1024 * 1024;

/// A bounded memory of tokens whose every check passed.
///
/// Only good tokens get in, so a flood of bad ones cannot push anything out. The whole token is compared, not a hash of it. Comparing is not
/// in constant time, and need not be: an entry is only compared with a token of equal keyed hash, so the time tells nothing about its text.
pub(super) struct Memory(Cache<Box<str>, Remembered, Weight>);

/// A good token's claims, with what must still hold for it to be good.
#[derive(Clone)]
pub(super) struct Remembered {
    pub claims: Arc<Claims>,
    /// Place of its issuer in the verifier's table.
    pub issuer: usize,
    /// The generation of the issuer's keys by which it was checked.
    pub generation: u64,
    /// The second since 1970 from which it is not good, whatever else: it is expired, or its key is retired.
    pub until: i64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Remembered> for Weight {
    fn weight(&self, token: &Box<str>, _: &Remembered) -> u64 {
        u64::try_from(token.len() + BYTES_BESIDE_TEXT).unwrap_or(u64::MAX)
    }
}

impl Memory {
    pub fn new() -> Self {
        Self(Cache::with_weighter(4096, CAPACITY_BYTES, Weight))
    }

    pub fn get(&self, token: &str) -> Option<Remembered> {
        self.0.get(token)
    }

    pub fn insert(&self, token: &str, remembered: Remembered) {
        self.0.insert(token.into(), remembered);
    }

    pub fn forget(&self, token: &str) {
        self.0.remove(token);
    }
}
