//! Okta instead of accounts, or beside them.

use serde_json::{Value, json};
use tokenhouse::settings::{Settings, Sources};

use crate::support::app::{Engine, PASSWORD, TestApp, problem};
use crate::support::okta::{Answer, CLIENT, Okta};
use crate::support::tokens::Findings;
use crate::{app_of, status};

#[tokio::test(flavor = "multi_thread")]
async fn okta_by_settings_alone() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    let token = okta.token(app.clock.unix_seconds());

    assert_eq!(app.get("/api/publicInfo").await.text().await.unwrap(), "You are viewing public info");
    assert_eq!(app.get("/api/profile").await.status(), 401);
    let profile = app.get_as("/api/profile", &token).await;
    assert_eq!(profile.status(), 200);
    assert_eq!(profile.text().await.unwrap(), "You are viewing private profile info");

    let me: Value = app.get_as("/api/me", &token).await.json().await.unwrap();
    assert_eq!(me["issuer"], okta.issuer);
    assert_eq!(me["sub"], "ada@example.com");
    assert_eq!(me["client_id"], CLIENT);
    assert_eq!(me["scopes"], json!(["openid", "customScope"]));
    assert_eq!(me["expires_at"], "2026-06-01T13:00:00.000000Z");
    assert_eq!(me["claims"]["uid"], "00u1a2b3c4d5e6f7g8h9");
    assert_eq!(me["claims"]["ver"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_local_there_are_no_accounts_no_database_and_no_key() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200);
    for path in [
        "/api/register",
        "/api/login",
        "/api/login/passkey",
        "/api/refresh",
        "/api/logout",
        "/api/sessions",
        "/api/sessions/8a6e0804-2bd0-4672-b79d-d97027f9071a",
        "/api/password/reset",
        "/api/email/verify",
        "/api/totp/confirm",
        "/api/passkeys",
        "/api/me/export",
    ] {
        let response = app.post(path, json!({"email": "ada@example.com", "password": PASSWORD})).await;
        assert_eq!(response.status(), 404, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["type"], "urn:tokenhouse:problem:no-accounts-here");
        assert!(body["detail"].as_str().unwrap().contains(&okta.issuer), "{body}");
    }
    let left = std::fs::read_dir(app.folder.path()).unwrap().count();
    assert_eq!(left, 0, "files in the data folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_at_once_and_the_issuer_decides() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[("auth.accept", "local,okta")]).await;
    let own = app.tokens().await;
    let theirs = okta.token(app.clock.unix_seconds());
    assert_eq!(status(&app, &own.access_token).await, 200);
    assert_eq!(status(&app, &theirs).await, 200);

    let me: Value = app.get_as("/api/me", &own.access_token).await.json().await.unwrap();
    assert_eq!(me["email"], "ada@example.com");
    // The same `sub` as somebody's address does not make an account of it.
    let me: Value = app.get_as("/api/me", &theirs).await.json().await.unwrap();
    assert_eq!((me["sub"].as_str(), me.get("email")), (Some("ada@example.com"), None));

    // A token of one issuer under the name of the other.
    let local_name = TestApp::claims(&own.access_token)["iss"].clone();
    let now = app.clock.unix_seconds();
    assert_eq!(status(&app, &okta.token_with(now, json!({"iss": local_name}))).await, 401);

    // Nobody logs out of Okta here, and no session of ours ends by trying.
    assert_eq!(
        problem(app.post_as("/api/logout", &theirs).await).await,
        (403, "not-a-session-of-this-server".to_owned())
    );
    let sid = TestApp::claims(&own.access_token)["sid"].clone();
    let with_our_session = okta.token_with(now, json!({ "sid": sid }));
    assert_eq!(app.post_as("/api/logout", &with_our_session).await.status(), 403);
    assert_eq!(status(&app, &own.access_token).await, 200);
    assert_eq!(app.post_as("/api/logout", &own.access_token).await.status(), 204);
    assert_eq!(status(&app, &theirs).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_remote_issuers_and_keys_where_the_settings_say() {
    let (okta, other) = (Okta::start().await, Okta::start().await);
    // The second has no discovery, and its keys are found where Okta has them.
    other.answer_discovery(Answer::text("404 Not Found", "text/plain", "no"));
    let keys = format!("{}/v1/keys", okta.issuer);
    let settings = [
        ("auth.accept", "okta,other"),
        ("remote.okta.issuer", okta.issuer.as_str()),
        ("remote.okta.audience", "api://default"),
        ("remote.okta.jwks_uri", &keys),
        ("remote.other.issuer", &other.issuer),
        ("remote.other.audience", "api://other"),
    ];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    let now = app.clock.unix_seconds();
    assert_eq!(status(&app, &okta.token(now)).await, 200);
    assert_eq!(status(&app, &other.token_with(now, json!({"aud": "api://other"}))).await, 200);
    assert_eq!(status(&app, &other.token(now)).await, 401, "an audience of the other issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_and_required_claims_narrow_down_whose_tokens_count() {
    let okta = Okta::start().await;
    let required = r#"{"groups": {"includes": "staff"}, "tier": "gold"}"#;
    let app = app_of(&okta, &[("remote.okta.client_id", CLIENT), ("remote.okta.required_claims", required)]).await;
    let now = app.clock.unix_seconds();
    let mut findings = Findings::default();
    for (row, changes, right) in [
        ("all there", json!({"groups": ["a", "staff"], "tier": "gold"}), 200),
        ("includes, in a text", json!({"groups": "a staff", "tier": "gold"}), 200),
        ("no groups", json!({"tier": "gold"}), 401),
        ("other groups", json!({"groups": ["staffing"], "tier": "gold"}), 401),
        ("groups nested", json!({"groups": [["staff"]], "tier": "gold"}), 401),
        ("other tier", json!({"groups": ["staff"], "tier": "Gold"}), 401),
        ("tier in a list", json!({"groups": ["staff"], "tier": ["gold"]}), 401),
        ("other client", json!({"groups": ["staff"], "tier": "gold", "cid": "0oaother"}), 401),
        ("no client", json!({"groups": ["staff"], "tier": "gold", "cid": null}), 401),
        (
            "client in RFC 9068's claim",
            json!({"groups": ["staff"], "tier": "gold", "cid": null, "client_id": CLIENT}),
            200,
        ),
        ("clients differ", json!({"groups": ["staff"], "tier": "gold", "client_id": "0oaother"}), 401),
    ] {
        findings.expect(row, status(&app, &okta.token_with(now, changes)).await, right);
    }
    findings.none();
}

#[test]
fn config_okta_toml_is_a_whole_set_up() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/okta.toml");
    let settings = Settings::read(&Sources::discover(Some(file.as_ref())).unwrap()).unwrap();
    assert!(!settings.auth.local);
    assert_eq!(settings.remotes["okta"].issuer, "https://dev-123456.okta.com/oauth2/default");
}
