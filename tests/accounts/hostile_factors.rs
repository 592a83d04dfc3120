//! What a stranger may send to the routes of second factors: never a 5xx, never a token, and the server goes on.

use std::iter::repeat_n;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::{Browser, asking_for_a_touch};
use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::tokens::{Findings, base64url};

async fn begin(app: &TestApp, token: &str) -> Value {
    let body = json!({"password": PASSWORD});
    app.send_as(Method::POST, "/api/passkeys", token, body).await.json().await.unwrap()
}

async fn login_challenge(app: &TestApp) -> Value {
    app.request(Method::POST, "/api/login/passkey").send().await.unwrap().json().await.unwrap()
}

fn decoded(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

/// Cut short, with bytes changed, and of a depth or a length that a careless parser would follow.
fn mutations(bytes: &[u8]) -> Vec<Vec<u8>> {
    let cut = (0..bytes.len()).step_by(11).map(|end| bytes[..end].to_vec());
    let changed = (0..bytes.len()).step_by(3).flat_map(|at| {
        [0x00, 0x5f, 0x9b, 0xff].map(|byte| {
            let mut bytes = bytes.to_vec();
            bytes[at] = if bytes[at] == byte { !byte } else { byte };
            bytes
        })
    });
    let deep = [0x81, 0xa1, 0xc1, 0x9f, b'['].map(|byte| repeat_n(byte, 30_000).collect());
    let long = [0x9b, 0x5b, 0xbb].map(|kind| [&[kind, 0x7f][..], &[0xff; 7]].concat());
    cut.chain(changed).chain(deep).chain(long).collect()
}

/// So many more challenges like this one, put there behind the server's back: each answer uses one up.
async fn copies(app: &TestApp, challenge: &Value, count: usize) -> Vec<Uuid> {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
    let values: Vec<String> = ids.iter().map(|id| format!("('{id}')")).collect();
    let original = challenge["challenge_id"].as_str().unwrap();
    app.sql(&format!(
        "WITH copies (copy) AS (VALUES {})
         INSERT INTO passkey_challenges (id, user_id, purpose, state, expires_at)
         SELECT copy, user_id, purpose, state, expires_at FROM passkey_challenges, copies WHERE id = '{original}'",
        values.join(", ")
    ))
    .await;
    ids
}

on_both!(answers_of_devices_in_pieces, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut findings = Findings::default();
    let mut browser = Browser::new();
    let challenge = begin(&app, token).await;
    let created = browser.create(&challenge).await;
    for member in ["attestationObject", "clientDataJSON"] {
        let pieces = mutations(&decoded(&created["response"][member]));
        let ids = copies(&app, &challenge, pieces.len()).await;
        for (piece, id) in pieces.into_iter().zip(ids) {
            let row = format!("{member} {}", base64url(&piece[..piece.len().min(300)]));
            let mut credential = created.clone();
            credential["response"][member] = json!(base64url(piece));
            let body = json!({"challenge_id": id, "name": "x", "credential": credential});
            let answer = app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await;
            // Nobody signs an attestation of the kind `none`, so with another id or model it is another passkey.
            let status = answer.status().as_u16();
            if status == 201 {
                app.sql("DELETE FROM passkeys").await;
            }
            findings.expect(&row, matches!(status, 201 | 400), true);
        }
    }

    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await.status(), 201);
    let challenge = login_challenge(&app).await;
    let got = browser.get(&challenge).await;
    for member in ["authenticatorData", "clientDataJSON", "signature", "userHandle"] {
        let pieces = mutations(&decoded(&got["response"][member]));
        let ids = copies(&app, &challenge, pieces.len()).await;
        for (piece, id) in pieces.into_iter().zip(ids) {
            let row = format!("{member} {}", base64url(&piece[..piece.len().min(300)]));
            let mut credential = got.clone();
            credential["response"][member] = json!(base64url(piece));
            let body = json!({"challenge_id": id, "credential": credential});
            let answer = app.post("/api/login/passkey/confirm", body).await;
            findings.expect(&row, answer.status().as_u16(), 401);
        }
    }
    findings.none();
    // The whole answer is good still.
    let body = json!({"challenge_id": challenge["challenge_id"], "credential": got});
    assert_eq!(app.post("/api/login/passkey/confirm", body).await.status(), 200);
});

