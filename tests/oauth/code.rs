//! Authorization codes: from the page to the token, and everything that is none.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::house::{Client, SETTINGS, administrator, error, opens};
use crate::people::{
    ADA, CALLBACK, CONSENT, ISSUER, VERIFIER, ada, allow, asking, code, made, native_app, redeem, refresh, show,
    tokens, user_tokens, web_app,
};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

on_both!(from_the_page_to_the_token, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (id, _) = ada(&app).await;
    let browser = Browser::default();

    let page = browser.get(&app, &asking(&client, &[("login_hint", ADA)])).await;
    let sign_in = page.location();
    assert!(sign_in.starts_with("/sign-in?return_to=%2Foauth2%2Fdefault%2Fv1%2Fauthorize%3F"), "{sign_in}");
    let page = browser.get(&app, &sign_in).await;
    assert!(page.html.contains("value=\"ada@example.com\""), "the hint: {}", page.html);
    let page = browser.sign_in(&app, &sign_in, ADA).await;
    let page = browser.get(&app, &page.location()).await;
    assert_eq!(page.status, 200);
    for words in [
        "Allow A shop?",
        ADA,
        "See your name and the address",
        "See your email address",
        "Keep access while",
        "<li>first</li>",
    ] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    let page = browser.submit(&app, &page.form(CONSENT), &[("decision", "allow")]).await;
    assert!(page.location().starts_with(&format!("{CALLBACK}?code=")), "{}", page.location());
    let answer = page.answer();
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("a state & more", ISSUER), "R24");
    assert_eq!(answer.len(), 3);

    let response = redeem(&app, &client, &answer["code"], &[]).await;
    assert_eq!(response.headers()["cache-control"], "no-store", "R39");
    let got = tokens(response).await;
    assert_eq!((got.token_type.as_str(), got.expires_in), ("Bearer", 3600));
    assert_eq!(got.scope, "openid profile email offline_access first");
    let claims = TestApp::claims(&got.access_token);
    assert_eq!(
        [&claims["sub"], &claims["uid"], &claims["cid"], &claims["client_id"]],
        [id.as_str(), &id, &client.id, &client.id]
    );
    assert_eq!(claims["scope"], got.scope.as_str());
    assert!(opens(&app, &got.access_token).await);
    assert!(got.refresh_token.is_some() && got.id_token.is_some());

    // Allowed once, it is not asked for again, nor is the password; for more it is.
    let page = browser.get(&app, &asking(&client, &[])).await;
    assert!(page.answer().contains_key("code"));
    let page = browser.get(&app, &asking(&client, &[("scope", "openid second")])).await;
    assert!(page.html.contains("<li>second</li>"), "{}", page.html);
    let acts =
        app.texts("SELECT act FROM audit WHERE client_id IS NOT NULL AND act <> 'client.add' ORDER BY at, act").await;
    assert_eq!(acts, ["client.authorize", "client.authorize", "client.session"]);
});

on_both!(whoever_says_no, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = browser.get(&app, &asking(&client, &[])).await;
    let page = browser.sign_in(&app, &page.location(), ADA).await;
    let page = browser.get(&app, &page.location()).await;
    let form = page.form(CONSENT);
    assert_eq!(browser.submit(&app, &form, &[]).await.status, 400, "neither button");
    let answer = browser.submit(&app, &form, &[("decision", "deny")]).await.answer();
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", "a state & more"));
    assert_eq!(answer["iss"], ISSUER);
    let denied = app.texts("SELECT reason FROM audit WHERE act = 'client.authorize'").await;
    assert_eq!(denied, ["the user said no"]);
    // And is asked again the next time.
    assert_eq!(browser.get(&app, &asking(&client, &[])).await.status, 200);
});

