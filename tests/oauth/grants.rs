//! The token endpoint: O6, O8, R22, R38 to R46, R57.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Client, SETTINGS, TOKEN, add, administrator, client, error, opens};
use crate::support::app::{TestApp, on_both};
use crate::support::tokens::Findings;

/// A row, its form, and the status and code of the answer.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], (u16, &'a str));

on_both!(a_client_gets_a_token_that_opens_the_api, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let form = [("grant_type", "client_credentials"), ("scope", "second first")];
    let response = client.send(&app, TOKEN, &form).await;
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json;charset=UTF-8", "R39");
    assert_eq!((header("cache-control"), header("pragma")), ("no-store".to_owned(), "no-cache".to_owned()), "R39");
    let body: Value = response.json().await.unwrap();
    let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "expires_in", "scope", "token_type"], "R40, R41: no refresh token");
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("second first"))
    );
    let token = body["access_token"].as_str().unwrap();
    let claims = TestApp::claims(token);
    assert_eq!([&claims["sub"], &claims["cid"], &claims["client_id"]], [&client.id; 3], "R57");
    assert!(client.id.starts_with("0oa"));
    assert!(opens(&app, token).await);
    let me: Value = app.get_as("/api/me", token).await.json().await.unwrap();
    assert_eq!((&me["sub"], &me["scopes"]), (&json!(client.id), &json!(["second", "first"])));

    // What is a user's, a client's token does not open.
    for path in ["/api/sessions", "/api/me/export"] {
        assert_eq!(app.get_as(path, token).await.status(), 403, "{path}");
    }
    assert_eq!(app.get_as("/api/admin/clients", token).await.status(), 403);
    app.hands.advance(Duration::from_secs(3600 + 31));
    assert!(!opens(&app, token).await);
});

on_both!(what_the_endpoint_refuses, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let mut findings = Findings::default();
    let grant = ("grant_type", "client_credentials");
    let cases: &[Case<'_>] = &[
        (
            "R22 password",
            &[("grant_type", "password"), ("username", "a"), ("password", "b")],
            (400, "unsupported_grant_type"),
        ),
        ("R22 implicit", &[("grant_type", "implicit")], (400, "unsupported_grant_type")),
        ("authorization_code", &[("grant_type", "authorization_code"), ("code", "x")], (400, "unauthorized_client")),
        ("refresh_token", &[("grant_type", "refresh_token"), ("refresh_token", "x")], (400, "unauthorized_client")),
        ("case", &[("grant_type", "Client_Credentials")], (400, "unsupported_grant_type")),
        ("R43 empty", &[("grant_type", "")], (400, "invalid_request")),
        ("missing", &[("scope", "first")], (400, "invalid_request")),
        ("O8 twice", &[grant, grant, ("scope", "first")], (400, "invalid_request")),
        ("R43 scope twice", &[grant, ("scope", "first"), ("scope", "first")], (400, "invalid_request")),
        ("R43 unknown twice", &[grant, ("x", "1"), ("x", "2")], (400, "invalid_request")),
        ("not its own scope", &[grant, ("scope", "third")], (400, "invalid_scope")),
        ("one of two", &[grant, ("scope", "first third")], (400, "invalid_scope")),
        ("undeclared", &[grant, ("scope", "nonsense")], (400, "invalid_scope")),
        ("O18 admin", &[grant, ("scope", "admin")], (400, "invalid_scope")),
        ("openid", &[grant, ("scope", "openid")], (400, "invalid_scope")),
        ("case of a scope", &[grant, ("scope", "First")], (400, "invalid_scope")),
        (
            "R44 Basic and body",
            &[grant, ("client_id", &client.id), ("client_secret", &client.secret)],
            (400, "invalid_request"),
        ),
        ("two clients", &[grant, ("client_id", "0oaother")], (400, "invalid_request")),
    ];
    for (row, form, (status, code)) in cases {
        let found = error(client.send(&app, TOKEN, form).await).await;
        findings.expect(row, found, (*status, (*code).to_owned()));
    }
    for (row, form) in [
        ("unknown parameters are ignored", &[grant, ("scope", "first"), ("x", "1")][..]),
        ("R43 empty scope is none", &[grant, ("scope", "")]),
        ("the same client in the body", &[grant, ("client_id", &client.id)]),
    ] {
        findings.expect(row, client.send(&app, TOKEN, form).await.status().as_u16(), 200);
    }
    let basic = |request: reqwest::RequestBuilder| request.basic_auth(&client.id, Some(&client.secret));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let response = basic(app.request(method.clone(), TOKEN)).send().await.unwrap();
        findings.expect(method.as_str(), response.headers()["allow"].to_str().unwrap(), "POST");
        findings.expect("R38", response.status().as_u16(), 405);
    }
    let json = basic(app.request(Method::POST, TOKEN)).json(&json!({"grant_type": "client_credentials"}));
    findings.expect("R38 JSON", error(json.send().await.unwrap()).await, (400, "invalid_request".to_owned()));
    let text = "grant_type=client_credentials&scope=first";
    let typed =
        |content_type: &str| basic(app.request(Method::POST, TOKEN)).header("content-type", content_type).body(text);
    for content_type in
        ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16"]
    {
        let found = error(typed(content_type).send().await.unwrap()).await;
        findings.expect(content_type, found, (400, "invalid_request".to_owned()));
    }
    let spelled = typed("Application/X-WWW-Form-URLEncoded;charset=UTF-8").send().await.unwrap();
    findings.expect("spelled otherwise", spelled.status().as_u16(), 200);
    let query = basic(app.request(Method::POST, &format!("{TOKEN}?scope=first"))).form(&[grant]).send().await.unwrap();
    findings.expect("O8 in the query", error(query).await, (400, "invalid_request".to_owned()));
    let large = client.send(&app, TOKEN, &[grant, ("x", &"x".repeat(70_000))]).await;
    findings.expect("large body", error(large).await, (413, "invalid_request".to_owned()));
    let nothing = app.get("/oauth2/default/v1/nothing").await;
    findings.expect("nothing there", error(nothing).await, (404, "invalid_request".to_owned()));
    findings.none();
});

