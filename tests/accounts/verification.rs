//! Addresses that are to be verified: off, optional, required; L3, L24, O4, O20.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::reset::comparable;
use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::letters::{self, TAKEN, VERIFY};
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";

const OFF: [(&str, &str); 2] = [("limits.enabled", "false"), ("accounts.email_verification", "off")];
const REQUIRED: [(&str, &str); 2] = [("limits.enabled", "false"), ("accounts.email_verification", "required")];

async fn register(app: &TestApp, email: &str, password: &str) -> reqwest::Response {
    app.hands.advance(Duration::from_secs(1));
    app.post("/api/register", json!({"email": email, "password": password})).await
}

async fn verify(app: &TestApp, token: &str) -> reqwest::Response {
    app.post("/api/email/verify", json!({"token": token})).await
}

async fn resend(app: &TestApp, email: &str) -> u16 {
    app.hands.advance(Duration::from_secs(1));
    app.post("/api/email/resend", json!({"email": email})).await.status().as_u16()
}

async fn is_verified(app: &TestApp, token: &str) -> bool {
    let me: Value = app.get_as("/api/me", token).await.json().await.unwrap();
    me["email_verified"].as_bool().unwrap()
}

fn not_good() -> (u16, String) {
    (400, "token-not-good".to_owned())
}

on_both!(when_off_nobody_is_asked, OFF, |app| {
    let tokens = app.tokens().await;
    assert_eq!(letters::all(&app).await.len(), 0);
    let response = app.post("/api/email/resend", json!({"email": ADA})).await;
    assert_eq!(problem(response).await, (409, "verification-off".to_owned()));
    let response = app.post_as("/api/email/resend", &tokens.access_token).await;
    assert_eq!(problem(response).await, (409, "verification-off".to_owned()));
});

on_both!(when_optional_a_letter_asks_and_the_login_does_not_wait, |app| {
    let tokens = app.tokens().await;
    assert!(!is_verified(&app, &tokens.access_token).await);
    let letter = letters::newest(&app, ADA, VERIFY).await;
    assert_eq!(verify(&app, &letter.token()).await.status(), 204);
    assert!(is_verified(&app, &tokens.access_token).await);
    assert_eq!(problem(verify(&app, &letter.token()).await).await, not_good(), "L24 twice");
    // Taken is told here, and makes no letter.
    assert_eq!(register(&app, ADA, PASSWORD).await.status(), 409);
    assert_eq!(letters::subjects(&app, ADA).await, [VERIFY]);
    // Who is verified gets no further letter.
    assert_eq!(resend(&app, ADA).await, 202);
    assert_eq!(app.post_as("/api/email/resend", &tokens.access_token).await.status(), 202);
    assert_eq!(letters::subjects(&app, ADA).await, [VERIFY]);
    let acts = app.texts("SELECT act || ' ' || outcome FROM audit WHERE act = 'email.verify' ORDER BY outcome").await;
    assert_eq!(acts, ["email.verify failure", "email.verify success"]);
});

on_both!(when_required_nobody_logs_in_before, REQUIRED, |app| {
    let response = register(&app, ADA, PASSWORD).await;
    assert_eq!(response.status(), 202);
    let log_in = async || app.post("/api/login", json!({"email": ADA, "password": PASSWORD})).await;
    assert_eq!(problem(log_in().await).await, (403, "email-not-verified".to_owned()));
    let wrong = app.post("/api/login", json!({"email": ADA, "password": "wrong password"})).await;
    assert_eq!(problem(wrong).await, (401, "wrong-credentials".to_owned()));
    let token = letters::newest(&app, ADA, VERIFY).await.token();
    assert_eq!(verify(&app, &token).await.status(), 204);
    assert_eq!(log_in().await.status(), 200);
});

on_both!(when_required_registering_tells_nobody_who_has_an_account, REQUIRED, |app| {
    let mut findings = Findings::default();
    let new = comparable(register(&app, "new@example.com", PASSWORD).await).await;
    findings.expect("new", new.0, 202);
    register(&app, ADA, PASSWORD).await;
    let token = letters::newest(&app, ADA, VERIFY).await.token();
    findings.expect("verified", verify(&app, &token).await.status().as_u16(), 204);
    register(&app, "gone@example.com", PASSWORD).await;
    letters::all(&app).await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'gone@example.com'").await;
    letters::all(&app).await;
    for email in [ADA, "new@example.com", "gone@example.com", " ADA@example.com"] {
        let found = comparable(register(&app, email, "a wholly different sentence").await).await;
        findings.expect(&format!("L3 {email}"), found, new.clone());
    }
    findings.expect(
        "L3 verified",
        letters::subjects(&app, ADA).await,
        vec![VERIFY.to_owned(), TAKEN.to_owned(), TAKEN.to_owned()],
    );
    findings.expect("L3 unverified", letters::subjects(&app, "new@example.com").await, vec![VERIFY.to_owned(); 2]);
    findings.expect("L3 disabled", letters::subjects(&app, "gone@example.com").await, vec![VERIFY.to_owned()]);
    let told = letters::newest(&app, ADA, TAKEN).await;
    findings.expect("no token in it", told.raw.contains("oken="), false);
    // The first password stays, whoever registered second.
    let token = letters::newest(&app, "new@example.com", VERIFY).await.token();
    findings.expect("the newest token", verify(&app, &token).await.status().as_u16(), 204);
    for (password, right) in [(PASSWORD, 200), ("a wholly different sentence", 401)] {
        let response = app.post("/api/login", json!({"email": "new@example.com", "password": password})).await;
        findings.expect("the first password", response.status().as_u16(), right);
    }
    // What is wrong with the fields is no secret.
    findings.expect("weak", register(&app, ADA, "password1").await.status().as_u16(), 422);
    findings.expect("accounts", app.texts("SELECT id FROM users").await.len(), 3);
    findings.none();
});

