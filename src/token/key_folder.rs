//! The life of signing keys: made, published ahead, signing, verifying until the last of their tokens is expired, gone.
//!
//! Every moment of a key's life is written down when it is known, so all nodes over one folder agree on it by their clocks and none has to
//! act at the right time. Whoever looks first does what is due, behind a lock.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::key_file::{KeyFileError, StoredKey, StoredKeys, lock};
use super::signing_key::SigningAlgorithm;

/// How long a new asymmetric key is published before it signs: longer than whoever checks tokens should keep published keys.
pub const PUBLISHED_AHEAD: Duration = Duration::from_hours(24);

/// The same for HS256, which only this server's nodes have to hear of.
const KNOWN_AHEAD: Duration = Duration::from_mins(1);

/// Servers take a new key over within seconds; until then they sign with the old one, whose tokens must be believed as long as any.
const TAKE_OVER: Duration = Duration::from_mins(1);

/// What the keys of a folder are for.
#[derive(Debug, Clone)]
pub struct KeyRules {
    /// How tokens are signed; `None` when a secret from elsewhere signs, and the folder only has keys of the time before that.
    pub algorithm: Option<SigningAlgorithm>,
    /// How long a key signs before the next one does; `None` for as long as nobody rotates it by hand.
    pub rotate_every: Option<Duration>,
    /// How long a token is believed after it was made, at most.
    pub token_life: Duration,
}

/// How a key is rotated by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Asymmetric keys are published [`PUBLISHED_AHEAD`]; an HS256 key signs at once.
    Usual,
    /// The new key signs at once; tokens of the last one stay good until they expire.
    AtOnce,
    /// The new key signs at once, and no other is believed any more.
    Compromised,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It does not sign yet.
    Published,
    /// It signs new tokens.
    Signs,
    /// Only tokens that it signed before are believed.
    Verifies,
    /// Nothing of it is believed any more.
    Over,
}

/// A folder of signing keys.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
    rules: KeyRules,
}

/// What is due at a folder's keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Due {
    /// Keys that are over for long are to be dropped.
    drop: bool,
    /// Keys of other algorithms are to be given their end.
    retire: bool,
    /// The end of the key that signs is to be taken back.
    revive: bool,
    /// A key is to be made that signs from then on.
    make: Option<DateTime<Utc>>,
}

