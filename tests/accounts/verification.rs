//! Showing that an address is one's own, and changing it: L3, L23, L28, O4, W7, enumeration.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::outbox::{all_sent, letters, letters_to};
use crate::support::raw;
use crate::support::tokens::Findings;

/// An answer without what differs from request to request.
pub async fn comparable(response: Response) -> (u16, Vec<(String, String)>, String) {
    let status = response.status().as_u16();
    let headers = response.headers().iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (status, headers, response.text().await.unwrap())
}

async fn verify(app: &TestApp, token: &str) -> Response {
    app.post("/api/email/verify", json!({"token": token})).await
}

/// The same address, verified.
pub async fn verified(app: &TestApp, email: &str) {
    all_sent(app).await;
    let count = letters(app).iter().filter(|letter| letter.to == email).count();
    app.post("/api/email/resend", json!({"email": email})).await;
    let letter = letters_to(app, email, count + 1).await.pop().unwrap();
    assert_eq!(verify(app, &letter.token()).await.status(), 204);
}

on_both!(a_letter_asks_whether_the_address_is_ones_own, |app| {
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "<b>Ada</b>"});
    assert_eq!(app.post("/api/register", body).await.status(), 201);
    let tokens = app.log_in("ada@example.com").await;
    let letter = letters_to(&app, "ada@example.com", 1).await.pop().unwrap();
    assert_eq!(letter.subject, "Is this your email address?");
    let token = letter.token();
    assert_eq!(token.len(), 43, "256 bits");
    for part in [&letter.text, &letter.html] {
        assert!(part.contains(&format!("http://localhost:3000/verify-email?token={token}")), "{part}");
    }
    assert!(letter.html.contains("&#60;b&#62;Ada") && !letter.html.contains("<b>Ada"), "W7: {}", letter.html);
    all_sent(&app).await;

    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["email_verified"], false);
    let mut findings = Findings::default();
    let extended = format!("{token}A");
    for (row, wrong) in [("", ""), ("cut", &token[..42]), ("extended", &extended), ("another", &"A".repeat(43))] {
        findings.expect(row, problem(verify(&app, wrong).await).await, (400, "token-not-good".to_owned()));
    }
    // What is good for one thing is good for no other.
    let body = json!({"token": token, "new_password": "a wholly different sentence"});
    findings.expect(
        "J24 reset",
        problem(app.post("/api/password/reset", body).await).await.1,
        "token-not-good".to_owned(),
    );
    findings.expect("J24 bearer", app.get_as("/api/me", &token).await.status().as_u16(), 401);
    findings.expect("J24 refresh", app.refresh(&token).await.status().as_u16(), 401);
    findings.none();

    let answers = join_all((0..20).map(|_| verify(&app, &token))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "O4: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 19, "O4: {statuses:?}");
    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["email_verified"], true);
});

on_both!(the_newest_letter_counts_and_not_for_ever, |app| {
    let tokens = app.tokens().await;
    let first = letters_to(&app, "ada@example.com", 1).await.pop().unwrap();
    app.hands.advance(Duration::from_secs(1));
    let again = app.send_as(Method::POST, "/api/email/resend", &tokens.access_token, json!({})).await;
    assert_eq!(again.status(), 202);
    let second = letters_to(&app, "ada@example.com", 2).await.pop().unwrap();
    assert_ne!(first.token(), second.token());
    assert_eq!(problem(verify(&app, &first.token()).await).await, (400, "token-not-good".to_owned()));
    app.hands.advance(Duration::from_hours(24));
    assert_eq!(problem(verify(&app, &second.token()).await).await, (400, "token-not-good".to_owned()));
    // Without a body and with a token, and whoever is verified gets no more letters.
    assert_eq!(app.post_as("/api/email/resend", &app.log_in("ada@example.com").await.access_token).await.status(), 202);
    let third = letters_to(&app, "ada@example.com", 3).await.pop().unwrap();
    assert_eq!(verify(&app, &third.token()).await.status(), 204);
    assert_eq!(app.post("/api/email/resend", json!({"email": "ada@example.com"})).await.status(), 202);
    all_sent(&app).await;
    letters_to(&app, "ada@example.com", 3).await;
    assert_eq!(app.get_as("/api/email/resend", "x").await.status(), 405);
    assert_eq!(app.post_as("/api/email/resend", "x").await.status(), 401);
});

