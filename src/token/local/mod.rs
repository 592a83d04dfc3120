//! The local issuer: mints access tokens with its own keys, and knows them again.

mod check;
mod mint;
mod ring;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::Algorithm;
use secrecy::SecretString;

pub(super) use self::check::{Audience, check_times, is_access_token_type};
pub use self::mint::Minted;
#[cfg(feature = "server")]
pub(crate) use self::mint::{NewToken, UserSession};
use self::ring::KeyRing;
pub use self::ring::{HmacSecret, SecretTooShort};
use super::checks::{CheckName, Witness};
use super::clock::Clock;
use super::jws::Compact;
use super::key_file::{KeyFileError, PublicJwk, StoredKeys};
use super::key_folder::{KeyFolder, KeyRules};
use super::rejection::Rejection;
use super::signing_key::SigningAlgorithm;

/// No access token lives longer, whatever the settings were when it was made.
pub const MAX_ACCESS_TTL: Duration = Duration::from_hours(24);

/// Shortest HMAC secret, in bytes: as long as the hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The client that `/api/login` gives tokens to.
pub const OWN_CLIENT_ID: &str = "tokenhouse";

/// How the ids of all other clients begin, as Okta's do: so none equals a user's id (RFC 9700, section 4.15).
pub const CLIENT_ID_PREFIX: &str = "0oa";

/// More than clocks may differ by any setting of the server.
const MOST_LEEWAY: Duration = Duration::from_mins(5);

/// What the local issuer writes into its tokens.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// How long an access token lives; at most [`MAX_ACCESS_TTL`].
    pub access_ttl: Duration,
}

/// The local issuer: mints access tokens and keeps the keys they are checked with.
///
/// ```
/// use std::time::Duration;
/// use tokenhouse::token::{Clock, LocalIssuer, LocalSettings, Scopes};
///
/// let settings = LocalSettings {
///     issuer: "http://localhost:3000/oauth2/default".into(),
///     audience: "api://default".into(),
///     access_ttl: Duration::from_secs(3600),
/// };
/// let secret = "4kJ0tP1yUq8Zr3xN6vB9cM2wE5sA7dFg".to_string().into();
/// let issuer = LocalIssuer::with_secret(settings, &secret, Clock::system())?;
/// let user = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
/// let minted = issuer.mint_for_user(user, "session-1", i64::MAX, &Scopes::from("openid"));
/// assert_eq!(minted.token.split('.').count(), 3);
/// # Ok::<(), tokenhouse::token::SecretTooShort>(())
/// ```
pub struct LocalIssuer {
    settings: LocalSettings,
    clock: Clock,
    ring: ArcSwap<KeyRing>,
    /// Counts up when the keys change, so that remembered tokens are checked again.
    generation: AtomicU64,
    source: Option<Source>,
}

/// Where the keys come from, when not from a secret alone.
struct Source {
    folder: KeyFolder,
    secret: Option<HmacSecret>,
    /// The keys as they were at the last look.
    known: Mutex<StoredKeys>,
}

/// Whether a look at the key folder found something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tended {
    /// All is as it was.
    Unchanged,
    /// There are other keys, which are in use now.
    Changed,
}

impl LocalIssuer {
    /// An issuer whose one key is `secret`, taken as the bytes of its text (HS256).
    ///
    /// # Errors
    /// [`SecretTooShort`], when it has fewer than [`MIN_SECRET_BYTES`] bytes.
    pub fn with_secret(settings: LocalSettings, secret: &SecretString, clock: Clock) -> Result<Self, SecretTooShort> {
        Ok(Self::new(settings, clock, KeyRing::of_secret(&HmacSecret::new(secret)?), None))
    }

    /// An issuer with the HS256 keys in the folder `key_dir`, which are made when there are none.
    ///
    /// It rotates none itself. Should somebody else, such as a tokenhouse that has the same folder, then call [`tend_keys`](LocalIssuer::tend_keys) every
    /// minute or so: tokens of a key that it has not read are refused.
    ///
    /// # Errors
    /// [`KeyFileError`]; also when there are keys in the folder and none of HS256 signs: their owner signs with another algorithm.
    pub fn with_key_dir(settings: LocalSettings, key_dir: &Path, clock: Clock) -> Result<Self, KeyFileError> {
        let rules = KeyRules {
            algorithm: Some(SigningAlgorithm::HS256),
            rotate_every: None,
            token_life: settings.access_ttl + MOST_LEEWAY,
        };
        let folder = KeyFolder::new(key_dir, rules);
        let others = folder.look()?.filter(|keys| keys.iter().next().is_some());
        if others.is_some_and(|keys| keys.signing(SigningAlgorithm::HS256, clock.now()).is_none()) {
            return Err(KeyFileError::NoneSigns);
        }
        Self::with_key_folder(settings, folder, None, clock)
    }

