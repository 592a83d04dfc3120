//! The playground in Chromium, as people have it: with accounts, in Okta mode, and without scripts.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::chromium;
use crate::house::{House, PRIVATE, PUBLIC};
use crate::node::{self, Script};
use crate::others::ask;
use crate::people::ADA;
use crate::program::Program;
use crate::support::app::PASSWORD;
use crate::support::okta::Okta;
use crate::support::ports::closed_port;
use crate::support::tokens::Findings;

fn browser() -> Option<PathBuf> {
    if node::available() { chromium() } else { None }
}

/// What comes of an act on the page at `origin`.
fn seen(chromium: PathBuf, origin: &str, act: &str, more: &Value) -> Value {
    let mut input = json!({"origin": origin, "email": ADA, "password": PASSWORD});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let script = Script::new("playground.js");
    let mut command = script.command();
    command.arg(act).env("CHROMIUM", chromium);
    let seen = ask(command, &input);
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    seen
}

fn pictures() -> Option<PathBuf> {
    std::env::var_os("TOKENHOUSE_TEST_SCREENSHOTS").map(|folder| std::path::absolute(folder).unwrap())
}

/// The first check that each way of tampering fails, where tokens are of this server (HS256).
const CAUGHT_BY: [(&str, &str); 13] = [
    ("claim", "signature"),
    ("scope", "signature"),
    ("none", "signed"),
    ("algorithm", "algorithm"),
    ("cut", "signed"),
    ("bit", "signature"),
    ("own-key", "signature"),
    ("kid", "key-known"),
    ("expired", "signature"),
    ("early", "signature"),
    ("audience", "signature"),
    ("issuer", "issuer"),
    ("type", "signature"),
];

/// Where it is another, for tokens of Okta (RS256).
const CAUGHT_AT_OKTA: [(&str, &str); 2] = [("algorithm", "algorithm-accepted"), ("own-key", "algorithm-accepted")];

/// What is wrong with such a token besides, which the page tells too.
const ALSO: [(&str, &str); 4] =
    [("expired", "expiry"), ("early", "not-before"), ("audience", "audience"), ("type", "type")];

