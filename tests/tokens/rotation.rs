//! The life of signing keys on a running server: by schedule, by hand, by a change of the algorithm, and the files they are in.

use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::server::start::key_folder;
use tokenhouse::token::{Rotation, SigningAlgorithm, StoredKeys};

use crate::support::app::{Engine, TestApp, eventually, read_settings};
use crate::support::stolen::keys_of;
use crate::support::tokens::Findings;

const DAY: Duration = Duration::from_hours(24);

/// Started with `algorithm` and more settings, and no limits.
async fn app_with(algorithm: &str, more: &[(&str, &str)]) -> TestApp {
    let settings = [&[("limits.enabled", "false"), ("tokens.algorithm", algorithm)], more].concat();
    TestApp::with(Engine::Sqlite, &settings).await
}

/// Rotates the keys of `app` as the command line does.
fn rotate(app: &TestApp, algorithm: &str, rotation: Rotation) -> StoredKeys {
    let settings = read_settings(app.folder.path(), &app.database, &[("tokens.algorithm", algorithm)]);
    key_folder(&settings.tokens).rotate(rotation, app.clock.now()).unwrap()
}

/// The `kid` of a new login's token.
async fn signing_kid(app: &TestApp) -> String {
    kid_of(&app.log_in("ada@example.com").await.access_token)
}

