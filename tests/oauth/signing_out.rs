//! Signing out at the authorization server, by the browser.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::house::{SETTINGS, administrator, opens};
use crate::people::{ADA, CALLBACK, ISSUER, LOGOUT, ada, allow, asking, redeem, refresh, tokens, user_tokens, web_app};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

on_both!(signing_out, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    let bye = "http://localhost:8080/bye";
    let signed_in = async || {
        let browser = Browser::default();
        let online = allow(&app, &browser, &asking(&client, &[("scope", "openid")])).await.answer()["code"].clone();
        let offline = allow(&app, &browser, &asking(&client, &[])).await.answer()["code"].clone();
        let online = tokens(redeem(&app, &client, &online, &[]).await).await;
        (browser, online, tokens(redeem(&app, &client, &offline, &[]).await).await)
    };
    let query = |parameters: &[(&str, &str)]| {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{LOGOUT}?{query}")
    };
    let (browser, online, offline) = signed_in().await;
    let hint = online.id_token.clone().unwrap();
    // An ID token may be long over.
    app.hands.advance(Duration::from_hours(2));
    let online = { allow(&app, &browser, &asking(&client, &[("scope", "openid")])).await.answer()["code"].clone() };
    let online = tokens(redeem(&app, &client, &online, &[]).await).await;
    let offline = tokens(refresh(&app, &client, offline.refresh_token.as_ref().unwrap()).await).await;
    let page = browser
        .get(&app, &query(&[("id_token_hint", &hint), ("post_logout_redirect_uri", bye), ("state", "a & b")]))
        .await;
    findings.expect("at once", page.location(), format!("{bye}?state=a+%26+b"));
    findings.expect("signed out", browser.cookies().contains_key("tokenhouse-session"), false);
    findings.expect("what was granted for the while", opens(&app, &online.access_token).await, false);
    findings.expect("what was granted for longer", opens(&app, &offline.access_token).await, true);
    findings.expect(
        "his own login",
        app.get_as("/api/sessions", &app.log_in(ADA).await.access_token).await.status().as_u16(),
        200,
    );
    drop(own);

    // Without a hint, or with another's, he is asked.
    let (browser, ..) = signed_in().await;
    app.register("eve@example.com").await;
    for parameters in [
        vec![],
        vec![("id_token_hint", "nonsense")],
        vec![("client_id", client.id.as_str()), ("post_logout_redirect_uri", bye)],
    ] {
        let page = browser.get(&app, &query(&parameters)).await;
        findings.expect("asked", (page.status.as_u16(), page.html.contains("Sign out?")), (200, true));
    }
    findings.expect("still there", browser.get(&app, "/activate").await.status.as_u16(), 200);
    let page = browser.get(&app, &query(&[("client_id", &client.id), ("post_logout_redirect_uri", bye)])).await;
    let form = page.form(LOGOUT);
    let stranger = Browser::default();
    findings.expect("W1", stranger.submit(&app, &form, &[("decision", "sign_out")]).await.status.as_u16(), 403);
    let page = browser.submit(&app, &form, &[("decision", "sign_out")]).await;
    findings.expect("and then", page.location(), bye.to_owned());
    findings.expect("signed out", browser.get(&app, "/activate").await.location().starts_with("/sign-in"), true);

    // O11, O12: nowhere else, whatever is asked.
    let (browser, online, _) = signed_in().await;
    let hint = online.id_token.unwrap();
    for to in [
        "https://evil.example/",
        "http://localhost:8080/bye/",
        "http://localhost:8080/bye?x",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        CALLBACK,
    ] {
        for who in [
            ("id_token_hint", hint.as_str()),
            ("client_id", client.id.as_str()),
            ("client_id", "0oaunknown"),
            ("x", "y"),
        ] {
            let page = browser.get(&app, &query(&[who, ("post_logout_redirect_uri", to)])).await;
            findings.expect(
                &format!("O12 {to} {}", who.0),
                (page.status.as_u16(), page.headers.contains_key("location")),
                (400, false),
            );
        }
    }
    let page = browser.get(&app, &query(&[("id_token_hint", &hint), ("client_id", "0oaother")])).await;
    findings.expect("another's ID token", page.status.as_u16(), 400);
    findings.expect("still there", browser.get(&app, "/activate").await.status.as_u16(), 200);
    // A hint that nobody can read any more says where to go back to, and asks.
    let stranger = crate::support::tokens::base64url(json!({"alg": "RS256", "kid": "gone", "typ": "JWT"}).to_string());
    let claims = json!({"iss": ISSUER, "sub": "x", "aud": client.id, "exp": 1_900_000_000});
    let old = format!("{stranger}.{}.AAAA", crate::support::tokens::base64url(claims.to_string()));
    let page = browser.get(&app, &query(&[("id_token_hint", &old), ("post_logout_redirect_uri", bye)])).await;
    findings.expect("an old hint", page.html.contains("Sign out?"), true);
    // An access token is no hint.
    let page = browser.get(&app, &query(&[("id_token_hint", &online.access_token)])).await;
    findings.expect("J24", page.html.contains("Sign out?"), true);
    // A client's own form.
    let request = app.request(Method::POST, LOGOUT).form(&[("id_token_hint", &hint)]);
    let page = browser.send(request).await;
    let page = browser.get(&app, &page.location()).await;
    findings.expect("by a form", page.html.contains("You are signed out"), true);
    findings.none();
});

on_both!(signing_out_beside_a_refresh, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    for _ in 0..5 {
        let got = user_tokens(&app, &client).await;
        let sid = TestApp::claims(&got.access_token)["sid"].as_str().unwrap().to_owned();
        let path = format!("/api/sessions/{sid}");
        let ending = async { app.request(Method::DELETE, &path).bearer_auth(&own.access_token).send().await.unwrap() };
        let (ended, next) = tokio::join!(ending, refresh(&app, &client, got.refresh_token.as_ref().unwrap()));
        assert_eq!(ended.status(), 204);
        assert!(!opens(&app, &got.access_token).await, "O5");
        if next.status() == 200 {
            let next = tokens(next).await;
            assert!(!opens(&app, &next.access_token).await, "O5");
            assert_eq!(refresh(&app, &client, &next.refresh_token.unwrap()).await.status(), 400, "O5");
        }
    }
});
