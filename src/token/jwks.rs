//! The keys that a remote issuer publishes (RFC 7517), sifted: what may not be used is left out, one by one, with the reason.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use super::keys::VerifyingKey;

/// More keys than this in one set are somebody's mistake or attack.
const MAX_KEYS: usize = 100;

/// RSA keys outside this range are too weak (RFC 7518, section 3.3), or so large that checking one signature is an attack.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What the uncompressed form of a point begins with (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The usable keys of an issuer, by `kid`.
pub(super) struct KeySet {
    by_kid: HashMap<String, (VerifyingKey, Material)>,
}

/// A key that was left out, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ignored {
    pub kid: Option<String>,
    pub why: &'static str,
}

/// Why a document is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAKeySet {
    #[error("the answer is not a JSON object with an array \"keys\"")]
    Malformed,
    #[error("the set has more than {MAX_KEYS} keys")]
    TooMany,
    #[error("the set has no key that can be used")]
    NoneUsable,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The public numbers of a key: two keys of one `kid` are harmless only when these are the same.
#[derive(Clone, PartialEq, Eq)]
struct Material {
    algorithm: Algorithm,
    numbers: Vec<String>,
}

impl KeySet {
    /// Sifts the keys of `document` for those usable by one of `algorithms`.
    pub fn parse(document: &[u8], algorithms: &[Algorithm]) -> Result<(Self, Vec<Ignored>), NotAKeySet> {
        let document: Document = serde_json::from_slice(document).map_err(|_| NotAKeySet::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(NotAKeySet::TooMany);
        }
        let mut by_kid = HashMap::<String, (VerifyingKey, Material)>::new();
        let mut ignored = Vec::new();
        let mut ambiguous = Vec::new();
        for value in document.keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(value) else {
                ignored.push(Ignored { kid: None, why: "not a JWK" });
                continue;
            };
            let (kid, key) = match jwk.into_key(algorithms) {
                Ok(found) => found,
                Err(reason) => {
                    ignored.push(reason);
                    continue;
                }
            };
            if by_kid.get(&kid).is_some_and(|(_, material)| *material != key.1) {
                ambiguous.push(kid.clone());
            }
            by_kid.insert(kid, key);
        }
        for kid in ambiguous {
            by_kid.remove(&kid);
            ignored.push(Ignored { kid: Some(kid), why: "two different keys have this kid" });
        }
        if by_kid.is_empty() {
            return Err(NotAKeySet::NoneUsable);
        }
        Ok((Self { by_kid }, ignored))
    }

    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.by_kid.get(kid).map(|(key, _)| key)
    }

    /// The names of all of them.
    pub fn kids(&self) -> Vec<String> {
        self.by_kid.keys().cloned().collect()
    }

    /// The key, when there is one only.
    #[cfg(feature = "server")]
    pub fn only(&self) -> Option<&VerifyingKey> {
        let mut keys = self.by_kid.values();
        keys.next().filter(|_| keys.next().is_none()).map(|(key, _)| key)
    }

    pub fn len(&self) -> usize {
        self.by_kid.len()
    }

    /// Whether `other` has the very same keys.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .by_kid
                .iter()
                .all(|(kid, (_, material))| other.by_kid.get(kid).is_some_and(|(_, theirs)| theirs == material))
    }
}

impl Jwk {
    fn into_key(self, algorithms: &[Algorithm]) -> Result<(String, (VerifyingKey, Material)), Ignored> {
        let Some(kid) = self.kid.clone().filter(|kid| !kid.is_empty()) else {
            return Err(Ignored { kid: None, why: "it has no kid" });
        };
        match self.to_key(algorithms) {
            Ok(key) => Ok((kid, key)),
            Err(why) => Err(Ignored { kid: Some(kid), why }),
        }
    }

