//! Codes of an authenticator app and recovery codes: L21, L22, L26, O4, O19, ASVS 6.5.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, Tokens, on_both, problem};
use crate::support::tokens::Findings;
use crate::support::totp::{BASE32, base32, code, regroup};

/// An account with an app.
struct WithApp {
    tokens: Tokens,
    secret: Vec<u8>,
    recovery_codes: Vec<String>,
}

async fn begin(app: &TestApp, token: &str) -> Value {
    let response = app.post_as("/api/totp", token).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

async fn confirm(app: &TestApp, token: &str, otp: &str) -> Response {
    app.send_as(Method::POST, "/api/totp/confirm", token, json!({"otp": otp})).await
}

/// Registers, sets an app up, and lets the step of the confirming code pass.
async fn with_app(app: &TestApp) -> WithApp {
    let tokens = app.tokens().await;
    let begun = begin(app, &tokens.access_token).await;
    let secret = base32(begun["secret"].as_str().unwrap());
    let confirmed = confirm(app, &tokens.access_token, &code(&secret, app.clock.unix_seconds())).await;
    assert_eq!(confirmed.status(), 200);
    assert_eq!(confirmed.headers()["cache-control"], "no-store");
    let body: Value = confirmed.json().await.unwrap();
    let recovery_codes: Vec<String> = serde_json::from_value(body["recovery_codes"].clone()).unwrap();
    assert_eq!(recovery_codes.len(), 10);
    app.hands.advance(Duration::from_mins(1));
    WithApp { tokens, secret, recovery_codes }
}

async fn log_in(app: &TestApp, otp: Value) -> Response {
    let mut body = json!({"email": "ada@example.com", "password": PASSWORD});
    if !otp.is_null() {
        body["otp"] = otp;
    }
    app.post("/api/login", body).await
}

on_both!(is_asked_for_once_it_is_confirmed, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let first = begin(&app, token).await;
    let begun = begin(&app, token).await;
    assert_ne!(first["secret"], begun["secret"], "the last begin counts");
    let secret = base32(begun["secret"].as_str().unwrap());
    assert_eq!(secret.len(), 20, "160 bits (RFC 4226, section 4)");
    let uri = begun["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/tokenhouse:ada%40example.com?secret="), "{uri}");
    assert!(uri.ends_with("&issuer=tokenhouse"), "{uri}");
    let svg = begun["qr_svg"].as_str().unwrap();
    assert!(svg.contains("<svg") && svg.ends_with("</svg>") && !svg.contains("<script"), "{svg}");

    // Not before: a begin alone locks nobody out.
    assert_eq!(log_in(&app, Value::Null).await.status(), 200);
    let now = app.clock.unix_seconds();
    let old = code(&base32(first["secret"].as_str().unwrap()), now);
    assert_eq!(problem(confirm(&app, token, &old).await).await, (403, "wrong-otp".to_owned()));
    let right = code(&secret, now);
    assert_eq!(confirm(&app, token, &right).await.status(), 200);
    assert_eq!(problem(confirm(&app, token, &right).await).await, (409, "totp-is-on".to_owned()));
    assert_eq!(problem(app.post_as("/api/totp", token).await).await, (409, "totp-is-on".to_owned()));
    let state: Value = app.get_as("/api/totp", token).await.json().await.unwrap();
    assert_eq!(
        state,
        json!({"enabled": true, "confirmed_at": "2026-06-01T12:00:00.000000Z", "recovery_codes_left": 10})
    );

    let asked = log_in(&app, Value::Null).await;
    assert!(asked.headers().contains_key("www-authenticate"), "R36");
    let text = asked.text().await.unwrap();
    // L22: there is no token of a half login that could open anything.
    assert!(text.contains(":otp-required\"") && !text.contains("token\""), "{text}");
    // The code that confirmed is used up.
    assert_eq!(problem(log_in(&app, json!(right)).await).await, (401, "wrong-otp".to_owned()), "L21");
    app.hands.advance(Duration::from_secs(30));
    let answer = log_in(&app, json!(code(&secret, app.clock.unix_seconds()))).await;
    assert_eq!(answer.status(), 200);
    let tokens: Tokens = answer.json().await.unwrap();
    let export: Value = app.get_as("/api/me/export", &tokens.access_token).await.json().await.unwrap();
    let methods: Vec<&Value> =
        export["sessions"].as_array().unwrap().iter().map(|session| &session["methods"]).collect();
    assert!(methods.contains(&&json!(["pwd", "otp", "mfa"])), "{methods:?}");
});