fn kid_of(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The `kid`s that `app` publishes.
async fn published(app: &TestApp) -> Vec<String> {
    let keys: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn status(app: &TestApp, token: &str) -> u16 {
    app.get_as("/api/profile", token).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_schedule_a_key_is_published_ahead_then_signs_then_verifies_then_is_gone() {
    let app = app_with("ES256", &[("tokens.rotate_every", "10d")]).await;
    app.register("ada@example.com").await;
    let first = signing_kid(&app).await;
    assert_eq!(published(&app).await, [first.as_str()]);
    app.hands.advance(9 * DAY);
    eventually("the next key is published", async || published(&app).await.len() == 2).await;
    let second = published(&app).await.into_iter().find(|kid| *kid != first).unwrap();
    assert_eq!(signing_kid(&app).await, first, "a published key does not sign yet");
    app.hands.advance(Duration::from_secs(86_399));
    let last_of_first = app.log_in("ada@example.com").await.access_token;
    assert_eq!(kid_of(&last_of_first), first);
    app.hands.advance(Duration::from_secs(1));
    assert_eq!(signing_kid(&app).await, second, "on the second that was told a day before");
    assert_eq!(status(&app, &last_of_first).await, 200);
    app.hands.advance(Duration::from_secs(3600 + 28));
    assert_eq!(status(&app, &last_of_first).await, 200, "to its last second");
    assert_eq!(published(&app).await.len(), 2);
    app.hands.advance(Duration::from_mins(2));
    assert_eq!(status(&app, &last_of_first).await, 401);
    assert_eq!(published(&app).await, [second.as_str()]);
    eventually("the old key is deleted", async || {
        app.hands.advance(Duration::from_hours(2));
        keys_of(&app).iter().all(|key| key.kid() != first)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hs256_keys_are_rotated_by_schedule_too_and_never_published() {
    let app = app_with("HS256", &[("tokens.rotate_every", "2d")]).await;
    app.register("ada@example.com").await;
    let first = app.log_in("ada@example.com").await.access_token;
    app.hands.advance(Duration::from_mins(2 * 1440 - 1));
    eventually("the next key is made", async || keys_of(&app).len() == 2).await;
    let last_of_first = app.log_in("ada@example.com").await.access_token;
    assert_eq!(kid_of(&last_of_first), kid_of(&first));
    app.hands.advance(Duration::from_mins(1));
    eventually("it signs", async || signing_kid(&app).await != kid_of(&first)).await;
    assert_eq!(status(&app, &last_of_first).await, 200);
    assert_eq!(published(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_schedule_keys_stay() {
    let app = app_with("EdDSA", &[("tokens.rotate_every", "0s")]).await;
    app.register("ada@example.com").await;
    let first = signing_kid(&app).await;
    app.hands.advance(4000 * DAY);
    // A rotation by hand is taken over, so upkeep has looked after the clock was moved; and only that one was made.
    rotate(&app, "EdDSA", Rotation::AtOnce);
    eventually("the key of the rotation signs", async || signing_kid(&app).await != first).await;
    assert_eq!(keys_of(&app).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_published_ahead_at_once_or_after_a_theft() {
    let app = app_with("RS256", &[]).await;
    app.register("ada@example.com").await;
    let first = app.log_in("ada@example.com").await.access_token;

    let waiting = rotate(&app, "RS256", Rotation::Usual).iter().next().unwrap().kid.clone();
    eventually("the new key is published", async || published(&app).await.contains(&waiting)).await;
    assert_eq!(signing_kid(&app).await, kid_of(&first));

    let second = rotate(&app, "RS256", Rotation::AtOnce).iter().next().unwrap().kid.clone();
    eventually("the new key signs", async || signing_kid(&app).await == second).await;
    assert_eq!(published(&app).await, [second.clone(), kid_of(&first)], "the key that waited gave way");
    let of_second = app.log_in("ada@example.com").await;
    assert_eq!(status(&app, &first).await, 200);

    let third = rotate(&app, "RS256", Rotation::Compromised).iter().next().unwrap().kid.clone();
    eventually("the new key signs", async || signing_kid(&app).await == third).await;
    assert_eq!(published(&app).await, [third]);
    assert_eq!((status(&app, &first).await, status(&app, &of_second.access_token).await), (401, 401));
    assert_eq!(app.refresh(&of_second.refresh_token).await.status(), 200, "a session outlives its access tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_algorithm_logs_nobody_out() {
    let mut app = app_with("HS256", &[]).await;
    app.register("ada@example.com").await;
    let mut findings = Findings::default();
    for (from, to) in [("HS256", "RS256"), ("RS256", "ES256"), ("ES256", "EdDSA"), ("EdDSA", "HS256")] {
        let row = format!("{from} to {to}");
        let old = app.log_in("ada@example.com").await;
        let stolen = keys_of(&app).into_iter().find(|key| key.kid() == kid_of(&old.access_token)).unwrap();
        let claims = TestApp::claims(&old.access_token);
        app.restart_with(&[("tokens.algorithm", to)]).await;
        let new = app.log_in("ada@example.com").await.access_token;
        let key = keys_of(&app).into_iter().find(|key| key.kid() == kid_of(&new)).unwrap();
        findings.expect(&row, key.alg().to_owned(), to.to_owned());
        findings.expect(&row, (status(&app, &old.access_token).await, status(&app, &new).await), (200, 200));
        // What the retired key signs is not believed for longer than what it had signed already, whatever it says of itself.
        let forged = stolen.with_claims(&claims, json!({"exp": claims["iat"].as_i64().unwrap() + 20 * 3600}));
        findings.expect(&format!("{row}, while tokens live"), status(&app, &forged).await, 200);
        app.hands.advance(Duration::from_secs(3600 + 29));
        findings.expect(&format!("{row}, last second"), status(&app, &old.access_token).await, 200);
        app.hands.advance(Duration::from_secs(62));
        findings.expect(&format!("{row}, over"), status(&app, &old.access_token).await, 401);
        findings.expect(&format!("{row}, forged with the retired key"), status(&app, &forged).await, 401);
        findings.expect(&format!("{row}, refresh"), app.refresh(&old.refresh_token).await.status().as_u16(), 200);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_environment_is_the_hs256_key_only() {
    let secret = ("tokens.secret", "5c0f2a9be14d7736a8e19b04cc2d61f0");
    let mut app = app_with("HS256", &[secret]).await;
    app.register("ada@example.com").await;
    assert!(!app.folder.path().join("keys/signing-keys.json").exists(), "no key is made beside the secret");
    let by_secret = app.log_in("ada@example.com").await.access_token;
    let claims = TestApp::claims(&by_secret);

    app.restart_with(&[("tokens.algorithm", "ES256")]).await;
    let by_key = app.log_in("ada@example.com").await.access_token;
    assert_eq!(keys_of(&app)[0].kid(), kid_of(&by_key), "other keys are in the folder");
    assert_eq!(keys_of(&app).len(), 1, "the secret is not");
    assert_eq!((status(&app, &by_secret).await, status(&app, &by_key).await), (200, 200));
    // The secret stays set, and does not open the door for ever.
    let forge = crate::support::tokens::Forge { kid: kid_of(&by_secret), secret: secret.1.as_bytes().to_vec() };
    let forged = forge.with_claims(&claims, json!({"exp": claims["iat"].as_i64().unwrap() + 20 * 3600}));
    assert_eq!(status(&app, &forged).await, 200);
    app.hands.advance(Duration::from_secs(3600 + 91));
    assert_eq!((status(&app, &by_secret).await, status(&app, &forged).await), (401, 401));
    rotate(&app, "ES256", Rotation::Compromised);
    eventually("the new key signs", async || signing_kid(&app).await != kid_of(&by_key)).await;
    assert_eq!(status(&app, &forged).await, 401, "nor does a rotation open it again");

    let by_key = app.log_in("ada@example.com").await.access_token;
    app.restart_with(&[("tokens.algorithm", "HS256")]).await;
    assert_eq!(signing_kid(&app).await, kid_of(&by_secret));
    assert_eq!(status(&app, &by_key).await, 200, "and back logs nobody out");
    app.hands.advance(Duration::from_secs(3600 + 91));
    assert_eq!(status(&app, &by_key).await, 401);
    assert_eq!(published(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_version_0_1_works() {
    let mut app = app_with("HS256", &[]).await;
    app.register("ada@example.com").await;
    let file = json!({"keys": [
        {"kty": "oct", "alg": "HS256", "kid": "TFKpFWM6Vr7z-0MK", "k": "3aTFl9K6dZCfuLCLt5CFnK5ae0uUCBlDQWFvnqqY7W4",
            "created_at": "2026-05-31T12:00:00.123456789Z"},
        {"kty": "oct", "alg": "HS256", "kid": "TLjZsQ0CGg3vW2wP", "k": "bNOIQWZ0Hs_JhGd9SEkqeLNvvCz0x9PhpZQXHHyC6DY",
            "created_at": "2026-05-01T12:00:00Z", "verify_until": "2026-06-01T13:01:30Z"}
    ]});
    std::fs::write(app.folder.path().join("keys/signing-keys.json"), file.to_string()).unwrap();
    app.restart().await;
    let token = app.log_in("ada@example.com").await.access_token;
    assert_eq!(kid_of(&token), "TFKpFWM6Vr7z-0MK");
    let claims = TestApp::claims(&token);
    let [signs, verifies] = &keys_of(&app)[..] else { panic!("two keys") };
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
