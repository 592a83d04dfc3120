//! The operator's name, logo and colour on the pages and in letters; and pages in place of problems.

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::json;

use crate::support::app::{Engine, TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::letters;
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";
const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

/// What browsers send when they are led to an address.
const OF_BROWSERS: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn go(app: &TestApp, method: Method, path: &str) -> Page {
    Browser::default().send(app.request(method, path).header(ACCEPT, OF_BROWSERS)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn name_logo_and_colour_are_the_operators() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, SVG).unwrap();
    let settings = [
        ("limits.enabled", "false"),
        ("pages.name", "Acme & <Sons>"),
        ("pages.logo", logo.to_str().unwrap()),
        ("pages.color", "#ffcc00"),
    ];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    let mut findings = Findings::default();
    for path in [
        "/",
        "/sign-in",
        "/register",
        "/forgot-password",
        "/docs",
        "/nothing",
        "/oauth2/default/v1/authorize?client_id=x",
    ] {
        let page = go(&app, Method::GET, path).await;
        findings.expect(path, page.html.matches("Acme &#38; &#60;Sons&#62;").count(), 2);
        for wanted in ["src=\"/assets/logo.svg\"", "href=\"/assets/color.css\"", "<html lang=\"en\">"] {
            findings.expect(&format!("{path} {wanted}"), page.html.contains(wanted), true);
        }
    }
    let style = app.get("/assets/color.css").await.text().await.unwrap();
    findings.expect(&style, style.contains("--accent: #ffcc00; --on-accent: #000000;"), true);
    let picture = app.get("/assets/logo.svg").await;
    let policy = picture.headers()["content-security-policy"].to_str().unwrap().to_owned();
    findings.expect(
        "W7 nothing in it runs",
        policy,
        "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
    );
    findings.expect("type", picture.headers()["content-type"].to_str().unwrap(), "image/svg+xml");
    findings.expect("the file", picture.text().await.unwrap(), SVG.to_owned());
    for path in ["/assets/logo.svg", "/assets/color.css"] {
        let tag = app.get(path).await.headers()["etag"].clone();
        let again = app.request(Method::GET, path).header("if-none-match", tag).send().await.unwrap();
        findings.expect(path, again.status().as_u16(), 304);
        findings.expect(path, again.headers()["cache-control"].to_str().unwrap(), "public, no-cache");
    }
    findings.expect("no other", app.get("/assets/logo.png").await.status().as_u16(), 404);
    app.register(ADA).await;
    let letter = letters::newest(&app, ADA, letters::VERIFY).await;
    findings.expect("letter", letter.text.contains("registered at Acme & <Sons> (http://localhost:3000)"), true);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_name_of_its_own() {
    let app = TestApp::start(Engine::Sqlite).await;
    let page = go(&app, Method::GET, "/sign-in").await;
    assert!(page.html.contains("<title>Sign in · tokenhouse</title>"), "{}", page.html);
    assert!(page.html.contains("src=\"/assets/mark.svg\"") && !page.html.contains("color.css"), "{}", page.html);
    assert_eq!(app.get("/assets/mark.svg").await.status(), 200);
    assert_eq!(app.get("/assets/color.css").await.text().await.unwrap(), "");
    let app = TestApp::with(Engine::Sqlite, &[("pages.name", "Acme")]).await;
    let page = go(&app, Method::GET, "/sign-in").await;
    assert!(!page.html.contains("<img"), "a name without a picture has none: {}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_pages_and_programs_get_problems() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for (method, path, status, words) in [
        (Method::GET, "/nothing", 404, "There is nothing here"),
        (Method::GET, "/account/nothing", 404, "To your account"),
        (Method::GET, "/assets/nothing", 404, "There is nothing here"),
        (Method::GET, "/account/name", 405, "There is nothing to see here"),
        (Method::GET, "/sign-in/code", 405, "To the sign-in page"),
        (Method::GET, "/sign-in?return_to=%2Factivate&return_to=%2Faccount", 400, "This address is wrong"),
        (Method::GET, "/register?return_to=a&return_to=b", 400, "This address is wrong"),
        (Method::GET, "/reset-password?token=a&token=b", 400, "This address is wrong"),
    ] {
        let page = go(&app, method.clone(), path).await;
        findings.expect(path, page.status.as_u16(), status);
        findings.expect(path, page.html.contains(words), true);
        findings.expect(path, page.headers["content-type"].to_str().unwrap(), "text/html; charset=utf-8");
        findings.expect(
            path,
            page.headers["content-security-policy"].to_str().unwrap().contains("style-src 'self'"),
            true,
        );
        findings.expect(path, page.headers.contains_key("allow"), status == 405);
        let program = app.request(method, path).send().await.unwrap();
        findings.expect(path, program.status().as_u16(), status);
        findings.expect(path, program.headers()["content-type"].to_str().unwrap(), "application/problem+json");
    }
    for path in ["/api/nothing", "/api", "/oauth2/default/v1/nothing"] {
        let page = go(&app, Method::GET, path).await;
        findings.expect(path, (page.status.as_u16(), page.html.contains("<html")), (404, false));
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_beside_their_fields() {
    let app = TestApp::start(Engine::Sqlite).await;
    let browser = Browser::default();
    let form = browser.get(&app, "/register").await.form("/register");
    let page = browser.submit(&app, &form, &[("email", "ada"), ("password", "short")]).await;
    for wanted in [
        "<p id=\"error\" class=\"error\" role=\"alert\" tabindex=\"-1\" autofocus>",
        "aria-invalid=\"true\" aria-describedby=\"email-error\"",
        "<p id=\"email-error\" class=\"error small\">Email must be",
        "aria-invalid=\"true\" aria-describedby=\"password-error password-rules\"",
    ] {
        assert!(page.html.contains(wanted), "{wanted}: {}", page.html);
    }
    assert_eq!(page.html.matches(" autofocus").count(), 1, "{}", page.html);
    assert_eq!(page.html.matches("aria-invalid").count(), 2, "{}", page.html);
    let form = browser.get(&app, "/sign-in").await.form("/sign-in");
    let page = browser.submit(&app, &form, &[("email", ADA), ("password", "wrong")]).await;
    assert_eq!(page.html.matches("aria-invalid=\"true\" aria-describedby=\"error\"").count(), 2, "{}", page.html);
    // On a page with many forms, in the one that was sent.
    app.register(ADA).await;
    browser.sign_in(&app, "/sign-in", ADA).await;
    let form = browser.get(&app, "/account").await.form("/account/email");
    let page = browser.submit(&app, &form, &[("email", "new@example.com"), ("password", "wrong")]).await;
    assert_eq!(page.html.matches("aria-invalid").count(), 1, "{}", page.html);
    let input = page.html.split("id=\"email_password\"").nth(1).and_then(|rest| rest.split('>').next());
    assert!(input.is_some_and(|input| input.contains("aria-invalid=\"true\"")), "{}", page.html);
}

on_both!(whoever_forgot_a_password_is_led_on, |app| {
    let mut findings = Findings::default();
    app.register_verified(ADA).await;
    for (way, leads_to) in [
        ("/activate?user_code=BCDF-GHJK", "/sign-in?return_to=%2Factivate%3Fuser_code%3DBCDF-GHJK"),
        // O12
        ("//evil.example/activate", "/sign-in"),
        ("https://evil.example", "/sign-in"),
        ("", "/sign-in"),
    ] {
        let browser = Browser::default();
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", way).finish();
        let page = browser.get(&app, &format!("/sign-in?{query}")).await;
        let link = page.html.split("href=\"/forgot-password").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let link = crate::support::browser::unescaped(&format!("/forgot-password{link}"));
        let page = browser.get(&app, &link).await;
        findings.expect(way, page.html.contains(&format!("href=\"{leads_to}\"")), true);
        // A form that says something else is not believed.
        let form = page.form("/forgot-password");
        let sent = browser.submit(&app, &form, &[("email", ADA), ("return_to", way)]).await;
        findings.expect(way, sent.status.as_u16(), 202);
        let letter = letters::newest(&app, ADA, letters::RESET).await;
        let link = letter.link();
        findings.expect(
            "the link ends in its token",
            link.rsplit_once("?token=").is_some_and(|(path, _)| path.ends_with("/reset-password")),
            true,
        );
        let other = Browser::default();
        let page = other.get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await;
        let page = other
            .submit(&app, &page.form("/reset-password"), &[("new_password", "another horse battery staple")])
            .await;
        findings.expect(&page.html, page.html.contains(&format!("<a href=\"{leads_to}\">Sign in</a>")), true);
        app.hands.advance(std::time::Duration::from_mins(1));
    }
    // Over the API nothing leads anywhere.
    let body = json!({"email": ADA, "return_to": "/activate"});
    findings.expect("API", app.post("/api/password/forgot", body).await.status().as_u16(), 202);
    let waiting = app.texts("SELECT coalesce(return_to, '') FROM one_time_tokens").await;
    findings.expect("API keeps none", waiting.iter().any(|way| way.contains("activate")), false);
    findings.none();
});
