//! `tokenhouse user` and `tokenhouse audit`, beside a running server: L10, L27, O6, J32.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Program, command, told};
use crate::support::app::{PASSWORD, eventually};
use crate::support::tokens::Findings;

/// Runs a command with `input` on standard input: exit code, standard output, standard error.
fn run(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = command(folder, arguments, &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    told(&child.wait_with_output().unwrap())
}

/// The same with `--json`, which must go well.
fn json_of(folder: &Path, arguments: &[&str], input: &str) -> Value {
    let (code, out, err) = run(folder, &[arguments, &["--json"]].concat(), input);
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_and_the_life_of_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Before the first start: the database is made.
    let ada =
        json_of(folder, &["user", "add", "Ada@example.com", "--name", "Ada", "--admin", "--role", "billing"], PASSWORD);
    assert_eq!((&ada["email"], &ada["roles"]), (&json!("ada@example.com"), &json!(["admin", "billing"])));
    assert_eq!(ada["email_verified"], true, "the operator vouches for it");
    let server = Program::start(folder, &[]);
    let tokens = server.log_in("ada@example.com").await.unwrap();
    assert_eq!(tokens["scope"], "openid profile email admin");
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/admin/users", &token).await, 200);

    // Beside the running server: it hears of it within two seconds.
    assert_eq!(
        json_of(folder, &["user", "role", "ada@example.com", "remove", "admin"], "")["roles"],
        json!(["billing"])
    );
    eventually("J32 the role is gone", async || server.get("/api/profile", &token).await == 401).await;
    let tokens = server.log_in("ada@example.com").await.unwrap();
    assert_eq!(tokens["scope"], "openid profile email");
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/admin/users", &token).await, 403);
    json_of(folder, &["user", "role", "ada@example.com", "add", "admin"], "");

    json_of(folder, &["user", "disable", "ADA@example.com"], "");
    eventually("O6 disabled", async || server.get("/api/profile", &token).await == 401).await;
    assert_eq!(server.log_in("ada@example.com").await, Err(401));
    assert_eq!(json_of(folder, &["user", "show", "ada@example.com"], "")["disabled"], true);
    json_of(folder, &["user", "enable", ada["id"].as_str().unwrap()], "");
    let tokens = server.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let shown = json_of(folder, &["user", "show", "ada@example.com"], "");
    assert_eq!((&shown["sessions"], &shown["totp"], &shown["passkeys"]), (&json!(1), &json!(false), &json!(0)));

    json_of(folder, &["user", "password", "ada@example.com"], "a wholly different sentence\n");
    eventually("the password is another", async || server.get("/api/profile", &token).await == 401).await;
    assert_eq!(server.log_in("ada@example.com").await, Err(401));
    let body = json!({"email": "ada@example.com", "password": "a wholly different sentence"});
    let tokens: Value = server.post("/api/login", body).await.unwrap().json().await.unwrap();
    let token = tokens["access_token"].as_str().unwrap().to_owned();

    let (code, _, err) = run(folder, &["user", "remove", "ada@example.com"], "yes\n");
    assert_eq!((code, err.contains("--yes")), (1, true), "nobody can be asked: {err}");
    json_of(folder, &["user", "remove", "ada@example.com", "--yes"], "");
    eventually("removed", async || server.get("/api/profile", &token).await == 401).await;

    // All of it is in the record, also of the account that is gone.
    let events = json_of(folder, &["audit", "--user", ada["id"].as_str().unwrap()], "");
    let acts: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| format!("{} {} {}", event["act"], event["outcome"], event["actor"]).replace('"', ""))
        .collect();
    for expected in [
        "user.add success operator",
        "login success user",
        "user.role_remove success operator",
        "user.role_add success operator",
        "user.disable success operator",
        "login failure user",
        "user.enable success operator",
        "user.password success operator",
        "user.remove success operator",
    ] {
        assert!(acts.contains(&expected.to_owned()), "{expected} is not among {acts:?}");
    }
    assert_eq!(acts.first().map(String::as_str), Some("user.add success operator"), "the newest last");
    let failures =
        json_of(folder, &["audit", "--outcome", "failure", "--act", "login", "--ip", "127.0.0.1", "--since", "1h"], "");
    assert!(failures["items"].as_array().unwrap().len() >= 2, "{failures}");
    assert_eq!(json_of(folder, &["audit", "--until", "2020-01-01T00:00:00Z"], ""), json!({"items": []}));
    let log = server.log();
    assert!(!log.contains(PASSWORD) && !log.contains("different sentence"), "L27: {log}");
}

