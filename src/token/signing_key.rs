//! A key that tokens are signed with, and its algorithm: one key, one algorithm (RFC 8725, section 3.1).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};

use super::keys::VerifyingKey;
use super::random;

/// How the local issuer signs (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256: who checks a token can make one, so only this server checks them.
    HS256,
    /// RSA of 2048 bits (PKCS #1 v1.5) with SHA-256: what every client library knows.
    RS256,
    /// ECDSA on P-256 with SHA-256: short signatures.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::HS256, Self::RS256, Self::ES256, Self::EdDSA];

    /// Its name in the header `alg` of tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Whether others can check its tokens, with a key that is published.
    #[must_use]
    pub fn is_asymmetric(self) -> bool {
        self != Self::HS256
    }

    pub(super) fn of_jsonwebtoken(self) -> Algorithm {
        match self {
            Self::HS256 => Algorithm::HS256,
            Self::RS256 => Algorithm::RS256,
            Self::ES256 => Algorithm::ES256,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no algorithm that the local issuer signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("want HS256, RS256, ES256 or EdDSA")]
pub struct NotASigningAlgorithm;

impl FromStr for SigningAlgorithm {
    type Err = NotASigningAlgorithm;

    /// From its name, to the letter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(NotASigningAlgorithm)
    }
}

/// A private key, taken apart once so that signing need not do it.
pub(super) enum SigningKey {
    Hmac { secret: SecretSlice<u8>, key: Box<hmac::Key> },
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key from the operating system's randomness. One for RSA takes a good part of a second.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    #[expect(clippy::expect_used, reason = "without randomness no key may be made")]
    pub fn generate(algorithm: SigningAlgorithm) -> Self {
        let failed = "the operating system gives secure random bytes";
        match algorithm {
            SigningAlgorithm::HS256 => Self::hmac(SecretSlice::from(random::bytes::<32>().to_vec())),
            SigningAlgorithm::RS256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect(failed)),
            SigningAlgorithm::ES256 => {
                Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(failed))
            }
            SigningAlgorithm::EdDSA => Self::Ed(Ed25519KeyPair::generate().expect(failed)),
        }
    }

    pub fn hmac(secret: SecretSlice<u8>) -> Self {
        let key = Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret()));
        Self::Hmac { secret, key }
    }

    pub fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Hmac { .. } => SigningAlgorithm::HS256,
            Self::Rsa(_) => SigningAlgorithm::RS256,
            Self::Ec(_) => SigningAlgorithm::ES256,
            Self::Ed(_) => SigningAlgorithm::EdDSA,
        }
    }

    /// The signature over `signed`, base64url.
    pub fn sign(&self, signed: &str) -> Result<String, Unspecified> {
        let signed = signed.as_bytes();
        Ok(match self {
            Self::Hmac { key, .. } => random::base64url(hmac::sign(key, signed).as_ref()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature)?;
                random::base64url(&signature)
            }
            Self::Ec(pair) => random::base64url(pair.sign(&SystemRandom::new(), signed)?.as_ref()),
            Self::Ed(pair) => random::base64url(pair.try_sign(signed)?.as_ref()),
        })
    }

    /// The key that its signatures are checked with, bound to its own algorithm. `None` when the public half cannot be read, which that of a key which
    /// signs can.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        let algorithm = self.algorithm().of_jsonwebtoken();
        match self {
            Self::Hmac { key, .. } => Some(VerifyingKey::hs256((**key).clone())),
            Self::Rsa(pair) => {
                let public = pair.public_key();
                VerifyingKey::rsa(
                    algorithm,
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
            Self::Ec(pair) => VerifyingKey::on_curve(algorithm, pair.public_key().as_ref()),
            Self::Ed(pair) => VerifyingKey::on_curve(algorithm, pair.public_key().as_ref()),
        }
    }
}