on_both!(fifty_who_register_one_address_at_once_when_required, REQUIRED, |app| {
    let body = json!({"email": ADA, "password": PASSWORD});
    let answers = join_all((0..50).map(|_| app.post("/api/register", body.clone()))).await;
    assert!(answers.iter().all(|answer| answer.status() == 202), "O3");
    assert_eq!(app.texts("SELECT id FROM users").await.len(), 1, "O3");
});

on_both!(sent_again_the_newest_link_counts, |app| {
    let tokens = app.tokens().await;
    let first = letters::newest(&app, ADA, VERIFY).await.token();
    assert_eq!(resend(&app, " ADA@example.com").await, 202);
    let second = letters::newest(&app, ADA, VERIFY).await.token();
    app.hands.advance(Duration::from_secs(1));
    // Of one's own: with no body, an empty one, or one that names somebody else.
    assert_eq!(app.post_as("/api/email/resend", &tokens.access_token).await.status(), 202);
    app.hands.advance(Duration::from_secs(1));
    assert_eq!(app.send_as(Method::POST, "/api/email/resend", &tokens.access_token, json!({})).await.status(), 202);
    app.hands.advance(Duration::from_secs(1));
    let body = json!({"email": "eve@example.com"});
    assert_eq!(app.send_as(Method::POST, "/api/email/resend", &tokens.access_token, body).await.status(), 202, "O20");
    assert_eq!(letters::to(&app, "eve@example.com").await.len(), 0, "O20");
    let last = letters::newest(&app, ADA, VERIFY).await.token();
    assert_eq!(letters::to(&app, ADA).await.len(), 5);
    for older in [&first, &second] {
        assert_eq!(problem(verify(&app, older).await).await, not_good(), "L24 older");
    }
    assert_eq!(verify(&app, &last).await.status(), 204);
    // A bad token is not taken for none.
    assert_eq!(app.post_as("/api/email/resend", "x.y.z").await.status(), 401);
    assert_eq!(app.post("/api/email/resend", json!({})).await.status(), 400);
});

on_both!(tokens_that_verify_nothing, |app| {
    let mut findings = Findings::default();
    let tokens = app.tokens().await;
    let token = letters::newest(&app, ADA, VERIFY).await.token();
    for (row, bad) in [
        ("cut", token[..42].to_owned()),
        ("longer", format!("{token}A")),
        ("case", token.to_lowercase()),
        ("empty", String::new()),
        ("J24 access token", tokens.access_token.clone()),
        ("J24 refresh token", tokens.refresh_token.clone()),
        ("the hash", app.texts("SELECT token_hash FROM one_time_tokens").await.remove(0)),
        ("random", "A".repeat(43)),
    ] {
        findings.expect(row, problem(verify(&app, &bad).await).await, not_good());
    }
    let reset = app.post("/api/password/reset", json!({"token": token, "new_password": "a good long sentence"})).await;
    findings.expect("R13 at the other route", problem(reset).await, not_good());
    findings.expect("J24 at P", app.get_as("/api/profile", &token).await.status().as_u16(), 401);
    // The address is another meanwhile, behind its back.
    app.sql("UPDATE users SET email = 'other@example.com'").await;
    findings.expect("another address", problem(verify(&app, &token).await).await, not_good());
    app.sql("UPDATE users SET email = 'ada@example.com', disabled_at = 1").await;
    findings.expect("O6 disabled", problem(verify(&app, &token).await).await, not_good());
    app.sql("UPDATE users SET disabled_at = NULL").await;
    app.hands.advance(Duration::from_hours(24) - Duration::from_secs(1));
    let answers = join_all((0..20).map(|_| verify(&app, &token))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    findings.expect("O4 once", statuses.iter().filter(|status| **status == 204).count(), 1);
    findings.expect("O4 others", statuses.iter().filter(|status| **status == 400).count(), 19);
    app.register("late@example.com").await;
    let token = letters::newest(&app, "late@example.com", VERIFY).await.token();
    app.hands.advance(Duration::from_hours(24));
    findings.expect("L24 after its time", problem(verify(&app, &token).await).await, not_good());
    for (method, path) in
        [(Method::GET, "/api/email/verify"), (Method::PUT, "/api/email"), (Method::GET, "/api/email/resend")]
    {
        findings.expect(path, app.request(method, path).send().await.unwrap().status().as_u16(), 405);
    }
    findings.none();
});

on_both!(tries_are_limited, [("limits.enabled", "true"), ("limits.login_attempts_per_ip", "5/1m")], |app| {
    for n in 0..5 {
        let status = verify(&app, &"A".repeat(43)).await.status();
        assert_eq!(status, 400, "{n}");
    }
    assert_eq!(verify(&app, &"A".repeat(43)).await.status(), 429);
    let body = json!({"token": "A".repeat(43), "new_password": "a good long sentence"});
    assert_eq!(app.post("/api/password/reset", body).await.status(), 429);
    assert_eq!(app.texts("SELECT id FROM audit WHERE act = 'email.verify'").await.len(), 5);
});
