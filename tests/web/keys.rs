//! The published keys: what is in them and what never is (O17), and how they may be kept.

use reqwest::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp};
use crate::support::stolen::keys_of;
use crate::support::tokens::Findings;

const KEYS: &str = "/oauth2/default/v1/keys";

async fn app_with(algorithm: &str) -> TestApp {
    TestApp::with(Engine::Sqlite, &[("limits.enabled", "false"), ("tokens.algorithm", algorithm)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn public_members_and_no_others() {
    let mut findings = Findings::default();
    for (algorithm, members) in [
        ("RS256", vec!["alg", "e", "kid", "kty", "n", "use"]),
        ("ES256", vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
        ("EdDSA", vec!["alg", "crv", "kid", "kty", "use", "x"]),
    ] {
        let app = app_with(algorithm).await;
        let key = &keys_of(&app)[0];
        let text = app.get(KEYS).await.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        findings.expect("O17 the set", body.as_object().unwrap().len(), 1);
        let mut found: Vec<&str> = body["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        findings.expect(&format!("O17 {algorithm}"), found, members);
        findings.expect(&format!("O17 {algorithm}"), body, json!({"keys": [key.public_jwk()]}));
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            let is_in_file = key.0[secret].as_str();
            findings.expect(
                &format!("O17 {algorithm}: {secret}"),
                is_in_file.is_some_and(|number| text.contains(number)),
                false,
            );
        }
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hs256_key_is_in_no_answer() {
    let mut app = app_with("HS256").await;
    app.register("ada@example.com").await;
    assert_eq!(app.get(KEYS).await.text().await.unwrap(), r#"{"keys":[]}"#, "O17");
    // Nor beside others.
    app.restart_with(&[("tokens.algorithm", "ES256")]).await;
    assert_eq!(keys_of(&app).len(), 2);
    let body: Value = app.get(KEYS).await.json().await.unwrap();
    assert_eq!((body["keys"].as_array().unwrap().len(), &body["keys"][0]["alg"]), (1, &json!("ES256")), "O17");
    // Back to HS256: the retired key is still there, and only its public half.
    app.restart_with(&[("tokens.algorithm", "HS256")]).await;
    let again: Value = app.get(KEYS).await.json().await.unwrap();
    assert_eq!(again, body, "O17");
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_for_an_hour_and_asked_for_with_its_tag() {
    let app = app_with("EdDSA").await;
    let first = app.get(KEYS).await;
    assert_eq!(first.status(), StatusCode::OK);
    let header = |response: &reqwest::Response, name| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header(&first, CONTENT_TYPE), "application/json");
    assert_eq!(header(&first, CACHE_CONTROL), "public, max-age=3600");
    assert_eq!(first.headers()["access-control-allow-origin"], "*");
    assert!(first.headers().get("access-control-allow-credentials").is_none());
    let tag = header(&first, ETAG);
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 45, "a strong tag: {tag}");
    let length = first.content_length();

    let head = app.request(Method::HEAD, KEYS).send().await.unwrap();
    assert_eq!((head.status(), header(&head, ETAG)), (StatusCode::OK, tag.clone()));
    assert_eq!(header(&head, CONTENT_LENGTH).parse().ok(), length);
    assert!(head.bytes().await.unwrap().is_empty());

    let mut findings = Findings::default();
    for (row, asked, right) in [
        ("its tag", tag.clone(), 304),
        ("its tag among others", format!("\"x\", {tag}"), 304),
        ("its tag, weak", format!("W/{tag}"), 304),
        ("any", "*".to_owned(), 304),
        ("another tag", "\"x\"".to_owned(), 200),
        ("no tag", "x".to_owned(), 200),
        ("a part of it", tag[..20].to_owned(), 200),
    ] {
        let response = app.request(Method::GET, KEYS).header(IF_NONE_MATCH, asked).send().await.unwrap();
        findings.expect(row, response.status().as_u16(), right);
        findings.expect(row, header(&response, ETAG), tag.clone());
        findings.expect(row, header(&response, CACHE_CONTROL), "public, max-age=3600".to_owned());
        findings.expect(row, response.bytes().await.unwrap().is_empty(), right == 304);
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = app.request(method.clone(), KEYS).send().await.unwrap();
        findings.expect(method.as_str(), response.status().as_u16(), 405);
        findings.expect(method.as_str(), response.headers()["allow"].to_str().unwrap(), "GET, HEAD");
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn they_need_no_database() {
    let app = app_with("ES256").await;
    let before = app.get(KEYS).await.text().await.unwrap();
    app.sql("DROP TABLE sessions").await;
    app.sql("DROP TABLE users").await;
    let body = json!({"email": "ada@example.com", "password": crate::support::app::PASSWORD});
    assert_eq!(app.post("/api/login", body).await.status(), 503);
    assert_eq!(app.get(KEYS).await.text().await.unwrap(), before);
}
