//! Every kind of letter: where its link leads, who can read it, what a stranger's words become in it. L23, L26, L28, W7.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;

use crate::secrets::{dump, holds};
use crate::support::app::{PASSWORD, TestApp, on_both};
use crate::support::letters::{self, CHANGED, CONFIRM, NOTICE, RESET, Received, TAKEN, VERIFY};
use crate::support::raw;
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";

/// A request of somebody who wants the links to lead to him.
async fn send(app: &TestApp, path: &str, token: Option<&str>, body: serde_json::Value) -> u16 {
    app.hands.advance(Duration::from_secs(1));
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Server: evil.example\r\nX-Original-Host: evil.example\r\nForwarded: host=evil.example;proto=gopher\r\nOrigin: https://evil.example\r\nReferer: https://evil.example/\r\nUser-Agent: <script>alert('evil')</script>\r\n{authorization}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw::status(&raw::send(app.address, request).await)
}

/// One letter of every kind, each caused by such a request.
async fn one_of_each(app: &TestApp) -> Vec<Received> {
    let name = "<img src=x onerror=\"alert('evil')\"> & Co";
    let mut findings = Findings::default();
    let body = json!({"email": ADA, "password": PASSWORD, "name": name});
    findings.expect("register", send(app, "/api/register", None, body.clone()).await, 202);
    let token = letters::newest(app, ADA, VERIFY).await.token();
    findings.expect("verify", send(app, "/api/email/verify", None, json!({"token": token})).await, 204);
    findings.expect("taken", send(app, "/api/register", None, body).await, 202);
    findings.expect("forgot", send(app, "/api/password/forgot", None, json!({"email": ADA})).await, 202);
    let token = letters::newest(app, ADA, RESET).await.token();
    let body = json!({"token": token, "new_password": "a wholly different sentence"});
    findings.expect("reset", send(app, "/api/password/reset", None, body).await, 204);
    let body = json!({"email": ADA, "password": "a wholly different sentence"});
    let tokens: serde_json::Value = app.post("/api/login", body).await.json().await.unwrap();
    let access = tokens["access_token"].as_str();
    let body = json!({"email": "new@example.com", "password": "a wholly different sentence"});
    findings.expect("change", send(app, "/api/email", access, body).await, 202);
    let token = letters::newest(app, "new@example.com", CONFIRM).await.token();
    findings.expect("confirm", send(app, "/api/email/verify", None, json!({"token": token})).await, 204);
    // By the absolute form of a request, too.
    findings.expect(
        "forgot",
        send(app, "http://evil.example/api/password/forgot", None, json!({"email": "new@example.com"})).await,
        202,
    );
    findings.none();
    let all = letters::all(app).await;
    let mut kinds: Vec<&str> = all.iter().map(|letter| letter.subject.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut right = [VERIFY, TAKEN, CONFIRM, CHANGED, RESET, NOTICE];
    right.sort_unstable();
    assert_eq!(kinds, right, "not all kinds");
    assert_eq!(all.iter().filter(|letter| letter.subject == RESET).count(), 2);
    all
}

const REQUIRED: [(&str, &str); 3] = [
    ("limits.enabled", "false"),
    ("accounts.email_verification", "required"),
    ("server.public_url", "https://login.example.com"),
];

on_both!(links_lead_to_us_and_words_stay_words, REQUIRED, |app| {
    let mut findings = Findings::default();
    for letter in one_of_each(&app).await {
        let row = |what: &str| format!("{what}: {}", letter.subject);
        findings.expect(&row("L23"), letter.raw.contains("evil.example") || letter.raw.contains("gopher"), false);
        findings.expect(&row("L23"), letter.text.contains("https://login.example.com"), true);
        if letter.raw.contains("oken=") {
            let page = match letter.subject.as_str() {
                VERIFY => "verify-email",
                CONFIRM => "confirm-email",
                _ => "reset-password",
            };
            let (link, token) = (letter.link(), letter.token());
            findings.expect(&row("link"), link.starts_with(&format!("https://login.example.com/{page}?token=")), true);
            findings.expect(&row("token"), URL_SAFE_NO_PAD.decode(&token).map(|bytes| bytes.len()), Ok(32));
            findings.expect(&row("link in HTML"), letter.html.contains(&format!("href=\"{link}\"")), true);
            let request = if letter.subject == RESET { "/api/password/reset" } else { "/api/email/verify" };
            let request = format!("POST https://login.example.com{request} {{\"token\":\"{token}\"");
            findings.expect(&row("request"), letter.text.contains(&request), true);
        }
        // W7
        for bad in ["<img", "<script", "onerror=\"", "alert('"] {
            findings.expect(&row(&format!("W7 {bad}")), letter.html.contains(bad), false);
        }
        // To whoever is surely its owner, and to nobody else.
        let named = [TAKEN, CHANGED, RESET, NOTICE].contains(&letter.subject.as_str());
        findings.expect(&row("name"), letter.text.contains("& Co"), named);
        findings.expect(&row("no browser's own words"), letter.text.contains("<script"), false);
        let headers = letter.raw.split("\r\n\r\n").next().unwrap().to_lowercase();
        let present: Vec<&str> =
            headers.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
        for name in ["from", "to", "subject", "date", "message-id", "mime-version", "auto-submitted"] {
            findings.expect(&row(name), present.iter().filter(|found| **found == name).count(), 1);
        }
        findings.expect(&row("L28"), present.contains(&"bcc") || present.contains(&"cc"), false);
        findings.expect(&row("both forms"), headers.contains("multipart/alternative"), true);
    }
    findings.none();
});

on_both!(only_the_owner_reads_the_outbox, REQUIRED, |app| {
    let all = one_of_each(&app).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = app.folder.path().join("outbox");
    assert_eq!(mode(&folder), 0o700);
    for letter in &all {
        assert_eq!(mode(&letter.file), 0o600);
        let name = letter.file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("20260601T1200") && !name.contains('@'), "{name}");
    }
    // By name is by time.
    assert_eq!(all.first().map(|letter| letter.subject.as_str()), Some(VERIFY));
    assert_eq!(all.last().map(|letter| letter.subject.as_str()), Some(RESET));
    let others = std::fs::read_dir(&folder).unwrap().flatten();
    assert!(
        others.map(|file| file.file_name()).all(|name| name.to_string_lossy().ends_with(".eml")),
        "half-written ones"
    );
});

