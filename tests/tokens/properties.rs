//! The verifier against its own rules, on claims, texts and key changes that nobody thought of.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenhouse::token::{Hands, KeyFolder, KeyRules, Rotation, SigningAlgorithm, Tended};
use tokenhouse::{Clock, LocalIssuer, LocalSettings, Scopes, Verifier};

use crate::support::tokens::{base64url, hmac_of};

const ISSUER: &str = "http://localhost:3000/oauth2/default";
const SECRET: &str = "5c0f2a9be14d7736a8e19b04cc2d61f0";
const USER: &str = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
const TTL: u64 = 3600;
const LEEWAY: i64 = 30;
/// What a key is believed beyond the life of a token, for servers that have not heard of the next one yet.
const TAKE_OVER: Duration = Duration::from_mins(1);

fn settings() -> LocalSettings {
    LocalSettings {
        issuer: ISSUER.to_owned(),
        audience: "api://default".to_owned(),
        access_ttl: Duration::from_secs(TTL),
    }
}

fn local(clock: Clock) -> (Arc<LocalIssuer>, Verifier) {
    let issuer = Arc::new(LocalIssuer::with_secret(settings(), &SECRET.to_owned().into(), clock.clone()).unwrap());
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock).build().unwrap();
    (issuer, verifier)
}

fn mint(issuer: &LocalIssuer) -> String {
    issuer.mint_for_user(USER, "session", i64::MAX, &Scopes::from("openid")).token
}

/// That an explanation says of `token` what the verifier does, for the same reason.
fn explained_as_decided(verifier: &Verifier, token: &str) -> Result<(), TestCaseError> {
    let explanation = verifier.explain(token);
    prop_assert_eq!(explanation.rejection, verifier.verify(token).err());
    prop_assert_eq!(explanation.accepted, explanation.failed().next().is_none());
    // Nor does it ever have the signature in it, with which a token that is shown around could be used.
    let told = serde_json::to_string(&explanation).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    prop_assert!(signature.len() < 40 || !told.contains(signature));
    Ok(())
}

/// What jsonwebtoken says of a token, with every check it has.
fn believed_by_jsonwebtoken(token: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 30;
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["api://default"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_secret(SECRET.as_bytes()), &validation).is_ok()
}

/// A value for a claim: often the right one, often nearly.
fn value_like(right: Value) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        8 => Just(Some(right.clone())),
        1 => Just(None),
        1 => Just(Some(json!([right]))),
        1 => Just(Some(Value::Null)),
        1 => any::<i64>().prop_map(|number| Some(json!(number))),
        1 => any::<f64>().prop_map(|number| Some(json!(number))),
        1 => ".{0,12}".prop_map(|text| Some(json!(text))),
    ]
}

proptest! {
    #[test]
    fn no_text_is_a_token_but_those_that_were_minted(text in prop_oneof![".{0,200}", "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){0,5}"]) {
        let (_, verifier) = local(Clock::system());
        prop_assert!(verifier.verify(&text).is_err());
        explained_as_decided(&verifier, &text)?;
    }

    #[test]
    fn no_changed_token_is_believed(place in 0_usize..600, to in "[A-Za-z0-9_.=~-]{0,3}", cut in 0_usize..4) {
        let (issuer, verifier) = local(Clock::system());
        let token = mint(&issuer);
        // In memory or not, only the very text counts.
        for _ in 0..2 {
            prop_assert!(verifier.verify(&token).is_ok());
        }
        let place = place % token.len();
        let end = (place + cut).min(token.len());
        let changed = format!("{}{to}{}", &token[..place], &token[end..]);
        prop_assume!(changed != token);
        prop_assert!(verifier.verify(&changed).is_err());
        explained_as_decided(&verifier, &changed)?;
    }

    #[test]
    fn what_is_believed_jsonwebtoken_believes_too(
        alg in value_like(json!("HS256")),
        typ in value_like(json!("at+jwt")),
        iss in value_like(json!(ISSUER)),
        aud in value_like(json!("api://default")),
        exp in value_like(json!(Clock::system().unix_seconds() + 600)),
        nbf in value_like(json!(Clock::system().unix_seconds() - 600)),
        sub in value_like(json!(USER)),
        scp in value_like(json!("openid")),
    ) {
        let clock = Clock::system();
        let (issuer, verifier) = local(clock.clone());
        let object = |members: &[(&str, &Option<Value>)]| {
            let present = members.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value).clone()?)));
            Value::Object(present.collect()).to_string()
        };
        let kid = Some(json!(issuer.signing_kid()));
        let header = object(&[("alg", &alg), ("typ", &typ), ("kid", &kid)]);
        let (iat, cid, sid) = (Some(json!(clock.unix_seconds())), Some(json!("tokenhouse")), Some(json!("session")));
        let payload = object(&[
            ("iss", &iss), ("aud", &aud), ("exp", &exp), ("nbf", &nbf), ("sub", &sub), ("uid", &sub), ("scp", &scp),
            ("iat", &iat), ("cid", &cid), ("sid", &sid),
        ]);
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let token = format!("{signed}.{}", base64url(hmac_of(hmac::HMAC_SHA256, SECRET.as_bytes(), &signed)));
        explained_as_decided(&verifier, &token)?;
        if verifier.verify(&token).is_ok() {
            prop_assert!(believed_by_jsonwebtoken(&token));
        }
    }
}

