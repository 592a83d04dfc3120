//! From two PEM files to a certificate with its key.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, server::ParsedCertificate};
use secrecy::zeroize::Zeroizing;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::private_files::mode_that_endangers;

/// No certificate chain and no key is larger; a file that is must be something else.
const LARGEST_FILE: u64 = 1 << 20;

/// `server.tls_certificate` and `server.tls_key`: PEM files, taken anew when they change.
#[derive(Debug, Clone)]
pub struct PairFiles {
    /// The certificate, the server's own first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairFile {
    /// `server.tls_certificate`
    Certificate,
    /// `server.tls_key`
    Key,
}

/// Why a certificate and its key cannot be used. Each begins with what was found and ends with what would be right; none repeats what is in the
/// files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The operating system refused.
    #[error("{path} cannot be read: {why}; want a PEM file that this user can read")]
    Unreadable {
        /// Which of the two.
        file: PairFile,
        /// Where it is.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// It is no text of PEM at all, or one that is cut short.
    #[error("{path} is not PEM: {why}; want a text with -----BEGIN … and -----END … lines, whole")]
    NotPem {
        /// Which of the two.
        file: PairFile,
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is PEM in it, but no certificate.
    #[error(
        "{path} has no certificate in it; want -----BEGIN CERTIFICATE-----, the server's own first, then those that lead to its authority"
    )]
    NoCertificate {
        /// Where it is.
        path: PathBuf,
    },
    /// What stands there as a certificate is none.
    #[error("the first certificate in {path} cannot be read: {why}; want an X.509 certificate of version 3")]
    BadCertificate {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is PEM in it, but no key.
    #[error("{path} has no private key in it; want -----BEGIN PRIVATE KEY-----, or the same with RSA or EC")]
    NoKey {
        /// Where it is.
        path: PathBuf,
    },
    /// The key has a passphrase, and there is nobody to type it.
    #[error(
        "the key in {path} has a passphrase, and nobody is there to type it; want one without: openssl pkey -in {path} -out FILE"
    )]
    EncryptedKey {
        /// Where it is.
        path: PathBuf,
    },
    /// A key of a kind that is not known, or one that is damaged.
    #[error(
        "the key in {path} cannot be used: {why}; want an RSA key of 2048 to 8192 bits, an ECDSA key of P-256, P-384 or P-521, or Ed25519"
    )]
    BadKey {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Others than the owner may read the key.
    #[error(
        "{path} can be read by others than its owner (mode {mode:03o}); want chmod 600 {path}, or 640 where it belongs to root"
    )]
    OpenToOthers {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Two files that do not belong together.
    #[error(
        "the key in {key} is not that of the certificate in {certificate}; want the two files that were issued together"
    )]
    Mismatch {
        /// Where the key is.
        key: PathBuf,
        /// Where the certificate is.
        certificate: PathBuf,
    },
}

impl PairError {
    /// Which of the two files is to be put right.
    #[must_use]
    pub fn file(&self) -> PairFile {
        match self {
            Self::Unreadable { file, .. } | Self::NotPem { file, .. } => *file,
            Self::NoCertificate { .. } | Self::BadCertificate { .. } => PairFile::Certificate,
            Self::NoKey { .. }
            | Self::EncryptedKey { .. }
            | Self::BadKey { .. }
            | Self::OpenToOthers { .. }
            | Self::Mismatch { .. } => PairFile::Key,
        }
    }
}

/// A certificate with its chain and its key.
pub(crate) struct Pair {
    pub certified: Arc<CertifiedKey>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// It vouches for itself, so that whoever shall believe it must be given it.
    pub is_self_signed: bool,
    /// Of both files, to know them again.
    pub digest: [u8; 32],
}

impl Pair {
    /// Whether the certificate is for `host`, a name or an address.
    pub fn is_for(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']'])) else { return false };
        let leaf = self.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
        leaf.is_ok_and(|leaf| rustls::client::verify_server_name(&leaf, &name).is_ok())
    }
}

/// Reads and checks both files. That the certificate is not expired is not asked for: an expired one is better than none, and the warning tells.
///
/// # Errors
/// [`PairError`].
pub(crate) fn read(files: &PairFiles, provider: &CryptoProvider) -> Result<Pair, PairError> {
    let PairFiles { certificate, key } = files;
    let certificate_pem = content(PairFile::Certificate, certificate)?;
    let chain = chain(&certificate_pem, certificate)?;
    let bad = |why: String| PairError::BadCertificate { path: certificate.to_owned(), why };
    let leaf = chain.first().ok_or_else(|| PairError::NoCertificate { path: certificate.to_owned() })?;
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| bad("it is not one".to_owned()))?;
    ParsedCertificate::try_from(leaf).map_err(|error| bad(error.to_string()))?;
    let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let is_self_signed = parsed.issuer() == parsed.subject();
    let validity = parsed.validity();
    let (not_before, not_after) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));

    let open = |error: io::Error| unreadable(PairFile::Key, key, &error);
    if let Some(mode) = mode_that_endangers(key).map_err(open)? {
        return Err(PairError::OpenToOthers { path: key.to_owned(), mode });
    }
    let key_pem = Zeroizing::new(content(PairFile::Key, key)?);
    let digest = digest_of(&certificate_pem, &key_pem);
    let private = private_key(&key_pem, key)?;
    let certified = CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            PairError::Mismatch { key: key.to_owned(), certificate: certificate.to_owned() }
        }
        error => PairError::BadKey { path: key.to_owned(), why: error.to_string() },
    })?;
    Ok(Pair { certified: Arc::new(certified), not_before, not_after, is_self_signed, digest })
}

fn unreadable(file: PairFile, path: &Path, error: &io::Error) -> PairError {
    PairError::Unreadable { file, path: path.to_owned(), why: error.to_string() }
}

fn content(file: PairFile, path: &Path) -> Result<Vec<u8>, PairError> {
    let wrong = |error: io::Error| unreadable(file, path, &error);
    let metadata = fs::metadata(path).map_err(wrong)?;
    // Opening a pipe would wait for somebody to write into it.
    if !metadata.is_file() {
        return Err(wrong(io::Error::other("it is not a file")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST_FILE)).unwrap_or_default());
    File::open(path).and_then(|opened| opened.take(LARGEST_FILE).read_to_end(&mut bytes)).map_err(wrong)?;
    let not_pem = |why| PairError::NotPem { file, path: path.to_owned(), why };
    if bytes.is_empty() {
        return Err(not_pem("it is empty"));
    }
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Err(not_pem("there is no -----BEGIN in it"));
    }
    Ok(bytes)
}

fn chain(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain.map_err(|error| damaged(PairFile::Certificate, path, &error))?;
    if chain.is_empty() { Err(PairError::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

fn private_key(text: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(PairError::EncryptedKey { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => PairError::NoKey { path: path.to_owned() },
        error => damaged(PairFile::Key, path, &error),
    })
}

/// The parser's own words may repeat a line of the file, which may be of a key.
fn damaged(file: PairFile, path: &Path, error: &pem::Error) -> PairError {
    let why = match error {
        pem::Error::MissingSectionEnd { .. } => "an -----END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a -----BEGIN line is damaged",
        pem::Error::Base64Decode(_) => "what stands between the lines is not base64",
        _ => "it cannot be read",
    };
    PairError::NotPem { file, path: path.to_owned(), why }
}

fn digest_of(certificate: &[u8], key: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    // The length parts the two, so that nothing can move from one file to the other unnoticed.
    context.update(&certificate.len().to_be_bytes());
    context.update(certificate);
    context.update(key);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}
