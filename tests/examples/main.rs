//! The examples run as a reader would run them, and the commands of the documents too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/program.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod program;
#[path = "../support/mod.rs"]
mod support;

mod documents;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use support::okta::Okta;
use tokenhouse::Clock;

/// A running example, which ends with this.
struct Example {
    child: Child,
    url: String,
    /// What it printed before it listened.
    printed: Vec<String>,
}

impl Example {
    /// Starts `name`, which cargo built beside this test.
    fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let mut variables = variables.to_vec();
        variables.push(("PORT", "0"));
        Self::start_in(Path::new("."), name, &variables)
    }

    /// The same, in a folder, and on the port that `variables` say.
    #[expect(
        clippy::zombie_processes,
        reason = "it is waited for when this is dropped; before that, the test has failed"
    )]
    fn start_in(folder: &Path, name: &str, variables: &[(&str, &str)]) -> Self {
        let test = std::env::current_exe().expect("the test's own path");
        let built = test.parent().and_then(|deps| deps.parent()).expect("target/debug").join("examples").join(name);
        if !built.exists() {
            // `cargo test` builds examples, `cargo test --test examples` does not.
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let done = Command::new(cargo).args(["build", "--examples"]).status().expect("cargo");
            assert!(done.success(), "the examples do not build");
        }
        let mut child = Command::new(&built)
            .current_dir(folder)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", built.display()));
        let mut printed = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
            let line = line.expect("text");
            if let Some(url) = line.strip_prefix("listening on ") {
                return Self { child, url: url.to_owned(), printed };
            }
            printed.push(line);
        }
        panic!("{name} ended before it listened");
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(format!("{}{path}", self.url));
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("text"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn protect_your_api() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let example = Example::start("protect_your_api", &[("KEY_DIR", keys.to_str().unwrap())]);
    let tokens: Vec<&str> =
        example.printed.iter().filter_map(|line| line.split("Bearer ").nth(1)?.strip_suffix('\'')).collect();
    let [plain, reader] = tokens[..] else { panic!("{:?}", example.printed) };
    let user = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
    assert_eq!(example.get("/hello", Some(plain)).await, (200, format!("Hello {user}\n")));
    assert_eq!(example.get("/hello", None).await.0, 401);
    assert_eq!(example.get("/hello", Some("x")).await.0, 401);
    assert_eq!(example.get("/invoices", Some(reader)).await, (200, format!("Invoices of {user}\n")));
    assert_eq!(example.get("/invoices", Some(plain)).await.0, 403);
    assert_eq!(example.get("/admin/state", Some(reader)).await.0, 403);
    assert_eq!(example.get("/admin/state", None).await.0, 401);
}

#[tokio::test]
async fn protect_your_api_beside_a_tokenhouse() {
    let app = support::app::TestApp::start(support::app::Engine::Sqlite).await;
    // The example goes by the real clock, and so must the token.
    app.hands.set_wall(Clock::system().now());
    let token = app.tokens().await.access_token;
    let keys = app.folder.path().join("keys");
    let example = Example::start("protect_your_api", &[("KEY_DIR", keys.to_str().unwrap())]);
    let (status, body) = example.get("/hello", Some(&token)).await;
    assert_eq!((status, body.starts_with("Hello ")), (200, true), "{body}");
    assert_eq!(example.get("/invoices", Some(&token)).await.0, 403);
}

#[tokio::test]
async fn okta() {
    let okta = Okta::start().await;
    let example = Example::start("okta", &[("OKTA_ISSUER", &okta.issuer)]);
    let now = Clock::system().unix_seconds();
    assert_eq!(example.get("/api/publicInfo", None).await, (200, "You are viewing public info".to_owned()));
    assert_eq!(example.get("/api/profile", None).await.0, 401);
    let (status, body) = example.get("/api/profile", Some(&okta.token(now))).await;
    assert_eq!(
        (status, body.as_str()),
        (200, "You are viewing the profile of ada@example.com, who may openid customScope")
    );
    let other = okta.token_with(now, json!({"aud": "api://other"}));
    assert_eq!(example.get("/api/profile", Some(&other)).await.0, 401);
}
