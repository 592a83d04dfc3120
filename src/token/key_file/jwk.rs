//! A key as JSON: whole in the file, its public half for everybody.

use aws_lc_rs::encoding::{AsBigEndian as _, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};

use super::{StoredKey, rsa};
use crate::token::local::MIN_SECRET_BYTES;
use crate::token::random::base64url;
use crate::token::signing_key::{SigningAlgorithm, SigningKey};

/// A private key (RFC 7517), with three members of our own about its life.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct PrivateJwk {
    kty: String,
    alg: String,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qi: Option<String>,
    created_at: DateTime<Utc>,
    /// When it begins to sign; with its making when that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_until: Option<DateTime<Utc>>,
}

impl Drop for PrivateJwk {
    fn drop(&mut self) {
        for secret in [&mut self.k, &mut self.d, &mut self.p, &mut self.q, &mut self.dp, &mut self.dq, &mut self.qi] {
            secret.zeroize();
        }
    }
}

/// The public half of a key, for whoever checks tokens (RFC 7517, section 4). There is no member in it that a private number could stand in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PublicJwk {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl PublicJwk {
    /// Of `key`; `None` for an HMAC key, which has no public half.
    pub(in crate::token) fn of(kid: &str, key: &SigningKey) -> Option<Self> {
        let half = |kty| Self {
            kty,
            usage: "sig",
            alg: key.algorithm().name(),
            kid: kid.to_owned(),
            crv: None,
            n: None,
            e: None,
            x: None,
            y: None,
        };
        match key {
            SigningKey::Hmac { .. } => None,
            SigningKey::Rsa(pair) => {
                let public = pair.public_key();
                let n = Some(base64url(public.modulus().big_endian_without_leading_zero()));
                let e = Some(base64url(public.exponent().big_endian_without_leading_zero()));
                Some(Self { n, e, ..half("RSA") })
            }
            SigningKey::Ec(pair) => {
                let (x, y) = coordinates(pair)?;
                Some(Self { crv: Some("P-256"), x: Some(base64url(x)), y: Some(base64url(y)), ..half("EC") })
            }
            SigningKey::Ed(pair) => {
                let x = Some(base64url(pair.public_key().as_ref()));
                Some(Self { crv: Some("Ed25519"), x, ..half("OKP") })
            }
        }
    }
}

impl PrivateJwk {
    /// Of `key`; `None` when the key cannot be taken apart, which those made and read here can.
    pub fn of(key: &StoredKey) -> Option<Self> {
        let mut jwk = Self::default();
        key.algorithm().name().clone_into(&mut jwk.alg);
        jwk.kid.clone_from(&key.kid);
        jwk.created_at = key.created_at;
        jwk.sign_from = Some(key.sign_from).filter(|from| *from != key.created_at);
        jwk.verify_until = key.verify_until;
        match &*key.key {
            SigningKey::Hmac { secret, .. } => {
                "oct".clone_into(&mut jwk.kty);
                jwk.k = Some(base64url(secret.expose_secret()));
            }
            SigningKey::Rsa(pair) => {
                "RSA".clone_into(&mut jwk.kty);
                let texts = rsa::with_numbers(pair, |numbers| numbers.map(|number| Some(base64url(number))))?;
                [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi] = texts;
            }
            SigningKey::Ec(pair) => {
                "EC".clone_into(&mut jwk.kty);
                let (x, y) = coordinates(pair)?;
                let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().ok()?;
                jwk.crv = Some("P-256".to_owned());
                (jwk.x, jwk.y, jwk.d) = (Some(base64url(x)), Some(base64url(y)), Some(base64url(d.as_ref())));
            }
            SigningKey::Ed(pair) => {
                "OKP".clone_into(&mut jwk.kty);
                let d: Curve25519SeedBin<'_> = pair.seed().ok()?.as_be_bytes().ok()?;
                jwk.crv = Some("Ed25519".to_owned());
                (jwk.x, jwk.d) = (Some(base64url(pair.public_key().as_ref())), Some(base64url(d.as_ref())));
            }
        }
        Some(jwk)
    }

    /// The key, if its numbers belong together and fit its algorithm.
    pub fn to_stored(&self) -> Result<StoredKey, String> {
        let of_key = |why: &str| format!("key {:?} {why}", self.kid);
        if self.kid.is_empty() {
            return Err("a key has an empty \"kid\"".to_owned());
        }
        let algorithm = self.alg.parse::<SigningAlgorithm>();
        let key = match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Ok(SigningAlgorithm::HS256), "oct", None) => self.hmac(),
            (Ok(SigningAlgorithm::RS256), "RSA", None) => self.rsa(),
            (Ok(SigningAlgorithm::ES256), "EC", Some("P-256")) => self.ec(),
            (Ok(SigningAlgorithm::EdDSA), "OKP", Some("Ed25519")) => self.ed(),
            _ => {
                let kind = format!("is {}/{}; want oct/HS256, RSA/RS256, EC/ES256 or OKP/EdDSA", self.kty, self.alg);
                return Err(of_key(&kind));
            }
        };
        Ok(StoredKey {
            kid: self.kid.clone(),
            created_at: self.created_at,
            sign_from: self.sign_from.unwrap_or(self.created_at),
            verify_until: self.verify_until,
            key: std::sync::Arc::new(key.map_err(of_key)?),
        })
    }

    fn hmac(&self) -> Result<SigningKey, &'static str> {
        let secret = number(self.k.as_ref())?;
        if secret.len() < MIN_SECRET_BYTES {
            return Err("is shorter than 32 bytes");
        }
        Ok(SigningKey::hmac(SecretSlice::from(secret.to_vec())))
    }

    fn rsa(&self) -> Result<SigningKey, &'static str> {
        let texts = [&self.n, &self.e, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi];
        let mut numbers = [(); rsa::NUMBERS].map(|()| Zeroizing::new(Vec::new()));
        for (to, text) in numbers.iter_mut().zip(texts) {
            *to = number(text.as_ref())?;
        }
        let pair = rsa::from_numbers(numbers.each_ref().map(|number| number.as_slice()));
        pair.map(SigningKey::Rsa).ok_or("is no RSA key of 2048 bits or more: its numbers do not belong together")
    }

    fn ec(&self) -> Result<SigningKey, &'static str> {
        let (x, y, d) = (number(self.x.as_ref())?, number(self.y.as_ref())?, number(self.d.as_ref())?);
        let point = [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &point);
        pair.map(SigningKey::Ec).map_err(|_| "is no key on P-256: its d, x and y do not belong together")
    }

    fn ed(&self) -> Result<SigningKey, &'static str> {
        let (x, d) = (number(self.x.as_ref())?, number(self.d.as_ref())?);
        let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x);
        pair.map(SigningKey::Ed).map_err(|_| "is no Ed25519 key: its d and x do not belong together")
    }
}

/// What the uncompressed form of a point begins with (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The coordinates of a public key on P-256.
fn coordinates(pair: &EcdsaKeyPair) -> Option<(&[u8], &[u8])> {
    pair.public_key().as_ref().strip_prefix(&[UNCOMPRESSED])?.split_at_checked(32)
}

fn number(text: Option<&String>) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = text.ok_or("lacks a number")?;
    URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).map_err(|_| "has a number that is not base64url")
}