on_both!(texts_that_no_database_keeps, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut findings = Findings::default();
    let mut browser = Browser::new();
    let challenge = begin(&app, token).await;
    let created = browser.create(&challenge).await;
    for id in ["\0", "", "' OR 1=1 --", "%", "\u{202e}", &"x".repeat(20_000)] {
        let row = id.escape_debug().take(20).collect::<String>();
        let body = json!({"challenge_id": id, "name": "x", "credential": created});
        let confirm = app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await;
        findings.expect(&format!("confirm {row}"), confirm.status().as_u16(), 400);
        let login = json!({"challenge_id": id, "credential": browser_answer(&created)});
        let answer = app.post("/api/login/passkey/confirm", login.clone()).await;
        findings.expect(&format!("login {row}"), answer.status().as_u16(), 401);
        let otp = json!({"email": "ada@example.com", "password": "not the password", "otp": id, "passkey": login});
        findings.expect(&format!("otp {row}"), app.post("/api/login", otp).await.status().as_u16(), 401);
    }
    for path in ["/api/passkeys/%00", "/api/passkeys/%25", "/api/passkeys/..%2f..%2fme", "/api/passkeys/x%27--"] {
        let renamed = app.send_as(Method::PATCH, path, token, json!({"name": "x"})).await;
        findings.expect(path, renamed.status().as_u16(), 404);
        let removed = app.send_as(Method::DELETE, path, token, json!({"password": PASSWORD})).await;
        findings.expect(path, removed.status().as_u16(), 404);
    }
    for name in ["a\0b", "a\nb", "\u{202e}", " ", &"x".repeat(1_000)] {
        let body = json!({"challenge_id": challenge["challenge_id"], "name": name, "credential": created});
        let confirm = app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await;
        findings.expect(&format!("name {:.10}", name.escape_debug()), confirm.status().as_u16(), 422);
    }
    findings.none();
});

/// A new passkey's answer, sent where one to a login belongs.
fn browser_answer(created: &Value) -> Value {
    json!({
        "id": created["id"], "rawId": created["rawId"], "type": "public-key",
        "response": {
            "authenticatorData": base64url([0; 37]), "clientDataJSON": created["response"]["clientDataJSON"],
            "signature": base64url([0; 70]), "userHandle": Value::Null,
        },
    })
}

on_both!(of_twenty_answers_at_once_one_opens, |app| {
    let tokens = app.tokens().await;
    let mut browser = Browser::new();
    let challenge = begin(&app, &tokens.access_token).await;
    let created = browser.create(&challenge).await;
    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    let added = join_all(
        (0..20).map(|_| app.send_as(Method::POST, "/api/passkeys/confirm", &tokens.access_token, body.clone())),
    )
    .await;
    assert_eq!(added.iter().filter(|answer| answer.status() == 201).count(), 1, "O4");
    // One answer to one challenge, and one to many of the same: its counter has moved on by then.
    let challenge = login_challenge(&app).await;
    let got = browser.get(&challenge).await;
    let mut ids = copies(&app, &challenge, 10).await;
    ids.extend([challenge["challenge_id"].as_str().unwrap().parse::<Uuid>().unwrap(); 10]);
    let answers = join_all(
        ids.iter().map(|id| app.post("/api/login/passkey/confirm", json!({"challenge_id": id, "credential": got}))),
    )
    .await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "O4: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 19, "O4: {statuses:?}");
});

