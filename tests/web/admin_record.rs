//! The record, the settings and the state of the server, as an administrator sees them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::support::admin::{ROOT, administrator, fill, send, signed_in};
use crate::support::app::{Engine, TestApp, eventually, on_both};
use crate::support::browser::{Browser, unescaped};
use crate::support::okta::{AUDIENCE, Okta};
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";

/// What is in the column of acts.
async fn acts(app: &TestApp, browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.get(app, &format!("/admin/audit?{query}")).await;
    assert_eq!(page.status, 200, "{query}: {}", page.html);
    let rows = page.html.split("data-label=\"What\"><code>").skip(1);
    rows.map(|row| row.split('<').next().unwrap().to_owned()).collect()
}

on_both!(the_record, |app| {
    let mut findings = Findings::default();
    administrator(&app).await;
    let root_id = app.texts("SELECT id FROM users").await.remove(0);
    let id = app.register(ADA).await;
    app.hands.advance(Duration::from_hours(1));
    let root = signed_in(&app, ROOT).await;
    let later = || app.hands.advance(Duration::from_secs(1));
    app.post("/api/login", json!({"email": ADA, "password": "not the password"})).await;
    later();
    app.log_in(ADA).await;
    later();
    send(&app, &root, &format!("/admin/users/{id}/roles"), &[("roles", "billing")]).await;
    later();
    send(&app, &root, &format!("/admin/users/{id}/name"), &[("name", "Ada")]).await;
    let last = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    findings.expect(
        "newest first",
        acts(&app, &root, "").await.get(..2).map(<[_]>::to_vec),
        Some(last(&["user.rename", "user.role_add"])),
    );
    for (query, right) in [
        (format!("who={id}"), last(&["user.rename", "user.role_add", "login", "login", "register"])),
        (format!("who={ADA}&act=login&outcome=failure"), last(&["login"])),
        (format!("by=admin%20{root_id}"), last(&["user.rename", "user.role_add"])),
        (format!("by=admin%20{}", root_id.to_uppercase()), last(&["user.rename", "user.role_add"])),
        ("act=register".to_owned(), last(&["register", "register"])),
        ("act=register&from=2026-06-01T12:30".to_owned(), last(&[])),
        ("act=register&until=2026-06-01T12:30".to_owned(), last(&["register", "register"])),
        ("act=login&from=2026-06-01T12:30&ip=127.0.0.1&by=user&outcome=success".to_owned(), last(&["login", "login"])),
        ("ip=192.0.2.1".to_owned(), last(&[])),
        ("act=register&ip=%20127.0.0.1".to_owned(), last(&["register", "register"])),
        ("act=register&ip=::ffff:127.0.0.1".to_owned(), last(&["register", "register"])),
        ("by=operator".to_owned(), last(&[])),
    ] {
        findings.expect(&query, acts(&app, &root, &query).await, right);
    }
    let page = root.get(&app, &format!("/admin/audit?who={id}")).await;
    findings.expect("details", page.html.contains("roles: billing"), true);
    findings.expect("reason", page.html.contains("wrong password"), true);
    findings.expect("by whom", page.html.contains(&format!("data-label=\"By\">{ROOT}")), true);
    findings.expect("whose", page.html.contains(&format!("<a href=\"/admin/users/{id}\">{ADA}</a>")), true);
    for query in [
        "act=flying",
        "who=nobody",
        "who=nobody%40example.com",
        "from=yesterday",
        "until=1",
        "cursor=x",
        "cursor=1_x",
        "outcome=maybe",
        "ip=here",
        "by=nobody",
        "by=admin%20x",
    ] {
        let page = root.get(&app, &format!("/admin/audit?{query}")).await;
        findings.expect(query, (page.status.as_u16(), page.html.contains("role=\"alert\"")), (422, true));
        findings.expect(query, page.html.contains("Nothing is on record"), false);
        let is_of_no_field = query.starts_with("cursor");
        findings.expect(query, page.html.contains("aria-invalid=\"true\""), !is_of_no_field);
    }
    let page = root.get(&app, "/admin/audit?by=%22%3E%3Cscript%3Ealert(1)&ip=%22%3E%3Cscript%3Ealert(2)").await;
    findings.expect("W7", page.html.contains("<script>"), false);
    // What is left of whom when he is gone, and page by page.
    send(&app, &root, &format!("/admin/users/{id}/delete"), &[]).await;
    let page = root.get(&app, &format!("/admin/audit?who={id}")).await;
    findings.expect("gone", page.html.contains(&format!("data-label=\"Whose account\">{id}")), true);
    for n in 0..120 {
        app.post("/api/login", json!({"email": format!("u{n}@example.com"), "password": "x"})).await;
    }
    let (mut path, mut seen, mut pages) = ("/admin/audit?act=login&outcome=failure".to_owned(), 0, 0);
    loop {
        let page = root.get(&app, &path).await;
        seen += page.html.matches("data-label=\"What\"").count();
        pages += 1;
        let before = page.html.split("\">Older").next().filter(|before| before.len() < page.html.len());
        let Some(next) = before.and_then(|before| before.rsplit("href=\"").next()) else { break };
        path = unescaped(next);
    }
    findings.expect("page by page", (seen, pages), (121, 3));
    findings.none();
});

/// Each act that is about no account, with who did it, in the order of time.
async fn by_whom(app: &TestApp) -> Vec<String> {
    app.texts("SELECT act || ' ' || actor FROM audit WHERE act LIKE 'client.%' OR act LIKE 'key.%' ORDER BY at").await
}

