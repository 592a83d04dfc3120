//! What a client gets that acts for a user: ID tokens, userinfo, refreshing, giving back, and where its access tokens end.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, INACTIVE, INTROSPECT, REVOKE, SETTINGS, administrator, error, opens};
use crate::people::{
    ADA, CALLBACK, ISSUER, USERINFO, ada, allow, asking, code, header, made, native_app, redeem, refresh, show, tokens,
    user_tokens, web_app,
};
use crate::support::app::{Engine, PASSWORD, TestApp, eventually, on_both, problem};
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

const LOGOUT: &str = "/oauth2/default/v1/logout";

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

on_both!(a_client_does_not_become_its_user, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    app.sql("UPDATE users SET roles = 'admin'").await;
    let client = web_app(&app, &admin).await;
    let (id, own) = ada(&app).await;
    app.sql("UPDATE users SET roles = 'admin'").await;
    let got = user_tokens(&app, &client).await;
    let token = got.access_token.as_str();
    findings.expect("scope", got.scope.contains("admin"), false);
    for (method, path, body) in [
        (Method::PATCH, "/api/me", json!({"name": "x"})),
        (Method::DELETE, "/api/me", json!({"password": PASSWORD})),
        (Method::GET, "/api/me/export", json!({})),
        (Method::GET, "/api/sessions", json!({})),
        (Method::DELETE, "/api/sessions", json!({})),
        (
            Method::POST,
            "/api/password",
            json!({"current_password": PASSWORD, "new_password": "another horse battery staple"}),
        ),
        (Method::POST, "/api/totp", json!({})),
        (Method::POST, "/api/logout", json!({})),
        (Method::GET, "/api/passkeys", json!({})),
        (Method::GET, "/api/admin/users", json!({})),
        (Method::GET, "/api/admin/clients", json!({})),
        (Method::GET, "/api/admin/audit", json!({})),
    ] {
        let response = app.send_as(method.clone(), path, token, body).await;
        findings.expect(&format!("{method} {path}"), response.status().as_u16(), 403);
    }
    findings.expect("/api/profile", opens(&app, token).await, true);
    let me: Value = app.get_as("/api/me", token).await.json().await.unwrap();
    findings.expect("me", (me["id"].as_str(), me["email"].as_str()), (Some(id.as_str()), Some(ADA)));
    findings.expect("not all of me", (me.get("roles"), me.get("created_at")), (None, None));
    let code = code(&app, &client, &[("scope", "openid")]).await;
    let little = tokens(redeem(&app, &client, &code, &[]).await).await;
    let me: Value = app.get_as("/api/me", &little.access_token).await.json().await.unwrap();
    findings.expect("not more than granted", (me.get("email"), me.get("name")), (None, None));
    // Its refresh token is good at its own place only, and the user's at his.
    let refresh_token = got.refresh_token.unwrap();
    findings.expect("O7", problem(app.refresh(&refresh_token).await).await.0, 401);
    findings.expect("O7", error(refresh(&app, &client, &own.refresh_token).await).await.1, "invalid_grant".to_owned());
    findings.expect("O7 neither is spent by that", refresh(&app, &client, &refresh_token).await.status().as_u16(), 200);
    findings.expect("O7 neither is spent by that", app.refresh(&own.refresh_token).await.status().as_u16(), 200);
    findings.none();
});