on_both!(besides_the_password_where_it_must_be_right, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut browser = Browser::new();
    let challenge = begin(&app, token).await;
    let created = browser.create(&challenge).await;
    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await.status(), 201);
    let body = json!({"password": PASSWORD, "required": true});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/second-factor", token, body).await.status(), 200);
    let password = async |email: &str, passkey: Value| {
        app.post("/api/login", json!({"email": email, "password": PASSWORD, "passkey": passkey})).await
    };
    let mut findings = Findings::default();
    for (row, changes) in [
        ("framed", json!({"crossOrigin": true})),
        ("signed for elsewhere", json!({"origin": "https://evil.example"})),
        ("another challenge", json!({"challenge": base64url([7; 32])})),
    ] {
        let asked: Value = password("ada@example.com", Value::Null).await.json().await.unwrap();
        let credential = browser.get_saying(&asked, changes).await;
        let passkey = json!({"challenge_id": asked["challenge_id"], "credential": credential});
        let answer = problem(password("ada@example.com", passkey).await).await;
        findings.expect(row, answer, (401, "wrong-otp".to_owned()));
    }
    let asked: Value = password("ada@example.com", Value::Null).await.json().await.unwrap();
    browser.touch_only();
    let touched = browser.get(&asking_for_a_touch(&asked)).await;
    let passkey = json!({"challenge_id": asked["challenge_id"], "credential": touched});
    let answer = problem(password("ada@example.com", passkey).await).await;
    findings.expect("unverified", answer, (401, "wrong-otp".to_owned()));

    // Another's passkey and challenge, with his own password: Eve asks for one too.
    app.register("eve@example.com").await;
    let eve = app.log_in("eve@example.com").await;
    let mut hers = Browser::new();
    let challenge = begin(&app, &eve.access_token).await;
    let created = hers.create(&challenge).await;
    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/confirm", &eve.access_token, body).await.status(), 201);
    let body = json!({"password": PASSWORD, "required": true});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/second-factor", &eve.access_token, body).await.status(), 200);
    let asked: Value = password("eve@example.com", Value::Null).await.json().await.unwrap();
    let credential = hers.get(&asked).await;
    let passkey = json!({"challenge_id": asked["challenge_id"], "credential": credential});
    let answer = problem(password("ada@example.com", passkey.clone()).await).await;
    findings.expect("O19 another's", answer, (401, "wrong-otp".to_owned()));
    findings.expect("used up", password("eve@example.com", passkey).await.status().as_u16(), 401);
    // Recovery codes are of one account.
    let body = json!({"password": PASSWORD});
    let codes: Value =
        app.send_as(Method::POST, "/api/totp/recovery-codes", &eve.access_token, body).await.json().await.unwrap();
    let code = &codes["recovery_codes"][0];
    let with_code = async |email: &str| {
        app.post("/api/login", json!({"email": email, "password": PASSWORD, "otp": code})).await.status().as_u16()
    };
    findings.expect("O19 another's recovery code", with_code("ada@example.com").await, 401);
    findings.expect("her own", with_code("eve@example.com").await, 200);
    findings.none();
});

on_both!(an_unverified_address_gets_in_by_no_passkey, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut browser = Browser::new();
    let challenge = begin(&app, token).await;
    let created = browser.create(&challenge).await;
    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await.status(), 201);
    app.restart_with(&[("accounts.email_verification", "required")]).await;
    let challenge = login_challenge(&app).await;
    let got = browser.get(&challenge).await;
    let body = json!({"challenge_id": challenge["challenge_id"], "credential": got});
    let answer = app.post("/api/login/passkey/confirm", body).await;
    assert_eq!(problem(answer).await, (403, "email-not-verified".to_owned()));
    let reasons = app.texts("SELECT reason FROM audit WHERE outcome = 'failure'").await;
    assert_eq!(reasons, ["email address not verified"]);
});

on_both!(no_account_has_more_than_twenty, |app| {
    let tokens = app.tokens().await;
    let token = &tokens.access_token;
    let mut browser = Browser::new();
    let challenge = begin(&app, token).await;
    let created = browser.create(&challenge).await;
    for n in 0..20 {
        app.sql(&format!(
            "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at)
             SELECT '{}', id, 'c{n}', 'x', '{{}}', 1 FROM users",
            Uuid::new_v4()
        ))
        .await;
    }
    // Begun before there were so many, and after.
    let body = json!({"challenge_id": challenge["challenge_id"], "name": "x", "credential": created});
    assert_eq!(app.send_as(Method::POST, "/api/passkeys/confirm", token, body).await.status(), 409);
    let begin = app.send_as(Method::POST, "/api/passkeys", token, json!({"password": PASSWORD})).await;
    assert_eq!(begin.status(), 409);
});

on_both!(challenges_are_limited_by_address, [("limits.login_attempts_per_ip", "5/1m")], |app| {
    for _ in 0..5 {
        assert_eq!(app.request(Method::POST, "/api/login/passkey").send().await.unwrap().status(), 200);
    }
    let answer = app.request(Method::POST, "/api/login/passkey").send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(app.texts("SELECT id FROM passkey_challenges").await.len(), 5);
});
