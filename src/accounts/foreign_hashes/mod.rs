//! Hashes that other systems made, for accounts that were imported from them: argon2 of all kinds, bcrypt, scrypt, PBKDF2, each as it is usually written
//! and as Django writes it, and Firebase's scrypt.
//!
//! They are held to bounds when they are read, so that none takes more than a few seconds, or a gibibyte. At the first good login each is replaced by
//! argon2id of the settings.

mod firebase;
mod parts;
#[cfg(test)]
mod vectors;

use std::fmt;
use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, pbkdf2};

use firebase::Firebase;
pub use firebase::FirebaseParameters;
use parts::{base64, base64_or_ab64, number, settings};

/// bcrypt takes no more of a password than this, and what is behind would not count: two passwords would be one.
const BCRYPT_MAX_BYTES: usize = 72;

const MAX_BCRYPT_COST: u32 = 16;
const MAX_MEMORY_KIB: u64 = 1024 * 1024;
/// Memory times passes over it, of all lanes together.
const MAX_WORK_KIB: u64 = 4 * MAX_MEMORY_KIB;
const MAX_LANES: u32 = 16;
/// Of all blocks of the hash together: each takes as many.
const MAX_PBKDF2_ITERATIONS: u64 = 5_000_000;
const HASH_BYTES: std::ops::RangeInclusive<usize> = 16..=128;

/// A hash of another system. Its `Debug` does not tell it.
pub struct ForeignHash(Kind);

impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignHash(…)")
    }
}

enum Kind {
    Argon2(String),
    Bcrypt(String),
    /// Django's, which hashes with SHA-256 first.
    BcryptSha256(String),
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Pbkdf2 {
        digest: Digest,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Firebase(Firebase),
}

#[derive(Debug, Clone, Copy)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl ForeignHash {
    /// Reads a hash.
    ///
    /// # Errors
    /// What is wrong with it, in words without any part of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 1024 {
            return Err("the hash is too long");
        }
        let kind = match text.split('$').collect::<Vec<_>>().as_slice() {
            ["", "argon2id" | "argon2i" | "argon2d", ..] => argon2(text)?,
            ["argon2", "argon2id" | "argon2i" | "argon2d", ..] => argon2(text.strip_prefix("argon2").unwrap_or(text))?,
            ["", "2a" | "2b" | "2x" | "2y", ..] => Kind::Bcrypt(bcrypt(text)?),
            ["bcrypt", "", ..] => Kind::Bcrypt(bcrypt(text.strip_prefix("bcrypt$").unwrap_or(text))?),
            ["bcrypt_sha256", "", ..] => {
                Kind::BcryptSha256(bcrypt(text.strip_prefix("bcrypt_sha256$").unwrap_or(text))?)
            }
            ["", "scrypt", costs, salt, hash] => {
                let (log_n, r, p) = (settings(costs, "ln")?, settings(costs, "r")?, settings(costs, "p")?);
                scrypt(log_n, r, p, base64(salt)?, base64(hash)?)?
            }
            ["scrypt", n, salt, r, p, hash] => {
                let n = number(n)?;
                if !n.is_power_of_two() {
                    return Err("N of the scrypt hash must be a power of two");
                }
                scrypt(n.trailing_zeros(), number(r)?, number(p)?, salt.as_bytes().to_vec(), base64(hash)?)?
            }
            ["", name, rounds, salt, hash] if name.starts_with("pbkdf2") => {
                let digest = match *name {
                    "pbkdf2" | "pbkdf2-sha1" => Digest::Sha1,
                    "pbkdf2-sha256" => Digest::Sha256,
                    "pbkdf2-sha512" => Digest::Sha512,
                    _ => return Err("PBKDF2 must be with SHA-1, SHA-256 or SHA-512"),
                };
                let rounds = if rounds.contains('=') { settings(rounds, "i")? } else { number(rounds)? };
                pbkdf2(digest, rounds, base64_or_ab64(salt)?, base64_or_ab64(hash)?)?
            }
            [name, rounds, salt, hash] if name.starts_with("pbkdf2_") => {
                let digest = match *name {
                    "pbkdf2_sha1" => Digest::Sha1,
                    "pbkdf2_sha256" => Digest::Sha256,
                    "pbkdf2_sha512" => Digest::Sha512,
                    _ => return Err("PBKDF2 must be with SHA-1, SHA-256 or SHA-512"),
                };
                pbkdf2(digest, number(rounds)?, salt.as_bytes().to_vec(), base64(hash)?)?
            }
            ["", "firebase-scrypt", rest @ ..] => Kind::Firebase(Firebase::parse(rest)?),
            _ => return Err("the hash is of no kind that is known: argon2, bcrypt, scrypt, PBKDF2, Firebase's scrypt"),
        };
        Ok(Self(kind))
    }

    /// Whether it is the hash of this password. Takes as long as its parameters say.
    #[must_use]
    pub fn matches(&self, password: &[u8]) -> bool {
        match &self.0 {
            Kind::Argon2(phc) => argon2_matches(phc, password).unwrap_or(false),
            Kind::Bcrypt(hash) => password.len() <= BCRYPT_MAX_BYTES && bcrypt_matches(hash, password),
            Kind::BcryptSha256(hash) => {
                let digest = digest::digest(&digest::SHA256, password);
                let hex: String = digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
                    use std::fmt::Write as _;
                    let _ = write!(hex, "{byte:02x}");
                    hex
                });
                bcrypt_matches(hash, hex.as_bytes())
            }
            Kind::Scrypt { params, salt, hash } => {
                let mut found = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut found).is_ok()
                    && verify_slices_are_equal(&found, hash).is_ok()
            }
            Kind::Pbkdf2 { digest, iterations, salt, hash } => {
                let algorithm = match digest {
                    Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                    Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                    Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                };
                pbkdf2::verify(algorithm, *iterations, salt, password, hash).is_ok()
            }
            Kind::Firebase(firebase) => firebase.matches(password),
        }
    }
}

