//! Which client it is: O9, O15, R42, R44, R46, R58, S7.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Client, INTROSPECT, REVOKE, SETTINGS, TOKEN, add, administrator, client, error};
use crate::support::app::{TestApp, on_both};
use crate::support::tokens::Findings;

const GRANT: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "first")];

async fn with_header(app: &TestApp, header: &str) -> reqwest::Response {
    app.request(Method::POST, TOKEN).header("authorization", header).form(&GRANT).send().await.unwrap()
}

on_both!(either_way_of_a_secret_and_no_other, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    let mut findings = Findings::default();
    let basic = |scheme: &str, pair: &str| format!("{scheme} {}", STANDARD.encode(pair));
    let encoded = secret.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    for (row, header, right) in [
        ("R58 plain", basic("Basic", &format!("{id}:{secret}")), 200),
        ("R58 scheme", basic("bASIC", &format!("{id}:{secret}")), 200),
        ("R58 form-encoded", basic("Basic", &format!("{id}:{encoded}")), 200),
        ("R58 no colon", basic("Basic", id), 401),
        ("R58 no secret", basic("Basic", &format!("{id}:")), 401),
        ("R58 no base64", "Basic !!!".to_owned(), 401),
        ("wrong", basic("Basic", &format!("{id}:{secret}x")), 401),
        ("cut", basic("Basic", &format!("{id}:{}", &secret[..secret.len() - 1])), 401),
        ("blank", basic("Basic", &format!("{id}:{secret} ")), 401),
        ("case of the id", basic("Basic", &format!("{}:{secret}", id.to_uppercase())), 401),
        ("SQL", basic("Basic", "' OR 1=1--:x"), 401),
        ("O15 an administrator's token", format!("Bearer {admin}"), 401),
        ("O15 its own token", format!("Bearer {}", client.token(&app).await), 401),
        ("another scheme", "Digest x".to_owned(), 401),
    ] {
        let response = with_header(&app, &header).await;
        findings.expect(row, response.status().as_u16(), right);
        if right == 401 {
            findings.expect(row, error(response).await, (401, "invalid_client".to_owned()));
        }
    }
    let in_body = |id: &str, secret: &str| {
        let form = [GRANT[0], GRANT[1], ("client_id", id), ("client_secret", secret)];
        app.request(Method::POST, TOKEN).form(&form).send()
    };
    findings.expect("in the body", in_body(id, secret).await.unwrap().status().as_u16(), 200);
    findings.expect("wrong in the body", in_body(id, "x").await.unwrap().status().as_u16(), 401);
    findings.expect("O8 empty id", in_body("", secret).await.unwrap().status().as_u16(), 401);
    findings.expect("empty secret", in_body(id, "").await.unwrap().status().as_u16(), 401);
    let two = app.request(Method::POST, TOKEN).basic_auth(id, Some(secret)).basic_auth(id, Some(secret)).form(&GRANT);
    findings.expect("two headers", error(two.send().await.unwrap()).await, (400, "invalid_request".to_owned()));
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let nobody = app.request(Method::POST, path).form(&[GRANT[0], ("token", "x")]).send().await.unwrap();
        findings.expect("R47, R55 nobody", error(nobody).await, (401, "invalid_client".to_owned()));
    }
    findings.none();
});

on_both!(an_unknown_client_and_a_wrong_secret_look_alike, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let disabled = crate::house::client(&app, &admin).await;
    let path = format!("/api/admin/clients/{}", disabled.id);
    assert_eq!(app.send_as(Method::PATCH, &path, &admin, json!({"disabled": true})).await.status(), 200);
    let mut seen = Vec::new();
    for (id, secret) in
        [(client.id.as_str(), "wrong"), ("0oaunknown", client.secret.as_str()), (&disabled.id, &disabled.secret)]
    {
        let header = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        let response = with_header(&app, &header).await;
        let mut headers = response.headers().clone();
        for changing in ["date", "x-request-id"] {
            headers.remove(changing);
        }
        seen.push((response.status(), headers, response.bytes().await.unwrap()));
    }
    assert_eq!(seen[0], seen[1], "O9");
    assert_eq!(seen[0], seen[2], "O6");
    assert!(seen[0].1["www-authenticate"].to_str().unwrap().contains("Basic realm="), "R42: {:?}", seen[0].1);
    let acts = "SELECT act || ' ' || outcome || ' ' || actor || ' ' || COALESCE(client_id, '-') FROM audit WHERE act = 'client.authenticate' ORDER BY at, client_id";
    crate::support::app::eventually("the failures are recorded", async || app.texts(acts).await.len() == 3).await;
    let recorded = app.texts(acts).await;
    assert!(recorded.contains(&format!("client.authenticate failure client {}", client.id)), "{recorded:?}");
    assert!(recorded.contains(&"client.authenticate failure client -".to_owned()), "{recorded:?}");
});

on_both!(a_fixed_way, SETTINGS, |app| {
    let admin = administrator(&app).await;
    for (fixed, in_header, in_body) in [("client_secret_basic", 200, 401), ("client_secret_post", 401, 200)] {
        let body = json!({"name": "x", "grants": ["client_credentials"], "scopes": ["first"], "auth_method": fixed});
        let made: Value = add(&app, &admin, body).await.json().await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let client = Client { id: text("client_id"), secret: text("client_secret") };
        assert_eq!(client.send(&app, TOKEN, &GRANT).await.status(), in_header, "{fixed}");
        let form = [GRANT[0], ("client_id", &client.id), ("client_secret", &client.secret)];
        let response = app.request(Method::POST, TOKEN).form(&form).send().await.unwrap();
        assert_eq!(response.status(), in_body, "{fixed}");
    }
});

on_both!(
    failures_are_limited_and_good_ones_are_not,
    [SETTINGS[1], ("limits.login_attempts_per_ip", "3/1m"), ("limits.register_per_ip", "20/1h")],
    |app| {
        let admin = administrator(&app).await;
        let client = client(&app, &admin).await;
        for _ in 0..20 {
            assert_eq!(client.send(&app, TOKEN, &GRANT).await.status(), 200);
        }
        let wrong = Client { secret: "wrong".to_owned(), ..client.clone() };
        for _ in 0..3 {
            assert_eq!(wrong.send(&app, TOKEN, &GRANT).await.status(), 401);
        }
        for path in [TOKEN, INTROSPECT, REVOKE] {
            let limited = wrong.send(&app, path, &[GRANT[0], ("token", "x")]).await;
            assert!(limited.headers().contains_key("retry-after"));
            assert_eq!(error(limited).await, (429, "temporarily_unavailable".to_owned()));
        }
        assert_eq!(client.send(&app, TOKEN, &GRANT).await.status(), 200, "from the same address");
        app.hands.advance(std::time::Duration::from_secs(21));
        assert_eq!(wrong.send(&app, TOKEN, &GRANT).await.status(), 401);
    }
);