    /// An issuer with the keys of `folder`, by its rules. `secret` takes the place of its HS256 keys; when the rules name no algorithm, it signs.
    ///
    /// Something must call [`tend_keys`](LocalIssuer::tend_keys) every now and then, or keys are never rotated.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn with_key_folder(
        settings: LocalSettings,
        folder: KeyFolder,
        secret: Option<HmacSecret>,
        clock: Clock,
    ) -> Result<Self, KeyFileError> {
        let known = folder.open(clock.now())?;
        let ring = KeyRing::of_folder(&folder, &known, secret.as_ref()).ok_or(KeyFileError::NoneSigns)?;
        Ok(Self::new(settings, clock, ring, Some(Source { folder, secret, known: Mutex::new(known) })))
    }

    /// An issuer with the keys of `folder` as they are now, for whoever looks at tokens or makes one beside a running server: nothing is written, no key is
    /// made. `None` when there is none that signs.
    #[cfg(feature = "server")]
    pub(crate) fn as_it_is(
        settings: LocalSettings,
        folder: &KeyFolder,
        secret: Option<&HmacSecret>,
        clock: Clock,
    ) -> Result<Option<Self>, KeyFileError> {
        let known = folder.look()?.unwrap_or_default();
        let ring = KeyRing::of_folder(folder, &known, secret);
        Ok(ring.map(|ring| Self::new(settings, clock, ring, None)))
    }

    fn new(settings: LocalSettings, clock: Clock, ring: KeyRing, source: Option<Source>) -> Self {
        Self { settings, clock, ring: ArcSwap::from_pointee(ring), generation: AtomicU64::new(0), source }
    }

    /// Does what is due in the key folder, such as making the next key, and takes over what others did there. It reads a file, and may write it and
    /// make a key, which takes a good part of a second for RSA.
    ///
    /// # Errors
    /// [`KeyFileError`]; the keys in memory go on being used.
    pub fn tend_keys(&self) -> Result<Tended, KeyFileError> {
        let Some(source) = &self.source else { return Ok(Tended::Unchanged) };
        let mut known = source.known.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = source.folder.tend(&known, self.clock.now())?;
        if keys.is_same_as(&known) {
            return Ok(Tended::Unchanged);
        }
        let ring = KeyRing::of_folder(&source.folder, &keys, source.secret.as_ref()).ok_or(KeyFileError::NoneSigns)?;
        *known = keys;
        self.ring.store(Arc::new(ring));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(Tended::Changed)
    }

    /// Its name, the `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The audience of its tokens.
    pub(super) fn audience(&self) -> &str {
        &self.settings.audience
    }

    /// The names of the keys that are believed now.
    pub(super) fn verifying_kids(&self) -> Vec<String> {
        self.ring.load().verifying_kids(self.clock.unix_seconds()).map(ToOwned::to_owned).collect()
    }

    /// The algorithm of the key `kid`, if that is believed now.
    pub(super) fn algorithm_of(&self, kid: &str) -> Option<Algorithm> {
        self.ring.load().verifying(kid, self.clock.unix_seconds()).map(|key| key.key.algorithm)
    }

    /// How long its access tokens live.
    #[cfg(feature = "server")]
    pub(crate) fn access_ttl(&self) -> Duration {
        self.settings.access_ttl
    }

    /// The `kid` of the key that signs now.
    #[must_use]
    pub fn signing_kid(&self) -> String {
        self.ring.load().signer(self.clock.unix_seconds()).map(|signer| signer.kid.clone()).unwrap_or_default()
    }

    /// The public keys that its tokens are checked with, now or soon (RFC 7517, section 5). There is none while it signs with HS256.
    #[must_use]
    pub fn public_keys(&self) -> Vec<PublicJwk> {
        self.ring.load().public(self.clock.unix_seconds()).cloned().collect()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Every check on a token that says it is from this issuer, except whether its session stands. Gives the second since 1970 from which its
    /// key is not believed any more, when the key is a retired one.
    pub(super) fn check(
        &self,
        token: &Compact<'_>,
        audience: Audience,
        leeway: i64,
        witness: &mut impl Witness,
    ) -> Result<Option<i64>, Rejection> {
        let now = self.clock.unix_seconds();
        let signed = self.check_signature(token, now, witness);
        let until = witness.group(signed)?;
        witness.hold(CheckName::Type, is_access_token_type(token.header.typ.as_deref()), Rejection::Type)?;
        self.check_claims(&token.claims, audience, now, leeway, witness)?;
        Ok(until)
    }

    fn check_signature(
        &self,
        token: &Compact<'_>,
        now: i64,
        witness: &mut impl Witness,
    ) -> Result<Option<i64>, Rejection> {
        let kid = witness.need(CheckName::KeyNamed, token.header.kid.as_deref().ok_or(Rejection::KeyNotNamed))?;
        let ring = self.ring.load();
        let key = witness.need(CheckName::KeyKnown, ring.verifying(kid, now).ok_or(Rejection::UnknownKey))?;
        key.key.check_before(token, witness)?;
        Ok(key.until)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
