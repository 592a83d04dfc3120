//! A table of tokens, each held against the answer it must get.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::app::{Engine, TestApp};
use crate::support::tokens::{Findings, Forge};

/// A server, a good token of it, and what is needed to make others.
pub struct Stage {
    pub app: TestApp,
    pub forge: Forge,
    pub good: String,
    /// The claims of the good token.
    pub claims: Value,
}

impl Stage {
    pub async fn set() -> Self {
        let app = TestApp::start(Engine::Sqlite).await;
        let good = app.tokens().await.access_token;
        Self { forge: Forge::of(&app), claims: TestApp::claims(&good), app, good }
    }

    /// When the good token was made, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.claims["iat"].as_i64().expect("a number")
    }

    /// Tries every row: 200, or 401 with the one challenge and the one body that all bad tokens get. And each must be explained as it is decided.
    pub async fn play(&self, rows: Vec<(String, String, Expected)>) {
        let mut findings = Findings::default();
        let garbage = self.app.get_as("/api/profile", "garbage").await.text().await.expect("a body");
        for (row, token, expected) in rows {
            let response = self.app.get_as("/api/profile", &token).await;
            let status = response.status();
            let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
            let body = response.text().await.expect("a body");
            findings.agree(&row, self.app.verifier(), &token).await;
            match expected {
                Expected::Good => findings.expect(&row, status, StatusCode::OK),
                Expected::Refused => {
                    findings.expect(&row, status, StatusCode::UNAUTHORIZED);
                    findings.expect(&row, challenge.as_deref(), Some(INVALID_TOKEN));
                    findings.expect(&row, &body, &garbage);
                }
            }
        }
        // The server is none the worse for it.
        findings.expect(
            "good token afterwards",
            self.app.get_as("/api/profile", &self.good).await.status().as_u16(),
            200,
        );
        findings.none();
    }
}

/// What a row must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Good,
    Refused,
}

/// The challenge for every bad token, whatever is wrong with it.
pub const INVALID_TOKEN: &str = "Bearer realm=\"tokenhouse\", error=\"invalid_token\", error_description=\"The access token is malformed, expired, revoked or not meant for this server\"";

/// A row that must be refused.
pub fn refused(id: &str, token: impl Into<String>) -> (String, String, Expected) {
    (id.to_owned(), token.into(), Expected::Refused)
}

/// A row that must pass.
pub fn good(id: &str, token: impl Into<String>) -> (String, String, Expected) {
    (id.to_owned(), token.into(), Expected::Good)
}