on_both!(resending_tells_nobody_who_has_an_account, |app| {
    app.register("ada@example.com").await;
    app.register("grace@example.com").await;
    verified(&app, "grace@example.com").await;
    app.register("gone@example.com").await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'gone@example.com'").await;
    let resend = |email: &str| app.post("/api/email/resend", json!({"email": email}));
    let unknown = comparable(resend("nobody@example.com").await).await;
    assert_eq!(unknown.0, 202);
    for email in ["ada@example.com", "grace@example.com", "gone@example.com", " ADA@example.com"] {
        assert_eq!(comparable(resend(email).await).await, unknown, "{email}");
    }
    all_sent(&app).await;
    assert!(letters(&app).iter().all(|letter| letter.to != "nobody@example.com"));
    assert_eq!(problem(resend("no address").await).await, (422, "invalid-fields".to_owned()));
});

const REQUIRED: [(&str, &str); 2] = [("accounts.email_verification", "required"), ("limits.enabled", "false")];

on_both!(required_before_the_first_login, REQUIRED, |app| {
    let register = |email: &str| app.post("/api/register", json!({"email": email, "password": PASSWORD}));
    let log_in = |email: &str| app.post("/api/login", json!({"email": email, "password": PASSWORD}));
    let new = comparable(register("ada@example.com").await).await;
    assert_eq!(new.0, 202);
    assert_eq!(problem(log_in("ada@example.com").await).await, (403, "email-not-verified".to_owned()));
    let body = json!({"email": "ada@example.com", "password": "not the password"});
    assert_eq!(problem(app.post("/api/login", body).await).await, (401, "wrong-credentials".to_owned()));

    // L3: the same answer for an address that is taken, verified or not.
    app.hands.advance(Duration::from_secs(1));
    assert_eq!(comparable(register("ada@example.com").await).await, new, "L3 taken, unverified");
    let again = letters_to(&app, "ada@example.com", 2).await.pop().unwrap();
    assert_eq!(again.subject, "Is this your email address?");
    assert_eq!(verify(&app, &again.token()).await.status(), 204);
    assert_eq!(comparable(register("ada@example.com").await).await, new, "L3 taken");
    let told = letters_to(&app, "ada@example.com", 3).await.pop().unwrap();
    assert_eq!(told.subject, "You have an account already");
    assert!(!told.raw.contains("token="), "{}", told.raw);
    assert_eq!(comparable(register("grace@example.com").await).await, new, "L3 new");
    assert_eq!(log_in("ada@example.com").await.status(), 200);
    // The first registration's password stays, whatever somebody else registers with.
    let body = json!({"email": "ada@example.com", "password": "somebody else's sentence"});
    assert_eq!(app.post("/api/register", body.clone()).await.status(), 202);
    assert_eq!(app.post("/api/login", body).await.status(), 401);
    // What is wrong with the fields is told as ever.
    let body = json!({"email": "ada@example.com", "password": "12345678"});
    assert_eq!(problem(app.post("/api/register", body).await).await, (422, "invalid-fields".to_owned()));

    // O3: fifty at once make one account.
    let answers = join_all((0..50).map(|_| register("race@example.com"))).await;
    assert!(answers.iter().all(|answer| answer.status() == 202));
    assert_eq!(app.texts("SELECT id FROM users WHERE email = 'race@example.com'").await.len(), 1);
});

on_both!(off_asks_nobody, [("accounts.email_verification", "off"), ("limits.enabled", "false")], |app| {
    let tokens = app.tokens().await;
    for answer in [
        app.post("/api/email/resend", json!({"email": "ada@example.com"})).await,
        app.post_as("/api/email/resend", &tokens.access_token).await,
    ] {
        assert_eq!(problem(answer).await, (409, "verification-off".to_owned()));
    }
    all_sent(&app).await;
    assert!(letters(&app).is_empty());
});