fn expect_caught(findings: &mut Findings, tampered: &Value, caught_by: &[(&str, &str)]) {
    let all: Vec<&String> = tampered.as_object().unwrap().keys().collect();
    findings.expect("the ways", all.len(), caught_by.len());
    for (way, check) in caught_by {
        let seen = &tampered[way];
        findings.expect(way, seen["failed"][0].as_str(), Some(*check));
        let verdict = seen["verdict"].as_str().unwrap_or_default();
        findings.expect(verdict, verdict.starts_with("401 Unauthorized: The "), true);
    }
    for (way, check) in ALSO {
        let failed = tampered[way]["failed"].as_array().cloned().unwrap_or_default();
        findings.expect(way, failed.contains(&json!(check)), true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn she_tries_all_of_it() {
    let Some(chromium) = browser() else { return };
    let house = House::at_localhost("http://localhost:1");
    let seen = seen(chromium, &house.public_url, "tries_all", &json!({}));
    let mut findings = Findings::default();
    let text = |pointer: &str| seen.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let token = text("/token");
    findings.expect("a token", token.split('.').count(), 3);
    findings.expect("both fields", &seen["invalid"], &json!(["register-email", "register-password"]));
    findings.expect("the first is gone to", text("/focused"), "register-email".to_owned());
    findings.expect("complaint", text("/complaint"), "Some fields are not as they must be.".to_owned());
    for claim in ["alg", "typ", "kid", "iss", "aud", "exp", "iat", "sub", "jti", "sid", "scp"] {
        findings.expect(claim, seen["claims"].as_array().unwrap().contains(&json!(claim)), true);
    }
    findings.expect("what aud means", text("/meaning").contains("RFC 7519"), true);
    // However slow the machine: it showed what was left before the script looked, to the second by two clocks, and it goes on.
    let clock = |name: &str| seen["clock"][name].as_i64().unwrap();
    let (shown, left) = (clock("shown"), clock("left"));
    findings.expect(&format!("the clock: {}", seen["clock"]), (left - 2..=3600).contains(&shown), true);
    findings.expect(&format!("it runs: {}", seen["clock"]), (0..shown).contains(&clock("later")), true);
    for (call, request, answers) in [
        ("public", "GET /api/publicInfo HTTP/1.1", ["200 OK", PUBLIC]),
        ("protected", "Authorization: Bearer ", ["200 OK", PRIVATE]),
        ("refused", "GET /api/profile HTTP/1.1", ["401 Unauthorized", "www-authenticate: Bearer realm=\"tokenhouse\""]),
        ("me", "GET /api/me HTTP/1.1", ["200 OK", "\"email\": \"ada@example.com\""]),
        ("ended", "Authorization: Bearer ", ["401 Unauthorized", "error=\"invalid_token\""]),
    ] {
        findings.expect(call, text(&format!("/{call}/request")).contains(request), true);
        let answer = text(&format!("/{call}/answer"));
        findings.expect(&answer, answers.iter().all(|words| answer.contains(words)), true);
    }
    findings.expect("no token went along", text("/refused/request").contains("Authorization"), false);
    findings.expect("why it is dead", text("/ended/said").contains("The token's session has ended"), true);
    let url = format!("{}/api/profile", house.public_url);
    for (program, words) in [
        ("curl", format!("curl -i {url} \\\n  -H 'Authorization: Bearer {token}'")),
        ("HTTPie", format!("http {url} \\\n  'Authorization: Bearer {token}'")),
        ("fetch", format!("await fetch(\"{url}\", {{\n  headers: {{ Authorization: \"Bearer {token}\" }},\n}})")),
        ("Rust", format!(".get(\"{url}\")\n    .bearer_auth(\"{token}\")\n    .send()")),
    ] {
        let copied = text(&format!("/snippets/{program}"));
        findings.expect(&copied, copied.contains(&words), true);
    }
    expect_caught(&mut findings, &seen["tampered"], &CAUGHT_BY);
    findings.expect("another token", text("/refreshed") == token, false);
    // W6: nothing is left, and nothing went elsewhere.
    findings.expect("W6 address", text("/left/address"), format!("{}/", house.public_url));
    findings.expect("W6 storage", (&seen["left"]["local"], &seen["left"]["session"]), (&json!(0), &json!(0)));
    findings.expect("W6 cookies", text("/left/cookies"), String::new());
    findings.expect("W6 after a reload", &seen["after_reload"], &json!(true));
    findings.expect("W6 elsewhere", &seen["elsewhere"], &json!([]));
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn she_logs_in_with_an_account_that_is_there() {
    let Some(chromium) = browser() else { return };
    let house = House::at_localhost("http://localhost:1");
    house.register(ADA).await;
    let seen = seen(chromium, &house.public_url, "logs_in", &json!({}));
    assert_eq!(seen["complaint"], "No account has this email address and this password.", "{seen}");
    assert_eq!(seen["holder"], format!("A token of {ADA}"));
}

/// A server that believes Okta's tokens alone, and tokens of its: a good one, and one that is expired.
struct OktaMode {
    origin: String,
    tokens: Value,
    _okta: Okta,
    _program: Program,
    _folder: TempDir,
}

async fn okta_mode() -> OktaMode {
    let okta = Okta::start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = closed_port();
    let (listen, public_url) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let program = Program::start(
        folder.path(),
        &[
            ("TOKENHOUSE__SERVER__LISTEN", &listen),
            ("TOKENHOUSE__SERVER__PUBLIC_URL", &public_url),
            ("TOKENHOUSE__AUTH__ACCEPT", "okta"),
            ("TOKENHOUSE__REMOTE__OKTA__ISSUER", &okta.issuer),
            ("TOKENHOUSE__REMOTE__OKTA__AUDIENCE", crate::support::okta::AUDIENCE),
        ],
    );
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let tokens = json!({"token": okta.token(now), "expired": okta.token(now - 7200)});
    OktaMode { origin: public_url, tokens, _okta: okta, _program: program, _folder: folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn she_pastes_a_token_of_okta() {
    let Some(chromium) = browser() else { return };
    let okta = okta_mode().await;
    let (origin, tokens) = (&okta.origin, &okta.tokens);
    let seen = seen(chromium, origin, "pastes", tokens);
    let mut findings = Findings::default();
    let buttons = seen["buttons"].as_array().unwrap();
    findings.expect("no accounts", buttons.contains(&json!("Register and log in")), false);
    findings.expect("paste", buttons.contains(&json!("Use this token")), true);
    findings.expect("held", &seen["held"], &tokens["token"]);
    let text = |pointer: &str| seen.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    findings.expect("protected", text("/protected/answer").contains(PRIVATE), true);
    findings.expect("expired", text("/expired/said").contains("The token is expired"), true);
    findings.expect("no token", &seen["breakable"], &json!(false));
    let of_okta = |way: &str| CAUGHT_AT_OKTA.into_iter().find(|(at_okta, _)| *at_okta == way);
    expect_caught(&mut findings, &seen["tampered"], &CAUGHT_BY.map(|row| of_okta(row.0).unwrap_or(row)));
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn she_has_no_script_and_sees_the_commands() {
    let Some(chromium) = browser() else { return };
    let house = House::at_localhost("http://localhost:1");
    let seen = seen(chromium, &house.public_url, "has_no_script", &json!({}));
    let text = seen["text"].as_str().unwrap();
    assert!(
        text.contains("needs JavaScript") && text.contains(&format!("curl {}/api/register", house.public_url)),
        "{text}"
    );
    assert_eq!(seen["buttons"], 0, "none that does nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_is_accessible() {
    let Some(chromium) = browser() else { return };
    let house = House::at_localhost("http://localhost:1");
    let more = json!({"name": "playground", "pictures": pictures()});
    let seen = seen(chromium, &house.public_url, "looks", &more);
    assert_eq!(seen["findings"], json!([]), "{:#}", seen["findings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_of_okta_mode_is_accessible() {
    let Some(chromium) = browser() else { return };
    let okta = okta_mode().await;
    let (origin, tokens) = (&okta.origin, &okta.tokens);
    let more = json!({"name": "playground-okta", "pictures": pictures(), "token": tokens["token"]});
    let seen = seen(chromium, origin, "looks", &more);
    assert_eq!(seen["findings"], json!([]), "{:#}", seen["findings"]);
}
