//! Firebase's scrypt, which encrypts a key of the project under what scrypt makes of the password.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use serde::Deserialize;

use super::parts::{base64, settings};

/// So much memory at most: 128 · r · 2^m bytes.
const MAX_COST: u32 = 17;
const MAX_ROUNDS: u32 = 16;

/// The parameters of a project, as Firebase's console shows them. The signer key is a secret, so there is no `Debug`.
#[derive(Clone, Deserialize)]
pub struct FirebaseParameters {
    base64_signer_key: String,
    base64_salt_separator: String,
    rounds: u32,
    mem_cost: u32,
}

impl FirebaseParameters {
    /// A text with all that checking a hash of this project takes, for [`ForeignHash::parse`](super::ForeignHash::parse).
    #[must_use]
    pub fn hash(&self, salt: &str, hash: &str) -> String {
        let url_safe = |text: &str| text.replace('-', "+").replace('_', "/");
        format!(
            "$firebase-scrypt$m={},r={}${}${}${}${}",
            self.mem_cost,
            self.rounds,
            url_safe(salt),
            url_safe(&self.base64_salt_separator),
            url_safe(&self.base64_signer_key),
            url_safe(hash)
        )
    }
}

pub(super) struct Firebase {
    params: scrypt::Params,
    /// With the separator behind it.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl Firebase {
    pub fn parse(parts: &[&str]) -> Result<Self, &'static str> {
        let [costs, salt, separator, signer_key, hash] = parts else { return Err("the hash of Firebase is malformed") };
        let (cost, rounds) = (settings(costs, "m")?, settings(costs, "r")?);
        if cost > MAX_COST || rounds > MAX_ROUNDS {
            return Err("the hash of Firebase takes too much memory or time");
        }
        let params = u8::try_from(cost).ok().and_then(|cost| scrypt::Params::new(cost, rounds, 1).ok());
        let firebase = Self {
            params: params.ok_or("the parameters of the hash of Firebase are none of scrypt's")?,
            salt: [base64(salt)?, base64(separator)?].concat(),
            signer_key: base64(signer_key)?,
            hash: base64(hash)?,
        };
        if firebase.signer_key.len() != 64 || firebase.hash.len() != 64 {
            return Err("the hash or the signer key of Firebase is not 64 bytes");
        }
        Ok(firebase)
    }

    pub fn matches(&self, password: &[u8]) -> bool {
        let mut key = [0; 32];
        if scrypt::scrypt(password, &self.salt, &self.params, &mut key).is_err() {
            return false;
        }
        let encrypt = || {
            let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, &key)?)?;
            let mut signer_key = self.signer_key.clone();
            // Firebase begins to count at nought; each key is used for this one text.
            key.less_safe_encrypt(&mut signer_key, EncryptionContext::Iv128(FixedLength::from([0; 16])))?;
            Ok::<_, aws_lc_rs::error::Unspecified>(signer_key)
        };
        encrypt().is_ok_and(|found| verify_slices_are_equal(&found, &self.hash).is_ok())
    }
}
