//! Forgotten passwords: L4, L24, L25, L26, O4, O6, O20, ASVS 6.4.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::outbox::{all_sent, letters, letters_to};
use crate::support::tokens::Findings;
use crate::verification::{comparable, verified};

const NEW: &str = "a wholly different sentence";

async fn forgot(app: &TestApp, email: &str) -> Response {
    app.post("/api/password/forgot", json!({"email": email})).await
}

async fn reset(app: &TestApp, token: &str, new: &str) -> Response {
    app.post("/api/password/reset", json!({"token": token, "new_password": new})).await
}

/// The token of the next letter to ada.
async fn letter_token(app: &TestApp) -> String {
    let is_reset = |letter: &crate::support::outbox::Letter| letter.to == "ada@example.com";
    let count = letters(app).iter().filter(|letter| is_reset(letter)).count();
    assert_eq!(forgot(app, "ada@example.com").await.status(), 202);
    letters_to(app, "ada@example.com", count + 1).await.pop().unwrap().token()
}

async fn log_in(app: &TestApp, password: &str) -> u16 {
    app.post("/api/login", json!({"email": "ada@example.com", "password": password})).await.status().as_u16()
}

on_both!(sets_another_and_ends_every_session, |app| {
    let tokens = app.tokens().await;
    let other = app.log_in("ada@example.com").await;
    all_sent(&app).await;
    let token = letter_token(&app).await;
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200, "asking changes nothing");
    assert_eq!(log_in(&app, PASSWORD).await, 200);
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    for tokens in [&tokens, &other] {
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 401, "L25");
        assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401, "L25");
    }
    assert_eq!((log_in(&app, PASSWORD).await, log_in(&app, NEW).await), (401, 200));
    assert_eq!(problem(reset(&app, &token, PASSWORD).await).await, (400, "token-not-good".to_owned()), "L24 twice");
    // Whoever read the letter has the address.
    let body = json!({"email": "ada@example.com", "password": NEW});
    let tokens: Value = app.post("/api/login", body).await.json().await.unwrap();
    let me: Value = app.get_as("/api/me", tokens["access_token"].as_str().unwrap()).await.json().await.unwrap();
    assert_eq!(me["email_verified"], true);
    all_sent(&app).await;
    let told = letters(&app).pop().unwrap();
    assert_eq!(told.subject, "Something changed in your account", "ASVS 6.3.7");
    let acts = app.texts("SELECT act || ' ' || outcome FROM audit WHERE act LIKE 'password%' ORDER BY act").await;
    assert_eq!(acts, ["password.forgot success", "password.reset success"]);
});

on_both!(asking_tells_nobody_who_has_an_account, |app| {
    app.register("ada@example.com").await;
    app.register("grace@example.com").await;
    verified(&app, "grace@example.com").await;
    app.register("gone@example.com").await;
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'gone@example.com'").await;
    all_sent(&app).await;
    let before = letters(&app).len();
    let unknown = comparable(forgot(&app, "nobody@example.com").await).await;
    assert_eq!(unknown.0, 202);
    for email in ["ada@example.com", "grace@example.com", "gone@example.com", " ADA@Example.com "] {
        assert_eq!(comparable(forgot(&app, email).await).await, unknown, "L4 {email}");
    }
    all_sent(&app).await;
    let sent: Vec<String> = letters(&app).split_off(before).into_iter().map(|letter| letter.to).collect();
    assert!(
        !sent.contains(&"nobody@example.com".to_owned()) && !sent.contains(&"gone@example.com".to_owned()),
        "{sent:?}"
    );
    assert!(sent.contains(&"ada@example.com".to_owned()) && sent.contains(&"grace@example.com".to_owned()), "{sent:?}");
    assert_eq!(problem(forgot(&app, "no address").await).await, (422, "invalid-fields".to_owned()));
});

