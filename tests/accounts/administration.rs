//! What an administrator does over HTTP, and who is none: O6, O18, O19, L10, J32.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{PASSWORD, TestApp, Tokens, on_both, problem};
use crate::support::tokens::Findings;

/// The access token of an administrator, whose account is there already.
async fn admin(app: &TestApp) -> String {
    app.register("root@example.com").await;
    app.sql("UPDATE users SET roles = 'admin' WHERE email = 'root@example.com'").await;
    app.log_in("root@example.com").await.access_token
}

async fn is_out(app: &TestApp, tokens: &Tokens) -> bool {
    app.get_as("/api/profile", &tokens.access_token).await.status() == 401
        && app.refresh(&tokens.refresh_token).await.status() == 401
}

on_both!(nobody_else_gets_in, |app| {
    let tokens = app.tokens().await;
    let id = TestApp::claims(&tokens.access_token)["sub"].as_str().unwrap().to_owned();
    let mut findings = Findings::default();
    for (method, path) in [
        (Method::GET, "/api/admin/users".to_owned()),
        (Method::POST, "/api/admin/users".to_owned()),
        (Method::GET, format!("/api/admin/users/{id}")),
        (Method::PATCH, format!("/api/admin/users/{id}")),
        (Method::DELETE, format!("/api/admin/users/{id}")),
        (Method::POST, format!("/api/admin/users/{id}/logout")),
        (Method::GET, "/api/admin/audit".to_owned()),
        (Method::GET, "/api/admin/last-hour".to_owned()),
    ] {
        let row = format!("{method} {path}");
        let body = json!({"roles": ["admin"], "email": "eve@example.com", "password": PASSWORD});
        let response = app.send_as(method.clone(), &path, &tokens.access_token, body.clone()).await;
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        findings.expect(
            &row,
            challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"admin\""),
            true,
        );
        findings.expect(&row, problem(response).await, (403, "insufficient-scope".to_owned()));
        findings.expect(&row, app.request(method, &path).json(&body).send().await.unwrap().status().as_u16(), 401);
    }
    findings.none();
    // O18: nobody makes himself one.
    let body = json!({"email": "eve@example.com", "password": PASSWORD, "roles": ["admin"], "role": "admin", "is_admin": true});
    assert_eq!(app.post("/api/register", body).await.status(), 201);
    assert_eq!(app.log_in("eve@example.com").await.scope, "openid profile email");
});

on_both!(sees_and_changes_accounts, |app| {
    let token = admin(&app).await;
    let added = app
        .send_as(Method::POST, "/api/admin/users", &token, json!({"email": "Ada@example.com", "password": PASSWORD, "name": "Ada", "roles": ["billing"], "email_verified": true}))
        .await;
    assert_eq!(added.status(), 201);
    let location = added.headers()["location"].to_str().unwrap().to_owned();
    let ada: Value = added.json().await.unwrap();
    assert_eq!(
        (&ada["email"], &ada["email_verified"], &ada["roles"]),
        (&json!("ada@example.com"), &json!(true), &json!(["billing"]))
    );
    let again = app
        .send_as(Method::POST, "/api/admin/users", &token, json!({"email": "ada@example.com", "password": PASSWORD}))
        .await;
    assert_eq!(problem(again).await, (409, "email-taken".to_owned()));
    let weak = app
        .send_as(Method::POST, "/api/admin/users", &token, json!({"email": "x", "password": "1", "roles": ["A"]}))
        .await;
    let weak: Value = weak.json().await.unwrap();
    assert_eq!(weak["errors"].as_array().unwrap().len(), 3, "{weak}");

    let path = format!("/api/admin/users/{}", ada["id"].as_str().unwrap());
    assert_eq!(location, path);
    let edit = |body: Value| app.send_as(Method::PATCH, &path, &token, body);
    let tokens = app.log_in("ada@example.com").await;
    let changed: Value = edit(json!({"name": null})).await.json().await.unwrap();
    assert_eq!((&changed["name"], &changed["roles"]), (&Value::Null, &json!(["billing"])));
    let changed: Value = edit(json!({"roles": ["billing", "admin"], "name": "Countess"})).await.json().await.unwrap();
    assert_eq!((&changed["name"], &changed["roles"]), (&json!("Countess"), &json!(["admin", "billing"])));
    assert!(!is_out(&app, &tokens).await, "a role more ends nothing");
    let tokens = app.log_in("ada@example.com").await;
    assert_eq!(tokens.scope, "openid profile email admin");
    assert_eq!(edit(json!({"roles": []})).await.status(), 200);
    assert!(is_out(&app, &tokens).await, "J32");

    let tokens = app.log_in("ada@example.com").await;
    assert_eq!(app.send_as(Method::POST, &format!("{path}/logout"), &token, json!({})).await.status(), 204);
    assert!(is_out(&app, &tokens).await);
    let tokens = app.log_in("ada@example.com").await;
    let disabled: Value = edit(json!({"disabled": true})).await.json().await.unwrap();
    assert_eq!(disabled["disabled"], true);
    assert!(is_out(&app, &tokens).await, "O6");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(app.post("/api/login", body.clone()).await.status(), 401, "O6");
    // Also while it is disabled.
    assert_eq!(edit(json!({"roles": ["billing"]})).await.status(), 200);
    assert_eq!(edit(json!({"disabled": false})).await.status(), 200);
    assert_eq!(app.post("/api/login", body).await.status(), 200);
    let tokens = app.log_in("ada@example.com").await;
    assert_eq!(app.send_as(Method::DELETE, &path, &token, json!({})).await.status(), 204);
    assert!(is_out(&app, &tokens).await);
    for path in [
        &path,
        &format!("/api/admin/users/{}", Uuid::new_v4()),
        "/api/admin/users/ada@example.com",
        "/api/admin/users/x",
    ] {
        let answer = app.get_as(path, &token).await;
        assert_eq!(problem(answer).await, (404, "no-such-user".to_owned()), "{path}");
    }

    let audit: Value = app.get_as("/api/admin/audit?limit=500", &token).await.json().await.unwrap();
    let by_admin: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["actor"].as_str().unwrap().starts_with("admin "))
        .map(|event| event["act"].as_str().unwrap())
        .collect();
    for act in
        ["user.add", "user.role_add", "user.role_remove", "user.logout", "user.disable", "user.enable", "user.remove"]
    {
        assert!(by_admin.contains(&act), "{act} is not among {by_admin:?}");
    }
});

