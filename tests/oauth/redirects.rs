//! Nobody is sent anywhere else: redirect URIs (O11, O13, R14, R15), and what comes back in answers (O14).

use serde_json::{Value, json};

use crate::house::{SETTINGS, add, administrator};
use crate::people::{ADA, CALLBACK, CONSENT, ada, allow, asking, made, native_app, web_app};
use crate::support::app::on_both;
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

on_both!(only_to_registered_addresses, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    allow(&app, &browser, &asking(&client, &[])).await;
    let mut wrong: Vec<String> = [
        "http://localhost:8080/authorization-code",
        "http://localhost:8080/authorization-code/callback/more",
        "http://localhost:8080/authorization-code/callback/",
        "http://localhost:8080/x/..;/authorization-code/callback",
        "http://localhost:8080/x/../authorization-code/callback",
        "http://localhost:8080/%2e%2e/authorization-code/callback",
        "http://localhost:8080@evil.example/authorization-code/callback",
        "http://evil@@localhost:8080/authorization-code/callback",
        "http://user@localhost:8080/authorization-code/callback",
        "http://LOCALHOST:8080/authorization-code/callback",
        "HTTP://localhost:8080/authorization-code/callback",
        "http://localhost:8080/authorization-code/callback?code=x",
        "http://localhost:8080/authorization-code/callback?a=1",
        "http://localhost:8080/authorization-code/callback#state=y",
        "http://localhost:8080/authorization-code/callback#",
        "http://localhost:8081/authorization-code/callback",
        "http://localhost/authorization-code/callback",
        "http://localhost.evil.example:8080/authorization-code/callback",
        "http://evil.example/authorization-code/callback",
        "https://localhost:8080/authorization-code/callback",
        "http://127.0.0.1:8080/authorization-code/callback",
        "http://lоcalhost:8080/authorization-code/callback",
        "//localhost:8080/authorization-code/callback",
        "/\\evil.example",
        "/authorization-code/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        " http://localhost:8080/authorization-code/callback",
        "http://localhost:8080/authorization-code/callback\u{0}",
        "http://localhost:8080/authorization-code/callback\r\nX: y",
        "http://localhost:8080/authorization.code/callback",
        "*",
    ]
    .map(str::to_owned)
    .to_vec();
    wrong.push("x".repeat(8000));
    let refused = |page: &crate::support::browser::Page| {
        let is_html = page.headers["content-type"] == "text/html; charset=utf-8";
        (page.status.as_u16(), page.headers.contains_key("location"), is_html)
    };
    for wrong in &wrong {
        let page = browser.get(&app, &asking(&client, &[("redirect_uri", wrong)])).await;
        findings.expect(&format!("O11, R15 {wrong:?}"), refused(&page), (400, false, true));
    }
    for (row, address) in [
        ("none", asking(&client, &[("redirect_uri", "")])),
        (
            "two",
            format!(
                "{}&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fauthorization-code%2Fcallback",
                asking(&client, &[])
            ),
        ),
        ("no client", asking(&client, &[("client_id", "")])),
        ("unknown client", asking(&client, &[("client_id", "0oaunknown")])),
        ("two clients", format!("{}&client_id=0oa1", asking(&client, &[]))),
    ] {
        let page = browser.get(&app, &address).await;
        findings.expect(&format!("O11, R15 {row}"), refused(&page), (400, false, true));
    }
    findings.none();
});

on_both!(native_apps, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    for (uri, starts) in [
        ("http://127.0.0.1/callback", "http://127.0.0.1/callback?code="),
        ("http://127.0.0.1:61000/callback", "http://127.0.0.1:61000/callback?code="),
        ("com.example.app:/callback", "com.example.app:/callback?code="),
        ("https://app.example/callback", "https://app.example/callback?code="),
    ] {
        let page = allow(&app, &browser, &asking(&client, &[("redirect_uri", uri), ("scope", "openid")])).await;
        findings.expect(uri, page.location().starts_with(starts), true);
    }
    // Keycloak CVE-2024-8883, and its neighbours.
    for uri in [
        "http://127.0.0.1:61000@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:61000.evil.example/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:61000/callback?x",
        "http://[::1]:61000/callback",
        "http://localhost:61000/callback",
        "https://app.example:61000/callback",
        "com.example.app:/callback/x",
        "com.example.app:/callbac",
        "com.example.other:/callback",
    ] {
        let page = browser.get(&app, &asking(&client, &[("redirect_uri", uri), ("scope", "openid")])).await;
        findings.expect(uri, (page.status.as_u16(), page.headers.contains_key("location")), (400, false));
    }
    findings.none();
});

