//! Clients in an administrator's hands: O6, O18, O19, races of two secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::house::{Client, SETTINGS, TOKEN, add, administrator, client, opens};
use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::tokens::Findings;

const CLIENTS: &str = "/api/admin/clients";
const GRANT: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "first")];

async fn works(app: &TestApp, client: &Client) -> bool {
    client.send(app, TOKEN, &GRANT).await.status() == 200
}

async fn rotate(app: &TestApp, admin: &str, id: &str, body: Value) -> Response {
    app.send_as(Method::POST, &format!("{CLIENTS}/{id}/rotate"), admin, body).await
}

async fn with_new_secret(response: Response) -> Client {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Client { id: text("client_id"), secret: text("client_secret") }
}

on_both!(made_shown_changed_and_removed, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let body = json!({"name": " Billing ", "grants": ["client_credentials"], "scopes": ["first"], "redirect_uris": []});
    let response = add(&app, &admin, body).await;
    assert_eq!((response.status().as_u16(), response.headers()["cache-control"].to_str().unwrap()), (201, "no-store"));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let made: Value = response.json().await.unwrap();
    let id = made["client_id"].as_str().unwrap();
    assert_eq!(location, format!("{CLIENTS}/{id}"));
    let billing = Client { id: id.to_owned(), secret: made["client_secret"].as_str().unwrap().to_owned() };
    assert!(billing.secret.len() >= 43);

    let shown: Value = app.get_as(&location, &admin).await.json().await.unwrap();
    let expected = json!({
        "client_id": id, "name": "Billing", "grants": ["client_credentials"], "scopes": ["first"], "auth_method": null,
        "jwks": null, "access_ttl": null, "refresh_ttl": null, "audience": null, "trusted": false, "redirect_uris": [],
        "post_logout_redirect_uris": [], "created_at": "2026-06-01T12:00:00.000000Z", "disabled": false,
        "secrets": [{"created_at": "2026-06-01T12:00:00.000000Z", "expires_at": null}],
    });
    assert_eq!(shown, expected);

    let token = billing.token(&app).await;
    let change = json!({"name": "Invoices", "scopes": ["second"], "access_ttl": "10m"});
    let changed: Value = app.send_as(Method::PATCH, &location, &admin, change).await.json().await.unwrap();
    assert_eq!(
        (&changed["name"], &changed["scopes"], &changed["access_ttl"]),
        (&json!("Invoices"), &json!(["second"]), &json!("10m"))
    );
    assert!(!works(&app, &billing).await, "first is not its scope any more");

    let disabled = app.send_as(Method::PATCH, &location, &admin, json!({"disabled": true, "scopes": ["first"]})).await;
    assert_eq!(disabled.json::<Value>().await.unwrap()["disabled"], true);
    assert!(!works(&app, &billing).await && !opens(&app, &token).await, "O6: at once");
    let enabled = app.send_as(Method::PATCH, &location, &admin, json!({"disabled": false})).await;
    assert_eq!(enabled.status(), 200);
    assert!(works(&app, &billing).await && opens(&app, &token).await);

    assert_eq!(app.request(Method::DELETE, &location).bearer_auth(&admin).send().await.unwrap().status(), 204);
    assert!(!works(&app, &billing).await && !opens(&app, &token).await, "O6: at once");
    let again = app.request(Method::DELETE, &location).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(problem(again).await, (404, "no-such-client".to_owned()));
    let acts = app
        .texts(&format!("SELECT act FROM audit WHERE client_id = '{id}' AND actor LIKE 'admin %' ORDER BY act"))
        .await;
    assert_eq!(acts, ["client.add", "client.change", "client.change", "client.change", "client.remove"]);
});

on_both!(for_administrators_with_a_session_only, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let user = app.tokens().await.access_token;
    let machine = client.token(&app).await;
    let one = format!("{CLIENTS}/{}", client.id);
    let rotation = format!("{one}/rotate");
    for (method, path) in [
        (Method::GET, CLIENTS),
        (Method::POST, CLIENTS),
        (Method::GET, &one),
        (Method::PATCH, &one),
        (Method::DELETE, &one),
        (Method::POST, &rotation),
    ] {
        let body = json!({"name": "x"});
        let nobody = app.request(method.clone(), path).json(&body).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "{method} {path}");
        for token in [&user, &machine] {
            assert_eq!(app.send_as(method.clone(), path, token, body.clone()).await.status(), 403, "{method} {path}");
        }
    }
    assert!(works(&app, &client).await);
    // O19
    for id in ["0oanobody", "x", "'%20OR%201=1--"] {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let answer = app.send_as(method, &format!("{CLIENTS}/{id}"), &admin, json!({})).await;
            assert_eq!(problem(answer).await, (404, "no-such-client".to_owned()), "O19 {id}");
        }
        assert_eq!(problem(rotate(&app, &admin, id, json!({})).await).await, (404, "no-such-client".to_owned()));
    }
    assert_eq!(app.get_as("/api/admin/nothing", &admin).await.status(), 404);
    assert_eq!(app.post_as("/api/logout", &admin).await.status(), 204);
    assert_eq!(app.get_as(CLIENTS, &admin).await.status(), 401);
});