on_both!(lists_in_parts, |app| {
    let token = admin(&app).await;
    for n in 0..7 {
        app.register(&format!("u{n}@example.com")).await;
    }
    let get = async |path: &str| -> Value { app.get_as(path, &token).await.json().await.unwrap() };
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let part = get(&format!("/api/admin/users?limit=3&cursor={cursor}")).await;
        seen.extend(part["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        match part["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(get("/api/admin/users?search=U3").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(get("/api/admin/users?search=%25").await["items"].as_array().unwrap().len(), 0, "L10");
    for query in ["users?limit=x", "users?search=%00", "users?cursor=a%00", "audit?user_id=%00", "audit?ip=%0a"] {
        assert_eq!(app.get_as(&format!("/api/admin/{query}"), &token).await.status(), 400, "{query}");
    }
    let id = app.texts("SELECT id FROM users WHERE email = 'u3@example.com'").await.remove(0);
    assert_eq!(get(&format!("/api/admin/audit?user_id={id}")).await["items"].as_array().unwrap().len(), 1);

    // All at one moment, so the place in the list is more than a time.
    let mut ids = std::collections::HashSet::new();
    let mut cursor = String::new();
    loop {
        let part = get(&format!("/api/admin/audit?act=register&limit=3{cursor}")).await;
        for event in part["items"].as_array().unwrap() {
            assert!(ids.insert(event["user_id"].as_str().unwrap().to_owned()), "twice: {event}");
        }
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 8);
    for (query, field) in [
        ("audit?act=flying", "act"),
        ("audit?cursor=x", "cursor"),
        ("audit?cursor=1_x", "cursor"),
        ("audit?outcome=maybe", "outcome"),
        ("audit?ip=here", "ip"),
        ("audit?user_id=ada", "user_id"),
        ("users?cursor=x", "cursor"),
        ("clients?cursor=x", "cursor"),
        (&format!("users?search={}", "a".repeat(255)), "search"),
        (&format!("users?search={}", "a".repeat(50_000)), "search"),
    ] {
        let answer = app.get_as(&format!("/api/admin/{query}"), &token).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!(field)), "{query:.60}: {body}");
    }
    let longest = format!("/api/admin/users?search={}", "a".repeat(254));
    assert_eq!(app.get_as(&longest, &token).await.status(), 200);
    // A last part that is full leads to no empty one.
    for list in ["users?limit=4", "users?limit=8", "audit?act=register&limit=4", "audit?act=register&limit=8"] {
        let (mut sizes, mut cursor) = (Vec::new(), String::new());
        loop {
            let part = get(&format!("/api/admin/{list}{cursor}")).await;
            sizes.push(part["items"].as_array().unwrap().len());
            match part["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(sizes.iter().all(|size| *size > 0) && sizes.iter().sum::<usize>() == 8, "{list}: {sizes:?}");
    }
});

on_both!(the_record_is_not_changed, |app| {
    app.register("ada@example.com").await;
    let changed = tokio::spawn({
        let (database, statement) = (app.database.clone(), "UPDATE audit SET outcome = 'failure'");
        async move {
            use sqlx::Connection as _;
            if database.starts_with("sqlite:") {
                let mut connection = sqlx::SqliteConnection::connect(&database).await.unwrap();
                sqlx::query(statement).execute(&mut connection).await.err().map(|error| error.to_string())
            } else {
                let mut connection = sqlx::PgConnection::connect(&database).await.unwrap();
                sqlx::query(statement).execute(&mut connection).await.err().map(|error| error.to_string())
            }
        }
    });
    let refused = changed.await.unwrap().expect("it is refused");
    assert!(refused.contains("rows of audit are not changed"), "{refused}");
    assert_eq!(app.texts("SELECT outcome FROM audit").await, ["success"]);
});