on_both!(refreshing, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let other = web_app(&app, &admin).await;
    ada(&app).await;
    let got = user_tokens(&app, &client).await;
    let first = got.refresh_token.unwrap();
    let asked = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    findings.expect(
        "O7 another client",
        error(refresh(&app, &other, &first).await).await.1,
        "invalid_grant".to_owned(),
    );
    for scope in ["openid admin", "openid second", "openid nonsense"] {
        let response = show(&app, &client, &[asked[0], asked[1], ("scope", scope)]).await;
        findings.expect(&format!("R23 {scope}"), error(response).await, (400, "invalid_scope".to_owned()));
    }
    let less = tokens(show(&app, &client, &[asked[0], asked[1], ("scope", "openid first")]).await).await;
    findings.expect("R23 less", less.scope.as_str(), "openid first");
    findings.expect("R23 less", TestApp::claims(&less.access_token)["scp"].clone(), json!(["openid", "first"]));
    let next = tokens(refresh(&app, &client, less.refresh_token.as_ref().unwrap()).await).await;
    findings.expect("R23 and all again", next.scope.as_str(), "openid profile email offline_access first");
    let id_token = TestApp::claims(&next.id_token.unwrap());
    findings.expect("no nonce", id_token.get("nonce"), None);
    for wrong in ["", "x", &first[1..], &format!("{first}x")] {
        let found = error(refresh(&app, &client, wrong).await).await;
        findings.expect(wrong, found.0, 400);
    }
    // O2: of twenty at once all get the same successor, and no other family begins.
    let current = next.refresh_token.unwrap();
    let all = (0..20).map(|_| async { tokens(refresh(&app, &client, &current).await).await.refresh_token.unwrap() });
    let all = futures_util::future::join_all(all).await;
    findings.expect("O2", all.iter().all(|token| *token == all[0]), true);
    // O1: what is shown again later is a copy.
    app.hands.advance(Duration::from_secs(11));
    findings.expect("O1", error(refresh(&app, &client, &current).await).await.1, "invalid_grant".to_owned());
    findings.expect("O1", refresh(&app, &client, &all[0]).await.status().as_u16(), 400);
    findings.expect("O1", opens(&app, &next.access_token).await, false);
    findings.none();
});

on_both!(what_ends_a_grant, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (id, own) = ada(&app).await;
    // Its user ends the one session.
    let got = user_tokens(&app, &client).await;
    let sessions: Value = app.get_as("/api/sessions", &own.access_token).await.json().await.unwrap();
    let of_client =
        sessions.as_array().unwrap().iter().find(|session| session["client_id"] == client.id.as_str()).unwrap();
    findings.expect(
        "listed",
        of_client["scopes"].clone(),
        json!(["openid", "profile", "email", "offline_access", "first"]),
    );
    let path = format!("/api/sessions/{}", of_client["id"].as_str().unwrap());
    app.request(Method::DELETE, &path).bearer_auth(&own.access_token).send().await.unwrap();
    let is_dead = async |row: &str, got: &crate::people::UserTokens| {
        let refreshed =
            refresh(&app, &client, got.refresh_token.as_deref().unwrap_or_default()).await.status().as_u16();
        (row.to_owned(), opens(&app, &got.access_token).await, refreshed)
    };
    let dead = |row: &str| (row.to_owned(), false, 400);
    findings.expect("ended", is_dead("ended", &got).await, dead("ended"));
    // He changes his password.
    let got = user_tokens(&app, &client).await;
    let change = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    app.send_as(Method::POST, "/api/password", &own.access_token, change).await;
    findings.expect("password", is_dead("password", &got).await, dead("password"));
    // An administrator disables the client, and enables it again.
    let got = user_tokens(&app, &client).await;
    let path = format!("/api/admin/clients/{}", client.id);
    app.send_as(Method::PATCH, &path, &admin, json!({"disabled": true})).await;
    findings.expect("O6 client", opens(&app, &got.access_token).await, false);
    findings.expect("O6 client", error(refresh(&app, &client, got.refresh_token.as_ref().unwrap()).await).await.0, 401);
    app.send_as(Method::PATCH, &path, &admin, json!({"disabled": false})).await;
    findings.expect("enabled again", opens(&app, &got.access_token).await, true);
    // A scope is taken from the client.
    app.send_as(Method::PATCH, &path, &admin, json!({"scopes": []})).await;
    let next = tokens(refresh(&app, &client, got.refresh_token.as_ref().unwrap()).await).await;
    findings.expect("a scope less", next.scope.as_str(), "openid profile email offline_access");
    // Its user is disabled.
    let user = format!("/api/admin/users/{id}");
    app.send_as(Method::PATCH, &user, &admin, json!({"disabled": true})).await;
    findings.expect("R51", client.introspect(&app, &next.access_token).await.to_string(), INACTIVE.to_owned());
    findings.expect("O6 user", is_dead("disabled", &next).await, dead("disabled"));
    app.send_as(Method::PATCH, &user, &admin, json!({"disabled": false})).await;
    // The client is removed.
    app.send_as(Method::PATCH, &path, &admin, json!({"scopes": ["first"]})).await;
    let got = user_tokens(&app, &client).await;
    findings.expect("good", opens(&app, &got.access_token).await, true);
    app.request(Method::DELETE, &path).bearer_auth(&admin).send().await.unwrap();
    findings.expect("removed", opens(&app, &got.access_token).await, false);
    findings.none();
});

