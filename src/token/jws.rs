//! The compact form of a signed token (RFC 7515, section 3.1): taken apart, nothing believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::claims::Claims;
use super::rejection::Rejection;

/// Longer tokens are refused before anything is parsed.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token taken apart. Its claims are what it *says*; only a checked signature makes them more.
pub(super) struct Compact<'t> {
    pub header: Header,
    pub claims: Claims,
    /// `header.payload`, which the signature is over.
    pub signed: &'t str,
    /// The signature, still as base64url.
    pub signature: &'t str,
}

/// The header parameters that matter (RFC 7515, section 4.1). `jku`, `jwk`, `x5u` and `x5c` are not even read: a token does not get to
/// say which key it is checked with.
#[derive(Deserialize)]
pub(super) struct Header {
    pub alg: String,
    pub kid: Option<String>,
    pub typ: Option<String>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
    enc: Option<IgnoredAny>,
    cty: Option<IgnoredAny>,
}

impl<'t> Compact<'t> {
    /// Takes `token` apart, and refuses what is not a JWT of three parts that this crate could check.
    pub fn parse(token: &'t str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::Malformed)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(Rejection::Malformed);
        }
        let header: Header = json(header)?;
        // `crit` names extensions that must be understood, and this verifier understands none; a `cty` of a signed token means
        // another token inside, whose own checks nobody would do.
        if [&header.crit, &header.b64, &header.zip, &header.enc, &header.cty].iter().any(|p| p.is_some()) {
            return Err(Rejection::Extension);
        }
        Ok(Self { header, claims: json(payload)?, signed, signature })
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Rejection> {
    // Strict base64url: no padding, no other alphabet, no stray trailing bits, so that one token has one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Rejection::Malformed)
}
