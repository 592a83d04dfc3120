//! A forge: tokens of any header, any claims and any signature.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokenhouse::Verifier;

use super::app::TestApp;

/// The HS256 key of a running server, stolen from its folder.
pub struct Forge {
    pub kid: String,
    pub secret: Vec<u8>,
}

impl Forge {
    pub fn of(app: &TestApp) -> Self {
        let file = app.folder.path().join("keys/signing-keys.json");
        let keys: Value = serde_json::from_slice(&std::fs::read(file).expect("the key file")).expect("JSON");
        let key = &keys["keys"][0];
        let secret = URL_SAFE_NO_PAD.decode(key["k"].as_str().expect("k")).expect("base64url");
        Self { kid: key["kid"].as_str().expect("a kid").to_owned(), secret }
    }

    /// The header that the server itself writes, with `changes` laid over it; `null` takes a member away.
    pub fn header(&self, changes: Value) -> String {
        changed(&json!({"typ": "at+jwt", "alg": "HS256", "kid": self.kid}), changes)
    }

    /// A token of these texts, rightly signed whatever they say.
    pub fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let signature = hmac_of(hmac::HMAC_SHA256, &self.secret, &signed);
        format!("{signed}.{}", base64url(signature))
    }

    /// A token with the server's own header and `claims` changed, rightly signed.
    pub fn with_claims(&self, claims: &Value, changes: Value) -> String {
        self.sign(self.header(json!({})), changed(claims, changes))
    }

    /// A token with `claims` and its header changed, rightly signed.
    pub fn with_header(&self, claims: &Value, changes: Value) -> String {
        self.sign(self.header(changes), claims.to_string())
    }
}

/// `object` as text with `changes` laid over it; `null` takes a member away.
pub fn changed(object: &Value, changes: Value) -> String {
    let mut object: Map<String, Value> = object.as_object().expect("an object").clone();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    Value::Object(object).to_string()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn hmac_of(algorithm: hmac::Algorithm, secret: &[u8], signed: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes()).as_ref().to_vec()
}

/// What a table of attacks found: every row is run, and those that went wrong are told together.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Notes a row whose outcome is not the right one.
    pub fn expect<T: PartialEq + std::fmt::Debug>(&mut self, row: &str, found: T, right: T) {
        if found != right {
            self.0.push(format!("{row}: {found:?}, and right is {right:?}"));
        }
    }

    /// Notes a row that is explained otherwise than it is decided, with memory alone or by asking.
    pub async fn agree(&mut self, row: &str, verifier: &Verifier, token: &str) {
        let verdicts = [
            (verifier.explain(token), verifier.verify(token)),
            (verifier.explain_asking(token).await, verifier.authenticate(token).await),
        ];
        for (explanation, verdict) in verdicts {
            self.expect(&format!("{row}: the explanation"), explanation.accepted, verdict.is_ok());
            self.expect(&format!("{row}: the explained reason"), explanation.rejection, verdict.err());
            self.expect(
                &format!("{row}: a check that failed"),
                explanation.failed().next().is_none(),
                explanation.accepted,
            );
        }
    }

    /// Those of rows that ran beside each other.
    pub fn together(all: Vec<Self>) -> Self {
        Self(all.into_iter().flat_map(|findings| findings.0).collect())
    }

    /// # Panics
    /// When a row went wrong.
    pub fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}
