//! The compact form of a signed token (RFC 7515, section 3.1): taken apart, nothing believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::checks::{CheckName, StopAtFirst, Witness};
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
        Self::parse_before(token, &mut StopAtFirst)
    }

    /// The same before a witness.
    pub fn parse_before(token: &'t str, witness: &mut impl Witness) -> Result<Self, Rejection> {
        let short = token.len() <= MAX_TOKEN_BYTES;
        witness.need(CheckName::Length, short.then_some(()).ok_or(Rejection::TooLong))?;
        let parts = witness.need(CheckName::Form, Parts::of(token).ok_or(Rejection::Malformed))?;
        witness.hold(CheckName::Signed, !parts.signature.is_empty(), Rejection::Malformed)?;
        let header: Header = witness.need(CheckName::Header, json(parts.header))?;
        witness.hold(CheckName::Extensions, !header.asks_for_extensions(), Rejection::Extension)?;
        let claims = witness.need(CheckName::Claims, json(parts.payload))?;
        Ok(Self { header, claims, signed: parts.signed, signature: parts.signature })
    }
}

impl Header {
    /// `crit` names extensions that must be understood, and this verifier understands none; a `cty` of a signed token means another token inside,
    /// whose own checks nobody would do.
    fn asks_for_extensions(&self) -> bool {
        [&self.crit, &self.b64, &self.zip, &self.enc, &self.cty].iter().any(|parameter| parameter.is_some())
    }
}

/// The parts of a token, as text.
pub(super) struct Parts<'t> {
    /// The first two with the dot between them.
    pub signed: &'t str,
    pub header: &'t str,
    pub payload: &'t str,
    pub signature: &'t str,
}

impl<'t> Parts<'t> {
    /// The three parts of a signed token; `None` when there are fewer or more.
    pub fn of(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        (!payload.contains('.')).then_some(Self { signed, header, payload, signature })
    }
}

/// What keeps `part` from being read as a `T`, in words; `None` when nothing does.
pub(super) fn problem<T: for<'de> Deserialize<'de>>(part: &str) -> Option<String> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) => serde_json::from_slice::<T>(&bytes).err().map(|error| error.to_string()),
        Err(error) => Some(format!("not base64url: {error}")),
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Rejection> {
    // Strict base64url: no padding, no other alphabet, no stray trailing bits, so that one token has one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Rejection::Malformed)
}
