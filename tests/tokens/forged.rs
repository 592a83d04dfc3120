//! Headers and signatures that a verifier must not believe: J1 to J16, J23 to J30.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::okta::RsaKey;
use crate::support::raw;
use crate::support::tokens::{base64url, hmac_of};
use crate::table::{Stage, good, refused};

#[tokio::test(flavor = "multi_thread")]
async fn algorithms_other_than_the_keys_own() {
    let stage = Stage::set().await;
    let (forge, payload) = (&stage.forge, stage.claims.to_string());
    let mut rows = Vec::new();
    // J1, J2: without a signature, and with the right one under a header that lies about it.
    let algorithms = ["none", "None", "NONE", "nOnE", "", "hs256", "HS-256", "HS256 "].map(|alg| json!(alg));
    let strange = [json!(["HS256"]), json!(256), json!({"alg": "HS256"}), json!(true)];
    for algorithm in algorithms.iter().chain(&strange) {
        let header = forge.header(json!({ "alg": algorithm }));
        rows.push(refused(
            &format!("J2 {algorithm}, no signature"),
            format!("{}.{}.", base64url(&header), base64url(&payload)),
        ));
        rows.push(refused(&format!("J2 {algorithm}, signed"), forge.sign(&header, &payload)));
    }
    let missing = forge.header(json!({"alg": null}));
    rows.push(refused("J2 missing", forge.sign(&missing, &payload)));
    rows.push(refused(
        "J2 null",
        forge.sign(format!(r#"{{"typ":"at+jwt","alg":null,"kid":"{}"}}"#, forge.kid), &payload),
    ));
    // J6: the right secret, another hash.
    for (name, algorithm) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        let signed = format!("{}.{}", base64url(forge.header(json!({ "alg": name }))), base64url(&payload));
        let signature = hmac_of(algorithm, &forge.secret, &signed);
        rows.push(refused(&format!("J6 {name}"), format!("{signed}.{}", base64url(signature))));
    }
    // J5: the right algorithm, a secret that somebody might have left in.
    for secret in ["", "secret", "changeme", &forge.kid] {
        let signed = format!("{}.{}", base64url(forge.header(json!({}))), base64url(&payload));
        let signature = hmac_of(hmac::HMAC_SHA256, secret.as_bytes(), &signed);
        rows.push(refused(&format!("J5 {secret:?}"), format!("{signed}.{}", base64url(signature))));
    }
    // J8, J10: a key that the token brings along.
    let own = RsaKey::number(0);
    for (id, extra) in [
        ("J8 jwk", json!({"alg": "RS256", "jwk": own.jwk("mine")})),
        ("J8 jwk with the kid", json!({"alg": "RS256", "kid": forge.kid, "jwk": own.jwk(&forge.kid)})),
        ("J10 x5c", json!({"alg": "RS256", "x5c": [base64url(own.modulus())]})),
    ] {
        rows.push(refused(id, own.token(&forge.header(extra), &payload)));
    }
    // J14: which of two would be believed?
    for (id, algorithms) in [("J14", r#""alg":"HS256","alg":"none""#), ("J14 reverse", r#""alg":"none","alg":"HS256""#)]
    {
        let header = format!(r#"{{"typ":"at+jwt",{algorithms},"kid":"{}"}}"#, forge.kid);
        rows.push(refused(id, forge.sign(header, &payload)));
    }
    stage.play(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_named_by_the_token_are_not_fetched_nor_looked_up() {
    let stage = Stage::set().await;
    let (forge, claims) = (&stage.forge, &stage.claims);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let mut rows = Vec::new();
    for name in ["jku", "x5u"] {
        let header = forge.header(json!({"alg": "RS256", "kid": "k0", name: url}));
        rows.push(refused(&format!("J9 {name}"), RsaKey::number(0).token(&header, &claims.to_string())));
    }
    let long = "k".repeat(10_000);
    for kid in [
        json!("../../../../dev/null"),
        json!("/proc/self/environ"),
        json!("x' UNION SELECT 'k'--"),
        json!("\u{0}"),
        json!("\n\u{1b}[31m"),
        json!(""),
        json!(long),
        json!(7),
        json!({"kid": forge.kid}),
        json!([forge.kid]),
    ] {
        let header = forge.header(json!({ "kid": kid }));
        let signed = format!("{}.{}", base64url(header), base64url(claims.to_string()));
        let signature = hmac_of(hmac::HMAC_SHA256, b"", &signed);
        let id = format!("J11 {}", kid.to_string().chars().take(30).collect::<String>());
        rows.push(refused(&id, format!("{signed}.{}", base64url(signature))));
        rows.push(refused(&format!("{id}, signed"), forge.with_header(claims, json!({ "kid": kid }))));
    }
    rows.push(refused("J11 missing", forge.with_header(claims, json!({"kid": null}))));
    stage.play(rows).await;
    let asked = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(asked.is_err(), "J9: the server asked for a key that a token named");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_no_token() {
    let stage = Stage::set().await;
    let good_token = stage.good.as_str();
    let [header, payload, signature] = good_token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut rows: Vec<_> = [
        format!("{header}.{payload}"),
        format!("{good_token}.x"),
        format!("{good_token}."),
        format!(".{good_token}"),
        "....".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header}.{payload}.{signature}.{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
    ]
    .into_iter()
    .map(|token| refused(&format!("J3 {}", &token[..token.len().min(20)]), token))
    .collect();
    // J4: every signature but the one.
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature).unwrap();
    let signed_as = |bytes: &[u8]| format!("{header}.{payload}.{}", base64url(bytes));
    rows.push(refused("J4 empty", signed_as(&[])));
    rows.push(refused("J4 cut", signed_as(&bytes[..bytes.len() - 1])));
    rows.push(refused("J4 one more", signed_as(&[&bytes[..], &[0]].concat())));
    rows.push(refused("J4 one more in front", signed_as(&[&[0], &bytes[..]].concat())));
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        rows.push(refused(&format!("J4 flipped in byte {place}"), signed_as(&flipped)));
    }
    for length in [1, 16, 31, 33, 64, 256] {
        rows.push(refused(&format!("J30 {length} zeros"), signed_as(&vec![0; length])));
    }
    // J12: one token, one spelling.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
    rows.push(refused("J12 trailing bits", format!("{}{next}", &good_token[..good_token.len() - 1])));
    rows.push(refused("J12 padding", format!("{good_token}=")));
    rows.push(refused("J12 standard alphabet", good_token.replace('-', "+").replace('_', "/") + "+/"));
    // J15, J16.
    for size in [9_000, 60_000, 100_000] {
        rows.push(refused(&format!("J15 {size} bytes"), format!("{header}.{}.{signature}", "A".repeat(size))));
    }
    rows.push(refused("J16 dots", ".".repeat(100_000)));
    stage.play(rows).await;

    // J15: more than a head may have. The connection goes, the server stays.
    let answer = raw::send(
        stage.app.address,
        raw::get("/api/profile", &format!("Authorization: Bearer {}\r\n", "A".repeat(1_000_000))),
    );
    let status = raw::status(&answer.await);
    assert!([0, 400, 431].contains(&status), "J15 1 MB: {status}");
    assert_eq!(stage.app.get_as("/api/profile", &stage.good).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_ask_for_more_or_for_something_else() {
    let stage = Stage::set().await;
    let (forge, claims) = (&stage.forge, &stage.claims);
    let mut rows = Vec::new();
    for (id, header) in [
        ("J23 crit exp", json!({"crit": ["exp"]})),
        ("J23 crit b64", json!({"crit": ["b64"], "b64": false})),
        ("J23 crit empty", json!({"crit": []})),
        ("J23 crit no list", json!({"crit": "x"})),
        ("J23 b64 alone", json!({"b64": false})),
        ("J25 JWT", json!({"typ": "JWT"})),
        ("J25 missing", json!({"typ": null})),
        ("J25 id_token", json!({"typ": "id_token+jwt"})),
        ("J25 logout", json!({"typ": "logout+jwt"})),
        ("J25 empty", json!({"typ": ""})),
        ("J25 no text", json!({"typ": ["at+jwt"]})),
        ("J26 cty", json!({"cty": "JWT"})),
        ("J27 enc", json!({"alg": "dir", "enc": "A256GCM"})),
        ("J27 PBES2", json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 1_000_000_000, "p2s": "x"})),
        ("J28 zip", json!({"zip": "DEF"})),
    ] {
        rows.push(refused(id, forge.with_header(claims, header)));
    }
    rows.push(good("J25 AT+JWT", forge.with_header(claims, json!({"typ": "AT+JWT"}))));
    rows.push(good("J25 application/at+jwt", forge.with_header(claims, json!({"typ": "application/at+jwt"}))));
    rows.push(refused("J26 nested", forge.sign(forge.header(json!({"cty": "JWT"})), &stage.good)));
    rows.push(refused("J26 nested, unsaid", forge.sign(forge.header(json!({})), &stage.good)));
    rows.push(refused("J27 five parts", format!("{}....", base64url(r#"{"alg":"dir","enc":"A256GCM"}"#))));
    // J29: payloads that are no claims.
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(3_000), "]".repeat(3_000));
    for (id, payload) in [
        ("no JSON", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("deep", deep.into_bytes()),
        ("no UTF-8", b"{\"iss\":\"\xff\xfe\"}".to_vec()),
        ("BOM", [b"\xef\xbb\xbf".as_slice(), claims.to_string().as_bytes()].concat()),
        ("something behind", format!("{claims}{claims}").into_bytes()),
    ] {
        rows.push(refused(&format!("J29 {id}"), forge.sign(forge.header(json!({})), payload)));
    }
    let header: Value = serde_json::from_str(&forge.header(json!({}))).unwrap();
    rows.push(refused("J29 header is a list", forge.sign(json!([header]).to_string(), claims.to_string())));
    stage.play(rows).await;
}
