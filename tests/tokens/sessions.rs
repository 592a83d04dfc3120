//! Tokens of sessions and accounts that are no more: J32, J22.

use crate::support::app::{TestApp, on_both, problem};

on_both!(other_sessions_of_the_same_person_outlive_a_logout, |app| {
    let first = app.tokens().await;
    let second = app.log_in("ada@example.com").await;
    assert_eq!(app.post_as("/api/logout", &first.access_token).await.status(), 204);
    assert_eq!(app.get_as("/api/profile", &first.access_token).await.status(), 401, "J32");
    assert_eq!(app.get_as("/api/profile", &second.access_token).await.status(), 200);
    // A second logout is not let in.
    assert_eq!(app.post_as("/api/logout", &first.access_token).await.status(), 401);
});

on_both!(tokens_of_an_account_disabled_in_the_database_die_with_the_restart, |app| {
    let tokens = app.tokens().await;
    app.sql("UPDATE users SET disabled_at = 1").await;
    app.restart().await;
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 401, "J22 disabled");
    assert_eq!(app.get_as("/api/me", &tokens.access_token).await.status(), 401);
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401, "O6");
    let body = serde_json::json!({"email": "ada@example.com", "password": crate::support::app::PASSWORD});
    assert_eq!(problem(app.post("/api/login", body).await).await, (401, "wrong-credentials".to_owned()));
});

on_both!(tokens_of_a_deleted_account_die_with_the_restart, |app| {
    let tokens = app.tokens().await;
    app.sql("DELETE FROM sessions").await;
    app.sql("DELETE FROM users").await;
    app.restart().await;
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 401, "J22 deleted");
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401);
});

on_both!(a_session_ended_in_the_database_is_heard_of, |app| {
    let tokens = app.tokens().await;
    let other = app.log_in("ada@example.com").await;
    let session = TestApp::claims(&tokens.access_token)["sid"].as_str().unwrap().to_owned();
    let now = app.clock.unix_micros();
    app.sql(&format!("UPDATE sessions SET ended_at = {now} WHERE id = '{session}'")).await;
    crate::support::app::eventually("the end is heard of", async || {
        app.get_as("/api/profile", &tokens.access_token).await.status() == 401
    })
    .await;
    assert_eq!(app.get_as("/api/profile", &other.access_token).await.status(), 200);
});