on_both!(acts_on_clients_and_keys_are_the_administrators, |app| {
    let root = administrator(&app).await;
    let id = app.texts("SELECT id FROM users").await.remove(0);
    let token = app.log_in(ROOT).await.access_token;
    let later = || app.hands.advance(Duration::from_secs(1));
    let made = json!({"name": "Shop", "grants": ["client_credentials"]});
    let made: Value = app.send_as(Method::POST, "/api/admin/clients", &token, made).await.json().await.unwrap();
    let client = format!("/api/admin/clients/{}", made["client_id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::PATCH, client.clone(), json!({"name": "Store"})),
        (Method::POST, format!("{client}/rotate"), json!({})),
        (Method::DELETE, client, json!({})),
        (Method::POST, "/api/admin/keys/rotate".to_owned(), json!({"now": true})),
    ] {
        later();
        let answer = app.send_as(method, &path, &token, body).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
    later();
    send(&app, &root, "/admin/clients/new", &[("name", "Shop"), ("grant.client_credentials", "yes")]).await;
    let client = format!("/admin/clients/{}", app.texts("SELECT id FROM oauth_clients").await.remove(0));
    later();
    fill(&app, &root, &client, &client, &[("name", "Store")]).await;
    for (path, choice) in [
        (format!("{client}/disable"), ""),
        (format!("{client}/enable"), ""),
        (format!("{client}/rotate"), "none"),
        (format!("{client}/remove"), ""),
        ("/admin/keys/rotate".to_owned(), "now"),
    ] {
        later();
        let page = send(&app, &root, &path, &[("choice", choice)]).await;
        assert!([200, 303].contains(&page.status.as_u16()), "{path}: {}", page.html);
    }
    let acts = ["client.add", "client.change", "client.rotate", "client.remove", "key.rotate"];
    let pages = [&acts[..2], &["client.change"; 2], &acts[2..]].concat();
    let right: Vec<String> = acts.iter().chain(&pages).map(|act| format!("{act} admin {id}")).collect();
    assert_eq!(by_whom(&app).await, right);
    let page = root.get(&app, &format!("/admin/audit?by=admin%20{id}")).await;
    assert_eq!(page.html.matches(&format!("data-label=\"By\">{ROOT}")).count(), right.len(), "{}", page.html);
});

#[tokio::test(flavor = "multi_thread")]
async fn settings_in_force() {
    let secret = "5c0f2a9be14d7736a8e19b04cc2d61f0";
    let given =
        [("limits.register_per_ip", "7/1h"), ("tokens.secret", secret), ("server.public_url", "http://localhost:3000")];
    let app = TestApp::with(Engine::Sqlite, &given).await;
    let root = administrator(&app).await;
    let page = root.get(&app, "/admin/settings").await;
    assert!(page.html.contains("<td role=\"cell\" data-label=\"Value\">7/1h</td>"), "{}", page.html);
    assert!(page.html.contains("environment TOKENHOUSE__LIMITS__REGISTER_PER_IP"), "{}", page.html);
    assert!(page.html.contains("(hidden)") && !page.html.contains(secret), "{}", page.html);
    let first = page.html.split("<h2 id=\"").nth(1).unwrap();
    assert!(first.starts_with("limits"), "the limits come first: {first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_the_server_is_doing() {
    let okta = Okta::start().await;
    let issuer = okta.issuer.clone();
    let app = TestApp::with(
        Engine::Sqlite,
        &[
            ("limits.enabled", "false"),
            ("auth.accept", "local,okta"),
            ("remote.okta.issuer", &issuer),
            ("remote.okta.audience", AUDIENCE),
        ],
    )
    .await;
    let root = administrator(&app).await;
    crate::support::letters::all(&app).await;
    eventually("the keys are there", async || {
        root.get(&app, "/admin").await.html.contains("usable keys, fetched 0 seconds ago, 2026-06-01 12:00 UTC.")
    })
    .await;
    let page = root.get(&app, "/admin").await;
    for words in [&format!("Keys of {issuer}"), "Database (SQLite)", "It answered in", "None waits to be sent."] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    assert!(!page.html.contains("mark bad"), "{}", page.html);
    app.sql("INSERT INTO letters (id, kind, email, details, created_at, tries, next_try_at) VALUES ('x', 'x', 'a@x.io', '{}', 1780314000000000, 3, 9000000000000000)").await;
    let page = root.get(&app, "/admin").await;
    assert!(
        page.html.contains("1 wait to be sent, the first of them for 20 minutes; 1 of them were tried in vain"),
        "{}",
        page.html
    );
    assert!(page.html.contains("mark bad"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_nobody_can_count_hold_the_overview_up_for_a_moment_only() {
    if !crate::support::postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let app = TestApp::start(Engine::Postgres).await;
    let root = administrator(&app).await;
    let mut other = sqlx::PgConnection::connect(&app.database).await.unwrap();
    sqlx::query("BEGIN").execute(&mut other).await.unwrap();
    sqlx::query("LOCK TABLE letters IN ACCESS EXCLUSIVE MODE").execute(&mut other).await.unwrap();
    let before = std::time::Instant::now();
    let page = root.get(&app, "/admin").await;
    assert!(page.status == 200 && page.html.contains("The database does not tell."), "{}", page.html);
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
}