on_both!(another_address_is_confirmed_there_and_told_here, |app| {
    let tokens = app.tokens().await;
    verified(&app, "ada@example.com").await;
    app.register("grace@example.com").await;
    let change = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        app.send_as(Method::POST, "/api/email", &tokens.access_token, body)
    };
    let mut findings = Findings::default();
    findings.expect(
        "password",
        problem(change("new@example.com", "no").await).await,
        (403, "wrong-password".to_owned()),
    );
    findings.expect("the same", problem(change(" Ada@example.com", PASSWORD).await).await.0, 422);
    findings.expect("L28", problem(change("a@x.io\r\nBcc: eve@x.io", PASSWORD).await).await.0, 422);
    findings.none();
    let free = comparable(change("new@example.com", PASSWORD).await).await;
    assert_eq!(free.0, 202);
    // Whether somebody has the address is told to nobody but him.
    assert_eq!(comparable(change("grace@example.com", PASSWORD).await).await, free);
    let told = letters_to(&app, "grace@example.com", 2).await.pop().unwrap();
    assert!(told.subject == "You have an account already" || told.subject == "Is this your email address?");
    let asked = letters_to(&app, "new@example.com", 1).await.pop().unwrap();
    assert!(asked.text.contains("/confirm-email?token="), "{}", asked.text);

    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ada@example.com"), &json!(true)), "not before");
    let token = asked.token();
    let answers = join_all((0..10).map(|_| verify(&app, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status() == 204).count(), 1, "O4");
    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("new@example.com"), &json!(true)));
    let told = letters(&app).into_iter().filter(|letter| letter.to == "ada@example.com").count();
    let told = letters_to(&app, "ada@example.com", told.max(3)).await.pop().unwrap();
    assert_eq!(told.subject, "Your email address was changed");
    assert!(told.text.contains("new@example.com"), "{}", told.text);
    app.log_in("new@example.com").await;
});

on_both!(an_address_that_was_taken_meanwhile_is_not_confirmed, |app| {
    let tokens = app.tokens().await;
    let body = json!({"email": "new@example.com", "password": PASSWORD});
    assert_eq!(app.send_as(Method::POST, "/api/email", &tokens.access_token, body).await.status(), 202);
    let asked = letters_to(&app, "new@example.com", 1).await.pop().unwrap();
    app.register("new@example.com").await;
    assert_eq!(problem(verify(&app, &asked.token()).await).await, (400, "token-not-good".to_owned()));
    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["email"], "ada@example.com");
});

on_both!(links_are_made_from_the_public_address_alone, |app| {
    app.register("ada@example.com").await;
    let tokens = app.log_in("ada@example.com").await;
    verified(&app, "ada@example.com").await;
    for (path, body, authorization) in [
        ("/api/register", json!({"email": "grace@example.com", "password": PASSWORD}), false),
        ("/api/password/forgot", json!({"email": "ada@example.com"}), false),
        ("/api/email/resend", json!({"email": "grace@example.com"}), false),
        ("/api/email", json!({"email": "new@example.com", "password": PASSWORD}), true),
        ("/api/password", json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"}), true),
    ] {
        let body = body.to_string();
        let bearer =
            if authorization { format!("Authorization: Bearer {}\r\n", tokens.access_token) } else { String::new() };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.example;proto=https\r\n{bearer}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let status = raw::status(&raw::send(app.address, request).await);
        assert!((200..300).contains(&status), "{path}: {status}");
    }
    all_sent(&app).await;
    let letters = letters(&app);
    assert!(letters.len() >= 7, "{}", letters.len());
    for letter in letters {
        assert!(!letter.raw.contains("evil"), "L23: {}", letter.raw);
        for link in letter.text.split_whitespace().filter(|word| word.contains("token=")) {
            assert!(link.starts_with("http://localhost:3000/"), "L23: {link}");
        }
    }
});