on_both!(what_is_no_client, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let mut findings = Findings::default();
    for (row, body, fields) in [
        ("no name", json!({"name": "  "}), vec!["name"]),
        ("W7 a name that nobody can read", json!({"name": "a\u{202e}b"}), vec!["name"]),
        ("another grant", json!({"name": "x", "grants": ["implicit"]}), vec!["grants"]),
        ("password", json!({"name": "x", "grants": ["client_credentials", "password"]}), vec!["grants"]),
        ("O18 admin", json!({"name": "x", "scopes": ["admin"]}), vec!["scopes"]),
        ("undeclared", json!({"name": "x", "scopes": ["first", "nonsense"]}), vec!["scopes"]),
        ("two scopes in one", json!({"name": "x", "scopes": ["first second"]}), vec!["scopes"]),
        ("no such method", json!({"name": "x", "auth_method": "tls_client_auth"}), vec!["auth_method"]),
        ("no keys", json!({"name": "x", "auth_method": "private_key_jwt"}), vec!["jwks"]),
        ("keys for nothing", json!({"name": "x", "jwks": {"keys": []}}), vec!["jwks"]),
        ("too long", json!({"name": "x", "access_ttl": "25h"}), vec!["access_ttl"]),
        ("too short", json!({"name": "x", "access_ttl": "0s"}), vec!["access_ttl"]),
        ("no unit", json!({"name": "x", "access_ttl": "15"}), vec!["access_ttl"]),
        ("all at once", json!({"name": "", "grants": ["x"], "scopes": ["x"]}), vec!["name", "grants", "scopes"]),
    ] {
        let response = add(&app, &admin, body).await;
        findings.expect(row, response.status().as_u16(), 422);
        let body: Value = response.json().await.unwrap();
        let found: Vec<&str> =
            body["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        findings.expect(row, found, fields);
    }
    let made: Value = add(
        &app,
        &admin,
        json!({"name": "x", "client_id": "0oachosen", "client_secret": "chosen", "owner_id": "x", "disabled": true}),
    )
    .await
    .json()
    .await
    .unwrap();
    findings.expect("O18 its own id", made["client_id"] == "0oachosen", false);
    findings.expect("O18 its own secret", made["client_secret"] == "chosen", false);
    let client = client(&app, &admin).await;
    for change in
        [json!({"scopes": ["admin"]}), json!({"grants": ["implicit"]}), json!({"name": ""}), json!({"access_ttl": "x"})]
    {
        let response = app.send_as(Method::PATCH, &format!("{CLIENTS}/{}", client.id), &admin, change).await;
        findings.expect("a change", response.status().as_u16(), 422);
    }
    findings.none();
    assert!(works(&app, &client).await);
});

on_both!(pages, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(client(&app, &admin).await.id);
    }
    let (mut seen, mut cursor, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let path = format!("{CLIENTS}?limit=2&cursor={cursor}");
        let page: Value = app.get_as(&path, &admin).await.json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        seen.extend(items.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()));
        assert!(items.iter().all(|client| client.get("client_secret").is_none()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!((sizes, seen), (vec![2, 2, 1], made.into_iter().collect::<Vec<_>>()));
    for (query, status) in [("limit=x", 400), ("limit=-1", 400), ("limit=1&limit=2", 400), ("limit=0", 200)] {
        assert_eq!(app.get_as(&format!("{CLIENTS}?{query}"), &admin).await.status(), status, "{query}");
    }
});

on_both!(another_secret, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let first = client(&app, &admin).await;
    let token = first.token(&app).await;
    let second = with_new_secret(rotate(&app, &admin, &first.id, json!({})).await).await;
    assert!(!works(&app, &first).await && works(&app, &second).await, "at once");
    assert!(opens(&app, &token).await, "its tokens stay");
    let third = with_new_secret(rotate(&app, &admin, &first.id, json!({"overlap": "1h"})).await).await;
    assert!(works(&app, &second).await && works(&app, &third).await);
    let fourth = with_new_secret(rotate(&app, &admin, &first.id, json!({"overlap": "1h"})).await).await;
    assert!(!works(&app, &second).await && works(&app, &third).await && works(&app, &fourth).await, "two at most");
    app.hands.advance(Duration::from_secs(3599));
    assert!(works(&app, &third).await);
    app.hands.advance(Duration::from_secs(1));
    assert!(!works(&app, &third).await && works(&app, &fourth).await);
    let response = app.post("/api/login", json!({"email": "admin@example.com", "password": PASSWORD})).await;
    let admin = response.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    for overlap in ["31d", "x", "-1h"] {
        let answer = rotate(&app, &admin, &first.id, json!({ "overlap": overlap })).await;
        assert_eq!(answer.status(), 422, "{overlap}");
    }
    for (body, status) in [(json!({"overlap": 3600}), 400), (json!([]), 400), (json!("1h"), 400)] {
        assert_eq!(rotate(&app, &admin, &first.id, body).await.status(), status, "a wrong body is not none");
    }
    assert!(works(&app, &fourth).await);
    // Without a body too.
    let bare = app.post_as(&format!("{CLIENTS}/{}/rotate", first.id), &admin).await;
    assert!(works(&app, &with_new_secret(bare).await).await);
});

on_both!(new_secrets_at_once, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let first = client(&app, &admin).await;
    let rotating = (0..8).map(|_| rotate(&app, &admin, &first.id, json!({"overlap": "1h"})));
    let mut good = 0;
    for response in join_all(rotating).await {
        if works(&app, &with_new_secret(response).await).await {
            good += 1;
        }
    }
    assert_eq!(good, 2, "the last, and the one before it");
    assert!(!works(&app, &first).await);
});