on_both!(what_no_code_is_given_for, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let machine = crate::house::client(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    allow(&app, &browser, &asking(&client, &[])).await;
    let long = "x".repeat(2049);
    for (row, parameters, expected) in [
        ("O10 no challenge", vec![("code_challenge", "")], "invalid_request"),
        ("R16 plain", vec![("code_challenge_method", "plain")], "invalid_request"),
        ("R16 no method, which means plain", vec![("code_challenge_method", "")], "invalid_request"),
        ("O10 a short challenge", vec![("code_challenge", "abc")], "invalid_request"),
        ("R22 token", vec![("response_type", "token")], "unsupported_response_type"),
        ("R22 id_token", vec![("response_type", "id_token")], "unsupported_response_type"),
        ("code id_token", vec![("response_type", "code id_token")], "unsupported_response_type"),
        ("no response type", vec![("response_type", "")], "invalid_request"),
        ("a scope of others", vec![("scope", "openid third")], "invalid_scope"),
        ("an unknown scope", vec![("scope", "openid nonsense")], "invalid_scope"),
        ("admin", vec![("scope", "openid admin")], "invalid_scope"),
        ("response_mode", vec![("response_mode", "fragment")], "invalid_request"),
        ("request", vec![("request", "eyJ")], "request_not_supported"),
        ("request_uri", vec![("request_uri", "https://a.example")], "request_uri_not_supported"),
        ("prompt", vec![("prompt", "nonsense")], "invalid_request"),
        ("prompt none and more", vec![("prompt", "none login")], "invalid_request"),
        ("max_age", vec![("max_age", "soon")], "invalid_request"),
        ("a long nonce", vec![("nonce", long.as_str())], "invalid_request"),
        ("a NUL", vec![("nonce", "a\u{0}b")], "invalid_request"),
        ("a NUL", vec![("state", "a\u{0}b")], "invalid_request"),
        ("a line end", vec![("login_hint", "a\nb")], "invalid_request"),
        ("nonsense for a hint", vec![("id_token_hint", "nonsense"), ("prompt", "none")], "login_required"),
        ("R43 twice", vec![("nonce", "a"), ("nonce", "b")], "invalid_request"),
    ] {
        let page = browser.get(&app, &asking(&client, &parameters)).await;
        let answer = page.answer();
        findings.expect(row, answer.get("error").map(String::as_str), Some(expected));
        findings.expect(row, answer.get("iss").map(String::as_str), Some(ISSUER));
        findings.expect(row, answer.contains_key("code"), false);
    }
    // An unknown parameter is ignored, and an empty one is as if it were not there.
    let page = browser.get(&app, &asking(&client, &[("nonsense", "1")])).await;
    findings.expect("R43 unknown", page.answer().contains_key("code"), true);
    let page = browser.get(&app, &format!("{}&prompt=&max_age=", asking(&client, &[]))).await;
    findings.expect("R43 empty", page.answer().contains_key("code"), true);
    let head = app.request(Method::HEAD, &asking(&client, &[])).send().await.unwrap();
    findings.expect("HEAD does nothing", head.status().as_u16(), 405);
    let page = browser.get(&app, &asking(&client, &[("id_token_hint", "nonsense")])).await;
    findings.expect("a hint that nobody can read says nothing", page.answer().contains_key("code"), true);
    // A client that is for machines has no redirect URI at all.
    let page = browser.get(&app, &asking(&machine, &[])).await;
    findings.expect("R15 no redirect URI", (page.status.as_u16(), page.headers.get("location").is_none()), (400, true));
    // A disabled client.
    let path = format!("/api/admin/clients/{}", client.id);
    app.send_as(Method::PATCH, &path, &admin, json!({"disabled": true})).await;
    let page = browser.get(&app, &asking(&client, &[])).await;
    findings.expect("O6", (page.status.as_u16(), page.headers.get("location").is_none()), (400, true));
    findings.none();
});

on_both!(what_a_code_is_not_good_for, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let other = web_app(&app, &admin).await;
    ada(&app).await;
    let invalid = (400, "invalid_grant".to_owned());
    let swapped = "x".repeat(43);
    let (short, long) = ("x".repeat(42), "x".repeat(129));
    for (row, parameters) in [
        ("R17 no verifier", vec![("code_verifier", "")]),
        ("O10 swapped verifier", vec![("code_verifier", swapped.as_str())]),
        ("O10 the challenge itself", vec![("code_verifier", crate::people::CHALLENGE)]),
        ("O10 42 characters", vec![("code_verifier", short.as_str())]),
        ("O10 129 characters", vec![("code_verifier", long.as_str())]),
        ("O10 bad characters", vec![("code_verifier", "dBjftJeZ4CVP+mB92K27uhbUJU1p1r/wW1gFWFOEjXk=")]),
        ("another redirect URI", vec![("redirect_uri", "http://localhost:8080/other")]),
    ] {
        let code = code(&app, &client, &[]).await;
        findings.expect(row, error(redeem(&app, &client, &code, &parameters).await).await, invalid.clone());
        // It was used up by that, but for verifiers that cannot be ones.
        let again = redeem(&app, &client, &code, &[]).await.status().as_u16();
        let is_kept =
            parameters[0].0 == "code_verifier" && !(43..=128).contains(&parameters[0].1.len()) || row.contains("bad");
        findings.expect(&format!("{row}: used up"), again, if is_kept { 200 } else { 400 });
    }
    let code = code(&app, &client, &[]).await;
    findings.expect("O7 another client", error(redeem(&app, &other, &code, &[]).await).await, invalid.clone());
    for (row, wrong) in [("cut", &code[1..]), ("nonsense", "x"), ("longer", &format!("{code}x"))] {
        findings.expect(row, error(redeem(&app, &client, wrong, &[]).await).await, invalid.clone());
    }
    for missing in ["code", "redirect_uri"] {
        let found = error(redeem(&app, &client, &code, &[(missing, "")]).await).await;
        findings.expect(missing, found, (400, "invalid_request".to_owned()));
    }
    findings.expect("and still good for its own", redeem(&app, &client, &code, &[]).await.status().as_u16(), 200);
    findings.none();
});

