//! Tokens of RS256, ES256 and EdDSA, and of several keys at once: J1 to J8 and J30 against keys whose public half everybody knows.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp};
use crate::support::okta::RsaKey;
use crate::support::stolen::{StolenKey, keys_of};
use crate::support::tokens::{Findings, base64url, hmac_of};
use crate::table::INVALID_TOKEN;

/// Algorithms whose tokens others can check.
const ASYMMETRIC: [&str; 3] = ["RS256", "ES256", "EdDSA"];

async fn app_with(algorithm: &str) -> TestApp {
    TestApp::with(Engine::Sqlite, &[("limits.enabled", "false"), ("tokens.algorithm", algorithm)]).await
}

fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
    serde_json::from_slice(&header.unwrap()).unwrap()
}

/// Every one of `rows` must be refused with the one answer, and `good` be let in afterwards.
async fn all_refused(app: &TestApp, good: &str, rows: Vec<(String, String)>) -> Findings {
    let mut findings = Findings::default();
    for (row, token) in rows {
        let response = app.get_as("/api/profile", &token).await;
        findings.agree(&row, app.verifier(), &token).await;
        findings.expect(&row, response.status().as_u16(), 401);
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        findings.expect(&row, challenge.as_deref(), Some(INVALID_TOKEN));
    }
    findings.expect("good token afterwards", app.get_as("/api/profile", good).await.status().as_u16(), 200);
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn each_algorithm_signs_what_it_says() {
    for (algorithm, length) in [("HS256", 32), ("RS256", 256), ("ES256", 64), ("EdDSA", 64)] {
        let mut app = app_with(algorithm).await;
        let tokens = app.tokens().await;
        let keys = keys_of(&app);
        assert_eq!((keys.len(), keys[0].alg()), (1, algorithm));
        let header = json!({"typ": "at+jwt", "alg": algorithm, "kid": keys[0].kid()});
        assert_eq!(header_of(&tokens.access_token), header);
        let signature = tokens.access_token.rsplit('.').next().unwrap();
        assert_eq!(signature.len(), (length * 4_usize).div_ceil(3), "{algorithm}");
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200, "{algorithm}");
        app.restart().await;
        assert_eq!(keys_of(&app)[0].kid(), keys[0].kid(), "the key is kept");
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_public_about_a_key_forges_nothing() {
    for algorithm in ASYMMETRIC {
        let app = app_with(algorithm).await;
        let good = app.tokens().await.access_token;
        let (key, payload) = (&keys_of(&app)[0], TestApp::claims(&good).to_string());
        assert_eq!(app.get_as("/api/profile", &key.sign(key.header(json!({})), &payload)).await.status(), 200);
        let mut rows = Vec::new();
        let mut refuse = |row: String, token: String| rows.push((format!("{algorithm}: {row}"), token));
        // J1, J2
        for lie in [json!("none"), json!("NONE"), json!(""), json!(null), json!([algorithm]), json!(7)] {
            let header = key.header(json!({ "alg": lie }));
            refuse(format!("J2 {lie}, no signature"), format!("{}.{}.", base64url(&header), base64url(&payload)));
            refuse(format!("J2 {lie}, signed"), key.sign(&header, &payload));
        }
        for other in ["HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"] {
            if other != algorithm {
                refuse(format!("J2 {other}"), key.sign(key.header(json!({ "alg": other })), &payload));
            }
        }
        // J5, J7
        let guesses = ["", "secret", key.kid()].map(|text| (format!("{text:?}"), text.as_bytes().to_vec()));
        for (name, secret) in key.public_as_secrets().into_iter().chain(guesses) {
            for (lie, hash) in
                [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512), (algorithm, hmac::HMAC_SHA256)]
            {
                let signed = format!("{}.{}", base64url(key.header(json!({ "alg": lie }))), base64url(&payload));
                let signature = hmac_of(hash, &secret, &signed);
                refuse(format!("J7 {lie} by {name}"), format!("{signed}.{}", base64url(signature)));
            }
        }
        // J8: a key that the token brings along, under the kid of a good one and under its own.
        let own = RsaKey::number(0);
        for kid in [key.kid(), "mine"] {
            let header = key.header(json!({"alg": "RS256", "kid": kid, "jwk": own.jwk(kid)}));
            refuse(format!("J8 kid {kid}"), own.token(&header, &payload));
        }
        // J3, J4
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).unwrap();
        refuse("J3 two parts".to_owned(), signed.to_owned());
        let mut signature_of = |row: String, bytes: &[u8]| refuse(row, format!("{signed}.{}", base64url(bytes)));
        for place in (0..bytes.len()).step_by(bytes.len().div_ceil(64)) {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (place % 8);
            signature_of(format!("J4 flipped in byte {place}"), &flipped);
        }
        signature_of("J4 empty".to_owned(), &[]);
        signature_of("J4 cut".to_owned(), &bytes[1..]);
        signature_of("J4 one more".to_owned(), &[&bytes[..], &[0]].concat());
        for (row, degenerate) in degenerate_signatures(key, &bytes) {
            signature_of(format!("J30 {row}"), &degenerate);
        }
        all_refused(&app, &good, rows).await.none();
    }
}

