//! The local issuer: mints access tokens with its own HMAC keys, and knows them again.

mod check;
mod mint;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};

pub(super) use self::check::{check_times, is_access_token_type};
pub use self::mint::Minted;
use super::clock::Clock;
use super::jws::Compact;
use super::key_file::{KeyFileError, StoredKey, StoredKeys};
use super::keys::VerifyingKey;
use super::random;
use super::rejection::Rejection;

/// No access token lives longer, whatever the settings were when it was made.
pub const MAX_ACCESS_TTL: Duration = Duration::from_hours(24);

/// Shortest HMAC secret, in bytes: as long as the hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The client that `/api/login` gives tokens to.
pub const OWN_CLIENT_ID: &str = "tokenhouse";

/// How the ids of all other clients begin, as Okta's do: so none equals a user's id (RFC 9700, section 4.15).
pub const CLIENT_ID_PREFIX: &str = "0oa";

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

/// Why a secret cannot be used to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an HS256 secret needs at least {MIN_SECRET_BYTES} bytes, this one has {bytes}; `openssl rand -base64 32` makes one"
)]
pub struct SecretTooShort {
    bytes: usize,
}

/// The local issuer (HS256): mints access tokens and keeps the keys they are checked with.
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
}

struct KeyRing {
    signing_kid: String,
    signing_key: EncodingKey,
    verifying: HashMap<String, RingKey>,
}

struct RingKey {
    key: VerifyingKey,
    /// Seconds since 1970 from which its tokens are not believed any more.
    until: Option<i64>,
}

impl LocalIssuer {
    /// An issuer whose one key is `secret`, taken as the bytes of its text.
    ///
    /// # Errors
    /// [`SecretTooShort`], when it has fewer than [`MIN_SECRET_BYTES`] bytes.
    pub fn with_secret(settings: LocalSettings, secret: &SecretString, clock: Clock) -> Result<Self, SecretTooShort> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretTooShort { bytes: secret.len() });
        }
        // The kid must be the same on every node that has the secret, and must not help to guess it.
        let kid = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"tokenhouse kid");
        let kid = random::base64url(kid.as_ref().get(..12).unwrap_or_default());
        Ok(Self::new(settings, clock, KeyRing::new(kid, secret)))
    }

    /// An issuer with the keys in the folder `key_dir`, which are made when there are none.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn with_key_dir(settings: LocalSettings, key_dir: &Path, clock: Clock) -> Result<Self, KeyFileError> {
        let keys = StoredKeys::open_or_create(key_dir, clock.now())?;
        let ring = KeyRing::from_stored(&keys)
            .ok_or_else(|| KeyFileError::Malformed { path: key_dir.to_owned(), why: "it has no key".to_owned() })?;
        Ok(Self::new(settings, clock, ring))
    }

    fn new(settings: LocalSettings, clock: Clock, ring: KeyRing) -> Self {
        Self { settings, clock, ring: ArcSwap::from_pointee(ring), generation: AtomicU64::new(0) }
    }

    /// Takes over keys that were read anew, after a rotation.
    pub fn replace_keys(&self, keys: &StoredKeys) {
        if let Some(ring) = KeyRing::from_stored(keys) {
            self.ring.store(Arc::new(ring));
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// Its name, the `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The `kid` of the key that signs now.
    #[must_use]
    pub fn signing_kid(&self) -> String {
        self.ring.load().signing_kid.clone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Every check on a token that says it is from this issuer, except whether its session stands. Gives the second since 1970 from which its
    /// key is not believed any more, when the key is a retired one.
    pub(super) fn check(&self, token: &Compact<'_>, leeway: i64) -> Result<Option<i64>, Rejection> {
        let now = self.clock.unix_seconds();
        let kid = token.header.kid.as_deref().ok_or(Rejection::KeyNotNamed)?;
        let ring = self.ring.load();
        let key = ring.verifying.get(kid).ok_or(Rejection::UnknownKey)?;
        if key.until.is_some_and(|until| now >= until) {
            return Err(Rejection::UnknownKey);
        }
        key.key.check(&token.header.alg, token.signed, token.signature)?;
        if !is_access_token_type(token.header.typ.as_deref()) {
            return Err(Rejection::Type);
        }
        self.check_claims(&token.claims, now, leeway)?;
        Ok(key.until)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl KeyRing {
    fn new(kid: String, secret: &[u8]) -> Self {
        Self {
            verifying: HashMap::from([(kid.clone(), RingKey::new(secret, None))]),
            signing_kid: kid,
            signing_key: EncodingKey::from_secret(secret),
        }
    }

    fn from_stored(keys: &StoredKeys) -> Option<Self> {
        let ring_key =
            |key: &StoredKey| RingKey::new(key.secret.expose_secret(), key.verify_until.map(|until| until.timestamp()));
        let signing = keys.0.first()?;
        Some(Self {
            signing_kid: signing.kid.clone(),
            signing_key: EncodingKey::from_secret(signing.secret.expose_secret()),
            verifying: keys.0.iter().map(|key| (key.kid.clone(), ring_key(key))).collect(),
        })
    }
}

impl RingKey {
    fn new(secret: &[u8], until: Option<i64>) -> Self {
        Self { key: VerifyingKey { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) }, until }
    }
}
