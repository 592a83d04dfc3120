//! The private keys of a running server, stolen from its folder, and what is known of their public halves.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature::RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::app::TestApp;
use super::tokens::{base64url, changed, hmac_of};

/// A private key as it is in the key file.
#[derive(Clone)]
pub struct StolenKey(pub Value);

/// All keys of `app`, in the order of its file.
pub fn keys_of(app: &TestApp) -> Vec<StolenKey> {
    let file = app.folder.path().join("keys/signing-keys.json");
    let keys: Value = serde_json::from_slice(&std::fs::read(file).expect("the key file")).expect("JSON");
    keys["keys"].as_array().expect("keys").iter().cloned().map(StolenKey).collect()
}

impl StolenKey {
    pub fn kid(&self) -> &str {
        self.0["kid"].as_str().expect("a kid")
    }

    pub fn alg(&self) -> &str {
        self.0["alg"].as_str().expect("an alg")
    }

    pub fn number(&self, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.0[name].as_str().expect(name)).expect("base64url")
    }

    /// The header that the server itself writes, with `changes` laid over it; `null` takes a member away.
    pub fn header(&self, changes: Value) -> String {
        changed(&json!({"typ": "at+jwt", "alg": self.alg(), "kid": self.kid()}), changes)
    }

    /// A token of these texts, rightly signed whatever they say.
    pub fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let signature = self.signature(&signed);
        format!("{signed}.{}", base64url(signature))
    }

    /// A token with the server's own header and `claims` changed, rightly signed.
    pub fn with_claims(&self, claims: &Value, changes: Value) -> String {
        self.sign(self.header(json!({})), changed(claims, changes))
    }

    pub fn signature(&self, signed: &str) -> Vec<u8> {
        let (signed, random) = (signed.as_bytes(), SystemRandom::new());
        match self.alg() {
            "HS256" => hmac_of(hmac::HMAC_SHA256, &self.number("k"), std::str::from_utf8(signed).expect("text")),
            "RS256" => self.rsa_signature(&RSA_PKCS1_SHA256, signed),
            "ES256" => {
                let point = [&[4], &self.number("x")[..], &self.number("y")].concat();
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &self.number("d"), &point);
                pair.expect("a key").sign(&random, signed).expect("a signature").as_ref().to_vec()
            }
            "EdDSA" => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&self.number("d"), &self.number("x"));
                pair.expect("a key").sign(signed).as_ref().to_vec()
            }
            other => panic!("{other}"),
        }
    }

    /// By an RSA key, in whatever way.
    pub fn rsa_signature(&self, encoding: &'static dyn RsaEncoding, signed: &[u8]) -> Vec<u8> {
        let public_key = PublicKeyComponents { n: self.number("n"), e: self.number("e") };
        let [d, p, q, dp, dq, qi] = ["d", "p", "q", "dp", "dq", "qi"].map(|name| self.number(name));
        let pair = RsaKeyPair::from_components(&KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi });
        let pair = pair.expect("a key");
        let mut bytes = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), signed, &mut bytes).expect("a signature");
        bytes
    }

    /// The members that everybody may see.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = json!({"use": "sig"});
        for name in ["kty", "alg", "kid", "crv", "n", "e", "x", "y"] {
            if let Some(value) = self.0.get(name) {
                jwk[name] = value.clone();
            }
        }
        jwk
    }

    /// Everything public about an asymmetric key that somebody could take for an HMAC secret.
    pub fn public_as_secrets(&self) -> Vec<(String, Vec<u8>)> {
        let mut secrets = vec![("the JWK".to_owned(), self.public_jwk().to_string().into_bytes())];
        for name in ["n", "x", "y"] {
            if let Some(text) = self.0[name].as_str() {
                secrets.push((name.to_owned(), self.number(name)));
                secrets.push((format!("{name} in base64url"), text.as_bytes().to_vec()));
            }
        }
        let der = self.public_der();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
        secrets.push(("PEM and newline".to_owned(), format!("{pem}\n").into_bytes()));
        secrets.push(("PEM".to_owned(), pem.into_bytes()));
        secrets.push(("DER".to_owned(), der));
        secrets
    }

    /// The X.509 form of its public half (RFC 5280, section 4.1.2.7).
    fn public_der(&self) -> Vec<u8> {
        let prefix = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect()
        };
        match self.alg() {
            "RS256" => {
                let head = prefix("30820122300d06092a864886f70d01010105000382010f003082010a0282010100");
                [head, self.number("n"), prefix("0203"), self.number("e")].concat()
            }
            "ES256" => {
                let head = prefix("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
                [head, self.number("x"), self.number("y")].concat()
            }
            "EdDSA" => [prefix("302a300506032b6570032100"), self.number("x")].concat(),
            other => panic!("{other}"),
        }
    }
}