on_both!(a_code_is_good_for_a_minute, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let late = code(&app, &client, &[]).await;
    app.hands.advance(Duration::from_mins(1));
    assert_eq!(error(redeem(&app, &client, &late, &[]).await).await.1, "invalid_grant", "R19");
    let in_time = code(&app, &client, &[]).await;
    app.hands.advance(Duration::from_secs(59));
    assert_eq!(redeem(&app, &client, &in_time, &[]).await.status(), 200);
});

on_both!(a_code_that_comes_twice_ends_what_it_gave, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let code = code(&app, &client, &[]).await;
    let got = tokens(redeem(&app, &client, &code, &[]).await).await;
    assert!(opens(&app, &got.access_token).await);
    assert_eq!(error(redeem(&app, &client, &code, &[]).await).await, (400, "invalid_grant".to_owned()), "R18");
    assert!(!opens(&app, &got.access_token).await, "R18");
    assert_eq!(refresh(&app, &client, &got.refresh_token.unwrap()).await.status(), 400, "R18");
    let acts = app.texts("SELECT outcome FROM audit WHERE act = 'authorization_code.reuse'").await;
    assert_eq!(acts, ["failure"]);
});

on_both!(of_twenty_at_once_one_gets_tokens, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let code = code(&app, &client, &[]).await;
    let all = (0..20).map(|_| async { redeem(&app, &client, &code, &[]).await.status().as_u16() });
    let mut all = futures_util::future::join_all(all).await;
    all.sort_unstable();
    assert_eq!(all[0], 200, "O4");
    assert!(all[1..].iter().all(|status| *status == 400), "O4: {all:?}");
});

on_both!(a_code_of_somebody_who_is_out, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (id, _) = ada(&app).await;
    let mut codes = Vec::new();
    let browser = Browser::default();
    for _ in 0..2 {
        codes.push(allow(&app, &browser, &asking(&client, &[])).await.answer()["code"].clone());
    }
    let response = app.post_as(&format!("/api/admin/users/{id}/logout"), &admin).await;
    assert_eq!(response.status(), 204);
    assert_eq!(error(redeem(&app, &client, &codes[0], &[]).await).await.1, "invalid_grant", "O5: signed out");
    let fresh = code(&app, &client, &[]).await;
    let path = format!("/api/admin/users/{id}");
    assert_eq!(app.send_as(Method::PATCH, &path, &admin, json!({"disabled": true})).await.status(), 200);
    assert_eq!(error(redeem(&app, &client, &fresh, &[]).await).await.1, "invalid_grant", "O6");
});

on_both!(what_was_taken_from_a_client_meanwhile, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let waiting = code(&app, &client, &[]).await;
    let path = format!("/api/admin/clients/{}", client.id);
    let change = json!({"scopes": ["second"], "grants": ["authorization_code"]});
    assert_eq!(app.send_as(Method::PATCH, &path, &admin, change).await.status(), 200);
    let got = tokens(redeem(&app, &client, &waiting, &[]).await).await;
    assert_eq!((got.scope.as_str(), got.refresh_token), ("openid profile email", None));
});

