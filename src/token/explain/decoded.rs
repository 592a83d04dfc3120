//! What a token says, with what each member means. Nothing is checked: anybody can write a token that says anything.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::times::When;
use crate::token::jws::MAX_TOKEN_BYTES;

/// Reads what a verifier would refuse, too: this only shows.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a token says.
///
/// ```
/// use tokenhouse::token::{Clock, Decoded};
///
/// let token = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDAwMDB9.c2lnbmF0dXJl";
/// let decoded = Decoded::of(token, "2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
/// assert_eq!(decoded.header[0].name, "alg");
/// assert_eq!(decoded.claims[0].value, "ada");
/// assert_eq!(decoded.claims[1].time.as_ref().unwrap().at, "2033-05-18T03:33:20Z");
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Decoded {
    /// The members of the header, in the token's order; of two of one name, both.
    pub header: Vec<Member>,
    /// The claims likewise; empty when they cannot be read, as those of an encrypted token.
    pub claims: Vec<Member>,
    /// Whether there is a signature, right or wrong.
    pub signed: bool,
}

/// A member of a header or of claims.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// What it means, when it is a well-known one.
    pub meaning: Option<&'static str>,
    /// Who says so.
    pub standard: Option<&'static str>,
    /// The moment, when it is one.
    pub time: Option<When>,
}

/// Why nothing of a token can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDecodable {
    /// There is nothing.
    #[error("there is no token: the text is empty")]
    Empty,
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the text is longer than {MAX_TOKEN_BYTES} bytes, which no verifier here reads")]
    TooLong,
    /// It has no parts: an opaque token, which means something to its issuer alone, or no token at all.
    #[error(
        "the text has no three parts with dots between: it is no JWT. Refresh tokens, client secrets and Okta's org access tokens are such texts; only who made them can read them"
    )]
    Opaque,
    /// The first part is no JSON object.
    #[error("the first part of the text is not a JSON object in base64url: it is no JWT")]
    Header,
}

impl Decoded {
    /// Takes `token` apart. `now` is for telling how long ago a moment was.
    ///
    /// # Errors
    /// [`NotDecodable`].
    pub fn of(token: &str, now: DateTime<Utc>) -> Result<Self, NotDecodable> {
        if token.is_empty() {
            return Err(NotDecodable::Empty);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(NotDecodable::TooLong);
        }
        let (header, rest) = token.split_once('.').ok_or(NotDecodable::Opaque)?;
        let header = members(header).ok_or(NotDecodable::Header)?;
        let (payload, signature) = rest.split_once('.').unwrap_or((rest, ""));
        let known = |found: Vec<(String, Value)>, table: &[Meaning]| {
            found.into_iter().map(|(name, value)| Member::new(name, value, table, now)).collect()
        };
        Ok(Self {
            header: known(header, HEADER),
            claims: known(members(payload).unwrap_or_default(), CLAIMS),
            signed: !signature.is_empty(),
        })
    }

    /// The claim `name`; of two, the first.
    pub(super) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// The member `name` of the header; of two, the first.
    pub(super) fn in_header(&self, name: &str) -> Option<&Value> {
        self.header.iter().find(|member| member.name == name).map(|member| &member.value)
    }
}

impl Member {
    fn new(name: String, value: Value, table: &[Meaning], now: DateTime<Utc>) -> Self {
        let known = table.iter().find(|meaning| meaning.0 == name);
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and what is beyond the calendar is none")]
        let seconds = || value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        let time = MOMENTS.contains(&name.as_str()).then(seconds).flatten().and_then(|seconds| When::of(seconds, now));
        Self { name, value, meaning: known.map(|meaning| meaning.1), standard: known.map(|meaning| meaning.2), time }
    }
}

/// The members of the JSON object that `part` is in base64url, in their order.
fn members(part: &str) -> Option<Vec<(String, Value)>> {
    let bytes = LENIENT.decode(part).ok()?;
    serde_json::from_slice::<InOrder>(&bytes).ok().map(|members| members.0)
}