on_both!(introspection_and_revocation, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let other = web_app(&app, &admin).await;
    let (id, own) = ada(&app).await;
    let got = user_tokens(&app, &client).await;
    let refresh_token = got.refresh_token.clone().unwrap();
    for hint in ["", "access_token", "refresh_token", "nonsense"] {
        let told: Value = client
            .send(&app, INTROSPECT, &[("token", &refresh_token), ("token_type_hint", hint)])
            .await
            .json()
            .await
            .unwrap();
        findings.expect(
            &format!("R50 {hint}"),
            (told["active"].as_bool(), told["sub"].as_str()),
            (Some(true), Some(id.as_str())),
        );
        let told: Value = client
            .send(&app, INTROSPECT, &[("token", &got.access_token), ("token_type_hint", hint)])
            .await
            .json()
            .await
            .unwrap();
        findings.expect(&format!("R50 {hint}"), told["client_id"].as_str(), Some(client.id.as_str()));
    }
    let told = client.introspect(&app, &refresh_token).await;
    findings.expect(
        "R49",
        (told["exp"].is_i64(), told["iat"].is_i64(), told["client_id"].as_str()),
        (true, true, Some(client.id.as_str())),
    );
    findings.expect("another's", other.introspect(&app, &refresh_token).await.to_string(), INACTIVE.to_owned());
    findings.expect("nobody's", client.introspect(&app, &own.refresh_token).await.to_string(), INACTIVE.to_owned());
    // Another client cannot give back what is not its own.
    for token in [&refresh_token, &got.access_token, &own.refresh_token, &own.access_token] {
        findings.expect("R53", other.send(&app, REVOKE, &[("token", token)]).await.status().as_u16(), 200);
    }
    findings.expect("R53", opens(&app, &got.access_token).await && opens(&app, &own.access_token).await, true);
    // An access token alone.
    findings.expect("R52", client.send(&app, REVOKE, &[("token", &got.access_token)]).await.status().as_u16(), 200);
    findings.expect("O16", opens(&app, &got.access_token).await, false);
    let next = tokens(refresh(&app, &client, &refresh_token).await).await;
    findings.expect("the grant stands", opens(&app, &next.access_token).await, true);
    // A refresh token, and with it all.
    let newest = next.refresh_token.unwrap();
    findings.expect("R54", client.send(&app, REVOKE, &[("token", &newest)]).await.status().as_u16(), 200);
    findings.expect("R54", client.introspect(&app, &next.access_token).await.to_string(), INACTIVE.to_owned());
    findings.expect("R54", client.introspect(&app, &newest).await.to_string(), INACTIVE.to_owned());
    findings.expect("R54", error(refresh(&app, &client, &newest).await).await.1, "invalid_grant".to_owned());
    findings.expect("twice", client.send(&app, REVOKE, &[("token", &newest)]).await.status().as_u16(), 200);
    // A public client gives back what it has by its id alone.
    let native = native_app(&app, &admin).await;
    let to = [("redirect_uri", "https://app.example/callback")];
    let code = code(&app, &native, &to).await;
    let got = tokens(redeem(&app, &native, &code, &to).await).await;
    let form = [("token", got.refresh_token.as_deref().unwrap()), ("client_id", &native.id)];
    let response = app.request(Method::POST, REVOKE).form(&form).send().await.unwrap();
    findings.expect("public", response.status().as_u16(), 200);
    findings.expect("public", opens(&app, &got.access_token).await, false);
    findings.none();
});

