//! Administrators at their browsers.

use reqwest::Method;

use super::app::TestApp;
use super::browser::{Browser, Page};

pub const ROOT: &str = "root@example.com";

/// An account with the role `admin`; its id.
pub async fn make_admin(app: &TestApp, email: &str) -> String {
    let id = app.register(email).await;
    app.sql(&format!("UPDATE users SET roles = 'admin' WHERE id = '{id}'")).await;
    id
}

/// The first administrator, signed in.
pub async fn administrator(app: &TestApp) -> Browser {
    make_admin(app, ROOT).await;
    signed_in(app, ROOT).await
}

pub async fn signed_in(app: &TestApp, email: &str) -> Browser {
    let browser = Browser::default();
    assert_eq!(browser.sign_in(app, "/sign-in", email).await.location(), "/account");
    browser
}

/// What a browser must repeat in its forms.
pub async fn form_token(app: &TestApp, browser: &Browser) -> String {
    let page = browser.get(app, "/forgot-password").await;
    page.form("/forgot-password").fields["form_token"].clone()
}

/// Sends these fields alone to `path`, as a form of this server's would.
pub async fn send(app: &TestApp, browser: &Browser, path: &str, filled: &[(&str, &str)]) -> Page {
    let form_token = form_token(app, browser).await;
    let fields: Vec<(&str, &str)> = filled.iter().copied().chain([("form_token", form_token.as_str())]).collect();
    browser.send(app.request(Method::POST, path).form(&fields)).await
}

/// The same, and on to where it leads.
pub async fn send_and_go(app: &TestApp, browser: &Browser, path: &str, filled: &[(&str, &str)]) -> Page {
    let page = send(app, browser, path, filled).await;
    if page.status == 303 { browser.get(app, &page.location()).await } else { page }
}

/// Fills in the form of the page at `path` that goes to `action`, sends it, and goes on to where it leads.
pub async fn fill(app: &TestApp, browser: &Browser, path: &str, action: &str, filled: &[(&str, &str)]) -> Page {
    let page = browser.submit(app, &browser.get(app, path).await.form(action), filled).await;
    if page.status == 303 { browser.get(app, &page.location()).await } else { page }
}
