//! Devices without a browser (RFC 8628).

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::house::{Client, SETTINGS, administrator, error, opens};
use crate::people::{ADA, ada, made, native_app, show, tokens, web_app};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::tokens::Findings;

const DEVICE: &str = "/oauth2/default/v1/device/authorize";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(app: &TestApp, client: &Client, scope: &str) -> Response {
    let form = [("client_id", client.id.as_str()), ("scope", scope)];
    app.request(Method::POST, DEVICE).form(&form).send().await.unwrap()
}

async fn begun(app: &TestApp, client: &Client) -> (String, String) {
    let body: Value = begin(app, client, "openid offline_access first").await.json().await.unwrap();
    (body["device_code"].as_str().unwrap().to_owned(), body["user_code"].as_str().unwrap().to_owned())
}

async fn poll(app: &TestApp, client: &Client, device_code: &str) -> Response {
    show(app, client, &[("grant_type", GRANT), ("device_code", device_code)]).await
}

/// Ada types a code and decides.
async fn decide(app: &TestApp, browser: &Browser, code: &str, decision: &str) -> Page {
    let mut page = browser.get(app, "/activate").await;
    if page.status == 303 {
        page = browser.sign_in(app, &page.location(), ADA).await;
        page = browser.get(app, &page.location()).await;
    }
    let page = browser.submit(app, &page.form("/activate"), &[("user_code", code)]).await;
    if page.status != 200 {
        return page;
    }
    browser.submit(app, &page.form("/activate"), &[("decision", decision)]).await
}

on_both!(a_device_is_let_in, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    let (id, _) = ada(&app).await;
    let response = begin(&app, &client, "openid offline_access first").await;
    assert_eq!((response.status().as_u16(), response.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    let body: Value = response.json().await.unwrap();
    assert_eq!((body["expires_in"].as_u64(), body["interval"].as_u64()), (Some(600), Some(5)));
    assert_eq!(body["verification_uri"], "http://localhost:3000/activate");
    let (device_code, user_code) = (body["device_code"].as_str().unwrap(), body["user_code"].as_str().unwrap());
    assert_eq!(body["verification_uri_complete"], format!("http://localhost:3000/activate?user_code={user_code}"));
    assert_eq!(error(poll(&app, &client, device_code).await).await, (400, "authorization_pending".to_owned()));

    // By the whole address, as from a QR code: signed in first, and then still asked.
    let browser = Browser::default();
    let page = browser.get(&app, &format!("/activate?user_code={user_code}")).await;
    let page = browser.sign_in(&app, &page.location(), ADA).await;
    let page = browser.get(&app, &page.location()).await;
    let form = page.form("/activate");
    assert_eq!(form.fields["user_code"], user_code);
    let page = browser.submit(&app, &form, &[]).await;
    for words in ["Let An app in?", ADA, user_code, "<li>first</li>", "Keep access while"] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    let page = browser.submit(&app, &page.form("/activate"), &[("decision", "allow")]).await;
    assert!(page.html.contains("The device is let in"), "{}", page.html);
    app.hands.advance(Duration::from_secs(5));
    let got = tokens(poll(&app, &client, device_code).await).await;
    assert_eq!(TestApp::claims(&got.access_token)["sub"], id.as_str());
    assert!(opens(&app, &got.access_token).await && got.refresh_token.is_some() && got.id_token.is_some());
    assert_eq!(error(poll(&app, &client, device_code).await).await.1, "invalid_grant", "O4: once");
    // What it got outlives the browser, for it was granted so.
    let page = browser.get(&app, "/oauth2/default/v1/logout").await;
    browser.submit(&app, &page.form("/oauth2/default/v1/logout"), &[("decision", "sign_out")]).await;
    assert!(opens(&app, &got.access_token).await);
});

on_both!(a_device_that_is_not_let_in, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    let other = native_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let (device, code) = begun(&app, &client).await;
    let page = decide(&app, &browser, &code.to_lowercase().replace('-', " "), "deny").await;
    findings.expect("told", page.html.contains("The device is not let in"), true);
    findings.expect("denied", error(poll(&app, &client, &device).await).await.1, "access_denied".to_owned());
    findings.expect("and gone", error(poll(&app, &client, &device).await).await.1, "invalid_grant".to_owned());

    let (device, code) = begun(&app, &client).await;
    findings.expect("another client", error(poll(&app, &other, &device).await).await.1, "invalid_grant".to_owned());
    findings.expect("nonsense", error(poll(&app, &client, "nonsense").await).await.1, "invalid_grant".to_owned());
    findings.expect("no code", error(poll(&app, &client, "").await).await.1, "invalid_request".to_owned());
    for wrong in ["", "BCDF-GHJK", "nonsense", &code[1..], &device] {
        findings.expect(wrong, decide(&app, &browser, wrong, "allow").await.status.as_u16(), 400);
    }
    app.hands.advance(Duration::from_mins(10));
    findings.expect("too late for the user", decide(&app, &browser, &code, "allow").await.status.as_u16(), 400);
    findings.expect(
        "too late for the device",
        error(poll(&app, &client, &device).await).await.1,
        "expired_token".to_owned(),
    );

    // Let in, and then the user is out before the device asks.
    let (device, code) = begun(&app, &client).await;
    decide(&app, &browser, &code, "allow").await;
    findings.expect("decided once", decide(&app, &browser, &code, "deny").await.status.as_u16(), 400);
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'ada@example.com'").await;
    findings.expect("O6", error(poll(&app, &client, &device).await).await.1, "invalid_grant".to_owned());
    findings.none();
});

on_both!(a_device_that_asks_too_often, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    let (device, _) = begun(&app, &client).await;
    let mut told = Vec::new();
    for wait in [0, 4, 9, 14, 20] {
        app.hands.advance(Duration::from_secs(wait));
        told.push(error(poll(&app, &client, &device).await).await.1);
    }
    let (pending, slow) = ("authorization_pending", "slow_down");
    assert_eq!(told, [pending, slow, slow, slow, pending]);
});

on_both!(who_may_not_begin, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    let shop = web_app(&app, &admin).await;
    let body = json!({"name": "TV", "grants": ["device_code"], "scopes": ["first"]});
    let confidential = made(crate::house::add(&app, &admin, body).await).await;
    for (row, client, scope, expected) in [
        ("no client", Client { id: String::new(), secret: String::new() }, "openid", (401, "invalid_client")),
        ("unknown", Client { id: "0oaunknown".to_owned(), secret: String::new() }, "openid", (401, "invalid_client")),
        ("its secret is missing", confidential.clone(), "openid", (401, "invalid_client")),
        ("a scope of others", client.clone(), "openid second", (400, "invalid_scope")),
        ("no scope that is not asked for", client.clone(), "nonsense", (400, "invalid_scope")),
    ] {
        findings.expect(row, error(begin(&app, &client, scope).await).await, (expected.0, expected.1.to_owned()));
    }
    let response = shop.send(&app, DEVICE, &[("scope", "openid")]).await;
    findings.expect("not its grant", error(response).await, (400, "unauthorized_client".to_owned()));
    let response = confidential.send(&app, DEVICE, &[("scope", "openid")]).await;
    findings.expect("with its secret", response.status().as_u16(), 200);
    let response = app.get(DEVICE).await;
    findings.expect("GET", response.status().as_u16(), 405);
    findings.none();
});