impl KeyFolder {
    /// The folder at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, rules: KeyRules) -> Self {
        Self { path: path.into(), rules }
    }

    pub(super) fn rules(&self) -> &KeyRules {
        &self.rules
    }

    /// Reads the keys, for a server that starts: makes the first one when there is none, and gives an end to those of other algorithms.
    ///
    /// Several processes may do this at once: one makes the key, all read the same.
    ///
    /// # Errors
    /// [`KeyFileError`], when the folder cannot be made or written, or its file is readable by others or not ours.
    pub fn open(&self, now: DateTime<Utc>) -> Result<StoredKeys, KeyFileError> {
        let keys = StoredKeys::read(&self.path)?;
        if keys.is_none() && self.rules.algorithm.is_none() {
            return Ok(StoredKeys::default());
        }
        match keys {
            Some(keys) if self.due_at_start(&keys, now).is_nothing() => Ok(keys),
            _ => self.change(now, Self::due_at_start),
        }
    }

    /// The keys as they are; `None` when there are none yet.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn look(&self) -> Result<Option<StoredKeys>, KeyFileError> {
        StoredKeys::read(&self.path)
    }

    /// Does what is due, and answers the keys; `known` are those of the last look.
    pub(super) fn tend(&self, known: &StoredKeys, now: DateTime<Utc>) -> Result<StoredKeys, KeyFileError> {
        let Some(keys) = known.read_again(&self.path)? else {
            let never_were = known.iter().next().is_none();
            return if never_were { Ok(known.clone()) } else { Err(KeyFileError::Gone(self.path.clone())) };
        };
        if self.due(&keys, now).is_nothing() { Ok(keys) } else { self.change(now, Self::due) }
    }

    /// Makes a new key, by hand. A key that was published and has not signed yet gives way to it.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn rotate(&self, rotation: Rotation, now: DateTime<Utc>) -> Result<StoredKeys, KeyFileError> {
        let Some(algorithm) = self.rules.algorithm else { return self.open(now) };
        let _lock = lock(&self.path)?;
        let mut keys: Vec<StoredKey> = StoredKeys::read(&self.path)?.unwrap_or_default().iter().cloned().collect();
        keys.retain(|key| key.sign_from <= now || key.algorithm() != algorithm);
        // One that is over stays so: it may have been stolen.
        let is_last = |key: &StoredKey| key.algorithm() == algorithm && key.verify_until.is_none_or(|end| end > now);
        let has_last = keys.iter().any(is_last);
        let ahead = rotation == Rotation::Usual && algorithm.is_asymmetric() && has_last;
        let sign_from = if ahead { now + PUBLISHED_AHEAD } else { now };
        if rotation == Rotation::Compromised {
            for key in &mut keys {
                end_by(key, now);
            }
        } else if let Some(last) = keys.iter_mut().find(|key| is_last(key)) {
            // Not the earlier end that a key which gave way had set for it.
            last.verify_until = Some(self.end_of_tokens(sign_from));
        }
        keys.retain(|key| !self.is_long_over(key, now));
        keys.insert(0, StoredKey::generate(algorithm, now, sign_from));
        StoredKeys::write(keys, &self.path)
    }

    /// When the last token that was signed until `moment` is expired.
    pub(super) fn end_of_tokens(&self, moment: DateTime<Utc>) -> DateTime<Utc> {
        later(moment, self.rules.token_life + TAKE_OVER)
    }

    /// Does what `due` says, behind the lock: what was read before it may be changed by now.
    fn change(
        &self,
        now: DateTime<Utc>,
        due: impl Fn(&Self, &StoredKeys, DateTime<Utc>) -> Due,
    ) -> Result<StoredKeys, KeyFileError> {
        let _lock = lock(&self.path)?;
        let found = StoredKeys::read(&self.path)?.unwrap_or_default();
        let due = due(self, &found, now);
        if due.is_nothing() {
            return Ok(found);
        }
        let mut keys: Vec<StoredKey> = found.iter().cloned().collect();
        if due.drop {
            keys.retain(|key| !self.is_long_over(key, now));
        }
        if due.retire {
            let until = self.end_of_tokens(now);
            keys.retain(|key| key.sign_from <= now || !self.is_of_another(key));
            keys.iter_mut().filter(|key| self.is_of_another(key)).for_each(|key| end_by(key, until));
        }
        if due.revive
            && let Some(signing) = self.signing(&found, now)
            && let Some(key) = keys.iter_mut().find(|key| key.kid == signing.kid)
        {
            key.verify_until = None;
        }
        if let (Some(sign_from), Some(algorithm)) = (due.make, self.rules.algorithm) {
            let until = self.end_of_tokens(sign_from);
            keys.iter_mut().filter(|key| !self.is_of_another(key)).for_each(|key| end_by(key, until));
            keys.insert(0, StoredKey::generate(algorithm, now, sign_from));
        }
        StoredKeys::write(keys, &self.path)
    }

    /// What is due at any time.
    fn due(&self, keys: &StoredKeys, now: DateTime<Utc>) -> Due {
        let drop = self.rules.algorithm.is_some() && keys.iter().any(|key| self.is_long_over(key, now));
        // A key that ends before a token made now would cannot sign it. So it is when a server with another algorithm was started over this folder.
        let can_sign = |key: &StoredKey| key.verify_until.is_none_or(|until| until >= now + self.rules.token_life);
        Due { drop, make: self.next_key(keys, now, can_sign), ..Due::default() }
    }

    /// What is due when a server starts. Only then do keys of other algorithms end: while servers are restarted one after the other with a
    /// new setting, those with the old one must not take the keys of the others away.
    fn due_at_start(&self, keys: &StoredKeys, now: DateTime<Utc>) -> Due {
        let until = self.end_of_tokens(now);
        let retire = keys.iter().any(|key| self.is_of_another(key) && key.verify_until.is_none_or(|end| end > until));
        // The algorithm was changed and changed back: the key that others know goes on.
        let ends = |key: &StoredKey| key.verify_until.is_some_and(|end| end > now) && !has_successor(keys, key);
        let revive = self.signing(keys, now).is_some_and(ends);
        if revive {
            return Due { retire, revive, make: self.next_key(keys, now, |_| true), ..self.due(keys, now) };
        }
        Due { retire, ..self.due(keys, now) }
    }

    /// When the next key is to sign, if it is time to make it.
    fn next_key(
        &self,
        keys: &StoredKeys,
        now: DateTime<Utc>,
        can_sign: impl Fn(&StoredKey) -> bool,
    ) -> Option<DateTime<Utc>> {
        let algorithm = self.rules.algorithm?;
        let Some(signing) = self.signing(keys, now).filter(|key| can_sign(key)) else { return Some(now) };
        let ahead = if algorithm.is_asymmetric() { PUBLISHED_AHEAD } else { KNOWN_AHEAD };
        let is_time = self.rules.rotate_every.is_some_and(|every| later(signing.sign_from, every) <= now + ahead);
        (is_time && !has_successor(keys, signing)).then(|| now + ahead)
    }

    fn signing<'k>(&self, keys: &'k StoredKeys, now: DateTime<Utc>) -> Option<&'k StoredKey> {
        keys.signing(self.rules.algorithm?, now)
    }

    /// Whether this folder's rules have no key like it made.
    fn is_of_another(&self, key: &StoredKey) -> bool {
        match self.rules.algorithm {
            Some(algorithm) => key.algorithm() != algorithm,
            // The secret that signs instead takes the place of HS256 keys; they are left for the day when it is taken away.
            None => key.algorithm().is_asymmetric(),
        }
    }

    /// Whether a key may be dropped. It stays for a while after its end: how old the oldest key is says since when a secret from elsewhere does
    /// not sign any more.
    fn is_long_over(&self, key: &StoredKey, now: DateTime<Utc>) -> bool {
        key.verify_until.is_some_and(|until| self.end_of_tokens(until) <= now)
    }
}

