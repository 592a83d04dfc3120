//! Tokens verified already: from the third request with a token on, it costs a look-up.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};

use super::claims::Claims;

/// What one remembered token costs besides its own text, roughly: its claims and the cache's bookkeeping.
const BYTES_BESIDE_TEXT: usize = 1024;

/// Room for so many bytes of tokens and claims, some 10,000 tokens of usual size.
const CAPACITY_BYTES: u64 = 16 * 1024 * 1024;

/// So many tokens that came once are told from those that never came: more than there is room for.
const SEEN_ONCE: usize = 16 * 1024;

/// A bounded memory of tokens whose every check passed.
///
/// A token is remembered the second time it comes. Many come only once, and remembering those costs more than checking an HMAC: each goes where no
/// processor's cache has been for long, and pushes another out that is as far away.
///
/// Only good tokens get in, so a flood of bad ones cannot push anything out. The whole token is compared, not a hash of it. Comparing is not
/// in constant time, and need not be: an entry is only compared with a token of equal keyed hash, so the time tells nothing about its text.
pub(super) struct Memory {
    tokens: Cache<Box<[u8]>, Remembered, Weight>,
    /// Hashes of tokens that came once, each in the one place that it can have. A later one takes its place; then that token comes once more.
    seen_once: Box<[AtomicU64]>,
    hasher: DefaultHashBuilder,
}

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

impl Weighter<Box<[u8]>, Remembered> for Weight {
    fn weight(&self, token: &Box<[u8]>, _: &Remembered) -> u64 {
        u64::try_from(token.len() + BYTES_BESIDE_TEXT).unwrap_or(u64::MAX)
    }
}

impl Memory {
    pub fn new() -> Self {
        Self {
            tokens: Cache::with_weighter(4096, CAPACITY_BYTES, Weight),
            seen_once: (0..SEEN_ONCE).map(|_| AtomicU64::default()).collect(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub fn get(&self, token: &[u8]) -> Option<Remembered> {
        self.tokens.get(token)
    }

    /// Remembers `token` when it is here for the second time.
    pub fn offer(&self, token: &[u8], remembered: impl FnOnce() -> Remembered) {
        if self.came_before(token) {
            self.tokens.insert(token.into(), remembered());
        }
    }

    fn came_before(&self, token: &[u8]) -> bool {
        let hash = self.hasher.hash_one(token);
        let place = usize::try_from(hash % SEEN_ONCE as u64).ok().and_then(|place| self.seen_once.get(place));
        place.is_some_and(|place| place.swap(hash, Ordering::Relaxed) == hash)
    }

    pub fn forget(&self, token: &[u8]) {
        self.tokens.remove(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_remembered_the_second_time_it_comes() {
        let text = r#"{"iss":"https://a.example","sub":"u1","aud":"api","exp":2000000000}"#;
        let claims = Arc::new(serde_json::from_str(text).unwrap());
        let remembered = || Remembered { claims: Arc::clone(&claims), issuer: 0, generation: 0, until: i64::MAX };
        let memory = Memory::new();
        memory.offer(b"a.b.c", remembered);
        assert!(memory.get(b"a.b.c").is_none());
        memory.offer(b"a.b.d", remembered);
        assert!(memory.get(b"a.b.d").is_none(), "another token");
        memory.offer(b"a.b.c", remembered);
        assert!(memory.get(b"a.b.c").is_some());
        memory.forget(b"a.b.c");
        assert!(memory.get(b"a.b.c").is_none());
    }
}
