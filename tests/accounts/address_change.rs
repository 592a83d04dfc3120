//! Changing one's address: L3, L24, O4, ASVS 6.3.7, 7.5.1.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::reset::comparable;
use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::letters::{self, CHANGED, CONFIRM, RESET, TAKEN, VERIFY};
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";
const NEW: &str = "lovelace@example.com";

async fn ask(app: &TestApp, token: &str, email: &str, password: &str) -> Response {
    app.hands.advance(Duration::from_secs(1));
    app.send_as(Method::POST, "/api/email", token, json!({"email": email, "password": password})).await
}

async fn verify(app: &TestApp, token: &str) -> Response {
    app.post("/api/email/verify", json!({"token": token})).await
}

async fn email_of(app: &TestApp, token: &str) -> (String, bool) {
    let me: Value = app.get_as("/api/me", token).await.json().await.unwrap();
    (me["email"].as_str().unwrap().to_owned(), me["email_verified"].as_bool().unwrap())
}

fn not_good() -> (u16, String) {
    (400, "token-not-good".to_owned())
}

on_both!(the_new_address_confirms_and_the_old_one_is_told, |app| {
    app.register_verified(ADA).await;
    let tokens = app.log_in(ADA).await;
    app.hands.advance(Duration::from_secs(1));
    app.post("/api/password/forgot", json!({"email": ADA})).await;
    let reset = letters::newest(&app, ADA, RESET).await.token();

    assert_eq!(ask(&app, &tokens.access_token, " Lovelace@Example.com", PASSWORD).await.status(), 202);
    let letter = letters::newest(&app, NEW, CONFIRM).await;
    assert!(letter.link().starts_with("http://localhost:3000/confirm-email?token="), "{}", letter.link());
    assert_eq!(email_of(&app, &tokens.access_token).await, (ADA.to_owned(), true), "not before it is confirmed");
    assert_eq!(verify(&app, &letter.token()).await.status(), 204);
    assert_eq!(email_of(&app, &tokens.access_token).await, (NEW.to_owned(), true));
    assert_eq!(problem(verify(&app, &letter.token()).await).await, not_good(), "L24 twice");

    let told = letters::newest(&app, ADA, CHANGED).await;
    assert!(told.text.contains(NEW) && told.html.contains(NEW), "ASVS 6.3.7: {}", told.text);
    let body = json!({"token": reset, "new_password": "a wholly different sentence"});
    assert_eq!(problem(app.post("/api/password/reset", body).await).await, not_good(), "L24 after a change of address");
    for (email, right) in [(ADA, 401), (NEW, 200)] {
        let response = app.post("/api/login", json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(response.status().as_u16(), right, "{email}");
    }
    // The old address is free again.
    app.register(ADA).await;
    let acts = app.texts("SELECT act || ' ' || outcome FROM audit WHERE act LIKE 'email.change%' ORDER BY act").await;
    assert_eq!(acts, ["email.change success", "email.change_request success"]);
});

on_both!(nobody_learns_whether_the_address_is_taken, |app| {
    app.register_verified(ADA).await;
    app.register_verified("eve@example.com").await;
    let tokens = app.log_in(ADA).await;
    let free = comparable(ask(&app, &tokens.access_token, NEW, PASSWORD).await).await;
    let taken = comparable(ask(&app, &tokens.access_token, "eve@example.com", PASSWORD).await).await;
    assert_eq!(free.0, 202);
    assert_eq!(taken, free, "L3");
    assert_eq!(letters::subjects(&app, "eve@example.com").await, [VERIFY, TAKEN], "he who has it is told");
    assert_eq!(letters::subjects(&app, NEW).await, [CONFIRM]);
});

on_both!(what_is_refused, |app| {
    app.register_verified(ADA).await;
    let tokens = app.log_in(ADA).await;
    let mut findings = Findings::default();
    for (row, email, password, right) in [
        ("7.5.1 wrong password", NEW, "wrong password", (403, "wrong-password")),
        ("the same", " ADA@example.com", PASSWORD, (422, "invalid-fields")),
        ("no address", "x", PASSWORD, (422, "invalid-fields")),
        ("L28", "x@example.com\r\nBcc: eve@example.com", PASSWORD, (422, "invalid-fields")),
        ("L28", "x@example.com%0d%0aBcc:eve@example.com", PASSWORD, (422, "invalid-fields")),
    ] {
        let found = problem(ask(&app, &tokens.access_token, email, password).await).await;
        findings.expect(row, found, (right.0, right.1.to_owned()));
    }
    for body in
        [json!({"email": NEW}), json!({"password": PASSWORD}), json!({}), json!({"email": 1, "password": PASSWORD})]
    {
        let response = app.send_as(Method::POST, "/api/email", &tokens.access_token, body.clone()).await;
        findings.expect(&body.to_string(), response.status().as_u16(), 400);
    }
    let user = app.texts("SELECT id FROM users").await.remove(0);
    let body = json!({"email": NEW, "password": PASSWORD, "user_id": user, "userId": user});
    findings.expect("O20", app.post("/api/email", body).await.status().as_u16(), 401);
    findings.expect("no letter", letters::to(&app, NEW).await.len(), 0);
    findings.none();
});

on_both!(two_want_one_address, |app| {
    app.register_verified(ADA).await;
    app.register_verified("eve@example.com").await;
    let (ada, eve) = (app.log_in(ADA).await, app.log_in("eve@example.com").await);
    ask(&app, &ada.access_token, NEW, PASSWORD).await;
    ask(&app, &eve.access_token, NEW, PASSWORD).await;
    let confirm: Vec<String> = letters::to(&app, NEW).await.iter().map(letters::Received::token).collect();
    assert_eq!(confirm.len(), 2);
    let answers = join_all(confirm.iter().map(|token| verify(&app, token))).await;
    let mut found = Vec::new();
    for answer in answers {
        found.push(if answer.status() == 204 { (204, String::new()) } else { problem(answer).await });
    }
    found.sort();
    assert_eq!(found, [(204, String::new()), not_good()], "taken meanwhile is told as a bad token");
    assert_eq!(app.texts("SELECT email FROM users WHERE email = 'lovelace@example.com'").await.len(), 1);
});

on_both!(one_confirmation_of_twenty, |app| {
    app.register_verified(ADA).await;
    let tokens = app.log_in(ADA).await;
    ask(&app, &tokens.access_token, NEW, PASSWORD).await;
    let token = letters::newest(&app, NEW, CONFIRM).await.token();
    let answers = join_all((0..20).map(|_| verify(&app, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status() == 204).count(), 1, "O4");
    assert_eq!(answers.iter().filter(|answer| answer.status() == 400).count(), 19, "O4");
    assert_eq!(letters::subjects(&app, ADA).await, [VERIFY, CHANGED]);
});

on_both!(the_newest_wish_counts_until_its_time_is_over, |app| {
    app.register_verified(ADA).await;
    let tokens = app.log_in(ADA).await;
    ask(&app, &tokens.access_token, NEW, PASSWORD).await;
    let first = letters::newest(&app, NEW, CONFIRM).await.token();
    ask(&app, &tokens.access_token, "other@example.com", PASSWORD).await;
    let second = letters::newest(&app, "other@example.com", CONFIRM).await.token();
    assert_eq!(problem(verify(&app, &first).await).await, not_good(), "L24 older");
    // A password that is changed is a sign that somebody else may have asked.
    let body = json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"});
    assert_eq!(app.send_as(Method::POST, "/api/password", &tokens.access_token, body).await.status(), 204);
    assert_eq!(problem(verify(&app, &second).await).await, not_good(), "L24 after a change of password");
    ask(&app, &tokens.access_token, NEW, "a wholly different sentence").await;
    let third = letters::newest(&app, NEW, CONFIRM).await.token();
    assert_ne!(third, first);
    app.hands.advance(Duration::from_hours(24));
    assert_eq!(problem(verify(&app, &third).await).await, not_good(), "L24 after its time");
});

on_both!(an_old_address_that_was_never_verified_is_not_told, |app| {
    // Perhaps he mistyped it, and it is a stranger's.
    app.register(ADA).await;
    let tokens = app.log_in(ADA).await;
    let stale = letters::newest(&app, ADA, VERIFY).await.token();
    ask(&app, &tokens.access_token, NEW, PASSWORD).await;
    let token = letters::newest(&app, NEW, CONFIRM).await.token();
    assert_eq!(verify(&app, &token).await.status(), 204);
    assert_eq!(letters::subjects(&app, ADA).await, [VERIFY]);
    assert_eq!(problem(verify(&app, &stale).await).await, not_good(), "it was for the old address");
    assert_eq!(email_of(&app, &tokens.access_token).await, (NEW.to_owned(), true));
});
