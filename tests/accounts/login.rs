//! Logging in, and what a body may be: L1, L11 to L14, L23, R37.

use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::raw;
use crate::support::tokens::Findings;

/// An answer without what differs from request to request.
async fn comparable(app: &TestApp, email: &str, password: &str) -> (u16, Vec<(String, String)>, String) {
    crate::reset::comparable(app.post("/api/login", json!({"email": email, "password": password})).await).await
}

on_both!(an_unknown_address_and_a_wrong_password_get_the_same_bytes, |app| {
    app.register("ada@example.com").await;
    app.register("gone@example.com").await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'gone@example.com'").await;
    app.register("broken@example.com").await;
    app.sql("UPDATE users SET password_hash = 'not a hash' WHERE email = 'broken@example.com'").await;
    let wrong = comparable(&app, "ada@example.com", "wrong password").await;
    assert_eq!(wrong.0, 401);
    assert!(wrong.1.contains(&("www-authenticate".to_owned(), "Bearer realm=\"tokenhouse\"".to_owned())), "R36");
    for (row, email, password) in [
        ("L1 unknown", "nobody@example.com", "wrong password"),
        ("L1 no address", "nobody", "wrong password"),
        ("L1 empty", "", ""),
        ("L1 disabled", "gone@example.com", PASSWORD),
        ("L1 damaged hash", "broken@example.com", PASSWORD),
        ("L1 long", "ada@example.com", &"x".repeat(2000)),
    ] {
        assert_eq!(comparable(&app, email, password).await, wrong, "{row}");
    }
});

on_both!(a_session_of_its_own_for_each_login, |app| {
    let first = app.tokens().await;
    let second = app.log_in("ada@example.com").await;
    let (a, b) = (TestApp::claims(&first.access_token), TestApp::claims(&second.access_token));
    assert_eq!(a["sub"], b["sub"]);
    for name in ["sid", "jti"] {
        assert_ne!(a[name], b[name]);
    }
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(a["jti"].as_str().unwrap().starts_with("AT."));
    assert_eq!((&a["cid"], &a["client_id"], &a["ver"]), (&json!("tokenhouse"), &json!("tokenhouse"), &json!(1)));
    assert_eq!(a["iss"], "http://localhost:3000/oauth2/default");
    assert_eq!(a["exp"].as_i64().unwrap() - a["iat"].as_i64().unwrap(), 3600);
    assert_eq!(a["uid"], a["sub"]);
    assert_eq!(a["scope"], "openid profile email");
});

on_both!(answers_with_tokens_are_not_stored_and_the_host_header_changes_nothing, |app| {
    app.register("ada@example.com").await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let request = format!(
        "POST /api/login HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw::send(app.address, request).await;
    assert_eq!(raw::status(&answer), 200);
    assert_eq!(raw::header(&answer, "cache-control"), Some("no-store"), "R37");
    assert!(!answer.contains("evil"), "L23");
    let tokens: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let claims = TestApp::claims(tokens["access_token"].as_str().unwrap());
    assert_eq!(claims["iss"], "http://localhost:3000/oauth2/default", "L23");
});

on_both!(bodies_that_are_no_credentials, |app| {
    app.register("ada@example.com").await;
    let mut findings = Findings::default();
    let good = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let deep = "[".repeat(20_000);
    for (row, body) in [
        ("L11 email list", r#"{"email":["ada@example.com"],"password":"p"}"#),
        ("L11 email object", r#"{"email":{"$gt":""},"password":"p"}"#),
        ("L11 email number", r#"{"email":1,"password":"p"}"#),
        ("L11 email null", r#"{"email":null,"password":"p"}"#),
        ("L11 email true", r#"{"email":true,"password":"p"}"#),
        ("L11 password list", r#"{"email":"ada@example.com","password":["p"]}"#),
        ("L11 password object", r#"{"email":"ada@example.com","password":{"$ne":""}}"#),
        ("L11 password null", r#"{"email":"ada@example.com","password":null}"#),
        ("L11 password missing", r#"{"email":"ada@example.com"}"#),
        ("L11 email missing", r#"{"password":"p"}"#),
        ("L12 email twice", r#"{"email":"eve@example.com","email":"ada@example.com","password":"p"}"#),
        ("L12 password twice", r#"{"email":"ada@example.com","password":"p","password":"q"}"#),
        ("L14 deep", &deep),
        ("L14 empty", ""),
        ("L14 no JSON", "email=ada@example.com&password=p"),
        ("L14 a list", "[]"),
        ("L14 a list of the members", &format!(r#" ["ada@example.com", "{PASSWORD}"]"#)),
        ("L14 a text", "\"ada\""),
        ("L14 null", "null"),
        ("L14 cut", &good[..good.len() - 1]),
        ("L14 more behind", &format!("{good}{good}")),
        ("L14 lone surrogate", r#"{"email":"\ud800","password":"p"}"#),
    ] {
        let request = app.request(reqwest::Method::POST, "/api/login").header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        findings.expect(row, problem(response).await, (400, "bad-json".to_owned()));
    }
    for (row, headers) in [
        ("L13 none", ""),
        ("L13 text", "Content-Type: text/plain\r\n"),
        ("L13 form", "Content-Type: application/x-www-form-urlencoded\r\n"),
        ("L13 multipart", "Content-Type: multipart/form-data; boundary=x\r\n"),
        ("L13 UTF-16", "Content-Type: application/json; charset=utf-16\r\n"),
        ("L13 alike", "Content-Type: application/jsonp\r\n"),
        ("L13 alike", "Content-Type: text/json\r\n"),
        ("L14 gzip", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"),
    ] {
        let request = format!(
            "POST /api/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{good}",
            good.len()
        );
        findings.expect(row, raw::status(&raw::send(app.address, request).await), 415);
    }
    for (row, size) in [("L14 64 KiB and one", 64 * 1024 + 1), ("L14 2 MB", 2_000_000)] {
        let body = format!("{good}{}", " ".repeat(size - good.len()));
        findings.expect(row, raw::post(app.address, "/api/login", &body).await, 413);
    }
    // As long as it may be.
    let request = app.request(reqwest::Method::POST, "/api/login").header("content-type", "application/json");
    let response = request.body(format!("{good}{}", " ".repeat(64 * 1024 - good.len()))).send().await.unwrap();
    findings.expect("L14 64 KiB", response.status().as_u16(), 200);
    // L14: chunks without end are cut off where the size is over.
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let endless = format!(
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        chunk.repeat(40)
    );
    findings.expect("L14 endless", raw::status(&raw::send(app.address, endless).await), 413);
    findings.none();
});
