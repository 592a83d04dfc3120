//! The list of one's sessions, and ending them: O19, W7, ASVS 7.4 and 7.5.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{PASSWORD, TestApp, Tokens, on_both, problem};

async fn log_in_with(app: &TestApp, user_agent: &str) -> Tokens {
    let request = app.request(Method::POST, "/api/login").header("user-agent", user_agent);
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    request.json(&body).send().await.unwrap().json().await.unwrap()
}

async fn list(app: &TestApp, token: &str) -> Vec<Value> {
    let response = app.get_as("/api/sessions", token).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn delete(app: &TestApp, path: &str, token: &str) -> u16 {
    app.request(Method::DELETE, path).bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn opens(app: &TestApp, tokens: &Tokens) -> bool {
    app.status_of(&tokens.access_token).await == 200
}

on_both!(lists_what_stands, |app| {
    app.register("ada@example.com").await;
    let firefox = log_in_with(&app, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0").await;
    app.hands.advance(Duration::from_mins(5));
    let evil = format!("<script>alert(1)</script>{}", "x".repeat(5000));
    let script = log_in_with(&app, &evil).await;
    app.register("grace@example.com").await;
    app.log_in("grace@example.com").await;

    let sessions = list(&app, &firefox.access_token).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let [newest, oldest] = &sessions[..] else { unreachable!() };
    assert_eq!(oldest["id"], TestApp::claims(&firefox.access_token)["sid"]);
    assert_eq!(oldest["created_at"], "2026-06-01T12:00:00.000000Z");
    assert_eq!(oldest["last_used_at"], "2026-06-01T12:00:00.000000Z");
    assert_eq!((&oldest["ip"], &oldest["browser"]), (&json!("127.0.0.1"), &json!("Firefox on Linux")));
    assert_eq!((&oldest["current"], &newest["current"]), (&json!(true), &json!(false)));
    // W7: it is data, in JSON that no browser takes for a page, and not longer than it need be.
    assert_eq!(newest["user_agent"].as_str().unwrap().len(), 400);
    assert_eq!(newest["browser"], "an unknown program");

    let refreshed = app.refresh(&firefox.refresh_token).await;
    assert_eq!(refreshed.status(), 200);
    let sessions = list(&app, &script.access_token).await;
    assert_eq!(sessions[0]["last_used_at"], "2026-06-01T12:05:00.000000Z");
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);

    assert_eq!(app.post_as("/api/logout", &script.access_token).await.status(), 204);
    assert_eq!(list(&app, &firefox.access_token).await.len(), 1);
});

on_both!(ends_one, |app| {
    let here = app.tokens().await;
    let there = app.log_in("ada@example.com").await;
    let id = TestApp::claims(&there.access_token)["sid"].as_str().unwrap().to_owned();
    assert!(opens(&app, &there).await);
    assert_eq!(delete(&app, &format!("/api/sessions/{id}"), &here.access_token).await, 204);
    assert!(!opens(&app, &there).await, "its access token is dead at once");
    assert_eq!(app.refresh(&there.refresh_token).await.status(), 401);
    assert!(opens(&app, &here).await);
    // Again is no error: it has ended.
    assert_eq!(delete(&app, &format!("/api/sessions/{id}"), &here.access_token).await, 204);
    app.restart().await;
    assert!(!opens(&app, &there).await && opens(&app, &here).await);

    // One's own is ended like any other.
    let own = TestApp::claims(&here.access_token)["sid"].as_str().unwrap().to_owned();
    assert_eq!(delete(&app, &format!("/api/sessions/{own}"), &here.access_token).await, 204);
    assert!(!opens(&app, &here).await);
    assert_eq!(delete(&app, &format!("/api/sessions/{own}"), &here.access_token).await, 401);
});

on_both!(nobody_ends_anothers, |app| {
    let ada = app.tokens().await;
    app.register("eve@example.com").await;
    let eve = app.log_in("eve@example.com").await;
    let id = TestApp::claims(&ada.access_token)["sid"].as_str().unwrap().to_owned();
    for (row, id) in [
        ("O19 another's", id.as_str()),
        ("O19 nobody's", &Uuid::new_v4().to_string()),
        ("O19 no id", "x"),
        ("O19 SQL", "'%20OR%201=1--"),
    ] {
        let response = app.request(Method::DELETE, &format!("/api/sessions/{id}"));
        let response = response.bearer_auth(&eve.access_token).send().await.unwrap();
        assert_eq!(problem(response).await, (404, "no-such-session".to_owned()), "{row}");
    }
    assert!(opens(&app, &ada).await);
    assert_eq!(delete(&app, "/api/sessions", &eve.access_token).await, 204);
    assert!(opens(&app, &ada).await && opens(&app, &eve).await);
    for path in ["/api/sessions", &format!("/api/sessions/{id}")] {
        assert_eq!(app.request(Method::DELETE, path).send().await.unwrap().status(), 401);
    }
    assert_eq!(app.get("/api/sessions").await.status(), 401);
});

on_both!(ends_all_others, |app| {
    let here = app.tokens().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(app.log_in("ada@example.com").await);
    }
    assert_eq!(delete(&app, "/api/sessions", &here.access_token).await, 204);
    for other in &others {
        assert!(!opens(&app, other).await);
        assert_eq!(app.refresh(&other.refresh_token).await.status(), 401);
    }
    assert!(opens(&app, &here).await);
    assert_eq!(list(&app, &here.access_token).await.len(), 1);
    assert_eq!(app.refresh(&here.refresh_token).await.status(), 200);
});

on_both!(idle_and_old_sessions_are_not_listed, |app| {
    let idle = app.tokens().await;
    app.hands.advance(Duration::from_hours(24 * 29));
    let here = app.log_in("ada@example.com").await;
    assert_eq!(list(&app, &here.access_token).await.len(), 2);
    app.hands.advance(Duration::from_hours(24) - Duration::from_mins(30));
    let here: Tokens = app.refresh(&here.refresh_token).await.json().await.unwrap();
    assert_eq!(list(&app, &here.access_token).await.len(), 2);
    app.hands.advance(Duration::from_mins(30));
    assert_eq!(list(&app, &here.access_token).await.len(), 1, "the other was idle for 30 days");
    assert_eq!(app.refresh(&idle.refresh_token).await.status(), 401);
});

on_both!(an_ended_session_finishes_nothing, |app| {
    // It ends while a request of its is under way, after the token was checked: here behind the server's back, so long ago that no node hears of it.
    let body = json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"});
    let tokens = app.tokens().await;
    let other = app.log_in("ada@example.com").await;
    let id = TestApp::claims(&tokens.access_token)["sid"].as_str().unwrap().to_owned();
    let other_id = TestApp::claims(&other.access_token)["sid"].as_str().unwrap().to_owned();
    assert!(opens(&app, &tokens).await);
    app.sql(&format!("UPDATE sessions SET ended_at = 1 WHERE id = '{id}'")).await;
    assert!(opens(&app, &tokens).await, "the token itself passes, or this shows nothing");
    for (method, path, body) in [
        (Method::POST, "/api/password".to_owned(), body),
        (Method::PATCH, "/api/me".to_owned(), json!({"name": "Eve"})),
        (Method::DELETE, "/api/me".to_owned(), json!({"password": PASSWORD})),
        (Method::DELETE, "/api/sessions".to_owned(), json!({})),
        (Method::DELETE, format!("/api/sessions/{other_id}"), json!({})),
        (Method::GET, "/api/me/export".to_owned(), json!({})),
    ] {
        let row = format!("{method} {path}");
        let response = app.send_as(method, &path, &tokens.access_token, body).await;
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        assert!(challenge.is_some_and(|challenge| challenge.contains("error=\"invalid_token\"")), "{row}");
        assert_eq!(problem(response).await, (401, "invalid-token".to_owned()), "{row}");
    }
    assert!(opens(&app, &other).await);
    let me: Value = app.get_as("/api/me", &other.access_token).await.json().await.unwrap();
    assert_eq!(me["name"], Value::Null);
    app.log_in("ada@example.com").await;
});

on_both!(who_ends_all_others_hears_of_those_that_ended_already, |app| {
    // As when the one who ended it hung up before it was noted, and asks again.
    let here = app.tokens().await;
    let there = app.log_in("ada@example.com").await;
    assert!(opens(&app, &there).await);
    let id = TestApp::claims(&there.access_token)["sid"].as_str().unwrap().to_owned();
    let now = app.clock.unix_micros();
    app.sql(&format!("UPDATE sessions SET ended_at = {now} WHERE id = '{id}'")).await;
    assert_eq!(delete(&app, "/api/sessions", &here.access_token).await, 204);
    assert!(!opens(&app, &there).await);
});

on_both!(
    no_access_token_outlives_an_idle_session,
    [("accounts.session_idle_ttl", "10m"), ("limits.enabled", "false")],
    |app| {
        let tokens = app.tokens().await;
        assert_eq!(tokens.expires_in, 600);
        app.hands.advance(Duration::from_mins(5));
        let tokens: Tokens = app.refresh(&tokens.refresh_token).await.json().await.unwrap();
        assert_eq!(tokens.expires_in, 600);
        app.hands.advance(Duration::from_mins(10) + Duration::from_secs(31));
        assert!(!opens(&app, &tokens).await);
    }
);