on_both!(an_audience_and_lifetimes_of_its_own, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let body = json!({
        "name": "Orders", "grants": ["client_credentials", "authorization_code", "refresh_token"], "scopes": ["first"], "redirect_uris": [CALLBACK],
        "audience": "api://orders", "access_ttl": "5m", "refresh_ttl": "1h",
    });
    let client = made(crate::house::add(&app, &admin, body).await).await;
    ada(&app).await;
    let machine = client.token(&app).await;
    let got = user_tokens(&app, &client).await;
    for token in [&machine, &got.access_token] {
        findings.expect("aud", TestApp::claims(token)["aud"].as_str(), Some("api://orders"));
        findings.expect("R9: not for this API", opens(&app, token).await, false);
        let told = client.introspect(&app, token).await;
        findings.expect(
            "known here all the same",
            (told["active"].as_bool(), told["aud"].as_str()),
            (Some(true), Some("api://orders")),
        );
    }
    findings.expect("userinfo", app.get_as(USERINFO, &got.access_token).await.status().as_u16(), 200);
    findings.expect("access_ttl", got.expires_in, 300);
    let next = tokens(refresh(&app, &client, got.refresh_token.as_ref().unwrap()).await).await;
    app.hands.advance(Duration::from_secs(3601));
    findings.expect(
        "refresh_ttl",
        error(refresh(&app, &client, &next.refresh_token.unwrap()).await).await.1,
        "invalid_grant".to_owned(),
    );
    // Taken back again.
    let path = format!("/api/admin/clients/{}", client.id);
    let response = app
        .send_as(Method::PATCH, &path, &admin, json!({"audience": null, "access_ttl": null, "refresh_ttl": null}))
        .await;
    let changed: Value = response.json().await.unwrap();
    findings.expect("null", (&changed["audience"], &changed["access_ttl"]), (&Value::Null, &Value::Null));
    findings.expect("null", opens(&app, &client.token(&app).await).await, true);
    findings.none();
});

on_both!(signing_out, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    let bye = "http://localhost:8080/bye";
    let signed_in = async || {
        let browser = Browser::default();
        let online = allow(&app, &browser, &asking(&client, &[("scope", "openid")])).await.answer()["code"].clone();
        let offline = allow(&app, &browser, &asking(&client, &[])).await.answer()["code"].clone();
        let online = tokens(redeem(&app, &client, &online, &[]).await).await;
        (browser, online, tokens(redeem(&app, &client, &offline, &[]).await).await)
    };
    let query = |parameters: &[(&str, &str)]| {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{LOGOUT}?{query}")
    };
    let (browser, online, offline) = signed_in().await;
    let hint = online.id_token.clone().unwrap();
    // An ID token may be long over.
    app.hands.advance(Duration::from_hours(2));
    let online = { allow(&app, &browser, &asking(&client, &[("scope", "openid")])).await.answer()["code"].clone() };
    let online = tokens(redeem(&app, &client, &online, &[]).await).await;
    let offline = tokens(refresh(&app, &client, offline.refresh_token.as_ref().unwrap()).await).await;
    let page = browser
        .get(&app, &query(&[("id_token_hint", &hint), ("post_logout_redirect_uri", bye), ("state", "a & b")]))
        .await;
    findings.expect("at once", page.location(), format!("{bye}?state=a+%26+b"));
    findings.expect("signed out", browser.cookies().contains_key("tokenhouse-session"), false);
    findings.expect("what was granted for the while", opens(&app, &online.access_token).await, false);
    findings.expect("what was granted for longer", opens(&app, &offline.access_token).await, true);
    findings.expect(
        "his own login",
        app.get_as("/api/sessions", &app.log_in(ADA).await.access_token).await.status().as_u16(),
        200,
    );
    drop(own);

    // Without a hint, or with another's, he is asked.
    let (browser, ..) = signed_in().await;
    app.register("eve@example.com").await;
    for parameters in [
        vec![],
        vec![("id_token_hint", "nonsense")],
        vec![("client_id", client.id.as_str()), ("post_logout_redirect_uri", bye)],
    ] {
        let page = browser.get(&app, &query(&parameters)).await;
        findings.expect("asked", (page.status.as_u16(), page.html.contains("Sign out?")), (200, true));
    }
    findings.expect("still there", browser.get(&app, "/activate").await.status.as_u16(), 200);
    let page = browser.get(&app, &query(&[("client_id", &client.id), ("post_logout_redirect_uri", bye)])).await;
    let form = page.form(LOGOUT);
    let stranger = Browser::default();
    findings.expect("W1", stranger.submit(&app, &form, &[("decision", "sign_out")]).await.status.as_u16(), 403);
    let page = browser.submit(&app, &form, &[("decision", "sign_out")]).await;
    findings.expect("and then", page.location(), bye.to_owned());
    findings.expect("signed out", browser.get(&app, "/activate").await.location().starts_with("/sign-in"), true);

    // O11, O12: nowhere else, whatever is asked.
    let (browser, online, _) = signed_in().await;
    let hint = online.id_token.unwrap();
    for to in [
        "https://evil.example/",
        "http://localhost:8080/bye/",
        "http://localhost:8080/bye?x",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        CALLBACK,
    ] {
        for who in [
            ("id_token_hint", hint.as_str()),
            ("client_id", client.id.as_str()),
            ("client_id", "0oaunknown"),
            ("x", "y"),
        ] {
            let page = browser.get(&app, &query(&[who, ("post_logout_redirect_uri", to)])).await;
            findings.expect(
                &format!("O12 {to} {}", who.0),
                (page.status.as_u16(), page.headers.contains_key("location")),
                (400, false),
            );
        }
    }
    let page = browser.get(&app, &query(&[("id_token_hint", &hint), ("client_id", "0oaother")])).await;
    findings.expect("another's ID token", page.status.as_u16(), 400);
    findings.expect("still there", browser.get(&app, "/activate").await.status.as_u16(), 200);
    // A hint that nobody can read any more says where to go back to, and asks.
    let stranger = crate::support::tokens::base64url(json!({"alg": "RS256", "kid": "gone", "typ": "JWT"}).to_string());
    let claims = json!({"iss": ISSUER, "sub": "x", "aud": client.id, "exp": 1_900_000_000});
    let old = format!("{stranger}.{}.AAAA", crate::support::tokens::base64url(claims.to_string()));
    let page = browser.get(&app, &query(&[("id_token_hint", &old), ("post_logout_redirect_uri", bye)])).await;
    findings.expect("an old hint", page.html.contains("Sign out?"), true);
    // An access token is no hint.
    let page = browser.get(&app, &query(&[("id_token_hint", &online.access_token)])).await;
    findings.expect("J24", page.html.contains("Sign out?"), true);
    // A client's own form.
    let request = app.request(Method::POST, LOGOUT).form(&[("id_token_hint", &hint)]);
    let page = browser.send(request).await;
    let page = browser.get(&app, &page.location()).await;
    findings.expect("by a form", page.html.contains("You are signed out"), true);
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

on_both!(a_session_of_a_client_has_an_end_that_no_refresh_puts_off, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let mut newest = user_tokens(&app, &client).await.refresh_token.unwrap();
    for _ in 0..4 {
        app.hands.advance(Duration::from_hours(20 * 24));
        newest = tokens(refresh(&app, &client, &newest).await).await.refresh_token.unwrap();
    }
    app.hands.advance(Duration::from_hours(10 * 24));
    assert_eq!(error(refresh(&app, &client, &newest).await).await.1, "invalid_grant", "R21");
});

