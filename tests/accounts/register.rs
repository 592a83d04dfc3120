//! Who may register, under which address and with which password: L3, L5, L8 to L12, L28, O3.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::raw;
use crate::support::tokens::Findings;

/// The fields that a registration of `body` is refused for.
async fn wrong_fields(app: &TestApp, body: Value) -> (u16, Vec<String>) {
    let response = app.post("/api/register", body).await;
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let fields = body["errors"].as_array().map(|errors| errors.iter().map(|e| e["field"].as_str().unwrap().to_owned()));
    (status, fields.map(Iterator::collect).unwrap_or_default())
}

async fn register(app: &TestApp, email: &str, password: &str) -> u16 {
    app.post("/api/register", json!({"email": email, "password": password})).await.status().as_u16()
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> u16 {
    app.post("/api/login", json!({"email": email, "password": password})).await.status().as_u16()
}

on_both!(fifty_who_register_one_address_at_once_are_one_account, |app| {
    for round in 0..2 {
        let (count, email) = ([20, 50][round], format!("race{round}@example.com"));
        let all = join_all((0..count).map(|n| {
            // Every other one in another spelling of the address.
            let email = if n % 2 == 0 { email.clone() } else { format!(" {} ", email.to_uppercase()) };
            let app = &app;
            async move { register(app, &email, PASSWORD).await }
        }))
        .await;
        let won = all.iter().filter(|status| **status == 201).count();
        assert_eq!(won, 1, "O3: {all:?}");
        assert!(all.iter().all(|status| [201, 409].contains(status)), "O3: {all:?}");
        assert_eq!(log_in(&app, &email, PASSWORD).await, 200);
    }
});

on_both!(one_account_for_all_spellings_of_an_address, |app| {
    let mut findings = Findings::default();
    let long = format!("{}@example.com", "a".repeat(243));
    for (row, first, others) in [
        ("L9 case", "Ada@Example.COM", vec!["ada@example.com", " ADA@example.com\n", "\tada@EXAMPLE.com"]),
        ("L9 IDN", "ada@bücher.example", vec!["ada@BÜCHER.example", "ada@xn--bcher-kva.example"]),
        ("L9 NFC", "e\u{301}va@example.com", vec!["éva@example.com", "ÉVA@example.com"]),
        ("L9 plus is another", "plus+tag@example.com", vec![]),
        ("L9 wide", "wide@ｅxample.com", vec!["wide@example.com"]),
    ] {
        findings.expect(row, register(&app, first, PASSWORD).await, 201);
        for other in others {
            findings.expect(&format!("{row} register {other:?}"), register(&app, other, PASSWORD).await, 409);
            findings.expect(&format!("{row} log in {other:?}"), log_in(&app, other, PASSWORD).await, 200);
        }
    }
    // Not the same, though they look or sound alike.
    for other in ["аda@example.com", "plus@example.com", "strasse@example.com", "straße@example.com"] {
        findings.expect(&format!("L9 {other}"), register(&app, other, PASSWORD).await, 201);
    }
    for bad in [
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com.",
        "ada@exa mple.com",
        "ada@@example.com",
        "\"ada\"@example.com",
        "ada@[127.0.0.1]",
        "Ada <ada@example.com>",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com%0d%0aBcc:eve@example.com",
        "ada\0@example.com",
        "' OR 1=1--",
        "\";DROP TABLE users",
        "%",
        "_",
        "%@%",
        "",
        &long,
    ] {
        let found = wrong_fields(&app, json!({"email": bad, "password": PASSWORD})).await;
        findings.expect(&format!("L9, L10, L28 {bad:?}"), found, (422, vec!["email".to_owned()]));
        findings.expect(&format!("L10 log in {bad:?}"), log_in(&app, bad, PASSWORD).await, 401);
    }
    // L10: what SQL takes for a pattern is none.
    findings.expect("L10 wildcard", log_in(&app, "a_a@example.com", PASSWORD).await, 401);
    findings.none();
});

on_both!(passwords_are_taken_whole, |app| {
    let mut findings = Findings::default();
    let unique = |length: usize| -> String { ('!'..='z').cycle().step_by(7).take(length).collect() };
    let (l72, l256) = (unique(72), unique(256));
    let nul = "horse battery\0staple";
    for (n, (row, password, not_the_same)) in [
        ("L6 73 bytes", format!("{l72}A"), vec![format!("{l72}B"), l72.clone()]),
        ("L5 256 characters", l256.clone(), vec![l256[..255].to_owned(), format!("{l256}x")]),
        (
            "L5 256 characters of two bytes",
            "éàüößñ木".repeat(40).chars().take(256).collect(),
            vec!["éàüößñ木".repeat(30)],
        ),
        ("L7 NUL", nul.to_owned(), vec!["horse battery".to_owned(), "horse batterystaple".to_owned()]),
        ("L8 blanks around", "  correct horse battery ".to_owned(), vec!["correct horse battery".to_owned()]),
        ("L8 emoji", "🐎🔋📎✅ staple".to_owned(), vec!["🐎🔋📎✅staple".to_owned()]),
        ("L8 full width", "ｃｏｒｒｅｃｔ horse".to_owned(), vec!["correct horse".to_owned()]),
        ("L8 case", "Correct Horse Battery".to_owned(), vec!["correct horse battery".to_owned()]),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{n}@example.com");
        findings.expect(row, register(&app, &email, &password).await, 201);
        findings.expect(row, log_in(&app, &email, &password).await, 200);
        for other in not_the_same {
            findings.expect(&format!("{row}: {other:?}"), log_in(&app, &email, &other).await, 401);
        }
    }
    // L8: composed on one keyboard, decomposed on another.
    findings.expect("L8 NFD", register(&app, "nfd@example.com", "re\u{301}sume\u{301} of a horse").await, 201);
    findings.expect("L8 NFC", log_in(&app, "nfd@example.com", "résumé of a horse").await, 200);
    // L5: more than is taken at all.
    let huge = json!({"email": "h@example.com", "password": "x".repeat(1_000_000)}).to_string();
    findings.expect("L5 1 MB", raw::post(app.address, "/api/register", &huge).await, 413);
    findings.expect("L5 1 MB login", raw::post(app.address, "/api/login", &huge).await, 413);
    findings.none();
});

on_both!(all_that_is_wrong_is_told_at_once, |app| {
    let mut findings = Findings::default();
    let good = "ada@example.com";
    for (row, body, fields) in [
        ("all three", json!({"email": "x", "password": "1", "name": "a\nb"}), vec!["email", "password", "name"]),
        ("short", json!({"email": good, "password": "1234567"}), vec!["password"]),
        ("long", json!({"email": good, "password": "x y".repeat(86)}), vec!["password"]),
        ("common", json!({"email": good, "password": "password1"}), vec!["password"]),
        ("common, leet", json!({"email": good, "password": "P@ssw0rd"}), vec!["password"]),
        ("keyboard walk", json!({"email": good, "password": "qwertyuiop"}), vec!["password"]),
        ("the address", json!({"email": "lovelace@example.com", "password": "lovelace"}), vec!["password"]),
        ("the name", json!({"email": good, "name": "Augusta Byron", "password": "augustabyron"}), vec!["password"]),
        ("name too long", json!({"email": good, "password": PASSWORD, "name": "n".repeat(201)}), vec!["name"]),
    ] {
        let (status, found) = wrong_fields(&app, body).await;
        findings.expect(row, (status, found), (422, fields.into_iter().map(str::to_owned).collect()));
    }
    let long_name = "ñ".repeat(200);
    let body = json!({"email": good, "password": PASSWORD, "name": format!("  {long_name} ")});
    let response = app.post("/api/register", body).await;
    findings.expect("a long name", response.status().as_u16(), 201);
    let body: Value = response.json().await.unwrap();
    findings.expect("blanks around a name", body["name"].as_str(), Some(long_name.as_str()));
    let members: HashSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    findings.expect("members", members, HashSet::from(["id", "email", "name", "email_verified", "created_at"]));
    findings.none();
});

on_both!(nobody_registers_more_than_he_may, |app| {
    let body = json!({
        "email": "eve@example.com", "password": PASSWORD, "role": "admin", "roles": ["admin"], "is_admin": true, "id": 1,
        "email_verified": true, "created_at": "1970-01-01T00:00:00Z", "disabled_at": null
    });
    let response = app.post("/api/register", body).await;
    assert_eq!(response.status(), 201, "L12: what is not asked for is not read");
    let registered: Value = response.json().await.unwrap();
    assert_eq!(registered["email_verified"], false);
    let tokens = app.log_in("eve@example.com").await;
    assert_eq!(tokens.scope, "openid profile email");
    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["roles"], json!([]));
    assert_eq!(me["created_at"], "2026-06-01T12:00:00.000000Z");
});

on_both!(an_administrator_has_the_scope, |app| {
    let user = app.register("root@example.com").await;
    app.sql(&format!("UPDATE users SET roles = 'auditor admin' WHERE id = '{user}'")).await;
    let tokens = app.log_in("root@example.com").await;
    assert_eq!(tokens.scope, "openid profile email admin");
    let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(me["roles"], json!(["auditor", "admin"]));
});

on_both!(closed_registration_lets_those_log_in_who_are_there, [("limits.enabled", "false")], |app| {
    app.register("ada@example.com").await;
    app.restart_with(&[("registration.open", "false")]).await;
    let body = json!({"email": "new@example.com", "password": PASSWORD});
    assert_eq!(problem(app.post("/api/register", body).await).await, (403, "registration-closed".to_owned()));
    app.log_in("ada@example.com").await;
});

on_both!(the_shortest_password_is_a_setting, [("passwords.min_length", "15")], |app| {
    assert_eq!(register(&app, "a@example.com", "xkqzvwpjtybnmf").await, 422);
    assert_eq!(register(&app, "a@example.com", "xkqzvwpjtybnmfh").await, 201);
});