    fn to_key(&self, algorithms: &[Algorithm]) -> Result<(VerifyingKey, Material), &'static str> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("its use is not \"sig\"");
        }
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("its key_ops have no \"verify\"");
        }
        let fits: fn(Algorithm) -> bool = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => |algorithm| {
                use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
                matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
            },
            ("EC", Some("P-256")) => |algorithm| algorithm == Algorithm::ES256,
            ("EC", Some("P-384")) => |algorithm| algorithm == Algorithm::ES384,
            ("OKP", Some("Ed25519")) => |algorithm| algorithm == Algorithm::EdDSA,
            ("oct", _) => return Err("a published key cannot be a secret"),
            _ => return Err("its kty or crv is not supported"),
        };
        let named = match &self.alg {
            Some(name) => Some(name.parse::<Algorithm>().map_err(|_| "its alg is not a signature algorithm")?),
            None => None,
        };
        // A key without `alg` gets the first configured one that fits: one key, one algorithm.
        let algorithm = algorithms
            .iter()
            .copied()
            .find(|algorithm| fits(*algorithm) && named.is_none_or(|named| named == *algorithm))
            .ok_or("its alg is not among the configured algorithms")?;
        let key = match self.kty.as_str() {
            "RSA" => self.rsa_key(algorithm)?,
            "EC" => self.ec_key(algorithm, if algorithm == Algorithm::ES256 { 32 } else { 48 })?,
            _ => self.ed_key(algorithm)?,
        };
        let numbers = [&self.n, &self.e, &self.x, &self.y].into_iter().flatten().cloned().collect();
        Ok((key, Material { algorithm, numbers }))
    }

    fn rsa_key(&self, algorithm: Algorithm) -> Result<VerifyingKey, &'static str> {
        let modulus = number(self.n.as_deref())?;
        let exponent = number(self.e.as_deref())?;
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its modulus is not of 2048 to 8192 bits");
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        if !is_odd(&modulus) {
            return Err("its modulus is even");
        }
        if !is_odd(&exponent) || exponent == [1] || exponent.len() > 4 {
            return Err("its exponent is not an odd number from 3 up to 32 bits");
        }
        VerifyingKey::rsa(algorithm, &modulus, &exponent).ok_or("its n and e make no RSA key")
    }

    fn ec_key(&self, algorithm: Algorithm, coordinate_bytes: usize) -> Result<VerifyingKey, &'static str> {
        let (Some(x), Some(y)) = (&self.x, &self.y) else { return Err("it has no x or no y") };
        let mut point = vec![UNCOMPRESSED];
        for coordinate in [x, y] {
            let bytes = URL_SAFE_NO_PAD.decode(coordinate).map_err(|_| "its x or y is not base64url")?;
            if bytes.len() != coordinate_bytes {
                return Err("its x or y does not have the length of its curve");
            }
            point.extend(bytes);
        }
        VerifyingKey::on_curve(algorithm, &point).ok_or("its x and y are no point of its curve")
    }

    fn ed_key(&self, algorithm: Algorithm) -> Result<VerifyingKey, &'static str> {
        let x = self.x.as_deref().ok_or("it has no x")?;
        let x = URL_SAFE_NO_PAD.decode(x).map_err(|_| "its x is not base64url")?;
        if x.len() != 32 {
            return Err("its x is not of 32 bytes");
        }
        VerifyingKey::on_curve(algorithm, &x).ok_or("its x is no key of Ed25519")
    }
}

/// A base64url number without its leading zeros (RFC 7518, section 2).
fn number(text: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let text = text.ok_or("it has no n or no e")?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "its n or e is not base64url")?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Why the key of this modulus and exponent is left out, if it is.
    fn left_out(modulus: &[u8], exponent: &[u8]) -> Option<&'static str> {
        let jwk = json!({"kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent)});
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        jwk.to_key(&[Algorithm::RS256]).err()
    }

    #[test]
    fn weak_and_monstrous_rsa_keys_are_left_out() {
        let modulus = |bits: usize| {
            let mut bytes = vec![0xff; bits.div_ceil(8)];
            bytes[0] = 0xff >> (8 * bits.div_ceil(8) - bits);
            bytes
        };
        let usual = [1, 0, 1];
        for bits in [512, 1024, 2047, 8193, 16_384] {
            assert_eq!(left_out(&modulus(bits), &usual), Some("its modulus is not of 2048 to 8192 bits"), "{bits}");
        }
        for bits in [2048, 3072, 4096, 8192] {
            assert_eq!(left_out(&modulus(bits), &usual), None, "{bits}");
        }
        // Zeros in front make no key longer.
        assert!(left_out(&[vec![0; 256], modulus(1024)].concat(), &usual).is_some());
        for exponent in [&[1][..], &[2], &[0], &[], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            let why = left_out(&modulus(2048), exponent);
            assert_eq!(why, Some("its exponent is not an odd number from 3 up to 32 bits"), "{exponent:?}");
        }
        assert_eq!(left_out(&modulus(2048), &[3]), None);
    }
}
