//! What a client gets that acts for a user: refreshing, giving back, and where its access tokens end.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Client, INACTIVE, INTROSPECT, REVOKE, SETTINGS, administrator, error, opens};
use crate::people::{
    ADA, CALLBACK, USERINFO, ada, code, made, native_app, redeem, refresh, show, tokens, user_tokens, web_app,
};
use crate::support::app::{PASSWORD, TestApp, eventually, on_both, problem};
use crate::support::tokens::Findings;

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
