//! The file that signing keys are in: of an earlier version, tampered with, readable by others.

use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::server::start::key_folder;
use tokenhouse::token::{Rotation, SigningAlgorithm};

use crate::rotation::{app_with, kid_of, rotate, status};
use crate::support::app::{TestApp, read_settings};
use crate::support::stolen::keys_of;
use crate::support::tokens::Findings;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_version_0_1_works() {
    let mut app = app_with("HS256", &[]).await;
    app.register("ada@example.com").await;
    let file = json!({"keys": [
        {"kty": "oct", "alg": "HS256", "kid": "TFKpFWM6Vr7z-0MK", "k": "3aTFl9K6dZCfuLCLt5CFnK5ae0uUCBlDQWFvnqqY7W4",
            "created_at": "2026-05-31T12:00:00.123456789Z"},
        {"kty": "oct", "alg": "HS256", "kid": "TLjZsQ0CGg3vW2wP", "k": "bNOIQWZ0Hs_JhGd9SEkqeLNvvCz0x9PhpZQXHHyC6DY",
            "created_at": "2026-05-01T12:00:00Z", "verify_until": "2026-06-01T13:01:30Z"},
        {"kty": "oct", "alg": "HS256", "kid": "of the end of times", "k": "bNOIQWZ0Hs_JhGd9SEkqeLNvvCz0x9PhpZQXHHyC6DY",
            "created_at": "2026-05-01T12:00:00Z", "verify_until": "+262142-12-31T23:59:59Z"}
    ]});
    std::fs::write(app.folder.path().join("keys/signing-keys.json"), file.to_string()).unwrap();
    app.restart().await;
    let token = app.log_in("ada@example.com").await.access_token;
    assert_eq!(kid_of(&token), "TFKpFWM6Vr7z-0MK");
    let claims = TestApp::claims(&token);
    let [signs, verifies, ..] = &keys_of(&app)[..] else { panic!("two keys") };
    let of_retired = verifies.with_claims(&claims, json!({"exp": claims["exp"].as_i64().unwrap() + 3600}));
    assert_eq!(status(&app, &signs.with_claims(&claims, json!({}))).await, 200);
    assert_eq!(status(&app, &of_retired).await, 200);
    app.hands.advance(Duration::from_secs(3600 + 90));
    assert_eq!(status(&app, &of_retired).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn key_files_that_are_not_to_be_trusted_stop_the_start() {
    let app = app_with("RS256", &[]).await;
    let other = app_with("RS256", &[]).await;
    let (ours, theirs) = (keys_of(&app)[0].0.clone(), keys_of(&other)[0].0.clone());
    let ed25519 = keys_of(&app_with("EdDSA", &[]).await)[0].0.clone();
    let p256 = keys_of(&app_with("ES256", &[]).await)[0].0.clone();
    let with = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        json!({ "keys": [key] }).to_string()
    };
    let settings = read_settings(app.folder.path(), &app.database, &[("tokens.algorithm", "RS256")]);
    let path = app.folder.path().join("keys/signing-keys.json");
    let mut findings = Findings::default();
    for (row, file, right) in [
        ("no keys", json!({"keys": []}).to_string(), "it has no key"),
        ("no JSON", "hello".to_owned(), "expected value"),
        ("the private number of another key", with(&ours, "d", theirs["d"].clone()), "do not belong together"),
        ("a public number of another key", with(&ours, "n", theirs["n"].clone()), "do not belong together"),
        ("another exponent", with(&ours, "e", json!("Aw")), "do not belong together"),
        ("a number is missing", with(&ours, "qi", json!(null)), "lacks a number"),
        ("padding", with(&ours, "e", json!("AQAB=")), "not base64url"),
        ("RSA for HS256", with(&ours, "alg", json!("HS256")), "want oct/HS256, RSA/RS256, EC/ES256 or OKP/EdDSA"),
        ("RSA for PS256", with(&ours, "alg", json!("PS256")), "want oct/HS256"),
        ("no kid", with(&ours, "kid", json!("")), "empty \"kid\""),
        ("two of one kid", json!({"keys": [ours, ours]}).to_string(), "have one \"kid\""),
        ("another point", with(&p256, "x", ed25519["x"].clone()), "do not belong together"),
        ("another curve", with(&p256, "crv", json!("P-384")), "want oct/HS256"),
        ("d = 0", with(&p256, "d", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), "do not belong together"),
        ("another seed", with(&ed25519, "d", p256["d"].clone()), "do not belong together"),
        ("a short seed", with(&ed25519, "d", json!("AAAA")), "do not belong together"),
        ("a short secret", json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k", "k": "AAAA", "created_at": "2026-05-01T12:00:00Z"}]}).to_string(), "shorter than 32 bytes"),
    ] {
        std::fs::write(&path, file).unwrap();
        let error = match key_folder(&settings.tokens).open(app.clock.now()) {
            Ok(_) => "it is read".to_owned(),
            Err(error) => error.to_string(),
        };
        findings.expect(&format!("{row}: {error}"), error.contains(right), true);
        for secret in [&ours["d"], &p256["d"], &ed25519["d"]] {
            findings.expect(&format!("{row}: tells a secret"), error.contains(secret.as_str().unwrap()), false);
        }
    }
    findings.none();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_read_the_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    for algorithm in SigningAlgorithm::ALL {
        let mut app = app_with(algorithm.name(), &[]).await;
        let path = app.folder.path().join("keys/signing-keys.json");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{algorithm}");
        rotate(&app, algorithm.name(), Rotation::AtOnce);
        assert_eq!(mode(&path), 0o600, "{algorithm}");
        app.restart().await;
        assert_eq!(mode(&path), 0o600, "{algorithm}");
    }
}
