//! Changing the password: ASVS 6.2.2, 6.2.3, 7.4.3, L24, J32.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::tokens::Findings;

const NEW: &str = "a wholly different sentence";

async fn change(app: &TestApp, token: &str, current: &str, new: &str) -> reqwest::Response {
    let body = json!({"current_password": current, "new_password": new});
    app.send_as(Method::POST, "/api/password", token, body).await
}

async fn log_in(app: &TestApp, password: &str) -> u16 {
    app.post("/api/login", json!({"email": "ada@example.com", "password": password})).await.status().as_u16()
}

on_both!(changes_it_and_ends_the_other_sessions, |app| {
    let here = app.tokens().await;
    let there = app.log_in("ada@example.com").await;
    assert_eq!(change(&app, &here.access_token, PASSWORD, NEW).await.status(), 204);
    assert_eq!(app.get_as("/api/profile", &there.access_token).await.status(), 401, "J32");
    assert_eq!(app.refresh(&there.refresh_token).await.status(), 401);
    assert_eq!(app.get_as("/api/profile", &here.access_token).await.status(), 200);
    assert_eq!(app.refresh(&here.refresh_token).await.status(), 200);
    assert_eq!((log_in(&app, PASSWORD).await, log_in(&app, NEW).await), (401, 200));
    let acts = app.texts("SELECT act || ' ' || outcome FROM audit WHERE act LIKE 'password%'").await;
    assert_eq!(acts, ["password.change success"]);
});

on_both!(refuses_what_is_no_password_or_not_the_current_one, |app| {
    let tokens = app.tokens().await;
    let mut findings = Findings::default();
    for (row, current, new, right) in [
        ("wrong", "not the password", NEW, (403, "wrong-password")),
        ("empty", "", NEW, (403, "wrong-password")),
        ("too short", PASSWORD, "1234567", (422, "invalid-fields")),
        ("too long", PASSWORD, &"long ".repeat(52), (422, "invalid-fields")),
        ("common", PASSWORD, "password1", (422, "invalid-fields")),
        ("one's own address", PASSWORD, "ada@example.com", (422, "invalid-fields")),
    ] {
        let found = problem(change(&app, &tokens.access_token, current, new).await).await;
        findings.expect(row, found, (right.0, right.1.to_owned()));
    }
    for body in [json!({}), json!({"new_password": NEW}), json!({"current_password": PASSWORD, "new_password": null})] {
        let response = app.send_as(Method::POST, "/api/password", &tokens.access_token, body.clone()).await;
        findings.expect(&body.to_string(), response.status().as_u16(), 400);
    }
    let response = app.post("/api/password", json!({"current_password": PASSWORD, "new_password": NEW})).await;
    findings.expect("without a token", response.status().as_u16(), 401);
    findings.none();
    let body: Value = change(&app, &tokens.access_token, PASSWORD, "1234567").await.json().await.unwrap();
    assert_eq!(body["errors"][0]["field"], "new_password");
    assert_eq!(log_in(&app, PASSWORD).await, 200);
});

on_both!(of_two_at_once_one_wins, |app| {
    let tokens = app.tokens().await;
    let new = |n: usize| format!("a wholly different sentence, number {n}");
    let passwords: Vec<String> = (0..8).map(new).collect();
    let answers = join_all(passwords.iter().map(|new| change(&app, &tokens.access_token, PASSWORD, new))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 401, 403].contains(status)), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).unwrap();
    assert_eq!(log_in(&app, &passwords[winner]).await, 200);
});

on_both!(a_stolen_token_is_no_way_to_guess, [("limits.enabled", "true")], |app| {
    let tokens = app.tokens().await;
    for n in 0..10 {
        let response = change(&app, &tokens.access_token, &format!("guess number {n}"), NEW).await;
        assert_eq!(response.status(), 403, "guess {n}");
    }
    let response = change(&app, &tokens.access_token, PASSWORD, NEW).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(problem(response).await, (429, "too-many-requests".to_owned()), "L15");
    // Counted apart from logins, so that neither whoever stole a token nor whoever fails at logging in locks the owner out of the other.
    assert_eq!(log_in(&app, PASSWORD).await, 200);
    // What the token opens, it goes on opening.
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200);
});
