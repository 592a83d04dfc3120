//! The local issuer: mints access tokens with its own HMAC keys, and knows them again.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::claims::Claims;
use super::clock::Clock;
use super::jws::Compact;
use super::key_file::{KeyFileError, StoredKey, StoredKeys};
use super::keys::VerifyingKey;
use super::random;
use super::rejection::Rejection;
use super::scopes::Scopes;

/// No access token lives longer, whatever the settings were when it was made.
pub const MAX_ACCESS_TTL: Duration = Duration::from_hours(24);

/// Shortest HMAC secret, in bytes: as long as the hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The client that `/api/login` gives tokens to.
pub const OWN_CLIENT_ID: &str = "tokenhouse";

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

/// An access token just made.
#[derive(Clone)]
pub struct Minted {
    /// The token itself: a secret until it expires.
    pub token: String,
    /// How long it lives.
    pub expires_in: Duration,
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

/// The claims of the contract, in the order in which a person likes to read them.
#[derive(Serialize)]
struct AccessToken<'a> {
    ver: u8,
    jti: String,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    sub: &'a str,
    uid: &'a str,
    cid: &'a str,
    client_id: &'a str,
    sid: &'a str,
    scp: &'a Scopes,
    scope: String,
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

    /// Makes an access token for a user (RFC 9068) of the session `session_id`, which ends at `session_end` in seconds since 1970: the token
    /// does not outlive it.
    ///
    /// # Panics
    /// Never for any input: HMAC over JSON of strings and numbers does not fail.
    #[must_use]
    #[expect(clippy::expect_used, reason = "strings and numbers always become JSON, and HMAC signs any bytes")]
    pub fn mint_for_user(&self, user_id: &str, session_id: &str, session_end: i64, scopes: &Scopes) -> Minted {
        let ring = self.ring.load();
        let iat = self.clock.unix_seconds();
        let session_left = Duration::from_secs(session_end.saturating_sub(iat).try_into().unwrap_or(0));
        let expires_in = self.settings.access_ttl.min(MAX_ACCESS_TTL).min(session_left);
        let claims = AccessToken {
            ver: 1,
            jti: format!("AT.{}", random::base64url(&random::bytes::<18>())),
            iss: &self.settings.issuer,
            aud: &self.settings.audience,
            iat,
            exp: iat.saturating_add_unsigned(expires_in.as_secs()),
            sub: user_id,
            uid: user_id,
            cid: OWN_CLIENT_ID,
            client_id: OWN_CLIENT_ID,
            sid: session_id,
            scp: scopes,
            scope: scopes.to_string(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(ring.signing_kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &ring.signing_key).expect("HMAC over JSON does not fail");
        Minted { token, expires_in }
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

    fn check_claims(&self, claims: &Claims, now: i64, leeway: i64) -> Result<(), Rejection> {
        check_times(claims, now, leeway)?;
        let issued_at = claims.issued_at.ok_or(Rejection::Lifetime)?;
        let longest = i64::try_from(MAX_ACCESS_TTL.as_secs()).unwrap_or(i64::MAX);
        if claims.expires_at.saturating_sub(issued_at) > longest {
            return Err(Rejection::Lifetime);
        }
        if !claims.audience.contains(&self.settings.audience) {
            return Err(Rejection::Audience);
        }
        if claims.client_id.as_deref() != Some(OWN_CLIENT_ID) {
            return Err(Rejection::Client);
        }
        // All its tokens are users' tokens of a session, so one without is not its own, whoever signed it.
        if claims.subject.is_empty()
            || claims.user_id.as_deref() != Some(claims.subject.as_str())
            || claims.session_id.is_none()
        {
            return Err(Rejection::Subject);
        }
        Ok(())
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

/// `typ` of RFC 9068, section 2.1, with or without its prefix, in any case (RFC 7515, section 4.1.9).
pub(super) fn is_access_token_type(typ: Option<&str>) -> bool {
    typ.is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt"))
}

/// `exp`, `nbf` and `iat`, all in seconds since 1970, with clocks that may differ by `leeway`.
pub(super) fn check_times(claims: &Claims, now: i64, leeway: i64) -> Result<(), Rejection> {
    if now >= claims.expires_at.saturating_add(leeway) {
        return Err(Rejection::Expired);
    }
    let latest = now.saturating_add(leeway);
    if claims.not_before.is_some_and(|nbf| nbf > latest) || claims.issued_at.is_some_and(|iat| iat > latest) {
        return Err(Rejection::NotYetValid);
    }
    Ok(())
}
