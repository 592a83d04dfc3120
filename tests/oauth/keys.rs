//! `/api/admin/keys`: the signing keys, and rotating them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{SETTINGS, administrator};
use crate::people::{ada, header, user_tokens, web_app};
use crate::support::app::{Engine, TestApp, on_both, problem};

const KEYS: &str = "/api/admin/keys";
const ROTATE: &str = "/api/admin/keys/rotate";

async fn listed(app: &TestApp, admin: &str) -> Vec<Value> {
    let body: Value = app.get_as(KEYS, admin).await.json().await.unwrap();
    assert_eq!(body["next_cursor"], Value::Null);
    body["items"].as_array().unwrap().clone()
}

on_both!(listed_and_rotated, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    let got = user_tokens(&app, &client).await;
    let before = listed(&app, &admin).await;
    let is = |key: &Value| {
        (key["alg"].as_str().unwrap().to_owned(), key["phase"].as_str().unwrap().to_owned(), key["tokens"].clone())
    };
    let signs = |alg: &str, tokens: Value| (alg.to_owned(), "signs".to_owned(), tokens);
    assert_eq!(
        before.iter().map(is).collect::<Vec<_>>(),
        [signs("HS256", json!(["access"])), signs("RS256", json!(["id"]))]
    );
    for secret in ["d", "k", "p", "q"] {
        assert!(before.iter().all(|key| key.get(secret).is_none()), "O17 {secret}");
    }
    assert_eq!(app.get_as(KEYS, &own.access_token).await.status(), 403);
    assert_eq!(app.send_as(Method::POST, ROTATE, &own.access_token, json!({})).await.status(), 403);

    let rotated: Value = app.send_as(Method::POST, ROTATE, &admin, json!({})).await.json().await.unwrap();
    assert_ne!(rotated["kid"], before[0]["kid"]);
    let token = app.log_in("ada@example.com").await.access_token;
    assert_eq!(header(&token)["kid"], rotated["kid"], "at once");
    assert_eq!(app.get_as("/api/profile", &own.access_token).await.status(), 200, "tokens of the last key stay good");
    let published: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    assert_eq!(published["keys"].as_array().unwrap().len(), 2, "the next key of ID tokens, ahead");
    assert_eq!(
        header(&user_tokens(&app, &client).await.id_token.unwrap())["kid"],
        header(got.id_token.as_ref().unwrap())["kid"]
    );

    let compromised = app.send_as(Method::POST, ROTATE, &admin, json!({"compromised": true})).await;
    assert_eq!(compromised.status(), 200);
    assert_eq!(app.get_as("/api/profile", &token).await.status(), 401, "F14");
    assert_eq!(app.get_as("/api/profile", &own.access_token).await.status(), 401);
    let published: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    assert_eq!(published["keys"].as_array().unwrap().len(), 1);
    assert_ne!(
        header(&user_tokens(&app, &client).await.id_token.unwrap())["kid"],
        header(&got.id_token.unwrap())["kid"]
    );
    assert_eq!(app.texts("SELECT outcome FROM audit WHERE act = 'key.rotate'").await, ["success", "success"]);
});

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_rotated() {
    let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], ("tokens.algorithm", "ES256")]).await;
    let admin = administrator(&app).await;
    assert_eq!(listed(&app, &admin).await[0]["tokens"], json!(["access", "id"]));
    assert_eq!(app.send_as(Method::POST, ROTATE, &admin, json!({})).await.status(), 200);
    let waiting = app.send_as(Method::POST, ROTATE, &admin, json!({})).await;
    assert_eq!(problem(waiting).await, (409, "key-is-waiting".to_owned()));
    assert_eq!(app.send_as(Method::POST, ROTATE, &admin, json!({"now": true})).await.status(), 200);
    let secret = ("tokens.secret", "5c0f2a9be14d7736a8e19b04cc2d61f0");
    let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], SETTINGS[1], secret]).await;
    let admin = administrator(&app).await;
    assert!(listed(&app, &admin).await.is_empty());
    let refused = app.send_as(Method::POST, ROTATE, &admin, json!({})).await;
    assert_eq!(problem(refused).await, (409, "no-key-to-rotate".to_owned()));
    assert!(app.texts("SELECT outcome FROM audit WHERE act = 'key.rotate'").await.is_empty(), "nothing was done");
    // But ID tokens have a key of their own, which may be stolen too.
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let before = header(&user_tokens(&app, &client).await.id_token.unwrap())["kid"].clone();
    assert_eq!(listed(&app, &admin).await[0]["kid"], before);
    let rotated = app.send_as(Method::POST, ROTATE, &admin, json!({"compromised": true})).await;
    assert_eq!(rotated.json::<Value>().await.unwrap()["alg"], "RS256");
    assert_ne!(header(&user_tokens(&app, &client).await.id_token.unwrap())["kid"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_used_up_while_no_id_token_can_be_signed() {
    let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], SETTINGS[1]]).await;
    let admin = administrator(&app).await;
    // Where the folder of its key should be there is a file.
    std::fs::write(app.folder.path().join("keys/id-tokens"), "").unwrap();
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let code = crate::people::code(&app, &client, &[]).await;
    assert_eq!(crate::people::redeem(&app, &client, &code, &[]).await.status(), 503);
    assert!(app.texts("SELECT id FROM sessions WHERE kind = 'client'").await.is_empty());
    std::fs::remove_file(app.folder.path().join("keys/id-tokens")).unwrap();
    assert_eq!(crate::people::redeem(&app, &client, &code, &[]).await.status(), 200);
}