on_both!(tokens_that_are_not_good, |app| {
    let tokens = app.tokens().await;
    all_sent(&app).await;
    let mut findings = Findings::default();
    let not_good = (400, "token-not-good".to_owned());
    let old = letter_token(&app).await;
    app.hands.advance(Duration::from_secs(1));
    let newer = letter_token(&app).await;
    findings.expect("L24 older after newer", problem(reset(&app, &old, NEW).await).await, not_good.clone());
    let (cut, extended) = (&newer[..42], format!("{newer}A"));
    for (row, token) in [
        ("empty", ""),
        ("cut", cut),
        ("extended", &extended),
        ("none", &"A".repeat(43)),
        ("a refresh token", &tokens.refresh_token),
    ] {
        findings.expect(row, problem(reset(&app, token, NEW).await).await, not_good.clone());
    }
    for body in [
        json!({}),
        json!({"new_password": NEW}),
        json!({"token": null, "new_password": NEW}),
        json!({"token": [newer], "new_password": NEW}),
    ] {
        findings.expect(&body.to_string(), app.post("/api/password/reset", body.clone()).await.status().as_u16(), 400);
    }
    // A password that is refused does not cost the token.
    for new in ["short", "password1", "ada@example.com"] {
        findings.expect(new, problem(reset(&app, &newer, new).await).await, (422, "invalid-fields".to_owned()));
    }
    // O20: an id in the body is nobody's proof of anything.
    let body = json!({"user_id": TestApp::claims(&tokens.access_token)["sub"], "email": "ada@example.com", "new_password": NEW, "token": "x"});
    findings.expect("O20", problem(app.post("/api/password/reset", body).await).await, not_good.clone());
    // L24: after a change of the password, and of the address, older letters are void.
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    findings.expect(
        "change",
        app.send_as(Method::POST, "/api/password", &tokens.access_token, body).await.status().as_u16(),
        204,
    );
    findings.expect("L24 after a change", problem(reset(&app, &newer, PASSWORD).await).await, not_good.clone());
    let late = letter_token(&app).await;
    app.hands.advance(Duration::from_mins(30));
    findings.expect("L24 after 30 minutes", problem(reset(&app, &late, PASSWORD).await).await, not_good.clone());
    let disabled = letter_token(&app).await;
    app.sql("UPDATE users SET disabled_at = 1").await;
    findings.expect("O6", problem(reset(&app, &disabled, PASSWORD).await).await, not_good);
    findings.none();
    app.sql("UPDATE users SET disabled_at = NULL").await;
    assert_eq!(log_in(&app, NEW).await, 200);
});

on_both!(of_twenty_at_once_one_wins, |app| {
    app.register("ada@example.com").await;
    all_sent(&app).await;
    let token = letter_token(&app).await;
    let passwords: Vec<String> = (0..20).map(|n| format!("{NEW}, number {n}")).collect();
    let answers = join_all(passwords.iter().map(|new| reset(&app, &token, new))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "O4: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 19, "O4: {statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).unwrap();
    assert_eq!(log_in(&app, &passwords[winner]).await, 200);
});

on_both!(second_factors_stay_unless_the_address_was_nobodys, |app| {
    // Of a stranger who registered with another's address, and set up what he could: all of it goes when the owner resets.
    let factors = "INSERT INTO totp (user_id, sealed_secret, created_at, confirmed_at) SELECT id, 'x', 1, 1 FROM users";
    app.register("ada@example.com").await;
    all_sent(&app).await;
    app.sql(factors).await;
    let token = letter_token(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    assert_eq!(log_in(&app, NEW).await, 200, "nobody's second factor is asked for");
    // Now the address is hers.
    app.sql(factors).await;
    let token = letter_token(&app).await;
    assert_eq!(reset(&app, &token, PASSWORD).await.status(), 204);
    let answer = app.post("/api/login", json!({"email": "ada@example.com", "password": PASSWORD})).await;
    assert_eq!(problem(answer).await, (401, "otp-required".to_owned()), "L25, ASVS 6.4.3");
});

on_both!(a_copy_of_the_database_has_no_token_of_a_letter, |app| {
    app.register("ada@example.com").await;
    all_sent(&app).await;
    let tokens: Vec<String> =
        letters(&app).iter().map(crate::support::outbox::Letter::token).chain([letter_token(&app).await]).collect();
    let dump = crate::secrets::dump(&app).await;
    assert!(crate::secrets::holds(&dump, b"reset_password"), "this is not the database");
    for token in tokens {
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        for (what, secret) in [("text", token.as_bytes()), ("bytes", &bytes), ("hex", hex.as_bytes())] {
            assert!(!crate::secrets::holds(&dump, secret), "L26 {what}");
        }
    }
});

on_both!(five_letters_an_hour_to_an_address, [("limits.enabled", "true")], |app| {
    // Whether or not there is such an account, and however it is spelt.
    for email in ["nobody@example.com", "ada@example.com"] {
        for n in 0..5 {
            assert_eq!(forgot(&app, &email.to_uppercase()).await.status(), 202, "{email} {n}");
        }
        let answer = forgot(&app, email).await;
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(problem(answer).await, (429, "too-many-requests".to_owned()), "L18");
    }
    // And twenty from one caller.
    for n in 0..8 {
        assert_eq!(forgot(&app, &format!("n{n}@example.com")).await.status(), 202, "{n}");
    }
    assert_eq!(forgot(&app, "last@example.com").await.status(), 429, "L16");
});

on_both!(a_reset_lets_in_whom_guesses_locked_out, [("limits.enabled", "true")], |app| {
    app.register("ada@example.com").await;
    all_sent(&app).await;
    for _ in 0..10 {
        assert_eq!(log_in(&app, "not the password").await, 401);
    }
    assert_eq!(log_in(&app, PASSWORD).await, 429, "L15");
    let token = letter_token(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status(), 204);
    assert_eq!(log_in(&app, NEW).await, 200, "L15: the victim recovers");
});
