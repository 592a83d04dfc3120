//! Forgotten passwords: L4, L23 to L25, O4, O6, O20, and accounts that somebody made with another's address.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::letters::{self, NOTICE, RESET};
use crate::support::tokens::Findings;

const NEW: &str = "a wholly different sentence";
const ADA: &str = "ada@example.com";

async fn forgot(app: &TestApp, email: &str) -> u16 {
    app.hands.advance(Duration::from_secs(1));
    app.post("/api/password/forgot", json!({"email": email})).await.status().as_u16()
}

/// The token of a letter that was just asked for.
async fn reset_token(app: &TestApp, email: &str) -> String {
    assert_eq!(forgot(app, email).await, 202);
    letters::newest(app, email, RESET).await.token()
}

async fn reset(app: &TestApp, token: &str, new: &str) -> reqwest::Response {
    app.post("/api/password/reset", json!({"token": token, "new_password": new})).await
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> u16 {
    app.post("/api/login", json!({"email": email, "password": password})).await.status().as_u16()
}

fn not_good() -> (u16, String) {
    (400, "token-not-good".to_owned())
}

on_both!(sets_another_password_and_ends_all_sessions, |app| {
    app.register_verified(ADA).await;
    let (one, two) = (app.log_in(ADA).await, app.log_in(ADA).await);
    let token = reset_token(&app, ADA).await;
    // What is refused does not cost the token.
    for weak in ["1234567", "password1", ADA, &"long ".repeat(52)] {
        let response = reset(&app, &token, weak).await;
        assert_eq!(response.status(), 422, "{weak}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["field"], "new_password");
    }
    let response = reset(&app, &token, NEW).await;
    assert_eq!(response.status(), 204);
    for tokens in [&one, &two] {
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 401, "L25");
        assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401, "L25");
    }
    assert_eq!((log_in(&app, ADA, PASSWORD).await, log_in(&app, ADA, NEW).await), (401, 200));
    assert_eq!(problem(reset(&app, &token, "yet another good sentence").await).await, not_good(), "L24 twice");
    let notice = letters::newest(&app, ADA, NOTICE).await;
    assert!(notice.text.contains("The password of your account was set anew"), "{}", notice.text);
    assert!(notice.text.contains("127.0.0.1") && notice.text.contains("2026-06-01 12:00 UTC"), "{}", notice.text);
    let acts = app
        .texts("SELECT act || ' ' || outcome FROM audit WHERE act LIKE 'password%' ORDER BY at, act, outcome DESC")
        .await;
    assert_eq!(acts, ["password.forgot success", "password.reset success", "password.reset failure"]);
});

on_both!(tokens_that_are_not_good, |app| {
    let mut findings = Findings::default();
    app.register_verified(ADA).await;
    app.register_verified("eve@example.com").await;
    let tokens = app.log_in(ADA).await;

    let (older, newer) = (reset_token(&app, ADA).await, reset_token(&app, ADA).await);
    findings.expect("L24 older", problem(reset(&app, &older, NEW).await).await, not_good());
    for n in 1..=3 {
        let cut = &newer[..newer.len() - n];
        findings.expect("CVE 23 cut", problem(reset(&app, cut, NEW).await).await, not_good());
        let more = format!("{newer}{}", "A".repeat(n));
        findings.expect("CVE 23 longer", problem(reset(&app, &more, NEW).await).await, not_good());
    }
    for (row, token) in [
        ("empty", String::new()),
        ("blank before", format!(" {newer}")),
        ("padding", format!("{newer}=")),
        ("case", newer.to_uppercase()),
        ("long", "x".repeat(50_000)),
        ("J24 access token", tokens.access_token.clone()),
        ("J24 refresh token", tokens.refresh_token.clone()),
        ("NUL", format!("{newer}\0")),
    ] {
        findings.expect(row, problem(reset(&app, &token, NEW).await).await, not_good());
    }
    // It is for one thing only, and that attempt did not cost it.
    let response = app.post("/api/email/verify", json!({"token": newer})).await;
    findings.expect("R13 at the other route", problem(response).await, not_good());
    // L24, O20: whose id stands in the body is not asked.
    let eve = app.texts("SELECT id FROM users WHERE email = 'eve@example.com'").await.remove(0);
    let body = json!({"token": newer, "new_password": NEW, "user_id": eve, "userId": eve, "email": "eve@example.com"});
    findings.expect("O20", app.post("/api/password/reset", body).await.status().as_u16(), 204);
    findings.expect("O20 Eve's", log_in(&app, "eve@example.com", PASSWORD).await, 200);
    findings.expect("O20 Ada's", log_in(&app, ADA, NEW).await, 200);
    for body in
        [json!({}), json!({"new_password": NEW}), json!({"token": newer}), json!({"token": null, "new_password": NEW})]
    {
        findings.expect(&body.to_string(), app.post("/api/password/reset", body.clone()).await.status().as_u16(), 400);
    }

    let token = reset_token(&app, ADA).await;
    app.hands.advance(Duration::from_mins(30));
    findings.expect("L24 after its time", problem(reset(&app, &token, PASSWORD).await).await, not_good());
    let token = reset_token(&app, ADA).await;
    app.hands.advance(Duration::from_mins(30) - Duration::from_millis(1));
    findings.expect("L24 before its time", reset(&app, &token, PASSWORD).await.status().as_u16(), 204);

    let token = reset_token(&app, ADA).await;
    let tokens = app.log_in(ADA).await;
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let changed = app.send_as(Method::POST, "/api/password", &tokens.access_token, body).await;
    findings.expect("password changed", changed.status().as_u16(), 204);
    findings.expect("L24 after a change", problem(reset(&app, &token, PASSWORD).await).await, not_good());

    let token = reset_token(&app, ADA).await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'ada@example.com'").await;
    findings.expect("O6 disabled", problem(reset(&app, &token, PASSWORD).await).await, not_good());
    app.sql("UPDATE users SET disabled_at = NULL WHERE email = 'ada@example.com'").await;
    findings.expect("O6 nothing was changed", log_in(&app, ADA, NEW).await, 200);
    app.sql("DELETE FROM users WHERE email = 'ada@example.com'").await;
    findings.expect("deleted", problem(reset(&app, &token, PASSWORD).await).await, not_good());
    findings.none();
});

