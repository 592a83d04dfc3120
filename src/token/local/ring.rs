//! The keys of the local issuer as they are used: parsed, found by their `kid`, the one that signs chosen by the clock.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::MIN_SECRET_BYTES;
use crate::token::key_file::{PublicJwk, StoredKey, StoredKeys};
use crate::token::key_folder::KeyFolder;
use crate::token::keys::VerifyingKey;
use crate::token::random;
use crate::token::signing_key::{SigningAlgorithm, SigningKey};

/// Why a secret cannot be used to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an HS256 secret needs at least {MIN_SECRET_BYTES} bytes, this one has {bytes}; `openssl rand -base64 32` makes one"
)]
pub struct SecretTooShort {
    bytes: usize,
}

/// An HS256 key that comes from elsewhere and takes the place of the HS256 keys of a folder.
#[derive(Clone)]
pub struct HmacSecret {
    kid: String,
    key: Arc<SigningKey>,
}

impl HmacSecret {
    /// The bytes of the text `secret`.
    ///
    /// # Errors
    /// [`SecretTooShort`], when it has fewer than [`MIN_SECRET_BYTES`] bytes.
    pub fn new(secret: &SecretString) -> Result<Self, SecretTooShort> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretTooShort { bytes: secret.len() });
        }
        // The kid must be the same on every node that has the secret, and must not help to guess it.
        let kid = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"tokenhouse kid");
        let kid = random::base64url(kid.as_ref().get(..12).unwrap_or_default());
        Ok(Self { kid, key: Arc::new(SigningKey::hmac(SecretSlice::from(secret.to_vec()))) })
    }
}

/// The keys of one moment. All that parsing can do is done.
pub(super) struct KeyRing {
    /// Those of the algorithm in force, the newest first; there is one at least.
    signers: Vec<Signer>,
    verifying: HashMap<String, RingKey>,
    /// Public halves, with the second since 1970 from which they are not shown any more.
    public: Vec<(PublicJwk, Option<i64>)>,
}

/// A key that signs, or will.
pub(super) struct Signer {
    pub kid: String,
    /// The header of its tokens, base64url: always the same.
    pub header: String,
    pub key: Arc<SigningKey>,
    /// Seconds since 1970.
    sign_from: i64,
}

/// A key that signatures are checked with.
pub(super) struct RingKey {
    pub key: VerifyingKey,
    /// Seconds since 1970 from which its tokens are not believed any more.
    pub until: Option<i64>,
}

impl KeyRing {
    pub fn of_secret(secret: &HmacSecret) -> Self {
        let mut ring = Self { signers: Vec::new(), verifying: HashMap::new(), public: Vec::new() };
        ring.add(&secret.kid, &secret.key, None);
        ring.signers.push(Signer::new(&secret.kid, &secret.key, i64::MIN));
        ring
    }

    /// The keys of `folder`, and `secret`, which takes the place of its HS256 keys; `None` when there is no key that signs.
    pub fn of_folder(folder: &KeyFolder, keys: &StoredKeys, secret: Option<&HmacSecret>) -> Option<Self> {
        let algorithm = folder.rules().algorithm;
        let mut ring = match (secret, algorithm) {
            (Some(secret), None) => Self::of_secret(secret),
            _ => Self { signers: Vec::new(), verifying: HashMap::new(), public: Vec::new() },
        };
        let counts = |key: &&StoredKey| secret.is_none() || key.algorithm().is_asymmetric();
        for key in keys.iter().filter(counts) {
            ring.add(&key.kid, &key.key, key.verify_until);
            if Some(key.algorithm()) == algorithm {
                ring.signers.push(Signer::new(&key.kid, &key.key, key.sign_from.timestamp()));
            }
        }
        if let (Some(secret), Some(_)) = (secret, algorithm) {
            // It signed, if ever, until the first asymmetric key was made.
            let oldest = keys.iter().filter(counts).map(|key| key.created_at).min();
            ring.add(&secret.kid, &secret.key, oldest.map(|made| folder.end_of_tokens(made)));
        }
        (!ring.signers.is_empty()).then_some(ring)
    }

    fn add(&mut self, kid: &str, key: &SigningKey, until: Option<DateTime<Utc>>) {
        let until = until.map(|until| until.timestamp());
        self.verifying.extend(key.verifying().map(|key| (kid.to_owned(), RingKey { key, until })));
        self.public.extend(PublicJwk::of(kid, key).map(|public| (public, until)));
    }

    /// The key that signs at `now`, in seconds since 1970: the newest whose time has come, or the oldest when the clock was set back behind that.
    pub fn signer(&self, now: i64) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.sign_from <= now).or(self.signers.last())
    }

    /// The key of `kid`, if it is believed at `now`, in seconds since 1970.
    pub fn verifying(&self, kid: &str, now: i64) -> Option<&RingKey> {
        self.verifying.get(kid).filter(|key| key.until.is_none_or(|until| now < until))
    }

    /// The names of all keys that are believed at `now`.
    pub fn verifying_kids(&self, now: i64) -> impl Iterator<Item = &str> {
        let believed = move |key: &RingKey| key.until.is_none_or(|until| now < until);
        self.verifying.iter().filter(move |(_, key)| believed(key)).map(|(kid, _)| kid.as_str())
    }

    /// The public halves of all keys whose tokens may be believed at `now`, in seconds since 1970, or will be.
    pub fn public(&self, now: i64) -> impl Iterator<Item = &PublicJwk> {
        self.public.iter().filter(move |(_, until)| until.is_none_or(|until| now < until)).map(|(key, _)| key)
    }
}

impl Signer {
    fn new(kid: &str, key: &Arc<SigningKey>, sign_from: i64) -> Self {
        let algorithm: SigningAlgorithm = key.algorithm();
        let header = serde_json::json!({ "typ": "at+jwt", "alg": algorithm, "kid": kid });
        let header = random::base64url(header.to_string().as_bytes());
        Self { kid: kid.to_owned(), header, key: Arc::clone(key), sign_from }
    }
}