on_both!(signing_out_beside_a_refresh, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    for _ in 0..5 {
        let got = user_tokens(&app, &client).await;
        let sid = TestApp::claims(&got.access_token)["sid"].as_str().unwrap().to_owned();
        let path = format!("/api/sessions/{sid}");
        let ending = async { app.request(Method::DELETE, &path).bearer_auth(&own.access_token).send().await.unwrap() };
        let (ended, next) = tokio::join!(ending, refresh(&app, &client, got.refresh_token.as_ref().unwrap()));
        assert_eq!(ended.status(), 204);
        assert!(!opens(&app, &got.access_token).await, "O5");
        if next.status() == 200 {
            let next = tokens(next).await;
            assert!(!opens(&app, &next.access_token).await, "O5");
            assert_eq!(refresh(&app, &client, &next.refresh_token.unwrap()).await.status(), 400, "O5");
        }
    }
});

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

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_on_every_node() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let database = format!("sqlite://{}", folders[0].path().join("tokenhouse.db").display());
    let settings = [SETTINGS[0], SETTINGS[1], ("tokens.secret", "5c0f2a9be14d7736a8e19b04cc2d61f0")];
    let [one, two] = folders;
    let (a, b) = (TestApp::on(one, database.clone(), &settings).await, TestApp::on(two, database, &settings).await);
    let admin = administrator(&a).await;
    let client = web_app(&a, &admin).await;
    ada(&a).await;
    // A code of one node is good at the other, and once for both.
    let given = code(&a, &client, &[("scope", "offline_access first")]).await;
    let got = tokens(redeem(&b, &client, &given, &[]).await).await;
    assert!(opens(&a, &got.access_token).await && opens(&b, &got.access_token).await);
    let client: Client = client;
    assert_eq!(client.send(&a, REVOKE, &[("token", got.refresh_token.as_ref().unwrap())]).await.status(), 200);
    assert!(!opens(&a, &got.access_token).await);
    eventually("the other hears of it", async || !opens(&b, &got.access_token).await).await;
}
