//! The file with the local issuer's signing keys.
//!
//! It is a JWK Set (RFC 7517) with three more members for each key, and it is readable by its owner only.

mod jwk;
mod rsa;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};

use self::jwk::PrivateJwk;
pub use self::jwk::PublicJwk;
use super::random;
use super::signing_key::{SigningAlgorithm, SigningKey};
use crate::private_files::{lock_folder, mode_for_others, replace_file};
use crate::shell::quoted;

const FILE_NAME: &str = "signing-keys.json";

/// More than an RSA key takes in the file.
const BYTES_PER_KEY: usize = 4096;

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
        "{path} can be read by others than its owner: whoever reads it can make tokens; run `chmod 600 {}` and `tokenhouse key rotate --compromised`",
        quoted(&path.display().to_string())
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
    /// The key of secrets at rest, which cannot be made anew.
    #[error("{path}, the key that the secrets of authenticator apps are encrypted with, {why}")]
    DataKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        why: &'static str,
    },
    /// It was there before.
    #[error("the signing keys in {0} are gone; restore them from a backup, or restart to have new ones made")]
    Gone(PathBuf),
    /// There are keys, and none for the algorithm in force.
    #[error(
        "there are signing keys, and none for the algorithm in force: whoever has them signs with another; believe his published keys, as those of a remote issuer"
    )]
    NoneSigns,
}

/// One signing key as it is kept.
#[derive(Clone)]
pub struct StoredKey {
    /// Its name in the `kid` of tokens.
    pub kid: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it begins to sign; until then it is only published.
    pub sign_from: DateTime<Utc>,
    /// The moment from which its tokens are not believed any more, once that is known.
    pub verify_until: Option<DateTime<Utc>>,
    /// The key itself.
    pub(super) key: Arc<SigningKey>,
}

impl StoredKey {
    pub(super) fn generate(algorithm: SigningAlgorithm, now: DateTime<Utc>, sign_from: DateTime<Utc>) -> Self {
        Self {
            kid: random::base64url(&random::bytes::<12>()),
            created_at: now,
            sign_from,
            verify_until: None,
            key: Arc::new(SigningKey::generate(algorithm)),
        }
    }

    /// The one algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.key.algorithm()
    }
}

/// All signing keys, the newest first.
#[derive(Clone, Default)]
pub struct StoredKeys {
    keys: Vec<StoredKey>,
    /// SHA-256 of the file that has them, so that a change is seen without reading keys anew each time.
    digest: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JwkSet {
    keys: Vec<PrivateJwk>,
}

impl StoredKeys {
    /// Each key, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter()
    }

    /// The keys in the folder `key_dir`; `None` when there is no file of them.
    pub(super) fn read(key_dir: &Path) -> Result<Option<Self>, KeyFileError> {
        Self::default().read_again(key_dir)
    }

    /// The keys in the folder `key_dir`, which cost little when they are those that were read before; `None` when there is no file of them.
    pub(super) fn read_again(&self, key_dir: &Path) -> Result<Option<Self>, KeyFileError> {
        let path = &key_dir.join(FILE_NAME);
        let text = match fs::read(path) {
            Ok(text) => SecretSlice::from(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("read", path)(e)),
        };
        refuse_readable_by_others(path)?;
        let digest = digest_of(text.expose_secret());
        if self.is_of(&digest) {
            return Ok(Some(self.clone()));
        }
        let keys = parse(text.expose_secret());
        let keys = keys.map_err(|why| KeyFileError::Malformed { path: path.clone(), why })?;
        Ok(Some(Self::new(keys, digest)))
    }

    /// Makes `keys` those of the folder `key_dir`. Its file is replaced as a whole: a crash leaves the old one or the new one.
    pub(super) fn write(keys: Vec<StoredKey>, key_dir: &Path) -> Result<Self, KeyFileError> {
        let path = &key_dir.join(FILE_NAME);
        let set = set_of(&keys).ok_or_else(|| io::Error::other("a key cannot be taken apart"));
        let set = set.map_err(io_error("write", path))?;
        // With room for all, so that no part of it stays behind in memory when it grows.
        let mut text = Zeroizing::new(Vec::with_capacity(BYTES_PER_KEY * (keys.len() + 1)));
        serde_json::to_writer_pretty(&mut *text, &set).map_err(io::Error::other).map_err(io_error("write", path))?;
        replace_file(path, &text).map_err(io_error("write", path))?;
        Ok(Self::new(keys, digest_of(&text)))
    }

    fn new(mut keys: Vec<StoredKey>, digest: Vec<u8>) -> Self {
        keys.sort_by_key(|key| Reverse(key.sign_from));
        Self { keys, digest }
    }

    /// Whether `other` was read from the same text.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.is_of(&other.digest)
    }

    fn is_of(&self, digest: &[u8]) -> bool {
        self.digest == digest
    }
}

/// The keys that a file says; in words, what is wrong with it.
pub(super) fn parse(text: &[u8]) -> Result<Vec<StoredKey>, String> {
    let set: JwkSet = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let keys = set.keys.iter().map(PrivateJwk::to_stored).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err("it has no key".to_owned());
    }
    let kids: HashSet<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
    if kids.len() < keys.len() {
        return Err("two of its keys have one \"kid\"".to_owned());
    }
    Ok(keys)
}

/// The file of `keys`; `None` when one cannot be taken apart.
pub(super) fn set_of(keys: &[StoredKey]) -> Option<JwkSet> {
    Some(JwkSet { keys: keys.iter().map(PrivateJwk::of).collect::<Option<Vec<_>>>()? })
}

fn digest_of(text: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, text).as_ref().to_vec()
}

/// Holds other processes off while a key is made; dropping it lets them in.
pub(super) fn lock(key_dir: &Path) -> Result<File, KeyFileError> {
    lock_folder(key_dir).map_err(io_error("make or lock the folder", key_dir))
}

pub(crate) fn io_error<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> KeyFileError + 'p {
    move |source| KeyFileError::Io { doing, path: path.to_owned(), source }
}

fn refuse_readable_by_others(path: &Path) -> Result<(), KeyFileError> {
    match mode_for_others(path).map_err(io_error("read", path))? {
        0 => Ok(()),
        _ => Err(KeyFileError::ReadableByOthers { path: path.to_owned() }),
    }
}