on_both!(wrong_codes, |app| {
    let with = with_app(&app).await;
    let now = app.clock.unix_seconds();
    let right = code(&with.secret, now);
    let mut findings = Findings::default();
    let arabic: String = right.chars().map(|c| char::from_u32('٠' as u32 + c.to_digit(10).unwrap()).unwrap()).collect();
    for (row, otp) in [
        ("L21 two steps ago", code(&with.secret, now - 60)),
        ("L21 in two steps", code(&with.secret, now + 60)),
        ("L21 another app", code(b"12345678901234567890", now)),
        ("L21 empty", String::new()),
        ("L21 seven digits", format!("{right}0")),
        ("L21 five digits", right[..5].to_owned()),
        ("L21 a blank", format!("{right} ")),
        ("L21 Arabic digits", arabic),
        ("L21 signed", format!("+{}", &right[1..])),
        ("L21 long", "1".repeat(10_000)),
        ("no recovery code", "000000-000000-000000-000000".to_owned()),
    ] {
        // A guess that happens to be the code of now, or of a step beside it, would be right.
        if ![now - 30, now, now + 30].map(|second| code(&with.secret, second)).contains(&otp) {
            findings.expect(row, problem(log_in(&app, json!(otp)).await).await, (401, "wrong-otp".to_owned()));
        }
    }
    for (row, otp) in [("L21 number", json!(123_456)), ("L11 list", json!([right])), ("L11 true", json!(true))] {
        findings.expect(row, log_in(&app, otp).await.status().as_u16(), 400);
    }
    // A wrong password is told first, whatever the code.
    let body = json!({"email": "ada@example.com", "password": "not the password", "otp": right});
    findings.expect(
        "password",
        problem(app.post("/api/login", body).await).await,
        (401, "wrong-credentials".to_owned()),
    );
    findings.expect("right", log_in(&app, json!(right)).await.status().as_u16(), 200);
    findings.expect("L21 again", problem(log_in(&app, json!(right)).await).await, (401, "wrong-otp".to_owned()));
    // Clocks may differ by a step, and no code counts after a later one.
    findings.expect("the next step", log_in(&app, json!(code(&with.secret, now + 30))).await.status().as_u16(), 200);
    app.hands.advance(Duration::from_secs(30));
    let used = code(&with.secret, app.clock.unix_seconds());
    findings.expect("L21 used ahead", problem(log_in(&app, json!(used)).await).await, (401, "wrong-otp".to_owned()));
    findings.none();
});

on_both!(of_twenty_at_once_one_gets_in, |app| {
    let with = with_app(&app).await;
    for otp in [code(&with.secret, app.clock.unix_seconds()), with.recovery_codes[0].clone()] {
        let answers = join_all((0..20).map(|_| log_in(&app, json!(otp)))).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "O4: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 19, "O4: {statuses:?}");
    }
});

on_both!(recovery_codes_count_once, |app| {
    let with = with_app(&app).await;
    let [first, second, ..] = &with.recovery_codes[..] else { unreachable!() };
    assert_eq!(log_in(&app, json!(first)).await.status(), 200);
    assert_eq!(problem(log_in(&app, json!(first)).await).await, (401, "wrong-otp".to_owned()));
    let state: Value = app.get_as("/api/totp", &with.tokens.access_token).await.json().await.unwrap();
    assert_eq!(state["recovery_codes_left"], 9);
    let acts = app.texts("SELECT act FROM audit WHERE act = 'recovery_code.use'").await;
    assert_eq!(acts.len(), 1);

    let body = |password: &str| json!({"password": password});
    let renew =
        |password| app.send_as(Method::POST, "/api/totp/recovery-codes", &with.tokens.access_token, body(password));
    assert_eq!(renew("not the password").await.status(), 403);
    let renewed: Value = renew(PASSWORD).await.json().await.unwrap();
    assert_eq!(log_in(&app, json!(second)).await.status(), 401, "the old ones are void");
    let typed = renewed["recovery_codes"][0].as_str().unwrap().replace('-', " ").to_uppercase();
    assert_eq!(log_in(&app, json!(typed)).await.status(), 200);
});

