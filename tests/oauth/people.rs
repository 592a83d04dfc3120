//! Clients that act for people, and one of those people at his browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::house::{Client, TOKEN, add};
use crate::support::app::{TestApp, Tokens};
use crate::support::browser::{Browser, Page};

pub const AUTHORIZE: &str = "/oauth2/default/v1/authorize";
pub const CONSENT: &str = "/oauth2/default/v1/consent";
pub const USERINFO: &str = "/oauth2/default/v1/userinfo";
pub const LOGOUT: &str = "/oauth2/default/v1/logout";
pub const ISSUER: &str = "http://localhost:3000/oauth2/default";
pub const CALLBACK: &str = "http://localhost:8080/authorization-code/callback";
pub const ADA: &str = "ada@example.com";

/// Of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a client gets for a user.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct UserTokens {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub token_type: String,
    pub expires_in: u64,
    pub scope: String,
}

/// A web application: confidential, with all grants for users.
pub async fn web_app(app: &TestApp, admin: &str) -> Client {
    made(
        add(
            app,
            admin,
            json!({
                "name": "A shop", "grants": ["authorization_code", "refresh_token"], "scopes": ["first", "second"],
                "redirect_uris": [CALLBACK], "post_logout_redirect_uris": ["http://localhost:8080/bye"],
            }),
        )
        .await,
    )
    .await
}

/// A native app: public.
pub async fn native_app(app: &TestApp, admin: &str) -> Client {
    made(
        add(
            app,
            admin,
            json!({
                "name": "An app", "grants": ["authorization_code", "refresh_token", "device_code"], "auth_method": "none",
                "scopes": ["first"], "redirect_uris": ["http://127.0.0.1/callback", "com.example.app:/callback", "https://app.example/callback"],
            }),
        )
        .await,
    )
    .await
}

pub async fn made(response: Response) -> Client {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, 201, "{body}");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Client { id: text("client_id"), secret: text("client_secret") }
}

/// The address at which a client asks, with `parameters` over the usual ones; an empty one is left out.
pub fn asking(client: &Client, parameters: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email offline_access first"),
        ("state", "a state & more"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let is_over = |name: &str| parameters.iter().any(|(over, _)| *over == name);
    query.extend_pairs(usual.iter().filter(|(name, _)| !is_over(name)));
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    format!("{AUTHORIZE}?{}", query.finish())
}

/// Ada signs in and allows what the client asks for; the answer to it.
pub async fn allow(app: &TestApp, browser: &Browser, address: &str) -> Page {
    let mut page = browser.get(app, address).await;
    if page.status == 303 && page.location().starts_with("/sign-in?") {
        page = browser.sign_in(app, &page.location(), ADA).await;
        page = browser.get(app, &page.location()).await;
    }
    if page.status == 200 {
        page = browser.submit(app, &page.form(CONSENT), &[("decision", "allow")]).await;
    }
    page
}

/// A code for the usual request.
pub async fn code(app: &TestApp, client: &Client, parameters: &[(&str, &str)]) -> String {
    let page = allow(app, &Browser::default(), &asking(client, parameters)).await;
    page.answer().remove("code").unwrap_or_else(|| panic!("no code: {page:?}"))
}

/// Shows a code, with `parameters` over the usual ones; an empty one is left out.
pub async fn redeem(app: &TestApp, client: &Client, code: &str, parameters: &[(&str, &str)]) -> Response {
    let usual =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let is_over = |name: &str| parameters.iter().any(|(over, _)| *over == name);
    let mut form: Vec<(&str, &str)> = usual.into_iter().filter(|(name, _)| !is_over(name)).collect();
    form.extend(parameters.iter().filter(|(_, value)| !value.is_empty()));
    show(app, client, &form).await
}

/// Asks at the token endpoint, with the client's secret if it has one.
pub async fn show(app: &TestApp, client: &Client, form: &[(&str, &str)]) -> Response {
    if client.secret.is_empty() {
        let mut form = form.to_vec();
        form.push(("client_id", &client.id));
        return app.request(Method::POST, TOKEN).form(&form).send().await.unwrap();
    }
    client.send(app, TOKEN, form).await
}

pub async fn tokens(response: Response) -> UserTokens {
    let status = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// What Ada allowed a client.
pub async fn user_tokens(app: &TestApp, client: &Client) -> UserTokens {
    let code = code(app, client, &[]).await;
    tokens(redeem(app, client, &code, &[]).await).await
}

pub async fn refresh(app: &TestApp, client: &Client, token: &str) -> Response {
    show(app, client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

pub async fn ada(app: &TestApp) -> (String, Tokens) {
    let id = app.register(ADA).await;
    (id, app.log_in(ADA).await)
}

pub fn header(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}
