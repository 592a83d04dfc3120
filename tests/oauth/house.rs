//! A server with an administrator, who makes clients.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// Scopes that clients may have here: `first` is given by default.
pub const SETTINGS: [(&str, &str); 2] = [
    ("limits.enabled", "false"),
    ("oauth.scopes", r#"[{"name": "first", "default": true}, {"name": "second"}, {"name": "third"}]"#),
];

pub const TOKEN: &str = "/oauth2/default/v1/token";
pub const INTROSPECT: &str = "/oauth2/default/v1/introspect";
pub const REVOKE: &str = "/oauth2/default/v1/revoke";

/// A client with its secret.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// An administrator's access token.
pub async fn administrator(app: &TestApp) -> String {
    app.register("admin@example.com").await;
    app.sql("UPDATE users SET roles = 'admin' WHERE email = 'admin@example.com'").await;
    app.log_in("admin@example.com").await.access_token
}

pub async fn add(app: &TestApp, admin: &str, client: Value) -> Response {
    app.send_as(Method::POST, "/api/admin/clients", admin, client).await
}

/// A client that may have `first` and `second`.
pub async fn client(app: &TestApp, admin: &str) -> Client {
    let body = json!({"name": "A machine", "grants": ["client_credentials"], "scopes": ["first", "second"]});
    let response = add(app, admin, body).await;
    assert_eq!(response.status(), 201);
    let body: Value = response.json().await.unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Client { id: text("client_id"), secret: text("client_secret") }
}

impl Client {
    /// Shows the secret in the header, both halves form-encoded.
    pub fn post(&self, app: &TestApp, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        app.request(Method::POST, path).basic_auth(&self.id, Some(&self.secret)).form(form)
    }

    pub async fn send(&self, app: &TestApp, path: &str, form: &[(&str, &str)]) -> Response {
        self.post(app, path, form).send().await.unwrap()
    }

    /// A token with the scope `first`.
    pub async fn token(&self, app: &TestApp) -> String {
        let response = self.send(app, TOKEN, &[("grant_type", "client_credentials"), ("scope", "first")]).await;
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn introspect(&self, app: &TestApp, token: &str) -> Value {
        let response = self.send(app, INTROSPECT, &[("token", token)]).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }
}

/// The status and the error code of an answer, which must have the form of OAuth's.
pub async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json;charset=UTF-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
    let body: Value = response.json().await.unwrap();
    let description = body["error_description"].as_str().unwrap();
    // R45
    assert!(description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{description}");
    assert_eq!(body.as_object().unwrap().len(), 2);
    (status, body["error"].as_str().unwrap().to_owned())
}

pub async fn opens(app: &TestApp, token: &str) -> bool {
    app.status_of(token).await == 200
}

pub const INACTIVE: &str = r#"{"active":false}"#;
