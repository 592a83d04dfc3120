//! The compact form of a signed token (RFC 7515, section 3.1): taken apart, nothing believed yet.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::checks::{CheckName, StopAtFirst, Witness};
use super::claims::Claims;
use super::rejection::Rejection;

/// Longer tokens are refused before anything is parsed.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token taken apart. Its claims are what it *says*; only a checked signature makes them more.
pub(super) struct Compact<'t> {
    pub header: Arc<Header>,
    /// The header's text, when it was not known.
    new_header: Option<&'t str>,
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
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a verifier knows headers"))]
    pub fn parse(token: &'t str) -> Result<Self, Rejection> {
        Self::parse_before(token, &mut StopAtFirst)
    }

    /// The same before a witness.
    pub fn parse_before(token: &'t str, witness: &mut impl Witness) -> Result<Self, Rejection> {
        Self::parse_knowing(token, None, witness)
    }

    /// The same; a header that is among those known is not read once more.
    pub fn parse_knowing(
        token: &'t str,
        known: Option<&KnownHeaders>,
        witness: &mut impl Witness,
    ) -> Result<Self, Rejection> {
        let short = token.len() <= MAX_TOKEN_BYTES;
        witness.need(CheckName::Length, short.then_some(()).ok_or(Rejection::TooLong))?;
        let parts = witness.need(CheckName::Form, Parts::of(token).ok_or(Rejection::Malformed))?;
        witness.hold(CheckName::Signed, !parts.signature.is_empty(), Rejection::Malformed)?;
        let known = known.and_then(|known| known.0.get(parts.header));
        let new_header = known.is_none().then_some(parts.header);
        let header = known.map_or_else(|| json(parts.header).map(Arc::new), Ok);
        let header = witness.need(CheckName::Header, header)?;
        witness.hold(CheckName::Extensions, !header.asks_for_extensions(), Rejection::Extension)?;
        let claims = witness.need(CheckName::Claims, json(parts.payload))?;
        Ok(Self { header, new_header, claims, signed: parts.signed, signature: parts.signature })
    }
}

/// Headers of good tokens, by their text: those of one key are alike. Bounded, and nothing is in it that no issuer signed.
pub(super) struct KnownHeaders(Cache<Box<str>, Arc<Header>>);

impl KnownHeaders {
    pub fn new() -> Self {
        Self(Cache::new(32))
    }

    /// Keeps the header of a token whose signature was right.
    pub fn keep(&self, token: &Compact<'_>) {
        if let Some(text) = token.new_header {
            self.0.insert(text.into(), Arc::clone(&token.header));
        }
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
    let bytes = match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("not base64url: {error}")),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => serde_json::from_str::<T>(text).err().map(|error| error.to_string()),
        Err(error) => Some(format!("not UTF-8: {error}")),
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Rejection> {
    // Strict base64url: no padding, no other alphabet, no stray trailing bits, so that one token has one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)?;
    // As a whole, and not string by string.
    let text = std::str::from_utf8(&bytes).map_err(|_| Rejection::Malformed)?;
    serde_json::from_str(text).map_err(|_| Rejection::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'t>(token: &'t str, known: &KnownHeaders) -> Result<Compact<'t>, Rejection> {
        Compact::parse_knowing(token, Some(known), &mut StopAtFirst)
    }

    #[test]
    fn a_header_is_known_by_its_whole_text() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = |header: &str, subject: &str| {
            let claims = format!(r#"{{"iss":"https://a.example","sub":"{subject}","aud":"api","exp":2000000000}}"#);
            format!("{}.{}.c2ln", part(header), part(&claims))
        };
        let known = KnownHeaders::new();
        let (first, second) =
            (token(r#"{"alg":"RS256","kid":"k1"}"#, "u1"), token(r#"{"alg":"RS256","kid":"k1"}"#, "u2"));

        let read = parse(&first, &known).unwrap();
        assert!(parse(&second, &known).unwrap().new_header.is_some(), "its signature was not checked yet");
        known.keep(&read);
        let compact = parse(&second, &known).unwrap();
        assert!(compact.new_header.is_none() && Arc::ptr_eq(&compact.header, &read.header));
        assert_eq!((compact.claims.subject.as_str(), compact.header.kid.as_deref()), ("u2", Some("k1")));

        for other in [r#"{"alg":"none","kid":"k1"}"#, r#"{"alg":"RS256","kid":"k2"}"#, r#"{"alg":"RS256","kid":"k1" }"#]
        {
            let other = token(other, "u1");
            assert!(parse(&other, &known).unwrap().new_header.is_some(), "{other}");
        }
        assert_eq!(parse(&token(r#"{"alg":"RS256","crit":["b64"]}"#, "u1"), &known).err(), Some(Rejection::Extension));
    }
}
