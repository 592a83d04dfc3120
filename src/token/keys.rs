//! A key that signatures are checked with.

use jsonwebtoken::{Algorithm, DecodingKey};

#[cfg(feature = "server")]
use super::checks::StopAtFirst;
use super::checks::{CheckName, Witness};
use super::jws::Compact;
use super::rejection::Rejection;

/// A key bound to exactly one algorithm (RFC 8725, section 3.1): a token that names another is refused, whatever it says.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

impl VerifyingKey {
    /// Checks that the signature of `token` was made with this key, by the algorithm it is bound to.
    #[cfg(feature = "server")]
    pub fn check(&self, token: &Compact<'_>) -> Result<(), Rejection> {
        self.check_before(token, &mut StopAtFirst)
    }

    /// The same before a witness.
    pub fn check_before(&self, token: &Compact<'_>, witness: &mut impl Witness) -> Result<(), Rejection> {
        let fits = token.header.alg.parse::<Algorithm>().ok() == Some(self.algorithm);
        witness.need(CheckName::Algorithm, fits.then_some(()).ok_or(Rejection::Algorithm))?;
        let (signed, signature) = (token.signed.as_bytes(), token.signature);
        let outcome = match jsonwebtoken::crypto::verify(signature, signed, &self.key, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Rejection::Signature),
        };
        witness.need(CheckName::Signature, outcome)
    }
}
