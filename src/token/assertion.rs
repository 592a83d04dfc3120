//! Tokens that a client signs to prove who it is (RFC 7523, section 3).

use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::checks::StopAtFirst;
use super::claims::Claims;
use super::jwks::KeySet;
use super::jws::Compact;
use super::local::{check_times, is_access_token_type};
use super::rejection::Rejection;

/// An assertion may be good for so long at most, from when it is shown: as long as Okta takes one.
pub const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// Signatures that a client's keys may make. Never an HMAC: the server would have to keep its key in clear.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The public keys of a client.
pub struct AssertionKeys(KeySet);

impl AssertionKeys {
    /// Reads a JWKS. Every key of it must be usable: one that was left out silently would be missed at the worst moment.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(document: &[u8]) -> Result<Self, String> {
        // Whoever hands in a private key by mistake should hear of it before it is stored.
        let text: serde_json::Value = serde_json::from_slice(document).map_err(|_| "it is not JSON".to_owned())?;
        let keys = text.get("keys").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if keys.iter().any(|key| ["d", "k", "p", "q", "dp", "dq", "qi"].iter().any(|part| key.get(part).is_some())) {
            return Err("it has a private or secret key; want the public ones only".to_owned());
        }
        if keys.is_empty() {
            return Err("it is not an object with an array \"keys\" that has some".to_owned());
        }
        let (keys, ignored) =
            KeySet::parse(document, &ALGORITHMS).map_err(|_| "none of its keys can be used".to_owned())?;
        match ignored.first() {
            Some(ignored) => Err(format!("the key {:?}: {}", ignored.kid.as_deref().unwrap_or_default(), ignored.why)),
            None => Ok(Self(keys)),
        }
    }

    /// Checks `assertion`: made with one of these keys by that key's own algorithm, by `client_id` about itself, for exactly one of `audiences` and
    /// nobody else, good now and not for long. Whether it was used before is the caller's to find out.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        assertion: &str,
        client_id: &str,
        audiences: &[&str],
        now: i64,
        leeway: i64,
    ) -> Result<Claims, Rejection> {
        let token = Compact::parse(assertion)?;
        // A client with one key need not name it.
        let key = match token.header.kid.as_deref() {
            Some(kid) => self.0.get(kid).ok_or(Rejection::UnknownKey)?,
            None => self.0.only().ok_or(Rejection::KeyNotNamed)?,
        };
        key.check(&token)?;
        if is_access_token_type(token.header.typ.as_deref()) {
            return Err(Rejection::Type);
        }
        let claims = token.claims;
        check_times(&claims, now, leeway, &mut StopAtFirst)?;
        let longest = i64::try_from(LONGEST_LIFE.as_secs()).unwrap_or(i64::MAX);
        if claims.expires_at.saturating_sub(now) > longest.saturating_add(leeway) {
            return Err(Rejection::Lifetime);
        }
        if claims.issuer != client_id || claims.subject != client_id {
            return Err(Rejection::Subject);
        }
        match claims.audience.as_slice() {
            [audience] if audiences.contains(&audience.as_str()) => {}
            _ => return Err(Rejection::Audience),
        }
        match claims.token_id.as_deref() {
            Some(id) if !(1..=256).contains(&id.len()) => Err(Rejection::RequiredClaim),
            _ => Ok(claims),
        }
    }
}

/// Whom an assertion says it is from, before anything of it is believed: only for finding the keys it must be checked with.
#[must_use]
pub fn claimed_client(assertion: &str) -> Option<String> {
    Compact::parse(assertion).ok().map(|token| token.claims.subject)
}

/// Whom a token says it is for, before anything of it is believed.
#[must_use]
pub fn claimed_audience(token: &str) -> Option<String> {
    Compact::parse(token).ok()?.claims.audience.into_iter().next()
}

/// The id of an assertion that was checked, and its end in seconds since 1970. One without `jti` is its own id: what it signs cannot be changed, and its
/// signature is left out, for some algorithms give another each time.
#[must_use]
pub fn id_and_end(assertion: &str) -> Option<(String, i64)> {
    let token = Compact::parse(assertion).ok()?;
    let id = token.claims.token_id.unwrap_or_else(|| token.signed.to_owned());
    Some((id, token.claims.expires_at))
}