on_both!(turning_it_off_takes_the_password, |app| {
    let with = with_app(&app).await;
    let off = |password: &str| {
        app.send_as(Method::DELETE, "/api/totp", &with.tokens.access_token, json!({"password": password}))
    };
    assert_eq!(problem(off("not the password").await).await, (403, "wrong-password".to_owned()));
    assert_eq!(
        app.request(Method::DELETE, "/api/totp").json(&json!({"password": PASSWORD})).send().await.unwrap().status(),
        401
    );
    assert_eq!(problem(log_in(&app, Value::Null).await).await.1, "otp-required");
    assert_eq!(off(PASSWORD).await.status(), 204);
    assert_eq!(problem(off(PASSWORD).await).await, (409, "totp-is-off".to_owned()));
    assert_eq!(log_in(&app, Value::Null).await.status(), 200);
    assert_eq!(app.texts("SELECT user_id FROM totp UNION ALL SELECT user_id FROM recovery_codes").await.len(), 0);
});

on_both!(two_confirmations_give_one_set_of_codes, |app| {
    let tokens = app.tokens().await;
    let begun = begin(&app, &tokens.access_token).await;
    let otp = code(&base32(begun["secret"].as_str().unwrap()), app.clock.unix_seconds());
    let answers = join_all((0..8).map(|_| confirm(&app, &tokens.access_token, &otp))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "O4: {statuses:?}");
    let state: Value = app.get_as("/api/totp", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(state["recovery_codes_left"], 10);
});

on_both!(guesses_are_counted_whatever_the_password, [("limits.enabled", "true")], |app| {
    let with = with_app(&app).await;
    for n in 0..5 {
        // L21: the right password in between begins nothing anew.
        assert_eq!(problem(log_in(&app, Value::Null).await).await.1, "otp-required");
        assert_eq!(problem(log_in(&app, json!("000000")).await).await.1, "wrong-otp", "guess {n}");
    }
    let right = code(&with.secret, app.clock.unix_seconds());
    for otp in [json!("000000"), json!(right), json!(with.recovery_codes[0])] {
        let answer = log_in(&app, otp).await;
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(problem(answer).await, (429, "too-many-requests".to_owned()), "L19, L21");
    }
    // The owner waits, and gets in.
    app.hands.advance(Duration::from_mins(3));
    assert_eq!(log_in(&app, json!(code(&with.secret, app.clock.unix_seconds()))).await.status(), 200);
});

on_both!(a_copy_of_the_database_has_no_seed_and_no_code, |app| {
    let with = with_app(&app).await;
    let dump = crate::secrets::dump(&app).await;
    let seed = &with.secret;
    let hex = seed.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let base32 = regroup(seed.iter().map(|byte| usize::from(*byte)), 8, 5);
    let base32: String = base32.into_iter().map(|group| char::from(BASE32[group])).collect();
    for (what, secret) in [("raw", seed.as_slice()), ("hex", hex.as_bytes()), ("base 32", base32.as_bytes())] {
        assert!(!crate::secrets::holds(&dump, secret), "L26 seed as {what}");
    }
    for code in &with.recovery_codes {
        assert!(!crate::secrets::holds(&dump, code.as_bytes()), "L26 recovery code");
        assert!(!crate::secrets::holds(&dump, code.replace('-', "").as_bytes()), "L26 recovery code");
    }
    // It is the data key that opens it: without the key folder the codes are of no use, and recovery codes still are.
    std::fs::remove_file(app.folder.path().join("keys/data-key")).unwrap();
    app.restart().await;
    let right = code(seed, app.clock.unix_seconds());
    assert_eq!(problem(log_in(&app, json!(right)).await).await.1, "wrong-otp");
    assert_eq!(log_in(&app, json!(with.recovery_codes[0])).await.status(), 200);
});

on_both!(a_disabled_account_gets_in_by_no_factor, |app| {
    let with = with_app(&app).await;
    app.sql("UPDATE users SET disabled_at = 1").await;
    for otp in [json!(code(&with.secret, app.clock.unix_seconds())), json!(with.recovery_codes[0]), Value::Null] {
        assert_eq!(problem(log_in(&app, otp).await).await, (401, "wrong-credentials".to_owned()), "O6");
    }
});