/// Signatures that a careless check would take for good: for ECDSA the "psychic" ones, for Ed25519 those with a point of small order, and those
/// that mean the same as a good one.
fn degenerate_signatures(key: &StolenKey, good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let (zero, one) = (vec![0; 32], [vec![0; 31], vec![1]].concat());
    match key.alg() {
        "RS256" => {
            let n = key.number("n");
            let mut minus_one = n.clone();
            *minus_one.last_mut().unwrap() -= 1;
            let [one, two] = [1, 2].map(|number| [vec![0; 255], vec![number]].concat());
            vec![
                ("0", vec![0; 256]),
                ("1", one),
                ("2", two),
                ("n - 1", minus_one),
                ("n", n),
                ("r = s = 0", vec![0; 64]),
            ]
        }
        "ES256" => {
            // The order of P-256 (SEC 2, section 2.4.2).
            let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
            let (r, s) = good.split_at(32);
            let der = [&[0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00][..]].concat();
            vec![
                ("r = s = 0", [zero.clone(), zero.clone()].concat()),
                ("r = 0", [&zero, s].concat()),
                ("s = 0", [r, &zero].concat()),
                ("r = s = 1", [one.clone(), one.clone()].concat()),
                ("r = s = order", [order.clone(), order.clone()].concat()),
                ("r = order, s = 0", [order.clone(), zero.clone()].concat()),
                ("s = order", [r, &order].concat()),
                ("r and s exchanged", [s, r].concat()),
                ("of zeros in DER", der),
                ("r alone", r.to_vec()),
                ("with zeros in front of each", [&[0], r, &[0], s].concat()),
            ]
        }
        _ => {
            let (point, scalar) = good.split_at(32);
            // The order of the base point (RFC 8032, section 5.1), little-endian; s + order means the same and must not count.
            let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
            let mut carry = 0;
            let added: Vec<u8> = scalar
                .iter()
                .zip(&order)
                .map(|(a, b)| {
                    let sum = u16::from(*a) + u16::from(*b) + carry;
                    carry = sum >> 8;
                    sum.to_le_bytes()[0]
                })
                .collect();
            let identity = [vec![1], vec![0; 31]].concat();
            vec![
                ("all zeros", vec![0; 64]),
                ("the neutral point and 0", [identity.clone(), zero.clone()].concat()),
                ("the neutral point and s", [&identity, scalar].concat()),
                ("0 for the scalar", [point, &zero].concat()),
                ("s + order", [point, &added].concat()),
                ("halves exchanged", [scalar, point].concat()),
                ("half", point.to_vec()),
            ]
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_algorithms_do_not_answer_for_each_other() {
    // Each restart leaves a key whose tokens are still good.
    let mut app = app_with("HS256").await;
    app.register("ada@example.com").await;
    let mut goods = vec![app.log_in("ada@example.com").await.access_token];
    for algorithm in ASYMMETRIC {
        app.restart_with(&[("tokens.algorithm", algorithm)]).await;
        goods.push(app.log_in("ada@example.com").await.access_token);
    }
    let keys = keys_of(&app);
    assert_eq!(keys.len(), 4);
    let payload = TestApp::claims(&goods[0]).to_string();
    let mut rows = Vec::new();
    for key in &keys {
        for other in keys.iter().filter(|other| other.kid() != key.kid()) {
            let row = format!("J7 signed by {}, under the kid of {}", key.alg(), other.alg());
            rows.push((format!("{row}, its own alg"), key.sign(key.header(json!({"kid": other.kid()})), &payload)));
            rows.push((format!("{row}, the other's alg"), key.sign(other.header(json!({})), &payload)));
            rows.push((
                format!("J2 signed by {}, under its kid, as {}", key.alg(), other.alg()),
                key.sign(key.header(json!({"alg": other.alg()})), &payload),
            ));
            // The signature of a good token of one key, under the header of another.
            let (_, signature) = key.sign(key.header(json!({})), &payload).rsplit_once('.').map(own).unwrap();
            let signed = format!("{}.{}", base64url(other.header(json!({}))), base64url(&payload));
            rows.push((format!("J4 {} of {}", other.alg(), key.alg()), format!("{signed}.{signature}")));
        }
        // J5, J7: the HS256 key is there beside the others, and what is public of those is still no secret.
        let hmac_key = keys.iter().find(|key| key.alg() == "HS256").unwrap();
        for (name, secret) in if key.alg() == "HS256" { Vec::new() } else { key.public_as_secrets() } {
            for header in [hmac_key.header(json!({})), key.header(json!({"alg": "HS256"}))] {
                let signed = format!("{}.{}", base64url(header), base64url(&payload));
                let signature = hmac_of(hmac::HMAC_SHA256, &secret, &signed);
                rows.push((
                    format!("J7 HS256 by {name} of {}", key.alg()),
                    format!("{signed}.{}", base64url(signature)),
                ));
            }
        }
    }
    // J6: the right key, another hash or padding.
    let rsa = keys.iter().find(|key| key.alg() == "RS256").unwrap();
    for (alg, encoding) in
        [("RS512", &RSA_PKCS1_SHA512 as &dyn aws_lc_rs::signature::RsaEncoding), ("PS256", &RSA_PSS_SHA256)]
    {
        for named in [alg, "RS256"] {
            let signed = format!("{}.{}", base64url(rsa.header(json!({ "alg": named }))), base64url(&payload));
            let signature = rsa.rsa_signature(encoding, signed.as_bytes());
            rows.push((format!("J6 {alg} as {named}"), format!("{signed}.{}", base64url(signature))));
        }
    }
    let mut findings = all_refused(&app, &goods[3], rows).await;
    for (good, algorithm) in goods.iter().zip(["HS256", "RS256", "ES256", "EdDSA"]) {
        findings.expect(algorithm, app.get_as("/api/profile", good).await.status().as_u16(), 200);
    }
    findings.none();
}

fn own((left, right): (&str, &str)) -> (String, String) {
    (left.to_owned(), right.to_owned())
}
