//! Secrets of clients: how they are made, and what is kept of them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::token::local::CLIENT_ID_PREFIX;
use crate::token::random::{base64url, bytes};

/// The id of a new client.
pub(super) fn new_client_id() -> String {
    format!("{CLIENT_ID_PREFIX}{}", base64url(&bytes::<15>()))
}

/// A new secret: 256 random bits, so that a plain hash of it is enough.
pub(super) fn new_secret() -> SecretString {
    base64url(&bytes::<32>()).into()
}

/// What is kept of a secret.
pub(super) fn hash(secret: &SecretString) -> String {
    with_purpose("tokenhouse client secret", &[secret.expose_secret()])
}

/// What is kept of an assertion that was used. Its ids are hashed apart, so that no two pairs run into one.
pub(super) fn assertion_hash(client_id: &str, token_id: &str) -> String {
    with_purpose("tokenhouse client assertion", &[client_id, token_id])
}

/// A new authorization code or device code, of 256 random bits.
pub(super) fn new_code() -> String {
    base64url(&bytes::<32>())
}

/// What is kept of an authorization code.
pub(super) fn code_hash(code: &str) -> String {
    with_purpose("tokenhouse authorization code", &[code])
}

/// What is kept of a device code.
pub(super) fn device_code_hash(code: &str) -> String {
    with_purpose("tokenhouse device code", &[code])
}

/// Whether `secret` is one of those of which `hashes` are kept. It takes the same time whether there is none, one or two of them, and whichever is right.
pub(super) fn matches<'a>(secret: &SecretString, mut hashes: impl Iterator<Item = &'a str>) -> bool {
    // No hash begins like this.
    const NONE: &str = "-----------nobody has a secret of this hash";
    let hash = hash(secret);
    let mut is_equal = || verify_slices_are_equal(hash.as_bytes(), hashes.next().unwrap_or(NONE).as_bytes()).is_ok();
    let (first, second) = (is_equal(), is_equal());
    first | second
}

fn with_purpose(purpose: &str, texts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(purpose.as_bytes());
    for text in texts {
        context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(text.as_bytes());
    }
    base64url(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_and_no_other() {
        let [a, b, c] = [(); 3].map(|()| new_secret());
        let hashes = [hash(&a), hash(&b)];
        let kept = || hashes.iter().map(String::as_str);
        assert!(matches(&a, kept()) && matches(&b, kept()) && !matches(&c, kept()));
        assert!(!matches(&a, std::iter::empty()) && !matches(&String::new().into(), std::iter::empty()));
        assert_ne!(assertion_hash("0oaa", "b"), assertion_hash("0oa", "ab"));
    }
}