on_both!(what_may_be_registered, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    for uri in [
        "http://evil.example/",
        "javascript:alert(1)",
        "/callback",
        "https://a.example/#x",
        "https://u@a.example/",
        "https://a.example/?code=1",
        "https://a.example/#state=y",
        "https://bücher.example/",
        "https://a.example/a b",
        "",
    ] {
        for field in ["redirect_uris", "post_logout_redirect_uris"] {
            let mut body = json!({"name": "x", "grants": ["authorization_code"], "redirect_uris": [CALLBACK]});
            body[field] = json!([uri]);
            let response = add(&app, &admin, body).await;
            let status = response.status().as_u16();
            let told: Value = response.json().await.unwrap();
            findings.expect(
                &format!("O11, O13 {field} {uri:?}"),
                (status, told["errors"][0]["field"].as_str()),
                (422, Some(field)),
            );
        }
    }
    for (row, body, field) in [
        ("no redirect URI", json!({"name": "x", "grants": ["authorization_code"]}), "redirect_uris"),
        (
            "for nothing",
            json!({"name": "x", "grants": ["client_credentials"], "redirect_uris": [CALLBACK]}),
            "redirect_uris",
        ),
        ("refresh alone", json!({"name": "x", "grants": ["refresh_token"]}), "grants"),
        ("R22 password", json!({"name": "x", "grants": ["password"]}), "grants"),
        ("R22 implicit", json!({"name": "x", "grants": ["implicit"]}), "grants"),
        ("public for itself", json!({"name": "x", "grants": ["client_credentials"], "auth_method": "none"}), "grants"),
        ("audience", json!({"name": "x", "audience": "a b"}), "audience"),
        ("refresh_ttl", json!({"name": "x", "refresh_ttl": "2y"}), "refresh_ttl"),
    ] {
        let response = add(&app, &admin, body).await;
        let status = response.status().as_u16();
        let told: Value = response.json().await.unwrap();
        findings.expect(row, (status, told["errors"][0]["field"].as_str()), (422, Some(field)));
    }
    // O18: what clients cannot have is not had by asking.
    for (member, value) in [("owner_id", json!("x")), ("disabled", json!(true)), ("id", json!("0oamine"))] {
        let mut body = json!({"name": "x", "grants": ["authorization_code"], "redirect_uris": [CALLBACK]});
        body[member] = value;
        let response = add(&app, &admin, body).await;
        let status = response.status().as_u16();
        let told: Value = response.json().await.unwrap();
        findings.expect(
            &format!("O18 {member}"),
            (status, told["type"].as_str()),
            (400, Some("urn:tokenhouse:problem:bad-json")),
        );
    }
    findings.none();
});

on_both!(what_comes_back_is_text, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let markup = "\"><script>alert(1)</script>";
    let body = json!({"name": markup, "grants": ["authorization_code"], "redirect_uris": [CALLBACK]});
    let named = made(add(&app, &admin, body).await).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = allow(&app, &browser, &asking(&client, &[("state", markup), ("nonce", markup)])).await;
    assert_eq!(page.answer()["state"], markup, "O14");
    assert!(!page.location().contains('<'), "O14");
    for address in [
        asking(&named, &[("state", markup), ("nonce", markup), ("scope", "openid")]),
        format!("/sign-in?email={0}&return_to={0}", "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        format!("/activate?user_code={}", "%22%3E%3Cscript%3E"),
        "/oauth2/default/v1/logout?state=%22%3E%3Cscript%3E".to_owned(),
    ] {
        let page = browser.get(&app, &address).await;
        assert_eq!(page.status, 200, "{address}");
        assert!(!page.html.contains("<script>"), "O14, W7 {address}: {}", page.html);
    }
    let page = browser.get(&app, &asking(&named, &[("scope", "openid")])).await;
    let answer = browser.submit(&app, &page.form(CONSENT), &[("decision", "allow")]).await;
    assert!(answer.answer().contains_key("code"), "{ADA}");
});
