//! One's profile, leaving, and all that is stored of one: J22, L12, L26, O19, O20.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::tokens::Findings;

async fn patch(app: &TestApp, token: &str, body: Value) -> reqwest::Response {
    app.send_as(Method::PATCH, "/api/me", token, body).await
}

on_both!(changes_the_name, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut findings = Findings::default();
    for (row, body, right) in [
        ("a name", json!({"name": "  Ada Lovelace "}), json!("Ada Lovelace")),
        ("nothing", json!({}), json!("Ada Lovelace")),
        ("W7", json!({"name": "<img src=x onerror=alert(1)>"}), json!("<img src=x onerror=alert(1)>")),
        ("null", json!({"name": null}), Value::Null),
        (
            "L12 what is not to be changed",
            json!({"name": "A", "email": "eve@example.com", "roles": ["admin"]}),
            json!("A"),
        ),
        ("blank", json!({"name": "  "}), Value::Null),
    ] {
        let response = patch(&app, token, body).await;
        findings.expect(row, response.status().as_u16(), 200);
        let me: Value = response.json().await.unwrap();
        findings.expect(row, me["name"].clone(), right);
        findings.expect(row, (me["email"].clone(), me["roles"].clone()), (json!("ada@example.com"), json!([])));
    }
    for (row, body, status) in [
        ("long", json!({"name": "x".repeat(201)}), 422),
        ("L28 two lines", json!({"name": "Ada\r\nBcc: eve@example.com"}), 422),
        ("L11 number", json!({"name": 1}), 400),
        ("L11 list", json!([]), 400),
    ] {
        findings.expect(row, patch(&app, token, body).await.status().as_u16(), status);
    }
    findings.expect(
        "no token",
        app.request(Method::PATCH, "/api/me").json(&json!({})).send().await.unwrap().status().as_u16(),
        401,
    );
    findings.none();
});

on_both!(leaves_and_nothing_is_left, |app| {
    let tokens = app.tokens().await;
    let other = app.log_in("ada@example.com").await;
    let leave =
        |password: &str| app.send_as(Method::DELETE, "/api/me", &tokens.access_token, json!({"password": password}));
    assert_eq!(problem(leave("not the password").await).await, (403, "wrong-password".to_owned()));
    assert_eq!(leave(PASSWORD).await.status(), 204);
    for tokens in [&tokens, &other] {
        assert_eq!(app.get_as("/api/me", &tokens.access_token).await.status(), 401, "J22");
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 401, "J22");
        assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401);
    }
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(app.post("/api/login", body).await.status(), 401);
    for table in ["users", "sessions", "one_time_tokens", "letters", "totp", "recovery_codes", "passkeys"] {
        assert_eq!(app.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await, ["0"], "{table}");
    }
    app.restart().await;
    assert_eq!(app.get_as("/api/profile", &other.access_token).await.status(), 401);
    // The address is free again, for an account that has nothing of the last one.
    let again = app.tokens().await;
    assert_ne!(TestApp::claims(&again.access_token)["sub"], TestApp::claims(&tokens.access_token)["sub"]);
});

on_both!(gives_out_all_that_is_stored, |app| {
    let tokens = app.tokens().await;
    app.post("/api/login", json!({"email": "ada@example.com", "password": "not the password"})).await;
    app.register("grace@example.com").await;
    app.log_in("grace@example.com").await;
    let response = app.get_as("/api/me/export", &tokens.access_token).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let text = response.text().await.unwrap();
    for secret in ["$argon2id$", PASSWORD, &tokens.refresh_token, "grace@example.com"] {
        assert!(!text.contains(secret), "{secret} is in it");
    }
    let export: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(export["account"]["email"], "ada@example.com");
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(export["sessions"][0]["methods"], json!(["pwd"]));
    let events: Vec<(&str, &str)> = export["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["act"].as_str().unwrap(), event["outcome"].as_str().unwrap()))
        .collect();
    // All at one moment of the clock, so in no order.
    for event in [("register", "success"), ("login", "success"), ("login", "failure"), ("account.export", "success")] {
        assert!(events.contains(&event), "{event:?} is not among {events:?}");
    }
    // Every table that speaks of people has its part; a new one must be added here and there. Of codes for clients and devices, which are gone within
    // a day, it says that they are kept.
    let tables = if app.database.starts_with("sqlite:") {
        "SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'user_id' ORDER BY 1"
    } else {
        "SELECT table_name::text FROM information_schema.columns WHERE column_name = 'user_id' AND table_schema = 'public' ORDER BY 1"
    };
    assert_eq!(
        app.texts(tables).await,
        [
            "audit",
            "letters",
            "oauth_codes",
            "oauth_consents",
            "oauth_device_codes",
            "one_time_tokens",
            "passkey_challenges",
            "passkeys",
            "recovery_codes",
            "sessions",
            "totp"
        ]
    );
});

on_both!(ten_exports_an_hour, [("limits.enabled", "true")], |app| {
    let tokens = app.tokens().await;
    for _ in 0..10 {
        assert_eq!(app.get_as("/api/me/export", &tokens.access_token).await.status(), 200);
    }
    let response = app.get_as("/api/me/export", &tokens.access_token).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(problem(response).await, (429, "too-many-requests".to_owned()));
});

on_both!(leaving_twice_at_once_is_leaving_once, |app| {
    let tokens = app.tokens().await;
    let body = json!({"password": PASSWORD});
    let leaving = (0..6).map(|_| app.send_as(Method::DELETE, "/api/me", &tokens.access_token, body.clone()));
    let answers = futures_util::future::join_all(leaving).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 401].contains(status)), "{statuses:?}");
    let left = app.texts("SELECT act FROM audit WHERE act = 'account.delete' AND outcome = 'success'").await;
    assert_eq!(left.len(), 1);
});