impl Due {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Whether there is a newer key of the same algorithm.
fn has_successor(keys: &StoredKeys, key: &StoredKey) -> bool {
    keys.iter().any(|other| other.algorithm() == key.algorithm() && other.sign_from > key.sign_from)
}

/// `by` after `moment`, which a file may have set to the end of all times.
fn later(moment: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let sum = TimeDelta::from_std(by).ok().and_then(|by| moment.checked_add_signed(by));
    sum.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Ends a key at `until`, if it does not end before.
fn end_by(key: &mut StoredKey, until: DateTime<Utc>) {
    key.verify_until = Some(key.verify_until.map_or(until, |end| end.min(until)));
}

impl StoredKeys {
    /// The key of `algorithm` that signs at `now`: the newest whose time has come, or the oldest when the clock was set back behind that.
    #[must_use]
    pub fn signing(&self, algorithm: SigningAlgorithm, now: DateTime<Utc>) -> Option<&StoredKey> {
        let of_algorithm = || self.iter().filter(|key| key.algorithm() == algorithm);
        of_algorithm().find(|key| key.sign_from <= now).or_else(|| of_algorithm().last())
    }
}

impl StoredKey {
    /// Where it is in its life at `now`; `signing` is the key that signs.
    #[must_use]
    pub fn phase(&self, signing: Option<&Self>, now: DateTime<Utc>) -> Phase {
        match signing {
            _ if self.verify_until.is_some_and(|until| until <= now) => Phase::Over,
            Some(signing) if signing.kid == self.kid => Phase::Signs,
            Some(signing) if signing.algorithm() == self.algorithm() && self.sign_from > now => Phase::Published,
            _ => Phase::Verifies,
        }
    }
}
