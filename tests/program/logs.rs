//! What is logged, in which form, and what never is: L27.

use serde_json::{Value, json};

use crate::program::Program;
use crate::support::app::{PASSWORD, eventually};
use crate::support::raw;

/// The lines of a log, each a JSON object.
fn lines(program: &Program) -> Vec<Value> {
    program.log().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// The lines of requests that were answered.
fn requests(program: &Program) -> Vec<Value> {
    lines(program).into_iter().filter(|line| line["message"] == "answered").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_for_each_request_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[("TOKENHOUSE__LOG__REQUESTS", "all")]);
    assert_eq!(program.register("ada@example.com").await, 201);
    let token = program.log_in("ada@example.com").await.unwrap()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(program.get("/api/profile?secret=in-the-query", &token).await, 200);
    assert_eq!(program.get("/nothing/secret-in-the-path", "").await, 404);
    let id = "request-of-mine";
    let answer =
        program.client.get(format!("{}/api/profile", program.url)).header("x-request-id", id).send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], id);
    eventually("the lines are written", async || requests(&program).len() == 5).await;

    let found = requests(&program);
    let facts = |line: &Value| {
        (
            line["method"].as_str().unwrap().to_owned(),
            line["route"].as_str().unwrap().to_owned(),
            line["status"].as_u64().unwrap(),
        )
    };
    let right = [
        ("POST", "/api/register", 201),
        ("POST", "/api/login", 200),
        ("GET", "/api/profile", 200),
        ("GET", "-", 404),
        ("GET", "/api/profile", 401),
    ];
    for (line, (method, route, status)) in found.iter().zip(right) {
        assert_eq!(facts(line), (method.to_owned(), route.to_owned(), status), "{line}");
        assert!(line["micros"].is_u64() && line["request"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(found[2]["subject"].is_string(), "{}", found[2]);
    assert_eq!(found[4]["request"], id);
    let log = program.log();
    assert!(!log.contains("in-the-query") && !log.contains("in-the-path"), "{log}");
    // What an act gives rise to names its request.
    let registered = lines(&program).into_iter().find(|line| line["message"] == "registered").unwrap();
    assert_eq!(registered["span"]["id"], found[0]["request"], "{registered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_only_or_nothing_when_asked_for() {
    for (setting, right) in [("errors", 0), ("off", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), &[("TOKENHOUSE__LOG__REQUESTS", setting)]);
        assert_eq!(program.get("/api/profile", "x").await, 401);
        assert_eq!(program.get("/nothing", "").await, 404);
        assert_eq!(program.register("ada@example.com").await, 201);
        eventually("the registration is logged", async || program.log().contains("registered")).await;
        assert_eq!(requests(&program).len(), right, "{setting}");
    }
    // A request that fails on this side is told with "errors": here, keys that are not to be had.
    let folder = tempfile::tempdir().unwrap();
    let toml = "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"http://127.0.0.1:9/oauth2/default\"\naudience = \"a\"\n";
    std::fs::write(folder.path().join("okta.toml"), toml).unwrap();
    let program = Program::start_with(folder.path(), &["--config", "okta.toml"], &[]);
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjkvb2F1dGgyL2RlZmF1bHQiLCJzdWIiOiJhIiwiYXVkIjoiYSIsImV4cCI6OTk5OTk5OTk5OX0.AA";
    assert_eq!(program.get("/api/profile", token).await, 503);
    eventually("the error is logged", async || requests(&program).iter().any(|line| line["status"] == 503)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "5c0f2a9be14d7736a8e19b04cc2d61f0";
    let variables = [
        ("TOKENHOUSE__LOG__LEVEL", "trace"),
        ("TOKENHOUSE__LOG__REQUESTS", "all"),
        ("TOKENHOUSE__TOKENS__SECRET", secret),
        ("RUST_LOG", "trace"),
    ];
    let program = Program::start(folder.path(), &variables);
    assert_eq!(program.register("ada@example.com").await, 201);
    let first = program.log_in("ada@example.com").await.unwrap();
    let answer = program.post("/api/refresh", json!({"refresh_token": first["refresh_token"]})).await.unwrap();
    let second: Value = answer.json().await.unwrap();
    let wrong = json!({"email": "ada@example.com", "password": "a-wrong-password"});
    assert_eq!(program.post("/api/login", wrong).await.unwrap().status(), 401);
    assert_eq!(program.get("/api/profile", second["access_token"].as_str().unwrap()).await, 200);
    assert_eq!(program.get("/api/profile", "a-forged-token").await, 401);
    // Line ends and colours for whoever reads the log on a terminal.
    let strange = "GET /api/\x1b[31mred HTTP/1.1\r\nHost: x\r\nX-Request-Id: \x1b[31mred\r\nConnection: close\r\n\r\n";
    let _ = raw::send(program.address, strange).await;
    let email = json!({"email": "eve\n{\"level\":\"ERROR\"}\u{1b}[31m@example.com", "password": PASSWORD});
    let _ = program.post("/api/login", email).await.unwrap();
    eventually("the lines are written", async || requests(&program).len() >= 7).await;

    let log = program.log();
    let mut secrets =
        vec![PASSWORD.to_owned(), secret.to_owned(), "a-wrong-password".to_owned(), "a-forged-token".to_owned()];
    for tokens in [&first, &second] {
        secrets.push(tokens["refresh_token"].as_str().unwrap().to_owned());
        let access = tokens["access_token"].as_str().unwrap();
        secrets.push(access.rsplit('.').next().unwrap().to_owned());
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "L27: the log has {secret}");
    }
    assert!(!log.contains("$argon2id$"), "L27: the log has a hash");
    assert!(!log.contains('\u{1b}'), "L27: the log has control characters");
    assert!(lines(&program).len() > 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[("TOKENHOUSE__LOG__FORMAT", "pretty")]);
    assert_eq!(program.register("ada@example.com").await, 201);
    eventually("the registration is logged", async || program.log().contains("registered")).await;
    let log = program.log();
    assert!(log.contains(" INFO ") && !log.contains('{') || log.contains("request{id="), "{log}");
    // Not on a terminal: no colours.
    assert!(!log.contains('\u{1b}'), "{log}");
}
