//! Which tokens of a remote issuer are believed: rows J in Okta mode.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::app_of;
use crate::support::okta::{Okta, RsaKey, header};
use crate::support::tokens::{Findings, base64url, changed, hmac_of};

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_another_kind_or_key() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    let now = app.clock.unix_seconds();
    let payload = okta.claims(now).to_string();
    let key = RsaKey::number(0);
    let good = key.token(&header("k0"), &payload);
    let mut rows: Vec<(String, String, u16)> = vec![("good".to_owned(), good.clone(), 200)];
    let mut refuse = |row: String, token: String| rows.push((row, token, 401));
    // J1, J2
    for algorithm in [json!("none"), json!("NONE"), json!(""), json!(["RS256"]), json!(null), json!("rs256")] {
        let header = changed(&json!({"kid": "k0", "alg": "x"}), json!({ "alg": algorithm }));
        refuse(format!("J2 {algorithm}, no signature"), format!("{}.{}.", base64url(&header), base64url(&payload)));
        refuse(format!("J2 {algorithm}, signed"), key.token(&header, &payload));
    }
    for algorithm in ["RS384", "RS512", "PS256", "ES256", "EdDSA"] {
        refuse(format!("J2 {algorithm}"), key.token(&json!({"kid": "k0", "alg": algorithm}).to_string(), &payload));
    }
    // J5, J7: everything public about the key, taken for a secret.
    let modulus = key.modulus();
    let jwk = key.jwk("k0");
    let der = rsa_public_der(&modulus);
    let pem = |newline: &str| {
        let lines: Vec<String> = STANDARD
            .encode(&der)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----{newline}", lines.join("\n")).into_bytes()
    };
    let secrets: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("secret", b"secret".to_vec()),
        ("kid", b"k0".to_vec()),
        ("n", modulus.clone()),
        ("n in base64url", base64url(&modulus).into_bytes()),
        ("DER", der.clone()),
        ("PEM", pem("")),
        ("PEM and newline", pem("\n")),
        ("JWK", jwk.to_string().into_bytes()),
    ];
    for (name, secret) in secrets {
        for (algorithm, hash) in
            [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512), ("RS256", hmac::HMAC_SHA256)]
        {
            let signed =
                format!("{}.{}", base64url(json!({"kid": "k0", "alg": algorithm}).to_string()), base64url(&payload));
            let signature = hmac_of(hash, &secret, &signed);
            refuse(format!("J7 {algorithm} by {name}"), format!("{signed}.{}", base64url(signature)));
        }
    }
    // J8: a key that the token brings along.
    let own = RsaKey::number(1);
    for (row, header) in [
        ("J8 jwk", json!({"alg": "RS256", "kid": "k0", "jwk": own.jwk("k0")})),
        ("J8 jwk, own kid", json!({"alg": "RS256", "kid": "mine", "jwk": own.jwk("mine")})),
        ("J10 x5c", json!({"alg": "RS256", "kid": "k0", "x5c": [STANDARD.encode(own.modulus())]})),
        ("J8 no kid", json!({"alg": "RS256"})),
    ] {
        refuse(row.to_owned(), own.token(&header.to_string(), &payload));
    }
    refuse("J8 the right key, no kid".to_owned(), key.token(r#"{"alg":"RS256"}"#, &payload));
    // J4, J30
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut minus_one = modulus.clone();
    *minus_one.last_mut().unwrap() -= 1;
    let mut one = vec![0; 256];
    one[255] = 1;
    for (row, bytes) in [
        ("0", vec![0; 256]),
        ("1", one),
        ("n-1", minus_one),
        ("n", modulus),
        ("short", vec![1; 255]),
        ("long", vec![1; 257]),
        ("r=s=0", vec![0; 64]),
    ] {
        refuse(format!("J30 {row}"), format!("{signed}.{}", base64url(bytes)));
    }
    refuse("J4 empty".to_owned(), format!("{signed}."));
    refuse("J4 cut".to_owned(), format!("{signed}.{}", &signature[..signature.len() - 4]));
    refuse("J4 doubled".to_owned(), format!("{signed}.{signature}{signature}"));
    refuse("J12 padding".to_owned(), format!("{good}=="));
    // J23, J25
    for (row, extra) in [
        ("J23 crit", json!({"crit": ["exp"]})),
        ("J23 b64", json!({"crit": ["b64"], "b64": false})),
        ("J25 id_token", json!({"typ": "id_token+jwt"})),
        ("J25 logout", json!({"typ": "logout+jwt"})),
        ("J25 dpop", json!({"typ": "dpop+jwt"})),
        ("J26 cty", json!({"cty": "JWT"})),
        ("J28 zip", json!({"zip": "DEF"})),
    ] {
        refuse(row.to_owned(), key.token(&changed(&json!({"kid": "k0", "alg": "RS256"}), extra), &payload));
    }
    for typ in ["JWT", "at+jwt", "AT+JWT", "application/at+jwt", "application/okta-internal-at+jwt"] {
        let header = json!({"kid": "k0", "alg": "RS256", "typ": typ}).to_string();
        rows.push((format!("J25 {typ}"), key.token(&header, &payload), 200));
    }
    play(&app, rows).await;
    assert!(okta.key_requests() <= 1 + 5, "asked {} times for keys", okta.key_requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_the_wrong_type_or_value() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    let now = app.clock.unix_seconds();
    let mut rows: Vec<(String, String, u16)> = Vec::new();
    let mut row = |row: &str, changes: serde_json::Value, right: u16| {
        rows.push((format!("{row} {changes}"), okta.token_with(now, changes), right));
    };
    for exp in [json!(null), json!("9999999999"), json!(1e30), json!(-1), json!(0), json!(1.5), json!(true), json!([])]
    {
        row("J17", json!({ "exp": exp }), 401);
    }
    row("J17", json!({"exp": u64::MAX}), 401);
    row("J18", json!({"exp": now - 29}), 200);
    row("J18", json!({"exp": now - 30}), 401);
    row("J19", json!({"nbf": now + 30}), 200);
    row("J19", json!({"nbf": now + 31}), 401);
    row("J19", json!({"nbf": "soon"}), 401);
    row("J19", json!({"iat": now + 3600}), 401);
    row("Okta writes no nbf, and iat may lack", json!({"iat": null}), 200);
    for iss in [
        json!(null),
        json!("https://evil.example"),
        json!(format!("{}/", okta.issuer)),
        json!(okta.issuer.to_uppercase()),
        json!([okta.issuer]),
        json!(okta.issuer.replace("/oauth2/default", "")),
    ] {
        row("J20", json!({ "iss": iss }), 401);
    }
    for aud in [json!(null), json!("api://other"), json!([]), json!(["x"]), json!({}), json!(7)] {
        row("J21", json!({ "aud": aud }), 401);
    }
    row("J21", json!({"aud": ["x", "api://default"]}), 200);
    for sub in [json!(null), json!(""), json!(7), json!(["ada"])] {
        row("J22", json!({ "sub": sub }), 401);
    }
    row("client credentials", json!({"sub": "0oa1a2b3c4d5e6f7g8h9", "uid": null}), 200);
    // Either form of the scopes, and other issuers' name for the client.
    row("scp text", json!({"scp": "openid customScope"}), 200);
    row("scope", json!({"scp": null, "scope": "openid customScope"}), 200);
    row("scp number", json!({"scp": 7}), 401);
    row("azp", json!({"cid": null, "azp": "0oa1a2b3c4d5e6f7g8h9"}), 200);
    row("no scopes, a client", json!({"scp": null}), 200);
    // J24: an ID token tells a client who logged in, and opens nothing.
    row("J24 nonce", json!({"nonce": "n"}), 401);
    row("J24 at_hash", json!({"at_hash": "x"}), 401);
    row("J24 logout token", json!({"events": {}}), 401);
    row("J24 neither scopes nor client", json!({"scp": null, "cid": null}), 401);
    let twice = format!("{{\"sub\":\"admin@example.com\",{}", &okta.claims(now).to_string()[1..]);
    rows.push(("J13".to_owned(), RsaKey::number(0).token(&header("k0"), &twice), 401));
    play(&app, rows).await;
}

async fn play(app: &crate::support::app::TestApp, rows: Vec<(String, String, u16)>) {
    let mut findings = Findings::default();
    for (row, token, right) in rows {
        findings.expect(&row, crate::status(app, &token).await, right);
        findings.agree(&row, app.verifier(), &token).await;
    }
    findings.none();
}

/// `SubjectPublicKeyInfo` of an RSA key of 2048 bits with the exponent 65537 (RFC 3279, section 2.3.1).
fn rsa_public_der(modulus: &[u8]) -> Vec<u8> {
    let head = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100";
    let byte = |at: usize| u8::from_str_radix(&head[at..at + 2], 16).unwrap();
    let mut der: Vec<u8> = (0..head.len()).step_by(2).map(byte).collect();
    der.extend_from_slice(modulus);
    der.extend_from_slice(&[0x02, 0x03, 0x01, 0x00, 0x01]);
    der
}
