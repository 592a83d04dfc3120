//! The playground without a browser: when it is there, what it says, and whom it explains tokens to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp, problem};
use crate::support::browser::Browser;
use crate::support::okta::Okta;
use crate::support::tokens::Findings;

const EXPLAIN: &str = "/playground/explain";

/// As its page asks.
fn ask(app: &TestApp) -> reqwest::RequestBuilder {
    app.request(Method::POST, EXPLAIN).header("sec-fetch-site", "same-origin")
}

async fn explained(app: &TestApp, token: &str) -> Value {
    let response = ask(app).json(&json!({ "token": token })).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_explains_tokens() {
    let app = TestApp::start(Engine::Sqlite).await;
    let token = app.tokens().await.access_token;
    let good = explained(&app, &token).await;
    assert_eq!((&good["accepted"], &good["rejection"]), (&json!(true), &Value::Null), "{good}");
    assert!(!good.to_string().contains(token.rsplit('.').next().unwrap()), "the signature is nobody's to repeat");
    let forged = explained(&app, &token[..token.len() - 4]).await;
    assert_eq!(forged["accepted"], false);
    app.post_as("/api/logout", &token).await;
    let ended = explained(&app, &token).await;
    assert_eq!((&ended["accepted"], &ended["verdict"]), (&json!(false), &json!("the token's session has ended")));
    for nonsense in ["", "x", "a.b.c", "\u{0}", &"x".repeat(10_000)] {
        assert_eq!(explained(&app, nonsense).await["accepted"], false, "{nonsense:.20}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_explains_them_to_its_own_page_alone() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for (row, headers, status) in [
        ("its page", vec![("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")], 200),
        ("its page, by another name", vec![("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:9")], 200),
        ("a browser without Fetch Metadata", vec![("origin", "http://localhost:3000")], 200),
        ("no browser", vec![], 403),
        ("W1 another site", vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], 403),
        ("W1 a neighbour", vec![("sec-fetch-site", "same-site"), ("origin", "http://localhost:8080")], 403),
        ("W1 without Fetch Metadata", vec![("origin", "https://evil.example")], 403),
        ("W1 nobody", vec![("origin", "null")], 403),
        ("W1 an address typed in", vec![("sec-fetch-site", "none")], 403),
        ("W1 the scheme", vec![("origin", "https://localhost:3000")], 403),
        ("W1 a host of its own", vec![("origin", "http://evil.example"), ("host", "evil.example")], 403),
        (
            "W1 a host that anybody can name",
            vec![("origin", "https://evil.example"), ("x-forwarded-host", "evil.example")],
            403,
        ),
        // Of these no URL can be made.
        ("F19 forwarded", vec![("origin", "http://evil"), ("x-forwarded-host", "[")], 403),
        ("F19 protocol", vec![("origin", "http://evil"), ("x-forwarded-proto", "1:")], 403),
        ("F19 both", vec![("origin", "http://evil"), ("forwarded", "host=[;proto=9")], 403),
        ("F19 host", vec![("origin", "http://evil"), ("host", "[")], 403),
        ("F19 port", vec![("origin", "http://evil"), ("host", "a:99999")], 403),
    ] {
        let request = app.request(Method::POST, EXPLAIN).json(&json!({"token": "x"}));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        findings.expect(row, request.send().await.unwrap().status().as_u16(), status);
    }
    let plain =
        |body: String, media_type: &str| ask(&app).header("content-type", media_type.to_owned()).body(body).send();
    findings.expect(
        "W1 a form",
        plain("token=x".into(), "application/x-www-form-urlencoded").await.unwrap().status().as_u16(),
        415,
    );
    let large = json!({"token": "x".repeat(20_000)}).to_string();
    findings.expect("W8 large", plain(large, "application/json").await.unwrap().status().as_u16(), 413);
    findings.expect("no token", ask(&app).json(&json!({})).send().await.unwrap().status().as_u16(), 400);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off() {
    let app = TestApp::with(Engine::Sqlite, &[("pages.playground", "false")]).await;
    let page = Browser::default().get(&app, "/").await;
    assert_eq!((page.status.as_u16(), page.location()), (303, "/account".to_owned()));
    assert_eq!(problem(ask(&app).json(&json!({"token": "x"})).send().await.unwrap()).await.0, 404);
    for asset in ["/assets/playground.css", "/assets/playground/main.js"] {
        assert_eq!(app.get(asset).await.status(), 404, "{asset}");
    }
    assert_eq!(app.get("/assets/style.css").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_where_the_server_is_on_the_machine_of_who_tries_it_or_where_it_was_asked_for() {
    let mut findings = Findings::default();
    for (url, playground, status) in [
        ("http://localhost:3000", "auto", 200),
        ("http://127.0.0.1:3000", "auto", 200),
        ("http://[::1]:3000", "auto", 200),
        ("https://login.example.com", "auto", 303),
        ("https://localhost.example.com", "auto", 303),
        ("http://10.0.0.1:3000", "auto", 303),
        ("https://login.example.com", "true", 200),
        ("http://localhost:3000", "false", 303),
    ] {
        let app = TestApp::with(Engine::Sqlite, &[("server.public_url", url), ("pages.playground", playground)]).await;
        let row = format!("{url} {playground}");
        findings.expect(&row, app.get("/").await.status().as_u16(), status);
        let asked = ask(&app).json(&json!({"token": "x"})).send().await.unwrap();
        findings.expect(&row, asked.status().as_u16(), if status == 200 { 200 } else { 404 });
    }
    findings.none();
}

/// What the settings want of a remote issuer's tokens is told to good ones alone.
#[tokio::test(flavor = "multi_thread")]
async fn it_tells_forged_tokens_nothing_of_clients_and_required_claims() {
    let okta = Okta::start().await;
    let settings = [
        ("auth.accept", "okta"),
        ("remote.okta.issuer", okta.issuer.as_str()),
        ("remote.okta.audience", "api://default"),
        ("remote.okta.client_id", "0oa-the-secret-client"),
        ("remote.okta.required_claims", r#"{"department": "the-secret-department"}"#),
    ];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    let token = okta.token(app.clock.unix_seconds());
    let of = |explanation: &Value, name: &str| {
        let checks = explanation["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    let signed = explained(&app, &token).await;
    assert_eq!(signed["rejection"], "client", "{signed:#}");
    let (client, required) = (of(&signed, "client"), of(&signed, "required-claim"));
    assert_eq!((&client["outcome"], &required["outcome"]), (&json!("failed"), &json!("failed")));
    assert_eq!(client["expected"], "\"0oa-the-secret-client\"");
    assert_eq!(required["expected"], "department = \"the-secret-department\"");
    // Its own claims, others, and those that are wanted.
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let mut claims = TestApp::claims(&token);
    claims["cid"] = json!("0oa-the-secret-client");
    claims["department"] = json!("the-secret-department");
    let knowing = URL_SAFE_NO_PAD.encode(claims.to_string());
    for payload in [payload, &knowing] {
        for signature in [&signature.chars().rev().collect::<String>(), "", "AAAA"] {
            let forged = explained(&app, &format!("{header}.{payload}.{signature}")).await;
            assert_eq!((&forged["accepted"], &forged["authentic"]), (&json!(false), &json!(false)));
            for name in ["client", "required-claim"] {
                let check = of(&forged, name);
                assert_eq!(check["outcome"], "not-reached", "{check:#}");
                assert!(["expected", "found", "remedy"].iter().all(|fact| check[*fact].is_null()), "{check:#}");
            }
            assert!(!forged["checks"].to_string().contains("the-secret-"), "{forged:#}");
        }
    }
}

/// Its page loads what is on this server alone, and runs nothing that is written into it.
#[tokio::test(flavor = "multi_thread")]
async fn it_needs_nobody_else() {
    let app = TestApp::start(Engine::Sqlite).await;
    let response = app.get("/").await;
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    for wanted in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(wanted), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = response.text().await.unwrap();
    assert!(html.contains("<noscript>") && html.contains("curl -i http://localhost:3000/api/profile"), "{html}");
    for inline in [" style=", "<style", " onclick", "<script>"] {
        assert!(!html.contains(inline), "{inline}");
    }
    for address in html.split("=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let is_elsewhere = address.starts_with("//") || (address.contains("://") && address != "http://localhost:3000");
        assert!(!is_elsewhere, "{address}");
    }
}

fn etag_of(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_kept_as_long_as_they_are_the_same() {
    let app = TestApp::start(Engine::Sqlite).await;
    let first = app.get("/assets/playground/main.js").await;
    assert_eq!(first.headers()["cache-control"], "public, no-cache");
    assert_eq!(first.headers()["content-type"], "text/javascript; charset=utf-8");
    let tag = etag_of(&first);
    let again = |tag: &str| app.request(Method::GET, "/assets/playground/main.js").header("if-none-match", tag).send();
    let same = again(&tag).await.unwrap();
    assert_eq!((same.status().as_u16(), etag_of(&same)), (304, tag));
    assert!(same.text().await.unwrap().is_empty());
    assert_eq!(again("\"another\"").await.unwrap().status(), 200);
    let other = app.get("/assets/playground/dom.js").await;
    assert_ne!(etag_of(&other), etag_of(&first));
}
