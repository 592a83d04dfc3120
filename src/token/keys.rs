//! A key that signatures are checked with.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;

#[cfg(feature = "server")]
use super::checks::StopAtFirst;
use super::checks::{CheckName, Witness};
use super::jws::Compact;
use super::rejection::Rejection;

/// A key bound to exactly one algorithm (RFC 8725, section 3.1): a token that names another is refused, whatever it says.
///
/// It is taken apart once, when it is read: doing that for each signature costs more than an HMAC, and a third of an RSA signature.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    pub algorithm: Algorithm,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(Box<hmac::Key>),
    /// Knows its algorithm, too.
    Public(ParsedPublicKey),
}

impl VerifyingKey {
    /// A secret, for HS256.
    pub fn hs256(key: hmac::Key) -> Self {
        Self { algorithm: Algorithm::HS256, key: Key::Secret(Box::new(key)) }
    }

    /// An RSA key of this modulus and exponent, big-endian without leading zeros. `None` when there is no such key, or the algorithm is not RSA's.
    pub fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let parameters: &RsaParameters = match algorithm {
            Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
            Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
            Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
            _ => return None,
        };
        let numbers = RsaPublicKeyComponents { n: modulus, e: exponent };
        let key = numbers.to_parsed_public_key(parameters).ok()?;
        Some(Self { algorithm, key: Key::Public(key) })
    }

    /// A point on a curve, as it is written in full: uncompressed (SEC 1, section 2.3.3) for ECDSA, its 32 bytes for Ed25519. `None` when it is not
    /// on the curve, or the algorithm has none.
    pub fn on_curve(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let curve: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDSA => &ED25519,
            _ => return None,
        };
        let key = UnparsedPublicKey::new(curve, point).parse().ok()?;
        Some(Self { algorithm, key: Key::Public(key) })
    }

    /// Checks that the signature of `token` was made with this key, by the algorithm it is bound to.
    #[cfg(feature = "server")]
    pub fn check(&self, token: &Compact<'_>) -> Result<(), Rejection> {
        self.check_before(token, &mut StopAtFirst)
    }

    /// The same before a witness.
    pub fn check_before(&self, token: &Compact<'_>, witness: &mut impl Witness) -> Result<(), Rejection> {
        let fits = token.header.alg.parse::<Algorithm>().ok() == Some(self.algorithm);
        witness.need(CheckName::Algorithm, fits.then_some(()).ok_or(Rejection::Algorithm))?;
        witness.need(CheckName::Signature, self.check_signature(token).ok_or(Rejection::Signature))
    }

    fn check_signature(&self, token: &Compact<'_>) -> Option<()> {
        let (signed, signature) = (token.signed.as_bytes(), URL_SAFE_NO_PAD.decode(token.signature).ok()?);
        match &self.key {
            Key::Secret(key) => hmac::verify(key, signed, &signature).ok(),
            Key::Public(key) => key.verify_sig(signed, &signature).ok(),
        }
    }
}