on_both!(a_letter_that_waits_through_a_reset_brings_no_token_back, |app| {
    app.register_verified(ADA).await;
    let token = reset_token(&app, ADA).await;
    // Asked for before the reset, written after it.
    app.sql("INSERT INTO letters (id, kind, email, details, created_at, next_try_at)
             SELECT 'b0a7ff5e-0000-4000-8000-000000000000', 'reset_password', 'ada@example.com', '{\"kind\":\"reset_password\"}',
                    created_at + 1, 9000000000000000 FROM one_time_tokens WHERE purpose = 'reset_password'").await;
    app.hands.advance(Duration::from_secs(1));
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    let before = letters::count_now(&app, ADA, RESET);
    app.sql("UPDATE letters SET next_try_at = 0").await;
    letters::all(&app).await;
    assert_eq!(letters::count_now(&app, ADA, RESET), before, "L24");
    // One that is asked for now comes.
    reset_token(&app, ADA).await;
});

on_both!(twenty_at_once_reset_it_once, |app| {
    app.register_verified(ADA).await;
    let token = reset_token(&app, ADA).await;
    let passwords: Vec<String> = (0..20).map(|n| format!("{NEW}, the {n}th")).collect();
    let answers = join_all(passwords.iter().map(|new| reset(&app, &token, new))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "O4: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 19, "O4: {statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).unwrap();
    assert_eq!(log_in(&app, ADA, &passwords[winner]).await, 200, "O4");
});

/// Second factors, as rows behind the server's back: what they do at login is tested elsewhere.
async fn add_factors(app: &TestApp, user: &str) {
    app.sql(&format!(
        "INSERT INTO totp (user_id, sealed_secret, created_at, confirmed_at) VALUES ('{user}', 'x', 1, 1)"
    ))
    .await;
    app.sql(&format!("INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ('{user}', 'x', 1)")).await;
    app.sql(&format!(
        "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at) VALUES ('p', '{user}', 'c', 'n', '{{}}', 1)"
    ))
    .await;
}

async fn factors(app: &TestApp) -> usize {
    app.texts(
        "SELECT user_id FROM totp UNION ALL SELECT user_id FROM recovery_codes UNION ALL SELECT user_id FROM passkeys",
    )
    .await
    .len()
}

on_both!(second_factors_of_an_owner_stay, |app| {
    let user = app.register_verified(ADA).await;
    add_factors(&app, &user).await;
    let token = reset_token(&app, ADA).await;
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    assert_eq!(factors(&app).await, 3, "L25, ASVS 6.4.3");
    let answer = app.post("/api/login", json!({"email": ADA, "password": NEW})).await;
    assert_eq!(problem(answer).await, (401, "otp-required".to_owned()), "L25, ASVS 6.4.3");
});

on_both!(what_a_stranger_set_up_goes_when_the_owner_comes, |app| {
    // CVE rows 34, 36: he registers with another's address, adds factors of his, and waits.
    let user = app.register(ADA).await;
    let his = app.log_in(ADA).await;
    add_factors(&app, &user).await;
    let token = reset_token(&app, ADA).await;
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    assert_eq!(factors(&app).await, 0, "his factors");
    assert_eq!(app.get_as("/api/profile", &his.access_token).await.status(), 401, "his session");
    assert_eq!(app.refresh(&his.refresh_token).await.status(), 401, "his session");
    assert_eq!((log_in(&app, ADA, PASSWORD).await, log_in(&app, ADA, NEW).await), (401, 200), "his password");
    let tokens: Value = app.post("/api/login", json!({"email": ADA, "password": NEW})).await.json().await.unwrap();
    let me: Value = app.get_as("/api/me", tokens["access_token"].as_str().unwrap()).await.json().await.unwrap();
    assert_eq!(me["email_verified"], true, "the letter was read");
});

on_both!(whoever_was_locked_out_gets_in_by_a_letter, [("limits.enabled", "true")], |app| {
    app.register_verified(ADA).await;
    for _ in 0..10 {
        assert_eq!(log_in(&app, ADA, "wrong password").await, 401);
    }
    assert_eq!(log_in(&app, ADA, PASSWORD).await, 429);
    let token = reset_token(&app, ADA).await;
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    assert_eq!(log_in(&app, ADA, NEW).await, 200, "L15");
});

on_both!(letters_are_limited, [("limits.enabled", "true"), ("server.trusted_proxies", "127.0.0.1/32")], |app| {
    app.register_verified(ADA).await;
    let ask = async |from: &str, email: &str| {
        let request = app.request(Method::POST, "/api/password/forgot").header("x-forwarded-for", from);
        request.json(&json!({"email": email})).send().await.unwrap()
    };
    // To one address, from anywhere; known or not.
    for email in [ADA, "nobody@example.com"] {
        for n in 0..5 {
            assert_eq!(ask(&format!("192.0.2.{n}"), &format!(" {}", email.to_uppercase())).await.status(), 202, "{n}");
        }
        let response = ask("192.0.2.9", email).await;
        assert!(response.headers().contains_key("retry-after"));
        assert_eq!(problem(response).await, (429, "too-many-requests".to_owned()));
    }
    // From one address, to anybody.
    for n in 0..20 {
        assert_eq!(ask("198.51.100.1", &format!("n{n}@example.com")).await.status(), 202, "{n}");
    }
    assert_eq!(ask("198.51.100.1", "n21@example.com").await.status(), 429);
    assert!(letters::to(&app, ADA).await.iter().filter(|letter| letter.subject == RESET).count() <= 5);
});

on_both!(nobody_learns_who_has_an_account, |app| {
    app.register_verified(ADA).await;
    app.register("unverified@example.com").await;
    app.register_verified("disabled@example.com").await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'disabled@example.com'").await;
    let mut findings = Findings::default();
    for (path, wanted) in [("/api/password/forgot", 202), ("/api/email/resend", 202)] {
        let ask = async |email: &str| {
            let response = app.post(path, json!({"email": email})).await;
            comparable(response).await
        };
        let known = ask(ADA).await;
        findings.expect(path, known.0, wanted);
        for email in ["nobody@example.com", "unverified@example.com", "disabled@example.com", " ADA@Example.com"] {
            findings.expect(&format!("L4 {path} {email}"), ask(email).await, known.clone());
        }
        let no_address = problem(app.post(path, json!({"email": "x"})).await).await;
        findings.expect(&format!("{path} no address"), no_address, (422, "invalid-fields".to_owned()));
    }
    findings.expect("a letter to him", letters::subjects(&app, ADA).await.contains(&RESET.to_owned()), true);
    findings.expect("none to nobody", letters::subjects(&app, "nobody@example.com").await, vec![]);
    let disabled = letters::subjects(&app, "disabled@example.com").await;
    findings.expect("O6 none to the disabled", disabled.contains(&RESET.to_owned()), false);
    findings.none();
});

/// An answer without what differs from request to request.
pub async fn comparable(response: reqwest::Response) -> (u16, Vec<(String, String)>, String) {
    let status = response.status().as_u16();
    let mut headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (status, headers, response.text().await.unwrap())
}