on_both!(scopes_by_default, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let some = client(&app, &admin).await;
    let form = [("grant_type", "client_credentials")];
    let body: Value = some.send(&app, TOKEN, &form).await.json().await.unwrap();
    assert_eq!(body["scope"], "first");

    let none = json!({"name": "b", "grants": ["client_credentials"], "scopes": ["second"]});
    let none: Value = add(&app, &admin, none).await.json().await.unwrap();
    let text = |name: &str| none[name].as_str().unwrap().to_owned();
    let none = Client { id: text("client_id"), secret: text("client_secret") };
    let response = none.send(&app, TOKEN, &form).await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "error": "invalid_scope",
            "error_description": "The authorization server resource does not have any configured default scopes, 'scope' must be provided.",
        })
    );

    // A scope that is not declared any more is not given, whatever the client has.
    app.restart_with(&[("oauth.scopes", r#"[{"name": "second"}]"#)]).await;
    let gone = some.send(&app, TOKEN, &[("grant_type", "client_credentials"), ("scope", "first")]).await;
    assert_eq!(error(gone).await, (400, "invalid_scope".to_owned()));
});

on_both!(a_client_without_the_grant, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let made: Value = add(&app, &admin, json!({"name": "A resource server"})).await.json().await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let asking = Client { id: text("client_id"), secret: text("client_secret") };
    let refused = asking.send(&app, TOKEN, &[("grant_type", "client_credentials")]).await;
    assert_eq!(error(refused).await, (400, "unauthorized_client".to_owned()));
    let token = client(&app, &admin).await.token(&app).await;
    assert_eq!(asking.introspect(&app, &token).await["active"], true);
});

on_both!(tokens_of_its_own_length, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let body = json!({"name": "short", "grants": ["client_credentials"], "scopes": ["first"], "access_ttl": "5m"});
    let made: Value = add(&app, &admin, body).await.json().await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let short = Client { id: text("client_id"), secret: text("client_secret") };
    let answer: Value = short.send(&app, TOKEN, &[("grant_type", "client_credentials")]).await.json().await.unwrap();
    assert_eq!(answer["expires_in"], 300);
    let token = answer["access_token"].as_str().unwrap();
    app.hands.advance(Duration::from_secs(300 + 31));
    assert!(!opens(&app, token).await);
});
