//! A key that signatures are checked with.

use jsonwebtoken::{Algorithm, DecodingKey};

use super::rejection::Rejection;

/// A key bound to exactly one algorithm (RFC 8725, section 3.1): a token that names another is refused, whatever it says.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

impl VerifyingKey {
    /// Checks that `signature` (base64url) over `signed` was made with this key, by the algorithm it is bound to.
    pub fn check(&self, named_algorithm: &str, signed: &str, signature: &str) -> Result<(), Rejection> {
        if named_algorithm.parse::<Algorithm>().ok() != Some(self.algorithm) {
            return Err(Rejection::Algorithm);
        }
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Rejection::Signature),
        }
    }
}
