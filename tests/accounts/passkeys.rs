//! Passkeys, with an authenticator in software: as the only factor and besides the password. O4, O6, O19, L22.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use url::Url;

use crate::browser::{Browser, asking_for_a_touch};
use crate::support::app::{PASSWORD, TestApp, Tokens, on_both, problem};
use crate::support::tokens::{Findings, base64url};

async fn begin(app: &TestApp, token: &str) -> Value {
    let response = app.send_as(Method::POST, "/api/passkeys", token, json!({"password": PASSWORD})).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

async fn confirm(app: &TestApp, token: &str, challenge: &Value, credential: &Value, name: &str) -> Response {
    let body = json!({"challenge_id": challenge["challenge_id"], "credential": credential, "name": name});
    app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await
}

/// Adds a passkey, and answers what the server says of it.
async fn add(app: &TestApp, token: &str, browser: &mut Browser, name: &str) -> Value {
    let challenge = begin(app, token).await;
    let credential = browser.create(&challenge).await;
    let response = confirm(app, token, &challenge, &credential, name).await;
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

async fn login_challenge(app: &TestApp) -> Value {
    let response = app.request(Method::POST, "/api/login/passkey").send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn answer(app: &TestApp, challenge: &Value, credential: &Value) -> Response {
    let body = json!({"challenge_id": challenge["challenge_id"], "credential": credential});
    app.post("/api/login/passkey/confirm", body).await
}

async fn log_in(app: &TestApp, browser: &mut Browser) -> Response {
    let challenge = login_challenge(app).await;
    let credential = browser.get(&challenge).await;
    answer(app, &challenge, &credential).await
}

on_both!(several_are_named_used_and_removed, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let challenge = begin(&app, token).await;
    let selection = &challenge["publicKey"]["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("required"), &json!("required")));
    assert_eq!(challenge["publicKey"]["rp"]["id"], "localhost");
    let (mut phone, mut laptop) = (Browser::new(), Browser::new());
    let first = add(&app, token, &mut phone, "Phone").await;
    app.hands.advance(Duration::from_secs(1));
    add(&app, token, &mut laptop, " Laptop ").await;
    let list: Value = app.get_as("/api/passkeys", token).await.json().await.unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(
        (&list[0]["name"], &list[1]["name"], &list[0]["last_used_at"]),
        (&json!("Phone"), &json!("Laptop"), &Value::Null)
    );
    // A device that has one already is told so.
    let excluded = begin(&app, token).await;
    assert_eq!(excluded["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 2);

    for with_phone in [true, false, true] {
        let response = log_in(&app, if with_phone { &mut phone } else { &mut laptop }).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let tokens: Tokens = response.json().await.unwrap();
        let me: Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
        assert_eq!(me["email"], "ada@example.com");
    }
    let methods = app.texts("SELECT methods FROM sessions ORDER BY methods").await;
    assert_eq!(methods, ["hwk user mfa", "hwk user mfa", "hwk user mfa", "pwd"]);
    // Having one asks for nothing more at a login with the password.
    app.log_in("ada@example.com").await;

    let path = format!("/api/passkeys/{}", first["id"].as_str().unwrap());
    assert_eq!(app.send_as(Method::PATCH, &path, token, json!({"name": "Old phone"})).await.status(), 204);
    assert_eq!(app.send_as(Method::PATCH, &path, token, json!({"name": " "})).await.status(), 422);
    let list: Value = app.get_as("/api/passkeys", token).await.json().await.unwrap();
    assert_eq!(list[0]["name"], "Old phone");
    assert!(list[0]["last_used_at"].is_string());
    let wrong = app.send_as(Method::DELETE, &path, token, json!({"password": "not the password"})).await;
    assert_eq!(problem(wrong).await, (403, "wrong-password".to_owned()));
    assert_eq!(app.send_as(Method::DELETE, &path, token, json!({"password": PASSWORD})).await.status(), 204);
    assert_eq!(problem(log_in(&app, &mut phone).await).await, (401, "passkey-not-good".to_owned()));
    assert_eq!(log_in(&app, &mut laptop).await.status(), 200);
});

on_both!(answers_that_are_not_good, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut browser = Browser::new();
    let mut findings = Findings::default();
    let not_good = |status: u16| (status, "passkey-not-good".to_owned());

    // New ones.
    let challenge = begin(&app, token).await;
    let mut elsewhere = Browser::at("http://localhost:4000");
    let foreign = elsewhere.create(&challenge).await;
    findings.expect("origin", problem(confirm(&app, token, &challenge, &foreign, "x").await).await, not_good(400));
    let good = browser.create(&challenge).await;
    findings.expect(
        "used up by the wrong one",
        problem(confirm(&app, token, &challenge, &good, "x").await).await,
        not_good(400),
    );
    app.register("eve@example.com").await;
    let eve = app.log_in("eve@example.com").await;
    let challenge = begin(&app, token).await;
    let good = browser.create(&challenge).await;
    findings.expect(
        "another's challenge",
        problem(confirm(&app, &eve.access_token, &challenge, &good, "x").await).await,
        not_good(400),
    );
    let challenge = begin(&app, token).await;
    let mut touched = Browser::new();
    touched.touch_only();
    let present = touched.create(&asking_for_a_touch(&challenge)).await;
    findings.expect("unverified", problem(confirm(&app, token, &challenge, &present, "x").await).await, not_good(400));
    let challenge = begin(&app, token).await;
    let late = browser.create(&challenge).await;
    app.hands.advance(Duration::from_mins(5));
    findings.expect("late", problem(confirm(&app, token, &challenge, &late, "x").await).await, not_good(400));
    let mut browser = Browser::new();
    add(&app, token, &mut browser, "Key").await;

    // Logins.
    let challenge = login_challenge(&app).await;
    let good = browser.get(&challenge).await;
    let other = login_challenge(&app).await;
    findings.expect("another challenge", problem(answer(&app, &other, &good).await).await, not_good(401));
    findings.expect("right", answer(&app, &challenge, &good).await.status().as_u16(), 200);
    findings.expect("O4 replayed", problem(answer(&app, &challenge, &good).await).await, not_good(401));
    findings.expect(
        "no challenge",
        problem(answer(&app, &json!({"challenge_id": "x"}), &good).await).await,
        not_good(401),
    );
    findings.expect("NUL", problem(answer(&app, &json!({"challenge_id": "\0"}), &good).await).await, not_good(401));
    let challenge = login_challenge(&app).await;
    let mut forged = browser.get(&challenge).await;
    let signature = forged["response"]["signature"].as_str().unwrap().to_owned();
    let middle = signature.len() / 2;
    let other = if &signature[middle..=middle] == "A" { "B" } else { "A" };
    forged["response"]["signature"] = json!(format!("{}{other}{}", &signature[..middle], &signature[middle + 1..]));
    findings.expect("signature", problem(answer(&app, &challenge, &forged).await).await, not_good(401));
    let challenge = login_challenge(&app).await;
    let mut moved = browser.get(&challenge).await;
    moved["response"]["userHandle"] = json!(base64url([7; 16]));
    findings.expect("another's user handle", problem(answer(&app, &challenge, &moved).await).await, not_good(401));
    let challenge = login_challenge(&app).await;
    browser.origin = Url::parse("http://localhost:4000").unwrap();
    let foreign = browser.get(&challenge).await;
    findings.expect("origin", problem(answer(&app, &challenge, &foreign).await).await, not_good(401));
    browser.origin = Url::parse("http://localhost:3000").unwrap();
    let challenge = login_challenge(&app).await;
    let late = browser.get(&challenge).await;
    app.hands.advance(Duration::from_mins(5));
    findings.expect("late", problem(answer(&app, &challenge, &late).await).await, not_good(401));
    for body in
        [json!({}), json!({"challenge_id": "x", "credential": {}}), json!({"challenge_id": 1, "credential": good})]
    {
        findings.expect(
            &body.to_string(),
            app.post("/api/login/passkey/confirm", body.clone()).await.status().as_u16(),
            400,
        );
    }
    // The page was in a frame of another site (WebAuthn level 3, section 7.2), or another thing was signed.
    for (row, changes) in [
        ("framed", json!({"crossOrigin": true})),
        ("made, not got", json!({"type": "webauthn.create"})),
        ("signed for elsewhere", json!({"origin": "https://evil.example"})),
        ("signed for a subdomain", json!({"origin": "http://sub.localhost:3000"})),
        ("signed for a path", json!({"origin": "http://localhost:3000.evil.example"})),
    ] {
        let challenge = login_challenge(&app).await;
        let said = browser.get_saying(&challenge, changes).await;
        findings.expect(row, problem(answer(&app, &challenge, &said).await).await, not_good(401));
    }
    let challenge = login_challenge(&app).await;
    let said = browser.get_saying(&challenge, json!({})).await;
    findings.expect("the same unchanged", answer(&app, &challenge, &said).await.status().as_u16(), 200);
    browser.touch_only();
    let challenge = login_challenge(&app).await;
    let present = browser.get(&asking_for_a_touch(&challenge)).await;
    findings.expect("unverified", problem(answer(&app, &challenge, &present).await).await, not_good(401));
    let mut browser = Browser::new();
    add(&app, token, &mut browser, "Another").await;
    // A copy of the device: its counter is behind.
    app.sql("UPDATE passkeys SET credential = REPLACE(credential, '\"counter\":', '\"counter\":9')").await;
    findings.expect("counter", problem(log_in(&app, &mut browser).await).await, not_good(401));
    findings.none();
});

on_both!(nobody_touches_anothers_and_who_is_out_stays_out, |app| {
    let tokens = app.tokens().await;
    let mut browser = Browser::new();
    let added = add(&app, &tokens.access_token, &mut browser, "Key").await;
    app.register("eve@example.com").await;
    let eve = app.log_in("eve@example.com").await;
    let path = format!("/api/passkeys/{}", added["id"].as_str().unwrap());
    let rename = app.send_as(Method::PATCH, &path, &eve.access_token, json!({"name": "x"})).await;
    assert_eq!(problem(rename).await, (404, "no-such-passkey".to_owned()), "O19");
    let remove = app.send_as(Method::DELETE, &path, &eve.access_token, json!({"password": PASSWORD})).await;
    assert_eq!(problem(remove).await, (404, "no-such-passkey".to_owned()), "O19");
    let list: Value = app.get_as("/api/passkeys", &eve.access_token).await.json().await.unwrap();
    assert_eq!(list, json!([]));
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'ada@example.com'").await;
    assert_eq!(problem(log_in(&app, &mut browser).await).await, (401, "passkey-not-good".to_owned()), "O6");
    app.sql("UPDATE users SET disabled_at = NULL").await;
    assert_eq!(log_in(&app, &mut browser).await.status(), 200);
    assert_eq!(
        app.send_as(Method::DELETE, "/api/me", &tokens.access_token, json!({"password": PASSWORD})).await.status(),
        204
    );
    assert_eq!(problem(log_in(&app, &mut browser).await).await, (401, "passkey-not-good".to_owned()));
});

on_both!(besides_the_password, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let require = |required: bool| {
        app.send_as(
            Method::POST,
            "/api/passkeys/second-factor",
            token,
            json!({"required": required, "password": PASSWORD}),
        )
    };
    let password = async |more: Value| {
        let mut body = json!({"email": "ada@example.com", "password": PASSWORD});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post("/api/login", body).await
    };
    assert_eq!(
        problem(require(true).await).await,
        (404, "no-such-passkey".to_owned()),
        "without one nobody gets in again"
    );
    let mut browser = Browser::new();
    let added = add(&app, token, &mut browser, "Key").await;
    let codes: Value = require(true).await.json().await.unwrap();
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);

    let asked = password(json!({})).await;
    assert_eq!(asked.status(), 401);
    let challenge: Value = asked.json().await.unwrap();
    assert!(challenge["type"].as_str().unwrap().ends_with(":otp-required"), "{challenge}");
    assert!(challenge.get("access_token").is_none() && challenge["publicKey"]["allowCredentials"].is_array(), "L22");
    let credential = browser.get(&challenge).await;
    let passkey = json!({"passkey": {"challenge_id": challenge["challenge_id"], "credential": credential}});
    // It does not open the door by itself.
    assert_eq!(problem(answer(&app, &challenge, &credential).await).await, (401, "passkey-not-good".to_owned()), "L22");
    let challenge: Value = password(json!({})).await.json().await.unwrap();
    let credential = browser.get(&challenge).await;
    let again = json!({"passkey": {"challenge_id": challenge["challenge_id"], "credential": credential}});
    let wrong = json!({"email": "ada@example.com", "password": "not the password", "passkey": again["passkey"]});
    assert_eq!(problem(app.post("/api/login", wrong).await).await, (401, "wrong-credentials".to_owned()));
    let opened = password(again.clone()).await;
    assert_eq!(opened.status(), 200);
    assert_eq!(problem(password(again).await).await, (401, "wrong-otp".to_owned()), "O4");
    let behind = password(passkey).await;
    assert_eq!(problem(behind).await, (401, "wrong-otp".to_owned()), "its counter is behind that of one taken since");
    assert_eq!(password(json!({"otp": codes["recovery_codes"][0]})).await.status(), 200, "a recovery code stands in");
    assert_eq!(problem(password(json!({"otp": "123456"})).await).await, (401, "wrong-otp".to_owned()));

    // Without it again, and with the last passkey gone.
    assert_eq!(require(false).await.status(), 204);
    assert_eq!(password(json!({})).await.status(), 200);
    assert!(app.texts("SELECT code_hash FROM recovery_codes").await.is_empty());
    assert_eq!(require(true).await.status(), 200);
    let path = format!("/api/passkeys/{}", added["id"].as_str().unwrap());
    assert_eq!(app.send_as(Method::DELETE, &path, token, json!({"password": PASSWORD})).await.status(), 204);
    assert_eq!(password(json!({})).await.status(), 200);
});

on_both!(
    an_address_without_a_name_has_none,
    [("server.public_url", "http://127.0.0.1:3000"), ("limits.enabled", "false")],
    |app| {
        let tokens = app.tokens().await;
        let begin =
            app.send_as(Method::POST, "/api/passkeys", &tokens.access_token, json!({"password": PASSWORD})).await;
        assert_eq!(problem(begin).await, (409, "no-passkeys-here".to_owned()));
        let login = app.request(Method::POST, "/api/login/passkey").send().await.unwrap();
        assert_eq!(problem(login).await, (409, "no-passkeys-here".to_owned()));
    }
);