#[test]
fn wrong_usage_and_what_cannot_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("okta.toml"), "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"https://dev-1.okta.com/oauth2/default\"\naudience = \"a\"\n").unwrap();
    json_of(folder, &["user", "add", "ada@example.com"], PASSWORD);
    let mut findings = Findings::default();
    for (arguments, input, code, words) in [
        (vec!["user", "add", "ada@example.com"], PASSWORD, 1, "there is an account with this email address already"),
        (vec!["user", "add", "nobody"], PASSWORD, 1, "email must be an email address"),
        (vec!["user", "add", "new@example.com"], "short", 1, "password must have at least 8 characters"),
        (vec!["user", "add", "new@example.com"], "password1", 1, "password is too easy to guess"),
        (vec!["user", "add", "new@example.com"], "", 1, "the password is read from standard input"),
        (
            vec!["user", "add", "new@example.com", "--role", "Über"],
            PASSWORD,
            1,
            "roles must be 1 to 32 lower-case letters",
        ),
        (vec!["user", "add", "new@example.com", "--password", PASSWORD], PASSWORD, 2, "unexpected argument"),
        (vec!["user", "show", "nobody@example.com"], "", 1, "there is no such account"),
        (vec!["user", "show", "' OR 1=1--"], "", 1, "there is no such account"),
        (vec!["user", "disable", "3f0a4b4e-0000-4000-8000-000000000000"], "", 1, "there is no such account"),
        (vec!["user", "list", "--limit", "0"], "", 2, "--limit"),
        (vec!["user"], "", 2, "Usage: tokenhouse user"),
        (vec!["audit", "--act", "flying"], "", 2, "there is no such act; there are register, login,"),
        (vec!["audit", "--since", "soon"], "", 2, "want a time such as"),
        (vec!["user", "list", "--config", "okta.toml"], "", 1, "there are no accounts here"),
    ] {
        let (found, out, err) = run(folder, &arguments, input);
        findings.expect(&format!("{arguments:?}: {out}{err}"), (found, err.contains(words)), (code, true));
    }
    let (code, out, _) = run(folder, &["user", "show", "nobody@example.com", "--json"], "");
    let told: Value = serde_json::from_str(&out).unwrap();
    findings.expect("JSON", (code, told["ok"].clone()), (1, json!(false)));
    findings.none();
}

#[test]
fn lists_in_parts_and_by_what_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (email, name) in [
        ("a%b@example.com", "Percent"),
        ("axb@example.com", "Ada"),
        ("c_d@example.com", "\u{e4}rger"),
        ("z!z@example.com", "Zoe"),
    ] {
        json_of(folder, &["user", "add", email, "--name", name], PASSWORD);
    }
    let emails = |arguments: &[&str]| -> Vec<String> {
        let list = json_of(folder, &[&["user", "list"], arguments].concat(), "");
        list["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(emails(&[]).len(), 4);
    // L10: what stands for anything elsewhere stands for itself.
    for (search, found) in [
        ("%", vec!["a%b@example.com"]),
        ("_", vec!["c_d@example.com"]),
        ("!", vec!["z!z@example.com"]),
        ("ADA", vec!["axb@example.com"]),
        ("' OR 1=1--", vec![]),
    ] {
        assert_eq!(emails(&["--search", search]), found, "L10 {search}");
    }
    let first = json_of(folder, &["user", "list", "--limit", "3"], "");
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let rest =
        json_of(folder, &["user", "list", "--limit", "3", "--cursor", first["next_cursor"].as_str().unwrap()], "");
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    let (_, out, _) = run(folder, &["user", "list"], "");
    assert!(out.starts_with("EMAIL") && out.contains("axb@example.com"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_browser_writes_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Program::start(folder.path(), &[]);
    assert_eq!(server.register("ada@example.com").await, 201);
    drop(server);
    // As somebody may have put it in by other ways than a header, which has none of these letters.
    let database = format!("sqlite://{}", folder.path().join("data/tokenhouse.db").display());
    let app = sqlx::SqlitePool::connect(&database).await.unwrap();
    sqlx::query(
        "INSERT INTO audit (id, at, act, outcome, actor, user_agent) VALUES ('x', 1, 'login', 'failure', 'user', $1)",
    )
    .bind("\u{1b}]0;owned\u{7}\u{202e}")
    .execute(&app)
    .await
    .unwrap();
    let (code, out, _) = run(folder.path(), &["audit"], "");
    assert_eq!(code, 0);
    assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}') && out.contains("\\u{1b}]0;owned"), "L27: {out:?}");
}
