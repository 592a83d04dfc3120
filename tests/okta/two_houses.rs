//! One tokenhouse believes the tokens of another, as it would Okta's: by the keys that one publishes.

use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::server::start::key_folder;
use tokenhouse::token::Rotation;

use crate::support::app::{Engine, TestApp, eventually, problem, read_settings};
use crate::support::stolen::keys_of;

/// A house with accounts, and one that believes it.
async fn houses(algorithm: &str) -> (TestApp, TestApp) {
    let first = TestApp::with(Engine::Sqlite, &[("limits.enabled", "false"), ("tokens.algorithm", algorithm)]).await;
    first.register("ada@example.com").await;
    let keys = format!("{}/oauth2/default/v1/keys", first.url);
    let settings = [
        ("auth.accept", "first"),
        ("server.public_url", "http://localhost:4000"),
        ("remote.first.issuer", "http://localhost:3000/oauth2/default"),
        ("remote.first.audience", "api://default"),
        ("remote.first.jwks_uri", &keys),
        ("remote.first.algorithms", algorithm),
    ];
    (first, TestApp::with(Engine::Sqlite, &settings).await)
}

fn rotate(app: &TestApp, algorithm: &str, rotation: Rotation) -> String {
    let settings = read_settings(app.folder.path(), &app.database, &[("tokens.algorithm", algorithm)]);
    let keys = key_folder(&settings.tokens).rotate(rotation, app.clock.now()).unwrap();
    keys.iter().next().unwrap().kid.clone()
}

fn kid_of(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn logged_in(app: &TestApp) -> String {
    app.log_in("ada@example.com").await.access_token
}

async fn status(app: &TestApp, token: &str) -> u16 {
    app.status_of(token).await
}

/// Moves the clocks of both.
fn advance(houses: [&TestApp; 2], by: Duration) {
    for house in houses {
        house.hands.advance(by);
    }
}

async fn believes_through_rotations(algorithm: &str) {
    let (first, second) = houses(algorithm).await;
    let token = logged_in(&first).await;
    assert_eq!(status(&second, &token).await, 200, "{algorithm}");
    let me: Value = second.get_as("/api/me", &token).await.json().await.unwrap();
    assert_eq!(me["sub"], TestApp::claims(&token)["sub"]);
    assert_eq!(me["client_id"], "tokenhouse");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    assert_eq!(status(&second, &format!("{signed}.{other}{}", &signature[1..])).await, 401, "{algorithm}");

    // A key that signs at once is fetched with its first token.
    let new_kid = rotate(&first, algorithm, Rotation::AtOnce);
    eventually("the new key signs", async || kid_of(&logged_in(&first).await) == new_kid).await;
    let newer = logged_in(&first).await;
    assert_eq!(status(&second, &newer).await, 200, "{algorithm}: believed after one fetch");
    assert_eq!(status(&second, &token).await, 200, "{algorithm}: and the old one still");

    // What a retired key signs is not believed for ever, whatever it says of itself.
    let claims = TestApp::claims(&token);
    let retired = keys_of(&first).into_iter().find(|key| key.kid() == kid_of(&token)).unwrap();
    let forged = retired.with_claims(&claims, json!({"exp": claims["iat"].as_i64().unwrap() + 20 * 3600}));
    assert_eq!(status(&second, &forged).await, 200, "{algorithm}: as long as the key is published");
    advance([&first, &second], Duration::from_mins(65));
    eventually("the retired key is forgotten", async || status(&second, &forged).await == 401).await;
    assert_eq!(status(&second, &logged_in(&first).await).await, 200, "{algorithm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_rs256() {
    believes_through_rotations("RS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_es256() {
    believes_through_rotations("ES256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_eddsa() {
    believes_through_rotations("EdDSA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_published_ahead_is_known_when_it_begins_to_sign() {
    let (first, second) = houses("ES256").await;
    assert_eq!(status(&second, &logged_in(&first).await).await, 200);
    let waiting = rotate(&first, "ES256", Rotation::Usual);
    eventually("it is published", async || {
        first.get("/oauth2/default/v1/keys").await.text().await.unwrap().contains(&waiting)
    })
    .await;
    // The hour for which the keys may be kept.
    advance([&first, &second], Duration::from_hours(2));
    let fetched = async || second.get_as("/api/profile", &logged_in(&first).await).await.status() == 200;
    eventually("the second house is as before", fetched).await;
    let stolen = keys_of(&first).into_iter().find(|key| key.kid() == waiting).unwrap();
    let claims = TestApp::claims(&logged_in(&first).await);
    eventually("the second house has it", async || {
        status(&second, &stolen.with_claims(&claims, json!({}))).await == 200
    })
    .await;
    advance([&first, &second], Duration::from_hours(22));
    let token = logged_in(&first).await;
    assert_eq!(kid_of(&token), waiting);
    assert_eq!(status(&second, &token).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_algorithm_that_is_not_expected_are_refused() {
    let (mut first, second) = houses("RS256").await;
    first.restart_with(&[("tokens.algorithm", "ES256")]).await;
    assert_eq!(status(&second, &logged_in(&first).await).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_without_accounts_publishes_no_keys() {
    let (_first, second) = houses("ES256").await;
    assert_eq!(problem(second.get("/oauth2/default/v1/keys").await).await.0, 404);
    assert!(!second.folder.path().join("keys").exists());
}
