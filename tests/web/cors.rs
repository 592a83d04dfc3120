//! Which pages of other origins may call: W3.

use reqwest::{Method, Response};

use crate::support::app::{Engine, TestApp};
use crate::support::tokens::Findings;

async fn preflight(app: &TestApp, origin: &str) -> Response {
    let request = app.request(Method::OPTIONS, "/api/profile").header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    request.header("access-control-request-headers", "authorization").send().await.unwrap()
}

fn allowed_origin(response: &Response) -> Option<String> {
    response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_named_origins_and_of_no_others() {
    let origins = "https://good.example,http://localhost:5173";
    let app = TestApp::with(Engine::Sqlite, &[("cors.origins", origins)]).await;
    let token = app.tokens().await.access_token;
    let mut findings = Findings::default();
    for (origin, right) in [
        ("https://good.example", true),
        ("http://localhost:5173", true),
        ("https://evil.example", false),
        ("null", false),
        ("https://good.evil.example", false),
        ("https://goodxexample", false),
        ("https://good.example.evil.example", false),
        ("https://evilgood.example", false),
        ("http://good.example", false),
        ("https://good.example:8443", false),
        ("https://GOOD.example.", false),
        ("http://localhost:5174", false),
        ("*", false),
    ] {
        let row = format!("W3 {origin}");
        let right = right.then(|| origin.to_owned());
        let answer = preflight(&app, origin).await;
        findings.expect(&format!("{row} preflight"), allowed_origin(&answer), right.clone());
        findings.expect(
            &format!("{row} credentials"),
            answer.headers().contains_key("access-control-allow-credentials"),
            false,
        );
        if right.is_some() {
            let names = answer.headers()["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
            findings.expect(&row, names.contains("authorization") && names.contains("content-type"), true);
        }
        let answer =
            app.request(Method::GET, "/api/profile").header("origin", origin).bearer_auth(&token).send().await.unwrap();
        findings.expect(&format!("{row} GET"), allowed_origin(&answer), right.clone());
        let varies = answer
            .headers()
            .get_all("vary")
            .iter()
            .any(|v| v.to_str().unwrap().to_ascii_lowercase().contains("origin"));
        findings.expect(&format!("{row} Vary"), varies, true);
        // A page must be able to read why it was refused.
        let answer = app.request(Method::GET, "/api/profile").header("origin", origin).send().await.unwrap();
        findings.expect(&format!("{row} 401"), allowed_origin(&answer), right);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_origins_no_page_of_another_site_may() {
    let app = TestApp::start(Engine::Sqlite).await;
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        let answer = preflight(&app, origin).await;
        assert_eq!(allowed_origin(&answer), None, "W3 {origin}");
        let answer = app.request(Method::GET, "/api/publicInfo").header("origin", origin).send().await.unwrap();
        assert_eq!(allowed_origin(&answer), None, "W3 {origin}");
    }
}
