//! The file with the local issuer's signing keys.
//!
//! It is a JWK Set (RFC 7517) with two more members for each key, and it is readable by its owner only.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};

use super::random;
use crate::private_files::{lock_folder, mode_for_others, replace_file};

const FILE_NAME: &str = "signing-keys.json";

/// Why the signing keys could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The operating system refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "{path} can be read by others than its owner: whoever reads it can make tokens; run `chmod 600 {path}` and `tokenhouse key rotate`"
    )]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// Not the JSON this crate writes.
    #[error(
        "{path} is not a file of signing keys: {why}; restore it from a backup, or move it away to have new keys made"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// One signing key as it is kept.
#[derive(Clone)]
pub struct StoredKey {
    /// Its name in the `kid` of tokens.
    pub kid: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// `None` for the key that signs; else the moment until which its tokens are still believed.
    pub verify_until: Option<DateTime<Utc>>,
    /// The key itself.
    pub secret: SecretSlice<u8>,
}

/// All signing keys; the one that signs comes first.
#[derive(Clone)]
pub struct StoredKeys(pub(super) Vec<StoredKey>);

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    alg: String,
    kid: String,
    k: String,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_until: Option<DateTime<Utc>>,
}

impl StoredKeys {
    /// Reads the keys in the folder `key_dir`; when there are none, makes one and writes it, with mode 0600.
    ///
    /// Several processes may do this at once: one makes the key, all read the same.
    ///
    /// # Errors
    /// [`KeyFileError`], when the folder cannot be made or written, or its file is readable by others or not ours.
    pub fn open_or_create(key_dir: &Path, now: DateTime<Utc>) -> Result<Self, KeyFileError> {
        let path = key_dir.join(FILE_NAME);
        if let Some(keys) = Self::read(&path)? {
            return Ok(keys);
        }
        let _lock = lock(key_dir)?;
        if let Some(keys) = Self::read(&path)? {
            return Ok(keys);
        }
        let keys = Self(vec![StoredKey::generate(now)]);
        keys.write(&path)?;
        Ok(keys)
    }

    /// Reads the keys in the folder `key_dir`; `None` when there are none yet.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(key_dir: &Path) -> Result<Option<Self>, KeyFileError> {
        Self::read(&key_dir.join(FILE_NAME))
    }

    /// Makes a new key that signs from now on; the last one is believed until `verify_until`, and keys past theirs are dropped.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn rotate(key_dir: &Path, now: DateTime<Utc>, verify_until: DateTime<Utc>) -> Result<Self, KeyFileError> {
        let path = key_dir.join(FILE_NAME);
        let _lock = lock(key_dir)?;
        let mut keys = Self::read(&path)?.unwrap_or(Self(Vec::new())).0;
        for key in &mut keys {
            key.verify_until.get_or_insert(verify_until);
        }
        keys.retain(|key| key.verify_until.is_some_and(|until| until > now));
        keys.insert(0, StoredKey::generate(now));
        let keys = Self(keys);
        keys.write(&path)?;
        Ok(keys)
    }

    /// Each key, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &StoredKey> {
        self.0.iter()
    }

    fn read(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let text = match fs::read(path) {
            Ok(text) => SecretSlice::from(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("read", path)(e)),
        };
        refuse_readable_by_others(path)?;
        let malformed = |why: String| KeyFileError::Malformed { path: path.to_owned(), why };
        let set: JwkSet = serde_json::from_slice(text.expose_secret()).map_err(|e| malformed(e.to_string()))?;
        let keys = set.keys.into_iter().map(StoredKey::try_from).collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        match keys.as_slice() {
            [signing, rest @ ..]
                if signing.verify_until.is_none() && rest.iter().all(|key| key.verify_until.is_some()) =>
            {
                Ok(Some(Self(keys)))
            }
            _ => Err(malformed("its first key and no other must be without \"verify_until\"".to_owned())),
        }
    }

    /// Replaces the file as a whole: a crash leaves the old one or the new one.
    fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let set = JwkSet { keys: self.0.iter().map(Jwk::from).collect() };
        let text = serde_json::to_vec_pretty(&set).map_err(io::Error::other).map_err(io_error("write", path))?;
        let text = SecretSlice::from(text);
        replace_file(path, text.expose_secret()).map_err(io_error("write", path))
    }
}

impl StoredKey {
    fn generate(now: DateTime<Utc>) -> Self {
        Self {
            kid: random::base64url(&random::bytes::<12>()),
            created_at: now,
            verify_until: None,
            secret: SecretSlice::from(random::bytes::<32>().to_vec()),
        }
    }
}

impl From<&StoredKey> for Jwk {
    fn from(key: &StoredKey) -> Self {
        Self {
            kty: "oct".to_owned(),
            alg: "HS256".to_owned(),
            kid: key.kid.clone(),
            k: random::base64url(key.secret.expose_secret()),
            created_at: key.created_at,
            verify_until: key.verify_until,
        }
    }
}

impl TryFrom<Jwk> for StoredKey {
    type Error = String;

    fn try_from(jwk: Jwk) -> Result<Self, String> {
        if jwk.kty != "oct" || jwk.alg != "HS256" {
            return Err(format!("key {:?} is {}/{}, not oct/HS256", jwk.kid, jwk.kty, jwk.alg));
        }
        let secret = URL_SAFE_NO_PAD.decode(&jwk.k).map_err(|_| format!("key {:?} is not base64url", jwk.kid))?;
        if secret.len() < 32 {
            return Err(format!("key {:?} is shorter than 32 bytes", jwk.kid));
        }
        Ok(Self {
            kid: jwk.kid,
            created_at: jwk.created_at,
            verify_until: jwk.verify_until,
            secret: SecretSlice::from(secret),
        })
    }
}

/// Holds other processes off while a key is made; dropping it lets them in.
fn lock(key_dir: &Path) -> Result<File, KeyFileError> {
    lock_folder(key_dir).map_err(io_error("make or lock the folder", key_dir))
}

pub(crate) fn io_error<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> KeyFileError + 'p {
    move |source| KeyFileError::Io { doing, path: path.to_owned(), source }
}

pub(crate) fn refuse_readable_by_others(path: &Path) -> Result<(), KeyFileError> {
    match mode_for_others(path).map_err(io_error("read", path))? {
        0 => Ok(()),
        _ => Err(KeyFileError::ReadableByOthers { path: path.to_owned() }),
    }
}
