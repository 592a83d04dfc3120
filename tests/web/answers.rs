//! Problems, methods, headers and request ids: W1, W4.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{Engine, PASSWORD, TestApp};
use crate::support::raw;
use crate::support::tokens::Findings;

const ROUTES: [(&str, &str); 41] = [
    ("/api/publicInfo", "GET, HEAD"),
    ("/api/profile", "GET, HEAD"),
    ("/api/me", "GET, HEAD, PATCH, DELETE"),
    ("/api/me/export", "GET, HEAD"),
    ("/api/sessions", "GET, HEAD, DELETE"),
    ("/api/sessions/8a6e0804-2bd0-4672-b79d-d97027f9071a", "DELETE"),
    ("/api/password", "POST"),
    ("/api/password/forgot", "POST"),
    ("/api/password/reset", "POST"),
    ("/api/email", "POST"),
    ("/api/email/verify", "POST"),
    ("/api/email/resend", "POST"),
    ("/api/totp", "GET, HEAD, POST, DELETE"),
    ("/api/passkeys", "GET, HEAD, POST"),
    ("/api/passkeys/confirm", "POST"),
    ("/api/passkeys/second-factor", "POST"),
    ("/api/passkeys/8a6e0804-2bd0-4672-b79d-d97027f9071a", "PATCH, DELETE"),
    ("/api/login/passkey", "POST"),
    ("/api/login/passkey/confirm", "POST"),
    ("/api/admin/users", "GET, HEAD, POST"),
    ("/api/admin/users/8a6e0804-2bd0-4672-b79d-d97027f9071a", "GET, HEAD, PATCH, DELETE"),
    ("/api/admin/users/8a6e0804-2bd0-4672-b79d-d97027f9071a/logout", "POST"),
    ("/api/admin/audit", "GET, HEAD"),
    ("/api/admin/last-hour", "GET, HEAD"),
    ("/api/totp/confirm", "POST"),
    ("/api/totp/recovery-codes", "POST"),
    ("/api/register", "POST"),
    ("/api/login", "POST"),
    ("/api/refresh", "POST"),
    ("/api/logout", "POST"),
    ("/oauth2/default/v1/keys", "GET, HEAD"),
    ("/oauth2/default/v1/token", "POST"),
    ("/oauth2/default/v1/introspect", "POST"),
    ("/oauth2/default/v1/revoke", "POST"),
    ("/oauth2/default/.well-known/oauth-authorization-server", "GET, HEAD"),
    ("/oauth2/default/.well-known/openid-configuration", "GET, HEAD"),
    ("/api/admin/clients", "GET, HEAD, POST"),
    ("/api/admin/clients/x", "GET, HEAD, PATCH, DELETE"),
    ("/api/admin/clients/x/rotate", "POST"),
    ("/health/live", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
];

/// A problem of RFC 9457 whose status is the answer's own.
async fn is_problem(response: Response) -> Result<Value, String> {
    let status = response.status().as_u16();
    let of_oauth = response.url().path().starts_with("/oauth2/");
    let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let right = if of_oauth { "application/json;charset=UTF-8" } else { "application/problem+json" };
    if media_type.as_deref() != Some(right) {
        return Err(format!("its media type is {media_type:?}"));
    }
    let body: Value = response.json().await.map_err(|error| error.to_string())?;
    // RFC 6749, section 5.2, has a form of its own.
    if of_oauth {
        let complete = body["error"].is_string() && body["error_description"].is_string();
        return if complete { Ok(body) } else { Err(body.to_string()) };
    }
    let complete = body["status"] == status
        && body["type"].as_str().is_some_and(|kind| kind.starts_with("urn:tokenhouse:problem:"))
        && body["title"].is_string()
        && body["detail"].is_string();
    if complete { Ok(body) } else { Err(body.to_string()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_says_which_methods_it_takes() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for (path, allow) in ROUTES {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let row = format!("{method} {path}");
            let response = app.request(method.parse().unwrap(), path).send().await.unwrap();
            if allow.split(", ").any(|allowed| allowed == method) {
                findings.expect(&row, response.status() == 405, false);
                continue;
            }
            findings.expect(&row, response.status().as_u16(), 405);
            findings.expect(
                &row,
                response.headers().get("allow").map(|v| v.to_str().unwrap().to_owned()),
                Some(allow.to_owned()),
            );
            if method != "HEAD" {
                findings.expect(&row, is_problem(response).await.err(), None);
            }
        }
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_its_body() {
    let app = TestApp::start(Engine::Sqlite).await;
    let token = app.tokens().await.access_token;
    // An export tells of the export before it, so no two are of one length.
    let gets = ROUTES.iter().filter(|(path, allow)| allow.starts_with("GET") && *path != "/api/me/export");
    for (path, _) in gets {
        let both = [Method::GET, Method::HEAD].map(|method| app.request(method, path).bearer_auth(&token).send());
        let [get, head] = both;
        let (get, head) = (get.await.unwrap(), head.await.unwrap());
        assert_eq!(get.status(), head.status(), "{path}");
        assert_eq!(get.headers()["content-length"], head.headers()["content-length"], "{path}");
        assert!(head.text().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_with_the_security_headers() {
    let app = TestApp::start(Engine::Sqlite).await;
    let json_body = |path: &str, body: &str| {
        app.request(Method::POST, path).header("content-type", "application/json").body(body.to_owned()).send()
    };
    let token = app.tokens().await.access_token;
    let mut findings = Findings::default();
    for (row, status, response) in [
        ("200 text", 200, app.get("/api/publicInfo").await),
        ("200 JSON", 200, app.get_as("/api/me", &token).await),
        ("200 health", 200, app.get("/health/live").await),
        ("400", 400, json_body("/api/login", "{").await.unwrap()),
        ("401", 401, app.get("/api/profile").await),
        ("401 bad", 401, app.get_as("/api/profile", "x").await),
        ("404", 404, app.get("/nothing").await),
        ("404 api", 404, app.get("/api/nothing").await),
        ("404 health", 404, app.get("/health/nothing").await),
        ("404 oauth2", 404, app.get("/oauth2/default/v1/nothing").await),
        ("405", 405, app.get("/api/login").await),
        ("409", 409, app.post("/api/register", json!({"email": "ada@example.com", "password": PASSWORD})).await),
        ("413", 413, json_body("/api/login", &" ".repeat(70_000)).await.unwrap()),
        ("415", 415, app.request(Method::POST, "/api/login").body("{}").send().await.unwrap()),
        ("422", 422, app.post("/api/register", json!({"email": "x", "password": "1"})).await),
        ("204", 204, app.post_as("/api/logout", &token).await),
    ] {
        findings.expect(row, response.status().as_u16(), status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            (
                "content-security-policy",
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            let found = response.headers().get(name).map(|value| value.to_str().unwrap());
            findings.expect(&format!("W4 {row} {name}"), found, Some(value));
        }
        for name in ["server", "x-powered-by", "strict-transport-security", "set-cookie"] {
            findings.expect(&format!("W4 {row} {name}"), response.headers().contains_key(name), false);
        }
        findings.expect(&format!("{row} id"), response.headers().contains_key("x-request-id"), true);
        if status >= 400 {
            findings.expect(row, is_problem(response).await.err(), None);
        }
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_browsers_are_told_to_stay_there() {
    let app = TestApp::with(Engine::Sqlite, &[("server.public_url", "https://login.example.com")]).await;
    let response = app.get("/api/profile").await;
    assert_eq!(response.headers()["strict-transport-security"], "max-age=63072000; includeSubDomains");
    let claims = TestApp::claims(&app.tokens().await.access_token);
    assert_eq!(claims["iss"], "https://login.example.com/oauth2/default");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_json_is_told_by_its_place_and_without_its_values() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for (body, detail) in [
        ("", "The body is wrong at line 1, column 0: it ends too early."),
        ("{", "The body is wrong at line 1, column 1: it ends too early."),
        ("{\n  \"email\": oops\n}", "The body is wrong at line 2, column 12: this is not JSON."),
        (r#"{"email":"a@x.io"}"#, "The body is wrong at line 1, column 18: missing field `password`."),
        (r#"{"email":"a@x.io","email":"b@x.io"}"#, "The body is wrong at line 1, column 25: duplicate field `email`."),
        (r#"{"email":"a@x.io","password":314159265}"#, "The body is wrong at line 1, column 38: expected a string."),
        (r#"{"email":"a@x.io","password":["hunter2"]}"#, "The body is wrong at line 1, column 29: expected a string."),
        (r#"{"hunter2":1,"email":2,"password":"p"}"#, "The body is wrong at line 1, column 22: expected a string."),
    ] {
        let request = app.request(Method::POST, "/api/login").header("content-type", "application/json");
        let response = request.body(body).send().await.unwrap();
        let problem: Value = response.json().await.unwrap();
        findings.expect(body, problem["detail"].as_str(), Some(detail));
        let text = problem.to_string();
        findings.expect(body, ["hunter2", "314159", "oops", "a@x.io"].iter().any(|value| text.contains(value)), false);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_its_id_when_that_is_harmless() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for (id, kept) in [
        ("abc-123_X.y", true),
        ("0198a2d4-6f8e-7c11-9b63-3d4c2f7e5a10", true),
        (&"x".repeat(64), true),
        (&"x".repeat(65), false),
        ("", false),
        ("a b", false),
        ("a\"b", false),
        ("<script>", false),
        ("\u{e9}", false),
        ("%0d%0a", false),
    ] {
        let answer = raw::send(app.address, raw::get("/api/publicInfo", &format!("X-Request-Id: {id}\r\n"))).await;
        let found = raw::header(&answer, "x-request-id").unwrap_or_default();
        findings.expect(&format!("{id:?}"), found == id, kept);
        findings.expect(&format!("{id:?} has one"), found.is_empty(), false);
    }
    let (a, b) = (app.get("/api/publicInfo").await, app.get("/api/publicInfo").await);
    findings.expect("two requests", a.headers()["x-request-id"] == b.headers()["x-request-id"], false);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_do_nothing() {
    let app = TestApp::start(Engine::Sqlite).await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    for path in ["/api/register", "/api/login", "/api/refresh"] {
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let request = app.request(Method::POST, path).header("content-type", media_type);
            let request = request.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site");
            let response = request.body(body.clone()).send().await.unwrap();
            assert_eq!(response.status(), 415, "W1 {path} {media_type}");
        }
    }
    assert_eq!(app.post("/api/login", serde_json::from_str(&body).unwrap()).await.status(), 401, "W1: registered");
}
