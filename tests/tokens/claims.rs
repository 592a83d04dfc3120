//! Claims that a verifier must not believe, however well they are signed: J13, J17 to J22, J31.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{TestApp, problem};
use crate::support::tokens::Findings;
use crate::table::{Stage, good, refused};

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_the_wrong_type_or_value() {
    let stage = Stage::set().await;
    let (forge, claims, now) = (&stage.forge, &stage.claims, stage.now());
    let with = |changes| forge.with_claims(claims, changes);
    let mut rows = vec![good("unchanged", with(json!({})))];
    // J17. As text, because some of these are no numbers to a JSON library.
    let exp = claims["exp"].to_string();
    for value in [
        "null",
        "\"9999999999\"",
        "1e30",
        "1e10",
        "-1",
        "0",
        "1.5",
        &format!("{exp}.5"),
        &format!("\"{exp}\""),
        "true",
        "[]",
        "{}",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551616",
    ] {
        let payload = claims.to_string().replace(&format!("\"exp\":{exp}"), &format!("\"exp\":{value}"));
        assert_ne!(payload, claims.to_string());
        rows.push(refused(&format!("J17 {value}"), forge.sign(forge.header(json!({})), payload)));
    }
    rows.push(refused("J17 missing", with(json!({"exp": null}))));
    rows.push(refused("J17 lives for two days", with(json!({"exp": now + 2 * 86_400}))));
    rows.push(good("J17 lives for a day", with(json!({"exp": now + 86_400}))));
    rows.push(refused("J17 iat missing", with(json!({"iat": null}))));
    // J19.
    for (id, changes) in [
        ("nbf", json!({"nbf": now + 3600})),
        ("nbf text", json!({"nbf": now.to_string()})),
        ("nbf fraction", json!({"nbf": 1.5})),
        ("iat", json!({"iat": now + 3600, "exp": now + 7200})),
        ("iat text", json!({"iat": now.to_string()})),
    ] {
        rows.push(refused(&format!("J19 {id}"), with(changes)));
    }
    // J20, J31.
    let issuer = claims["iss"].as_str().unwrap();
    for value in [
        json!(null),
        json!("https://evil.example"),
        json!(format!("{issuer}/")),
        json!(issuer.to_uppercase()),
        json!([issuer, "https://evil.example"]),
        json!([issuer]),
        json!(7),
        json!({"iss": issuer}),
        json!("https://login.example.com/oauth2/default"),
    ] {
        rows.push(refused(&format!("J20 {value}"), with(json!({ "iss": value }))));
    }
    // J21.
    for value in [json!(null), json!("api://other"), json!([]), json!(["x"]), json!({"api://default": 1}), json!(7)] {
        rows.push(refused(&format!("J21 {value}"), with(json!({ "aud": value }))));
    }
    rows.push(refused("J21 [ours, 7]", with(json!({"aud": ["api://default", 7]}))));
    rows.push(good("J21 [x, ours]", with(json!({"aud": ["x", "api://default"]}))));
    // J22.
    let (other, sid) = ("00000000-0000-4000-8000-000000000000", claims["sid"].as_str().unwrap());
    for (id, changes) in [
        ("missing", json!({"sub": null})),
        ("number", json!({"sub": 7})),
        ("empty", json!({"sub": "", "uid": ""})),
        ("unknown", json!({"sub": other, "uid": other})),
        ("unknown, uid ours", json!({ "sub": other })),
        ("no UUID", json!({"sub": "ada", "uid": "ada"})),
        ("client for user", json!({"sub": "0oa1", "uid": null})),
        ("session missing", json!({"sid": null})),
        ("session unknown", json!({ "sid": other })),
        ("session no UUID", json!({"sid": "' OR 1=1--"})),
        ("session list", json!({"sid": [sid]})),
        ("client missing", json!({"cid": null, "client_id": null})),
        ("clients differ", json!({"cid": "tokenhouse", "client_id": "0oa1"})),
        ("another client", json!({"cid": "0oa1", "client_id": "0oa1"})),
    ] {
        rows.push(refused(&format!("J22 {id}"), with(changes)));
    }
    // J13: which of two would be believed?
    for name in ["sub", "exp", "aud", "scp", "custom"] {
        let twice = format!("{{\"{name}\":{},{}", claims[name], &claims.to_string()[1..]);
        let twice = if name == "custom" { twice.replacen('{', "{\"custom\":1,", 1) } else { twice };
        rows.push(refused(&format!("J13 {name}"), forge.sign(forge.header(json!({})), twice)));
    }
    stage.play(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_to_the_second() {
    let stage = Stage::set().await;
    let (app, forge, now) = (&stage.app, &stage.forge, stage.now());
    let leeway = 30;
    let mut findings = Findings::default();
    // Each held against the clock as it stands now, never seen before; and one that is in memory already.
    for (id, exp, right) in [
        ("J18 exp = now - 1", now - 1, 200),
        ("J18 exp = now - leeway + 1", now - leeway + 1, 200),
        ("J18 exp = now - leeway", now - leeway, 401),
        ("J18 exp = now - leeway - 2", now - leeway - 2, 401),
    ] {
        let token = forge.with_claims(&stage.claims, json!({"exp": exp, "iat": now - 3600}));
        findings.expect(id, app.get_as("/api/profile", &token).await.status().as_u16(), right);
    }
    for (id, nbf, right) in [("J19 nbf = now + leeway", now + leeway, 200), ("J19 nbf beyond", now + leeway + 1, 401)] {
        let token = forge.with_claims(&stage.claims, json!({ "nbf": nbf }));
        findings.expect(id, app.get_as("/api/profile", &token).await.status().as_u16(), right);
    }
    assert_eq!(app.status_of(&stage.good).await, 200);
    app.hands.advance(Duration::from_secs(3600 + 29));
    findings.expect("J18 known, last second", app.get_as("/api/profile", &stage.good).await.status().as_u16(), 200);
    app.hands.advance(Duration::from_secs(1));
    findings.expect("J18 known, over", app.get_as("/api/profile", &stage.good).await.status().as_u16(), 401);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_or_far_forward_harms_nobody() {
    let stage = Stage::set().await;
    let app = &stage.app;
    for (year, right) in [("1970", 401), ("2025", 401), ("2038", 401), ("2106", 401), ("9999", 401)] {
        app.hands.set_wall(format!("{year}-02-07T06:28:16Z").parse().unwrap());
        assert_eq!(app.get_as("/api/profile", &stage.good).await.status(), right, "{year}");
    }
    app.hands.set_wall("2026-06-01T12:00:30Z".parse().unwrap());
    assert_eq!(app.get_as("/api/profile", &stage.good).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_one_kind_are_no_tokens_of_another() {
    let stage = Stage::set().await;
    let tokens = stage.app.log_in("ada@example.com").await;
    let refresh_as_access = stage.app.get_as("/api/profile", &tokens.refresh_token).await;
    assert_eq!(problem(refresh_as_access).await, (401, "invalid-token".to_owned()), "J24");
    let access_as_refresh = stage.app.refresh(&tokens.access_token).await;
    assert_eq!(problem(access_as_refresh).await, (401, "refresh-token-not-good".to_owned()), "J24");
    // An ID token of the same key: for a client, with its nonce, and by its type.
    let now = stage.now();
    let id_token = json!({
        "iss": stage.claims["iss"], "sub": stage.claims["sub"], "aud": "tokenhouse", "iat": now, "exp": now + 600,
        "nonce": "n", "auth_time": now, "amr": ["pwd"]
    });
    let rows = vec![
        refused("J24 ID token", stage.forge.with_header(&id_token, json!({"typ": "JWT"}))),
        refused("J24 ID token, disguised", stage.forge.with_header(&id_token, json!({}))),
    ];
    stage.play(rows).await;
    assert_eq!(TestApp::claims(&tokens.access_token)["aud"], "api://default");
}
