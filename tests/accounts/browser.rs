//! A browser with a device that keeps passkeys, in software.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData, DefaultClientDataWithCustomHash};
use passkey::crypto::aws_lc_rs::AwsLcRsBackend;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use serde_json::{Value, json};
use url::Url;

use crate::support::tokens::{base64url, changed};

/// Whoever holds the device: present, and verified or not.
struct Holder {
    verified: Arc<Mutex<bool>>,
}

#[async_trait::async_trait]
impl UserValidationMethod for Holder {
    type PasskeyItem = passkey::types::Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Self::PasskeyItem>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: *self.verified.lock().unwrap() })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// A browser with a device.
pub struct Browser {
    client: Client<Option<passkey::types::Passkey>, Holder, AwsLcRsBackend, public_suffix::PublicSuffixList, ()>,
    pub origin: Url,
    verified: Arc<Mutex<bool>>,
}

impl Browser {
    pub fn new() -> Self {
        Self::at("http://localhost:3000")
    }

    pub fn at(origin: &str) -> Self {
        let verified = Arc::new(Mutex::new(true));
        let mut authenticator =
            Authenticator::new(Aaguid::new_empty(), None, Holder { verified: Arc::clone(&verified) }, AwsLcRsBackend);
        authenticator.set_make_credentials_with_signature_counter(true);
        let client = Client::new(authenticator).allows_insecure_localhost(true);
        Self { client, verified, origin: Url::parse(origin).unwrap() }
    }

    /// The answer to `publicKey` of a challenge for a new passkey.
    pub async fn create(&mut self, challenge: &Value) -> Value {
        let options = serde_json::from_value(json!({"publicKey": challenge["publicKey"]})).unwrap();
        let created = self.client.register(&self.origin, options, DefaultClientData).await.unwrap();
        as_a_browser_writes_it(serde_json::to_value(created).unwrap())
    }

    /// The answer to `publicKey` of a challenge for a passkey that it has.
    pub async fn get(&mut self, challenge: &Value) -> Value {
        let options = serde_json::from_value(json!({"publicKey": challenge["publicKey"]})).unwrap();
        let got = self.client.authenticate(&self.origin, options, DefaultClientData).await.unwrap();
        as_a_browser_writes_it(serde_json::to_value(got).unwrap())
    }

    /// The same with `changes` in what the browser says of itself, rightly signed.
    pub async fn get_saying(&mut self, challenge: &Value, changes: Value) -> Value {
        let origin = self.origin.origin().ascii_serialization();
        let said = json!({
            "type": "webauthn.get", "challenge": challenge["publicKey"]["challenge"], "origin": origin, "crossOrigin": false
        });
        let said = changed(&said, changes);
        let hash = digest::digest(&digest::SHA256, said.as_bytes()).as_ref().to_vec();
        let options = serde_json::from_value(json!({"publicKey": challenge["publicKey"]})).unwrap();
        let custom = DefaultClientDataWithCustomHash(hash);
        let got = self.client.authenticate(&self.origin, options, custom).await.unwrap();
        let mut got = as_a_browser_writes_it(serde_json::to_value(got).unwrap());
        got["response"]["clientDataJSON"] = json!(base64url(said));
        got
    }

    /// Who holds the device only touches it from now on: he is present, and not verified.
    pub fn touch_only(&mut self) {
        *self.verified.lock().unwrap() = false;
    }
}

/// A challenge whose page asks for a touch only: what a device then signs says so.
pub fn asking_for_a_touch(challenge: &Value) -> Value {
    let mut challenge = challenge.clone();
    let options = &mut challenge["publicKey"];
    if options.get("authenticatorSelection").is_some() {
        options["authenticatorSelection"]["userVerification"] = json!("discouraged");
    } else {
        options["userVerification"] = json!("discouraged");
    }
    challenge
}

/// With bytes in base64url, where the crate has lists of numbers (`toJSON` of WebAuthn level 3, section 5.1.8).
fn as_a_browser_writes_it(value: Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> =
                items.iter().filter_map(Value::as_u64).filter_map(|byte| u8::try_from(byte).ok()).collect();
            base64url(bytes).into()
        }
        Value::Array(items) => items.into_iter().map(as_a_browser_writes_it).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, as_a_browser_writes_it(value))).collect())
        }
        other => other,
    }
}