on_both!(whoever_ends_a_clients_session_is_asked_again, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let (_, own) = ada(&app).await;
    let browser = Browser::default();
    let silent = asking(&client, &[("prompt", "none")]);
    for way in ["one", "all"] {
        let page = allow(&app, &browser, &asking(&client, &[])).await;
        tokens(redeem(&app, &client, &page.answer()["code"], &[]).await).await;
        assert!(browser.get(&app, &silent).await.answer().contains_key("code"));
        let sessions: serde_json::Value = app.get_as("/api/sessions", &own.access_token).await.json().await.unwrap();
        let of_client = sessions.as_array().unwrap().iter().find(|session| session["kind"] == "client").unwrap();
        let path = format!("/api/sessions/{}", of_client["id"].as_str().unwrap());
        let path = if way == "one" { path.as_str() } else { "/api/sessions" };
        let ended = app.request(Method::DELETE, path).bearer_auth(&own.access_token).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        let browser = Browser::default();
        browser.sign_in(&app, "/sign-in", ADA).await;
        assert_eq!(browser.get(&app, &silent).await.answer()["error"], "consent_required", "{way}");
    }
});

on_both!(a_client_that_asks_on_and_on, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let first = user_tokens(&app, &client).await;
    // A hundred more, behind the server's back.
    let copy = "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, family_hash, refresh_hash, successor_salt, methods, kind, client_id, scopes)
                SELECT 'copy-' || n, user_id, created_at + 1, last_used_at, expires_at, 'copy-' || n, '-', '-', methods, kind, client_id, scopes
                FROM sessions, (WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 99) SELECT n FROM counted) AS counted
                WHERE client_id IS NOT NULL";
    app.sql(copy).await;
    assert!(opens(&app, &first.access_token).await);
    user_tokens(&app, &client).await;
    assert!(!opens(&app, &first.access_token).await, "the oldest gives way to the newest");
});

on_both!(public_clients, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = native_app(&app, &admin).await;
    assert_eq!(client.secret, "");
    ada(&app).await;
    let at = "http://127.0.0.1:54321/callback";
    let native = [("redirect_uri", at), ("scope", "openid offline_access first")];
    let code = code(&app, &client, &native).await;
    let got = tokens(redeem(&app, &client, &code, &[("redirect_uri", at)]).await).await;
    findings.expect("R14 a loopback port of its own", opens(&app, &got.access_token).await, true);
    let spent = got.refresh_token.clone().unwrap();
    let next = tokens(refresh(&app, &client, &spent).await).await;
    app.hands.advance(Duration::from_secs(11));
    findings.expect("R20", error(refresh(&app, &client, &spent).await).await.1, "invalid_grant".to_owned());
    findings.expect("R20", refresh(&app, &client, &next.refresh_token.unwrap()).await.status().as_u16(), 400);
    findings.expect("R20 its access tokens", opens(&app, &next.access_token).await, false);
    // Never unseen, for another app on the device may listen there (RFC 8252, section 8.6); at an address of its own it may be.
    let browser = Browser::default();
    allow(&app, &browser, &asking(&client, &native)).await;
    findings.expect("asked again", browser.get(&app, &asking(&client, &native)).await.status.as_u16(), 200);
    let own = [("redirect_uri", "https://app.example/callback"), ("scope", "openid first")];
    findings.expect("not asked again", browser.get(&app, &asking(&client, &own)).await.status.as_u16(), 303);

    let nothing = [("grant_type", "client_credentials"), ("scope", "first")];
    findings.expect("for itself", error(show(&app, &client, &nothing).await).await.1, "unauthorized_client".to_owned());
    let with_secret = Client { id: client.id.clone(), secret: "guess".to_owned() };
    findings.expect("with a secret", error(show(&app, &with_secret, &nothing).await).await.0, 401);
    // A confidential client is not let in by its id alone.
    let shop = web_app(&app, &admin).await;
    let code = crate::people::code(&app, &shop, &[]).await;
    let bare = Client { id: shop.id.clone(), secret: String::new() };
    findings.expect(
        "no secret",
        error(redeem(&app, &bare, &code, &[]).await).await,
        (401, "invalid_client".to_owned()),
    );
    let form = [("token", "x"), ("client_id", client.id.as_str())];
    let response = app.request(Method::POST, "/oauth2/default/v1/introspect").form(&form).send().await.unwrap();
    findings.expect("R47 introspection", error(response).await, (401, "invalid_client".to_owned()));
    findings.none();
});