on_both!(no_token_of_a_letter_is_in_the_database, |app| {
    // Of letters sent, of one that waits, and of spent ones.
    app.register_verified(ADA).await;
    app.register("eve@example.com").await;
    app.hands.advance(Duration::from_secs(1));
    app.post("/api/password/forgot", json!({"email": ADA})).await;
    let mut tokens: Vec<String> =
        letters::all(&app).await.iter().filter(|l| l.raw.contains("oken=")).map(Received::token).collect();
    let body = json!({"token": tokens[2], "new_password": "a wholly different sentence"});
    assert_eq!(app.post("/api/password/reset", body).await.status(), 204);
    // The notice of it is there, so nothing writes to the folder any more.
    letters::all(&app).await;
    app.hands.advance(Duration::from_secs(1));
    std::fs::remove_dir_all(app.folder.path().join("outbox")).unwrap();
    std::fs::write(app.folder.path().join("outbox"), "in the way").unwrap();
    app.post("/api/password/forgot", json!({"email": ADA})).await;
    crate::support::app::eventually("the letter is prepared", async || {
        app.texts("SELECT id FROM letters WHERE prepared_at IS NOT NULL").await.len() == 1
    })
    .await;
    let waiting = dump(&app).await;
    // Its link is known once it is there.
    std::fs::remove_file(app.folder.path().join("outbox")).unwrap();
    app.hands.advance(Duration::from_mins(1));
    tokens.extend(letters::all(&app).await.iter().filter(|l| l.raw.contains("oken=")).map(Received::token));
    assert!(tokens.len() >= 4, "{}", tokens.len());
    let now = dump(&app).await;
    assert!(holds(&now, ADA.as_bytes()), "this is not the database");
    for (when, bytes) in [("while it waits", waiting), ("now", now)] {
        for (n, token) in tokens.iter().enumerate() {
            let raw = URL_SAFE_NO_PAD.decode(token).unwrap();
            let hex = raw.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            for (what, secret) in [("text", token.as_bytes()), ("bytes", &raw), ("hex", hex.as_bytes())] {
                assert!(!holds(&bytes, secret), "L26 token {n} as {what}, {when}");
            }
            assert!(!holds(&bytes, hex.to_uppercase().as_bytes()), "L26 token {n} as HEX, {when}");
        }
    }
});

on_both!(addresses_that_would_be_headers, |app| {
    let tokens = app.tokens().await;
    let mut findings = Findings::default();
    for bad in [
        "x@example.com\r\nBcc: eve@example.com",
        "x@example.com\nBcc: eve@example.com",
        "x@example.com%0d%0aBcc: eve@example.com",
        "x@example.com, eve@example.com",
        "x@example.com; eve@example.com",
        "Bcc: eve@example.com",
        "<x@example.com>",
        "\"x\r\n\"@example.com",
        "x@example.com\u{2028}Bcc: eve@example.com",
    ] {
        for path in ["/api/password/forgot", "/api/email/resend", "/api/register"] {
            let body = json!({"email": bad, "password": PASSWORD});
            findings.expect(&format!("L28 {path} {bad:?}"), app.post(path, body).await.status().as_u16(), 422);
        }
        let body = json!({"email": bad, "password": PASSWORD});
        let response = app.send_as(Method::POST, "/api/email", &tokens.access_token, body).await;
        findings.expect(&format!("L28 /api/email {bad:?}"), response.status().as_u16(), 422);
    }
    findings.expect("letters", letters::all(&app).await.len(), 1);
    // What is odd and an address all the same goes to exactly it.
    for odd in ["o'brien+tag@example.com", "straße@example.com", "a=b@example.com", "{x}|y@example.com"] {
        let body = json!({"email": odd, "password": PASSWORD});
        findings.expect(odd, app.post("/api/register", body).await.status().as_u16(), 201);
        findings.expect(odd, letters::subjects(&app, odd).await, vec![VERIFY.to_owned()]);
    }
    findings.none();
});

on_both!(notices_go_to_verified_addresses_only, |app| {
    for (email, right) in [(ADA, 1), ("eve@example.com", 0)] {
        if right == 1 {
            app.register_verified(email).await
        } else {
            app.register(email).await
        };
        let tokens = app.log_in(email).await;
        let body = json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"});
        assert_eq!(app.send_as(Method::POST, "/api/password", &tokens.access_token, body).await.status(), 204);
        let notices = letters::subjects(&app, email).await.into_iter().filter(|subject| subject == NOTICE).count();
        assert_eq!(notices, right, "ASVS 6.3.7 {email}");
    }
    let notice = letters::newest(&app, ADA, NOTICE).await;
    for part in ["The password of your account was changed", "127.0.0.1", "2026-06-01 12:00 UTC"] {
        assert!(notice.text.contains(part) && notice.html.contains(part), "{part}: {}", notice.text);
    }
});
