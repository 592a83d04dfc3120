//! Tokens, claims, published keys, assertions and key files that somebody made up.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::Algorithm;
use serde_json::json;

use super::assertion::{AssertionKeys, claimed_client, id_and_end};
use super::jwks::KeySet;
use super::jws::Compact;
use super::random::base64url;
use super::{Claims, Clock, LocalIssuer, LocalSettings, Verifier, issuer_url, key_file};
use crate::hostile_input::Hostile;

const ISSUER: &str = "http://localhost:3000/oauth2/default";
const AUDIENCE: &str = "api://default";
const SECRET: &str = "5c0f2a9be14d7736a8e19b04cc2d61f0";
const LEEWAY: i64 = 30;

fn issuer_and_verifier() -> (Arc<LocalIssuer>, Verifier) {
    let (clock, _) = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
    let settings =
        LocalSettings { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), access_ttl: Duration::from_hours(1) };
    let issuer = LocalIssuer::with_secret(settings, &SECRET.to_owned().into(), clock.clone()).unwrap();
    let issuer = Arc::new(issuer);
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock).build().unwrap();
    (issuer, verifier)
}

/// Header and payload, from an input that has one on its first line and the other behind it.
fn parts(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((&input[..end], &input[end + 1..]))
}

#[test]
fn tokens() {
    let (_, verifier) = issuer_and_verifier();
    Hostile::to("token").every(|input| {
        let text = std::str::from_utf8(input).ok()?;
        // None of the corpus is signed with this secret.
        assert!(verifier.verify(text).is_err());
        assert!(!matches!(verifier.verdict(text), Some(Ok(_))));
        let token = Compact::parse(text).ok()?;
        assert_eq!(format!("{}.{}", token.signed, token.signature), text);
        assert_eq!(claimed_client(text).as_ref(), Some(&token.claims.subject));
        assert!(id_and_end(text).is_some_and(|(_, end)| end == token.claims.expires_at));
        Some(token.claims)
    });
}

/// They say what the verifier does, of whatever text.
#[test]
fn explanations() {
    let (_, verifier) = issuer_and_verifier();
    Hostile::to("token").every(|input| {
        let text = std::str::from_utf8(input).ok()?;
        let explanation = verifier.explain(text);
        assert_eq!(explanation.rejection, verifier.verify(text).err());
        assert!(explanation.failed().next().is_some());
        (explanation.checks.len() > 7).then_some(explanation.header)
    });
}

/// With a good signature, so that nothing but the claims and the header stands in the way.
#[test]
fn signed_claims() {
    let (issuer, verifier) = issuer_and_verifier();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let now = "2026-06-01T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp();
    // The verifier remembers those that are good, in sixteen megabytes at most; the table of them grows now and then.
    Hostile::to("claims").memory(4 * 1024 * 1024, 64).every(|input| {
        let (header, payload) = parts(input)?;
        let header = String::from_utf8_lossy(header).replace("KID", &issuer.signing_kid());
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload));
        let token = format!("{signed}.{}", base64url(hmac::sign(&key, signed.as_bytes()).as_ref()));
        let verdict = verifier.verify(&token);
        assert_eq!(verifier.explain(&token).rejection, verdict.as_ref().err().copied());
        let claims = verdict.ok()?;
        assert_eq!(claims.issuer, ISSUER);
        assert!(claims.audience.iter().any(|audience| audience == AUDIENCE));
        assert!(claims.expires_at > now - LEEWAY);
        assert!(claims.not_before.is_none_or(|moment| moment <= now + LEEWAY));
        assert!(!claims.subject.is_empty());
        // What it is told to be is what it is.
        let told: Claims = serde_json::from_value(claims.to_json().into()).unwrap();
        assert_eq!(
            (&told.subject, &told.client_id, &told.session_id),
            (&claims.subject, &claims.client_id, &claims.session_id)
        );
        assert_eq!((told.scopes, told.audience), (claims.scopes.clone(), claims.audience.clone()));
        Some(claims)
    });
}

#[test]
fn published_keys() {
    const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
    Hostile::to("jwks").every(|input| {
        let for_assertions = AssertionKeys::parse(input);
        let (keys, ignored) = KeySet::parse(input, &ALGORITHMS).ok()?;
        assert!((1..=100).contains(&keys.len()) && ignored.len() <= 200);
        let (again, _) = KeySet::parse(input, &ALGORITHMS).ok()?;
        assert!(keys.is_same_as(&again));
        Some((keys.len(), ignored, for_assertions.err()))
    });
}

#[test]
fn assertions() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "alg": "EdDSA", "x": base64url(pair.public_key().as_ref())});
    let keys = AssertionKeys::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    let audiences = ["http://localhost:3000/oauth2/default/v1/token", ISSUER];
    let now = 1_780_315_200;
    Hostile::to("assertion").every(|input| {
        let (header, payload) = parts(input)?;
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let assertion = format!("{signed}.{}", base64url(pair.sign(signed.as_bytes()).as_ref()));
        let claims = keys.check(&assertion, "0oaClient", &audiences, now, LEEWAY).ok()?;
        assert_eq!((claims.issuer.as_str(), claims.subject.as_str()), ("0oaClient", "0oaClient"));
        assert!(audiences.contains(&claims.audience[0].as_str()) && claims.audience.len() == 1);
        assert!((now - LEEWAY..=now + 3600 + LEEWAY).contains(&claims.expires_at));
        assert_eq!(claimed_client(&assertion).as_deref(), Some("0oaClient"));
        Some(claims)
    });
}

#[test]
fn key_files() {
    // Whether the numbers of a key belong together is a matter of milliseconds.
    Hostile::to("key-file").slow(128, 20).every(|input| {
        let keys = key_file::parse(input).ok()?;
        let text = serde_json::to_vec(&key_file::set_of(&keys).unwrap()).unwrap();
        let again = key_file::parse(&text).unwrap();
        let told = |keys: &[key_file::StoredKey]| {
            let told = keys
                .iter()
                .map(|key| (key.kid.clone(), key.algorithm(), key.created_at, key.sign_from, key.verify_until));
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(&keys), told(&again));
        Some(told(&keys))
    });
}

#[test]
fn addresses_of_issuers() {
    Hostile::to("issuer").every(|input| {
        let text = std::str::from_utf8(input).ok()?;
        let keys = issuer_url::check_jwks_uri(text).ok();
        let url = issuer_url::check_issuer_url(text).ok()?;
        assert!(url.scheme() == "https" || issuer_url::is_loopback(&url));
        assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none());
        Some((url, keys))
    });
}