/// An object with the order of its members kept, and both of two that have one name.
struct InOrder(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = InOrder;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(InOrder(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Name, meaning, and who says so.
type Meaning = (&'static str, &'static str, &'static str);

/// Claims that are moments, in seconds since 1970.
const MOMENTS: [&str; 5] = ["exp", "nbf", "iat", "auth_time", "updated_at"];

const HEADER: &[Meaning] = &[
    ("alg", "the algorithm of the signature", "RFC 7515, section 4.1.1"),
    ("kid", "which key of the issuer signed", "RFC 7515, section 4.1.4"),
    ("typ", "what kind of token it is; at+jwt is an access token", "RFC 7515, section 4.1.9; RFC 9068, section 2.1"),
    ("cty", "what is inside; with it, another token", "RFC 7515, section 4.1.10"),
    ("crit", "extensions that must be understood", "RFC 7515, section 4.1.11"),
    ("jku", "where keys are said to be; never followed here", "RFC 7515, section 4.1.2"),
    ("jwk", "a key that the token brings along; never used here", "RFC 7515, section 4.1.3"),
    ("x5u", "where a certificate is said to be; never followed here", "RFC 7515, section 4.1.5"),
    ("x5c", "a certificate that the token brings along; never used here", "RFC 7515, section 4.1.6"),
    ("x5t", "the hash of a certificate", "RFC 7515, section 4.1.7"),
    ("x5t#S256", "the hash of a certificate", "RFC 7515, section 4.1.8"),
    ("b64", "whether the payload is base64url", "RFC 7797, section 3"),
    ("enc", "how the content is encrypted", "RFC 7516, section 4.1.2"),
    ("zip", "how the content is compressed", "RFC 7516, section 4.1.3"),
];

const CLAIMS: &[Meaning] = &[
    ("iss", "who issued it", "RFC 7519, section 4.1.1"),
    ("sub", "whom it speaks of: a user, or the client itself", "RFC 7519, section 4.1.2"),
    ("aud", "whom it is for", "RFC 7519, section 4.1.3"),
    ("exp", "from then on it is not good", "RFC 7519, section 4.1.4"),
    ("nbf", "before then it is not good", "RFC 7519, section 4.1.5"),
    ("iat", "when it was issued", "RFC 7519, section 4.1.6"),
    ("jti", "its own identifier", "RFC 7519, section 4.1.7"),
    ("ver", "the version of its form", "Okta"),
    ("cid", "the client it was given to", "Okta"),
    ("client_id", "the client it was given to", "RFC 9068, section 2.2"),
    ("azp", "the client it was given to", "OpenID Connect Core 1.0, section 2"),
    ("uid", "the user", "Okta"),
    ("sid", "the session it belongs to", "OpenID Connect Front-Channel Logout 1.0, section 3"),
    ("scp", "what its bearer may do: the scopes that were granted", "Okta"),
    ("scope", "what its bearer may do: the scopes that were granted", "RFC 9068, section 2.2.3"),
    ("roles", "the roles of the user", "RFC 9068, section 2.2.3.1"),
    ("groups", "the groups of the user", "RFC 9068, section 2.2.3.1"),
    ("entitlements", "what the user is entitled to", "RFC 9068, section 2.2.3.1"),
    ("auth_time", "when the user signed in", "OpenID Connect Core 1.0, section 2"),
    ("acr", "how strongly the user signed in", "OpenID Connect Core 1.0, section 2"),
    ("amr", "by what means the user signed in", "RFC 8176, section 2"),
    ("nonce", "the mark of an ID token: it ties it to a sign-in", "OpenID Connect Core 1.0, section 2"),
    ("at_hash", "the mark of an ID token: the hash of an access token", "OpenID Connect Core 1.0, section 3.1.3.6"),
    ("c_hash", "the mark of an ID token: the hash of a code", "OpenID Connect Core 1.0, section 3.3.2.11"),
    ("events", "the mark of a logout or event token", "RFC 8417, section 2.2"),
    ("cnf", "the key that its bearer must prove to have", "RFC 7800, section 3.1"),
    ("act", "who acts for the subject", "RFC 8693, section 4.1"),
    ("name", "the name of the user", "OpenID Connect Core 1.0, section 5.1"),
    ("preferred_username", "what the user likes to be called", "OpenID Connect Core 1.0, section 5.1"),
    ("email", "the address of the user", "OpenID Connect Core 1.0, section 5.1"),
    ("email_verified", "whether the address is known to be the user's", "OpenID Connect Core 1.0, section 5.1"),
    ("updated_at", "when the profile last changed", "OpenID Connect Core 1.0, section 5.1"),
];
