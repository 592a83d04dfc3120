//! The life of signing keys on a running server: by schedule, by hand, by a change of the algorithm.

use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::server::start::key_folder;
use tokenhouse::token::{Rotation, StoredKeys};

use crate::support::app::{Engine, TestApp, eventually, read_settings};
use crate::support::stolen::keys_of;
use crate::support::tokens::Findings;

const DAY: Duration = Duration::from_hours(24);

/// Started with `algorithm` and more settings, and no limits.
pub async fn app_with(algorithm: &str, more: &[(&str, &str)]) -> TestApp {
    let settings = [&[("limits.enabled", "false"), ("tokens.algorithm", algorithm)], more].concat();
    TestApp::with(Engine::Sqlite, &settings).await
}

/// Rotates the keys of `app` as the command line does.
pub fn rotate(app: &TestApp, algorithm: &str, rotation: Rotation) -> StoredKeys {
    let settings = read_settings(app.folder.path(), &app.database, &[("tokens.algorithm", algorithm)]);
    key_folder(&settings.tokens).rotate(rotation, app.clock.now()).unwrap()
}

/// The `kid` of a new login's token.
async fn signing_kid(app: &TestApp) -> String {
    kid_of(&app.log_in("ada@example.com").await.access_token)
}

pub fn kid_of(token: &str) -> String {
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

pub async fn status(app: &TestApp, token: &str) -> u16 {
    app.status_of(token).await
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
async fn a_key_that_is_over_stays_so() {
    let mut app = app_with("ES256", &[]).await;
    app.register("ada@example.com").await;
    let token = app.log_in("ada@example.com").await.access_token;
    app.restart_with(&[("tokens.algorithm", "HS256")]).await;
    let first_hs256 = signing_kid(&app).await;
    assert_eq!(status(&app, &token).await, 200);
    rotate(&app, "HS256", Rotation::Compromised);
    eventually("the new key signs", async || signing_kid(&app).await != first_hs256).await;
    assert_eq!(status(&app, &token).await, 401, "also of another algorithm");
    // Neither a rotation nor a start with its algorithm brings it back.
    let rotated = rotate(&app, "ES256", Rotation::AtOnce).iter().next().unwrap().kid.clone();
    app.restart_with(&[("tokens.algorithm", "ES256")]).await;
    assert_eq!(signing_kid(&app).await, rotated);
    assert_eq!((status(&app, &token).await, published(&app).await), (401, vec![rotated]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_algorithm_taken_back_keeps_the_key_that_others_know() {
    let mut app = app_with("ES256", &[]).await;
    app.register("ada@example.com").await;
    let known = signing_kid(&app).await;
    app.restart_with(&[("tokens.algorithm", "EdDSA")]).await;
    app.hands.advance(Duration::from_mins(30));
    app.restart_with(&[("tokens.algorithm", "ES256")]).await;
    assert_eq!(signing_kid(&app).await, known);
    let until = keys_of(&app).into_iter().find(|key| key.kid() == known).unwrap().0["verify_until"].clone();
    assert_eq!(until, Value::Null);
}
