//! A remote issuer, played by a stand-in for Okta. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/mod.rs"]
mod support;

mod believed;
mod broken_issuer;
mod key_changes;
mod mode;
mod two_houses;

use support::app::{Engine, TestApp};
use support::okta::Okta;

/// A server that believes `okta` alone, with more settings.
pub async fn app_of(okta: &Okta, more: &[(&str, &str)]) -> TestApp {
    let own =
        [("auth.accept", "okta"), ("remote.okta.issuer", &okta.issuer), ("remote.okta.audience", "api://default")];
    let own = own.into_iter().filter(|(key, _)| more.iter().all(|(other, _)| other != key));
    let settings: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
    TestApp::with(Engine::Sqlite, &settings).await
}

/// The status of the protected route for `token`.
pub async fn status(app: &TestApp, token: &str) -> u16 {
    app.status_of(token).await
}