#[test]
fn what_is_minted_both_believe() {
    let (issuer, verifier) = local(Clock::system());
    let token = mint(&issuer);
    assert!(verifier.verify(&token).is_ok());
    assert!(believed_by_jsonwebtoken(&token));
}

/// What may happen to an issuer whose keys are files.
#[derive(Debug, Clone)]
enum Act {
    Mint,
    /// As `key rotate` does: old tokens stay good until they expire.
    Rotate,
    /// The last key is to be believed for so many more seconds only.
    Retire(u16),
    /// Seconds.
    Advance(u16),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => Just(Act::Mint),
        2 => Just(Act::Rotate),
        1 => (0..300_u16).prop_map(Act::Retire),
        3 => (1..2_000_u16).prop_map(Act::Advance),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..25)
}

struct Town {
    folder: TempDir,
    clock: Clock,
    hands: Hands,
    issuer: Arc<LocalIssuer>,
    verifier: Verifier,
    minted: Vec<Minted>,
}

struct Minted {
    token: String,
    kid: String,
    /// Seconds since 1970 from which it must be refused.
    until: i64,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
        let (issuer, verifier) = Self::open(&folder, &clock);
        Self { folder, clock, hands, issuer, verifier, minted: Vec::new() }
    }

    fn open(folder: &TempDir, clock: &Clock) -> (Arc<LocalIssuer>, Verifier) {
        let issuer = Arc::new(LocalIssuer::with_key_dir(settings(), folder.path(), clock.clone()).unwrap());
        let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock.clone()).build().unwrap();
        (issuer, verifier)
    }

    fn act(&mut self, act: &Act) {
        let now = self.clock.unix_seconds();
        match act {
            Act::Mint => {
                let until = now + i64::try_from(TTL).unwrap() + LEEWAY;
                self.minted.push(Minted { token: mint(&self.issuer), kid: self.issuer.signing_kid(), until });
            }
            Act::Rotate => self.rotate(Duration::from_secs(TTL + 30)),
            Act::Retire(seconds) => self.rotate(Duration::from_secs(u64::from(*seconds))),
            Act::Advance(seconds) => self.hands.advance(Duration::from_secs(u64::from(*seconds))),
            Act::Restart => (self.issuer, self.verifier) = Self::open(&self.folder, &self.clock),
        }
    }

    /// The last key is believed for `token_life` and [`TAKE_OVER`].
    fn rotate(&mut self, token_life: Duration) {
        let (now, last) = (self.clock.now(), self.issuer.signing_kid());
        let until = now + token_life + TAKE_OVER;
        let rules = KeyRules { algorithm: Some(SigningAlgorithm::HS256), rotate_every: None, token_life };
        KeyFolder::new(self.folder.path(), rules).rotate(Rotation::Usual, now).unwrap();
        assert_eq!(self.issuer.tend_keys().unwrap(), Tended::Changed);
        for minted in self.minted.iter_mut().filter(|minted| minted.kid == last) {
            minted.until = minted.until.min(until.timestamp());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The model: a token is good until it expires or its key is given up, whichever is first; and remembering never changes an answer.
    #[test]
    fn rotation_and_memory_follow_the_model(acts in acts()) {
        let mut town = Town::new();
        for act in &acts {
            town.act(act);
            let (_, without_memory) = Town::open(&town.folder, &town.clock);
            for minted in &town.minted {
                let good = town.clock.unix_seconds() < minted.until;
                prop_assert_eq!(town.verifier.verify(&minted.token).is_ok(), good, "{:?} after {:?}", minted.kid, act);
                prop_assert_eq!(without_memory.verify(&minted.token).is_ok(), good, "without memory, after {:?}", act);
                explained_as_decided(&town.verifier, &minted.token)?;
            }
        }
    }
}
