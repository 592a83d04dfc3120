//! ID tokens, their key, and userinfo.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{INACTIVE, SETTINGS, administrator, opens};
use crate::people::{
    ADA, CALLBACK, ISSUER, LOGOUT, USERINFO, ada, allow, asking, code, header, made, redeem, tokens, user_tokens,
    web_app,
};
use crate::support::app::{Engine, TestApp, on_both};
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

on_both!(an_id_token_says_who_it_is, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let (id, own) = ada(&app).await;
    app.send_as(Method::PATCH, "/api/me", &own.access_token, json!({"name": "Ada Lovelace"})).await;
    assert_eq!(
        app.get("/oauth2/default/v1/keys").await.text().await.unwrap(),
        r#"{"keys":[]}"#,
        "while no client acts for users"
    );
    let client = web_app(&app, &admin).await;
    let got = user_tokens(&app, &client).await;
    let id_token = got.id_token.unwrap();
    let head = header(&id_token);
    assert_eq!((&head["alg"], &head["typ"]), (&json!("RS256"), &json!("JWT")), "also while access tokens are HS256");
    assert_eq!(header(&got.access_token)["alg"], "HS256");
    let claims = TestApp::claims(&id_token);
    for (name, expected) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(client.id)),
        ("sub", json!(id)),
        ("nonce", json!("a nonce")),
        ("amr", json!(["pwd"])),
        ("name", json!("Ada Lovelace")),
        ("preferred_username", json!(ADA)),
        ("email", json!(ADA)),
        ("email_verified", json!(false)),
        ("ver", json!(1)),
    ] {
        assert_eq!(claims[name], expected, "{name}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_eq!(claims["auth_time"], app.clock.unix_seconds());
    assert!(claims["jti"].as_str().unwrap().starts_with("ID."));
    assert_eq!(claims["sid"], TestApp::claims(&got.access_token)["sid"]);
    let keys: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    assert_eq!((keys["keys"].as_array().unwrap().len(), &keys["keys"][0]["kid"]), (1, &head["kid"]));
    assert!(keys["keys"][0].get("d").is_none(), "O17");
    // By what anybody else checks it with.
    let key = jsonwebtoken::DecodingKey::from_rsa_components(
        keys["keys"][0]["n"].as_str().unwrap(),
        keys["keys"][0]["e"].as_str().unwrap(),
    );
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[&client.id]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(&id_token, &key.unwrap(), &validation).expect("its signature is good");
    // It opens nothing.
    assert_eq!(app.get_as("/api/profile", &id_token).await.status(), 401, "J24, J25");
    assert_eq!(app.get_as(USERINFO, &id_token).await.status(), 401, "J24");
    assert_eq!(client.introspect(&app, &id_token).await.to_string(), INACTIVE);
});

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_id_tokens_is_that_of_access_tokens_where_it_will_do() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], SETTINGS[1], ("tokens.algorithm", algorithm)]).await;
        let admin = administrator(&app).await;
        let client = web_app(&app, &admin).await;
        ada(&app).await;
        let got = user_tokens(&app, &client).await;
        let id_token = got.id_token.unwrap();
        assert_eq!(header(&id_token)["alg"], algorithm);
        assert_eq!(header(&id_token)["kid"], header(&got.access_token)["kid"]);
        let metadata: Value = app.get("/oauth2/default/.well-known/openid-configuration").await.json().await.unwrap();
        assert_eq!(metadata["id_token_signing_alg_values_supported"], json!([algorithm]));
        assert_eq!(
            app.get_as("/api/profile", &id_token).await.status(),
            401,
            "J25: by the same key, and yet no access token"
        );
        let is_split = TestApp::claims(&id_token)["at_hash"].as_str().unwrap().len();
        assert_eq!(is_split, if algorithm == "EdDSA" { 43 } else { 22 });
        assert!(!app.folder.path().join("keys/id-tokens").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_id_tokens_outlives_a_restart_and_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut app = TestApp::with(Engine::Sqlite, &SETTINGS).await;
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let first = header(&user_tokens(&app, &client).await.id_token.unwrap());
    app.restart().await;
    let keys: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    assert_eq!(keys["keys"][0]["kid"], first["kid"]);
    assert_eq!(header(&user_tokens(&app, &client).await.id_token.unwrap())["kid"], first["kid"]);
    let file = app.folder.path().join("keys/id-tokens/signing-keys.json");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

on_both!(userinfo, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (id, own) = ada(&app).await;
    for (row, scope, expected) in [
        (
            "all",
            "openid profile email",
            json!({"sub": id, "preferred_username": ADA, "email": ADA, "email_verified": false}),
        ),
        ("openid", "openid", json!({"sub": id})),
        ("email", "openid email", json!({"sub": id, "email": ADA, "email_verified": false})),
    ] {
        let code = code(&app, &client, &[("scope", scope)]).await;
        let got = tokens(redeem(&app, &client, &code, &[]).await).await;
        findings.expect(row, got.refresh_token.is_none(), true);
        for method in [Method::GET, Method::POST] {
            let response = app.request(method, USERINFO).bearer_auth(&got.access_token).send().await.unwrap();
            findings.expect(row, response.headers()["cache-control"].to_str().unwrap(), "no-store");
            findings.expect(row, response.json::<Value>().await.unwrap(), expected.clone());
        }
    }
    let code = code(&app, &client, &[("scope", "first")]).await;
    let got = tokens(redeem(&app, &client, &code, &[]).await).await;
    findings.expect("without openid there is no ID token", got.id_token.is_none(), true);
    let machine = crate::house::client(&app, &admin).await.token(&app).await;
    for (row, token, status, words) in [
        ("without openid", got.access_token.as_str(), 403, "error=\"insufficient_scope\""),
        ("R31 nobody", "", 401, "Bearer realm=\"tokenhouse\""),
        ("nonsense", "nonsense", 401, "error=\"invalid_token\""),
        ("a machine", &machine, 403, "error=\"insufficient_scope\""),
    ] {
        let request = app.request(Method::GET, USERINFO);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let response = request.send().await.unwrap();
        findings.expect(row, response.status().as_u16(), status);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        findings.expect(row, challenge.contains(words), true);
        let body: Value = response.json().await.unwrap();
        findings.expect(row, body["error"].is_string() && body["error_description"].is_string(), true);
    }
    findings.expect("his own login", app.get_as(USERINFO, &own.access_token).await.status().as_u16(), 200);
    findings.none();
});

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_the_settings() {
    let claims = r#"[
        {"name": "groups", "from": "roles", "prefix": "app-"},
        {"name": "tenant", "value": "north", "tokens": ["access"]},
        {"name": "mail", "from": "email", "tokens": ["id"], "scopes": ["email"]},
        {"name": "display", "from": "name"},
        {"name": "features", "value": ["a", "b"], "scopes": ["first"]}
    ]"#;
    let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], SETTINGS[1], ("tokens.claims", claims)]).await;
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    app.sql("UPDATE users SET roles = 'app-buyer app-seller staff' WHERE email = 'ada@example.com'").await;
    let own = TestApp::claims(&app.log_in(ADA).await.access_token);
    assert_eq!((&own["groups"], &own["tenant"]), (&json!(["app-buyer", "app-seller"]), &json!("north")));
    assert_eq!((own.get("mail"), own.get("display"), own.get("features")), (None, None, None));
    let got = user_tokens(&app, &client).await;
    let access = TestApp::claims(&got.access_token);
    assert_eq!((&access["groups"], &access["features"]), (&json!(["app-buyer", "app-seller"]), &json!(["a", "b"])));
    assert!(access.get("mail").is_none());
    let id = TestApp::claims(got.id_token.as_ref().unwrap());
    assert_eq!((&id["mail"], &id["groups"]), (&json!(ADA), &json!(["app-buyer", "app-seller"])));
    assert!(id.get("tenant").is_none());
    let told: Value = app.get_as(USERINFO, &got.access_token).await.json().await.unwrap();
    assert_eq!((&told["mail"], &told["sub"]), (&json!(ADA), &id["sub"]));
    assert!(opens(&app, &got.access_token).await);
    let machine = TestApp::claims(&crate::house::client(&app, &admin).await.token(&app).await);
    assert!(machine.get("tenant").is_none(), "they are users' claims");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_almost_offline_access() {
    let scopes = r#"[{"name": "offline-access"}, {"name": "OFFLINE_ACCESS"}]"#;
    let app = TestApp::with(Engine::Sqlite, &[SETTINGS[0], ("oauth.scopes", scopes)]).await;
    let admin = administrator(&app).await;
    let body = json!({
        "name": "x", "grants": ["authorization_code"], "redirect_uris": [CALLBACK], "scopes": ["offline-access", "OFFLINE_ACCESS"],
    });
    let client = made(crate::house::add(&app, &admin, body).await).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = allow(&app, &browser, &asking(&client, &[("scope", "openid offline-access OFFLINE_ACCESS")])).await;
    let got = tokens(redeem(&app, &client, &page.answer()["code"], &[]).await).await;
    assert_eq!(got.refresh_token, None);
    let page = browser.get(&app, LOGOUT).await;
    browser.submit(&app, &page.form(LOGOUT), &[("decision", "sign_out")]).await;
    assert!(!opens(&app, &got.access_token).await);
}
