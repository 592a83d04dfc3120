//! The clock of the machine jumps: F15.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::support::app::{Engine, PASSWORD, START, TestApp, on_both};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

on_both!(a_clock_that_jumps_revives_nothing_and_keeps_nobody_out, |app| {
    let spent = app.tokens().await;
    assert_eq!(app.refresh(&spent.refresh_token).await.status(), 200);
    let out = app.log_in("ada@example.com").await;
    assert_eq!(app.post_as("/api/logout", &out.access_token).await.status(), 204);
    let dead = async |app: &TestApp, time: &str| {
        assert_eq!(app.get_as("/api/profile", &out.access_token).await.status(), 401, "F15 {time}");
        assert_eq!(app.refresh(&out.refresh_token).await.status(), 401, "F15 {time}");
    };
    for time in [
        "2026-06-01T13:00:00Z",
        "2026-06-01T11:00:00Z",
        "1970-01-01T00:00:00Z",
        "2038-01-19T03:14:08Z",
        "2028-02-29T23:59:59Z",
        "2106-02-07T06:28:16Z",
        START,
    ] {
        app.hands.set_wall(at(time));
        dead(&app, time).await;
        let tokens = app.log_in("ada@example.com").await;
        assert_eq!(app.get_as("/api/me", &tokens.access_token).await.status(), 200, "F15 {time}");
        assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 200, "F15 {time}");
        assert_eq!(app.get("/health/ready").await.status(), 200, "F15 {time}");
    }
    // Nor is it memory alone that knows.
    app.hands.set_wall(at("2026-06-01T11:59:00Z"));
    app.restart().await;
    dead(&app, "after a restart").await;
    assert_eq!(app.refresh(&spent.refresh_token).await.status(), 401, "F15: a spent token is spent");
});

#[tokio::test(flavor = "multi_thread")]
async fn limits_go_by_the_hand_that_nobody_sets() {
    let app = TestApp::with(Engine::Sqlite, &[("limits.login_failures_per_account", "3/15m")]).await;
    app.register("ada@example.com").await;
    let try_with = async |password: &str| {
        app.post("/api/login", json!({"email": "ada@example.com", "password": password})).await.status()
    };
    for _ in 0..3 {
        assert_eq!(try_with("the wrong one").await, 401);
    }
    for time in ["2026-06-01T13:00:00Z", "2106-02-07T06:28:16Z", "1970-01-01T00:00:00Z"] {
        app.hands.set_wall(at(time));
        assert_eq!(try_with(PASSWORD).await, 429, "F15 {time}");
    }
    app.hands.advance(Duration::from_mins(15));
    assert_eq!(try_with(PASSWORD).await, 200, "F15");
}
