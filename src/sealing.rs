//! Secrets that must be read again, kept so that a copy of the database does not tell them.
//!
//! Passwords and tokens are hashed. The secret of a TOTP generator cannot be: codes are made from it. So it is encrypted (AES-256-GCM) with a key
//! that is not in the database but in the key folder, or derived from `TOKENHOUSE__TOKENS__SECRET` where that replaces the folder.

use std::fs;
use std::io;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::private_files::{lock_folder, mode_for_others, replace_file};
use crate::settings::Tokens;
use crate::token::KeyFileError;
use crate::token::key_file::io_error;
use crate::token::random::{self, base64url};

const FILE_NAME: &str = "data-key";
const KEY_BYTES: usize = 32;

/// The key of secrets at rest. There is one for all nodes over one database.
pub struct Sealing {
    cipher: LessSafeKey,
    derivation: hmac::Key,
}

impl Sealing {
    /// The key in the key folder, made when it is missing; or one derived from the secret of the environment, when there is one.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(settings: &Tokens) -> Result<Self, KeyFileError> {
        match &settings.secret {
            Some(secret) => Ok(Self::from_secret(secret)),
            None => Self::from_folder(&settings.key_dir),
        }
    }

    fn from_secret(secret: &SecretString) -> Self {
        // The secret signs tokens too, so what is derived from it must be for this purpose alone.
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self::new(hmac::sign(&secret, b"tokenhouse data key").as_ref())
    }

    fn from_folder(folder: &Path) -> Result<Self, KeyFileError> {
        let path = folder.join(FILE_NAME);
        if let Some(key) = read(&path)? {
            return Ok(Self::new(key.expose_secret()));
        }
        let _lock = lock_folder(folder).map_err(io_error("lock", folder))?;
        if let Some(key) = read(&path)? {
            return Ok(Self::new(key.expose_secret()));
        }
        let key = SecretSlice::from(random::bytes::<KEY_BYTES>().to_vec());
        let text = SecretString::from(base64url(key.expose_secret()));
        replace_file(&path, text.expose_secret().as_bytes()).map_err(io_error("write", &path))?;
        Ok(Self::new(key.expose_secret()))
    }

    #[expect(clippy::expect_used, reason = "the key has the length that AES-256 wants")]
    fn new(key: &[u8]) -> Self {
        // One key for each use (NIST SP 800-57 part 1, section 5.2).
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let cipher = hmac::sign(&root, b"tokenhouse sealing");
        let cipher = UnboundKey::new(&AES_256_GCM, cipher.as_ref()).expect("SHA-256 gives 32 bytes");
        let derivation = hmac::sign(&root, b"tokenhouse derivation");
        Self { cipher: LessSafeKey::new(cipher), derivation: hmac::Key::new(hmac::HMAC_SHA256, derivation.as_ref()) }
    }

    /// Encrypts `secret` for `owner`, such as `totp of 8a6e0804-…`: opened for another it is not good, so rows cannot be exchanged.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-GCM refuses 64 GiB and more")]
    pub fn seal(&self, owner: &str, secret: &[u8]) -> String {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner.as_bytes()), &mut sealed)
            .expect("the secret is short");
        base64url(&[nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for `owner`; `None` when it was not, or not with this key.
    #[must_use]
    pub fn open_sealed(&self, owner: &str, sealed: &str) -> Option<SecretSlice<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = ciphertext.to_vec();
        let secret = self.cipher.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut plain).ok()?.to_vec();
        Some(SecretSlice::from(secret))
    }

    /// 256 bits that only this key gives for this purpose and id, the same each time: a token that need not be kept to be written again.
    #[must_use]
    pub fn derive(&self, purpose: &str, id: &str) -> SecretString {
        let mut context = hmac::Context::with_key(&self.derivation);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(id.as_bytes());
        base64url(context.sign().as_ref()).into()
    }
}

fn read(path: &Path) -> Result<Option<SecretSlice<u8>>, KeyFileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    let wrong = |why| KeyFileError::DataKey { path: path.to_owned(), why };
    if mode_for_others(path).map_err(io_error("read", path))? != 0 {
        return Err(wrong(
            "can be read by others than its owner: run chmod 600 on it, and have apps set up anew if somebody did",
        ));
    }
    let key = URL_SAFE_NO_PAD.decode(text.expose_secret().trim()).ok().filter(|key| key.len() == KEY_BYTES);
    let malformed = "is damaged: restore it from a backup; without it every app must be set up anew";
    Ok(Some(SecretSlice::from(key.ok_or_else(|| wrong(malformed))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing() -> Sealing {
        Sealing::from_secret(&"4kJ0tP1yUq8Zr3xN6vB9cM2wE5sA7dFg".to_owned().into())
    }

    #[test]
    fn opens_what_it_sealed_for_its_owner_only() {
        let sealed = sealing().seal("totp of ada", b"secret");
        assert_ne!(sealed, sealing().seal("totp of ada", b"secret"), "each has a nonce of its own");
        assert_eq!(sealing().open_sealed("totp of ada", &sealed).unwrap().expose_secret(), b"secret");
        assert!(sealing().open_sealed("totp of eve", &sealed).is_none());
        let other = Sealing::from_secret(&"another secret, another secret, another".to_owned().into());
        assert!(other.open_sealed("totp of ada", &sealed).is_none());
        for wrong in ["", "x", "AAAA", sealed.split_at(30).0] {
            assert!(sealing().open_sealed("totp of ada", wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn derives_the_same_again_and_nothing_else() {
        let first = sealing().derive("letter", "1");
        assert_eq!(first.expose_secret(), sealing().derive("letter", "1").expose_secret());
        assert_ne!(first.expose_secret(), sealing().derive("letter", "2").expose_secret());
        assert_ne!(first.expose_secret(), sealing().derive("other", "1").expose_secret());
        assert_eq!(first.expose_secret().len(), 43, "256 bits");
    }

    #[test]
    fn the_folder_keeps_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = Sealing::from_folder(folder.path()).unwrap().seal("o", b"secret");
        let again = Sealing::from_folder(folder.path()).unwrap();
        assert_eq!(again.open_sealed("o", &sealed).unwrap().expose_secret(), b"secret");
        fs::write(folder.path().join(FILE_NAME), "short").unwrap();
        assert!(matches!(Sealing::from_folder(folder.path()), Err(KeyFileError::DataKey { .. })));
    }
}