on_both!(a_trusted_client_is_not_asked_about, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let body =
        json!({"name": "Our shop", "grants": ["authorization_code"], "redirect_uris": [CALLBACK], "trusted": true});
    let client = made(crate::house::add(&app, &admin, body).await).await;
    ada(&app).await;
    let browser = Browser::default();
    let asked = [("scope", "openid profile")];
    let page = browser.get(&app, &asking(&client, &asked)).await;
    let page = browser.sign_in(&app, &page.location(), ADA).await;
    assert!(browser.get(&app, &page.location()).await.answer().contains_key("code"));
    let page = browser.get(&app, &asking(&client, &[("scope", "openid"), ("prompt", "consent")])).await;
    assert_eq!(page.status, 200, "unless it wants it so");
    // Without the grant there are no refresh tokens to be had.
    let page = browser.get(&app, &asking(&client, &[("scope", "openid offline_access")])).await;
    assert_eq!(page.answer()["error"], "invalid_scope");
});

on_both!(prompt_and_max_age, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let error_of = |page: &crate::support::browser::Page| page.answer().get("error").cloned().unwrap_or_default();
    let silent = asking(&client, &[("prompt", "none")]);
    findings.expect("nobody", error_of(&browser.get(&app, &silent).await), "login_required".to_owned());
    let page = browser.get(&app, &asking(&client, &[])).await;
    browser.sign_in(&app, &page.location(), ADA).await;
    findings.expect("not allowed", error_of(&browser.get(&app, &silent).await), "consent_required".to_owned());
    allow(&app, &browser, &asking(&client, &[])).await;
    findings.expect("all there", browser.get(&app, &silent).await.answer().contains_key("code"), true);

    app.hands.advance(Duration::from_secs(100));
    let within = asking(&client, &[("max_age", "101")]);
    findings.expect("recently", browser.get(&app, &within).await.answer().contains_key("code"), true);
    for (row, parameters) in [
        ("max_age", [("max_age", "99")]),
        ("max_age 0", [("max_age", "0")]),
        ("login", [("prompt", "login")]),
        ("select_account", [("prompt", "select_account")]),
    ] {
        let page = browser.get(&app, &asking(&client, &parameters)).await;
        findings.expect(row, page.location().starts_with("/sign-in?"), true);
        // Having logged in, he is not asked once more for the same.
        let page = browser.sign_in(&app, &page.location(), ADA).await;
        let page = browser.get(&app, &page.location()).await;
        findings.expect(row, page.answer().contains_key("code"), true);
        let got = tokens(redeem(&app, &client, &page.answer()["code"], &[]).await).await;
        let claims = TestApp::claims(&got.id_token.unwrap());
        findings.expect(row, &claims["auth_time"], &claims["iat"]);
        app.hands.advance(Duration::from_secs(100));
    }
    for zero in ["00", "+0"] {
        let page = browser.get(&app, &asking(&client, &[("max_age", zero)])).await;
        let page = browser.sign_in(&app, &page.location(), ADA).await;
        findings.expect(zero, browser.get(&app, &page.location()).await.answer().contains_key("code"), true);
    }
    // It may have become too old while he made up his mind.
    let page = browser.get(&app, &asking(&client, &[("max_age", "5"), ("prompt", "consent")])).await;
    app.hands.advance(Duration::from_secs(6));
    let page = browser.submit(&app, &page.form(CONSENT), &[("decision", "allow")]).await;
    findings.expect("too old by then", page.location().starts_with("/oauth2/default/v1/authorize?"), true);
    app.hands.advance(Duration::from_secs(100));
    let old = [("prompt", "none"), ("max_age", "10")];
    findings.expect("too old", error_of(&browser.get(&app, &asking(&client, &old)).await), "login_required".to_owned());
    findings.none();
});

on_both!(no_code_and_no_token_is_in_the_database, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = allow(&app, &browser, &asking(&client, &[])).await;
    let code = page.answer()["code"].clone();
    let got = user_tokens(&app, &client).await;
    let cookies: Vec<String> = browser.cookies().into_values().collect();
    let mut secrets: BTreeSet<String> = cookies.into_iter().collect();
    secrets.extend([code, got.access_token, got.refresh_token.unwrap(), got.id_token.unwrap(), VERIFIER.to_owned()]);
    let dump = crate::secrets::dump(&app).await;
    assert!(dump.contains(&client.id), "this is not the database");
    for secret in secrets {
        assert!(!dump.contains(&secret), "L26: {secret}");
    }
});
