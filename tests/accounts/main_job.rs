//! The main job.

use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};

on_both!(registers_logs_in_and_opens_the_protected_route, |app| {
    let response =
        app.post("/api/register", json!({ "email": " Ada@Example.com", "password": PASSWORD, "name": "Ada" })).await;
    assert_eq!(response.status(), 201);
    let registered: Value = response.json().await.unwrap();
    assert_eq!(registered["email"], "ada@example.com");
    assert_eq!(registered["name"], "Ada");
    assert_eq!(registered["email_verified"], false);
    assert_eq!(registered["created_at"], "2026-06-01T12:00:00.000000Z");

    let tokens = app.log_in("ADA@example.com").await;
    assert_eq!((tokens.token_type.as_str(), tokens.expires_in), ("Bearer", 3600));
    assert_eq!(tokens.scope, "openid profile email");
    let claims = TestApp::claims(&tokens.access_token);
    assert_eq!(claims["sub"], registered["id"]);
    assert_eq!(claims["scp"], json!(["openid", "profile", "email"]));

    let profile = app.get_as("/api/profile", &tokens.access_token).await;
    assert_eq!(profile.status(), 200);
    assert_eq!(profile.text().await.unwrap(), "You are viewing private profile info");

    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["id"], registered["id"]);
    assert_eq!(me["roles"], json!([]));
    assert_eq!(me["expires_at"], "2026-06-01T13:00:00.000000Z");
});

on_both!(logging_out_acts_at_once, |app| {
    let tokens = app.tokens().await;
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200);
    assert_eq!(app.post_as("/api/logout", &tokens.access_token).await.status(), 204);
    assert_eq!(
        problem(app.get_as("/api/profile", &tokens.access_token).await).await,
        (401, "invalid-token".to_owned())
    );
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401);
});

on_both!(a_session_survives_a_restart, |app| {
    let tokens = app.tokens().await;
    let other = app.log_in("ada@example.com").await;
    assert_eq!(app.post_as("/api/logout", &other.access_token).await.status(), 204);
    app.restart().await;
    assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200);
    assert_eq!(app.get_as("/api/profile", &other.access_token).await.status(), 401);
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 200);
});