fn argon2(phc: &str) -> Result<Kind, &'static str> {
    let parsed = PasswordHash::new(phc).map_err(|_| "the argon2 hash is not a PHC string")?;
    let params = Params::try_from(&parsed).map_err(|_| "the parameters of the argon2 hash are none of argon2's")?;
    let kib = u64::from(params.m_cost());
    let work = kib.saturating_mul(u64::from(params.t_cost()));
    if kib > MAX_MEMORY_KIB || work > MAX_WORK_KIB || params.p_cost() > MAX_LANES {
        return Err("the argon2 hash takes too much memory or time");
    }
    if parsed.salt.is_none() || !parsed.hash.is_some_and(|hash| HASH_BYTES.contains(&hash.as_bytes().len())) {
        return Err("the argon2 hash has no salt, or is too short or too long");
    }
    Ok(Kind::Argon2(phc.to_owned()))
}

fn argon2_matches(phc: &str, password: &[u8]) -> Option<bool> {
    let parsed = PasswordHash::new(phc).ok()?;
    let algorithm = Algorithm::new(parsed.algorithm.as_str()).ok()?;
    // Without a version it is the first (RFC 9106 has the second only).
    let version = Version::try_from(parsed.version.unwrap_or(16)).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&parsed).ok()?);
    let hash = parsed.hash?;
    let mut found = vec![0; hash.as_bytes().len()];
    argon2.hash_password_into(password, parsed.salt?.as_ref(), &mut found).ok()?;
    Some(verify_slices_are_equal(&found, hash.as_bytes()).is_ok())
}

fn bcrypt(text: &str) -> Result<String, &'static str> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| "the bcrypt hash is malformed")?;
    if parts.get_cost() > MAX_BCRYPT_COST {
        return Err("the bcrypt hash takes too much time");
    }
    Ok(text.to_owned())
}

/// bcrypt repeats the password with a NUL behind it, so `a` and `a`, NUL, `a` have one hash; other systems cut at a NUL. None of that is a password here.
fn bcrypt_matches(hash: &str, password: &[u8]) -> bool {
    !password.contains(&0) && bcrypt::verify(password, hash).unwrap_or(false)
}

fn scrypt(log_n: u32, r: u32, p: u32, salt: Vec<u8>, hash: Vec<u8>) -> Result<Kind, &'static str> {
    // 128 · r · N bytes, gone over twice in each lane, and 128 · r bytes for each lane besides.
    let kib = 1_u64.checked_shl(log_n).and_then(|n| n.checked_mul(u64::from(r))).map_or(u64::MAX, |blocks| blocks / 8);
    let work = kib.saturating_mul(2 * u64::from(p));
    let lanes_kib = u64::from(r) * u64::from(p.min(MAX_LANES)) / 8;
    let costly = kib > MAX_MEMORY_KIB || work > MAX_WORK_KIB || lanes_kib > MAX_MEMORY_KIB / 16 || p > MAX_LANES;
    if costly || !HASH_BYTES.contains(&hash.len()) {
        return Err("the scrypt hash takes too much memory or time, or is too short or too long");
    }
    // Only now: the crate multiplies some of these without a look.
    let params = u8::try_from(log_n).ok().and_then(|log_n| scrypt::Params::new(log_n, r, p).ok());
    let params = params.ok_or("the parameters of the scrypt hash are none of scrypt's")?;
    Ok(Kind::Scrypt { params, salt, hash })
}

fn pbkdf2(digest: Digest, rounds: u32, salt: Vec<u8>, hash: Vec<u8>) -> Result<Kind, &'static str> {
    let iterations = NonZeroU32::new(rounds).ok_or("the PBKDF2 hash has no iterations")?;
    let block = match digest {
        Digest::Sha1 => 20,
        Digest::Sha256 => 32,
        Digest::Sha512 => 64,
    };
    let blocks = u64::try_from(hash.len().div_ceil(block)).unwrap_or(u64::MAX);
    if u64::from(rounds).saturating_mul(blocks) > MAX_PBKDF2_ITERATIONS || !HASH_BYTES.contains(&hash.len()) {
        return Err("the PBKDF2 hash takes too much time, or is too short or too long");
    }
    Ok(Kind::Pbkdf2 { digest, iterations, salt, hash })
}
