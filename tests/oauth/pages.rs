//! The pages: signing in with all factors, forms of other sites (W1, W2), cookies (W5, C1 to C5), headers (W4, W6), limits.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, SET_COOKIE};
use serde_json::{Value, json};

use crate::house::{SETTINGS, administrator, opens};
use crate::people::{ADA, AUTHORIZE, CONSENT, ada, allow, asking, redeem, tokens, web_app};
use crate::support::app::{Engine, PASSWORD, TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::tokens::Findings;
use crate::support::totp;

const SIGN_IN: &str = "/sign-in";
const CODE: &str = "/sign-in/code";

on_both!(wrong_passwords_look_alike, SETTINGS, |app| {
    ada(&app).await;
    let browser = Browser::default();
    let page = browser.get(&app, SIGN_IN).await;
    let mut seen = Vec::new();
    for (email, password) in [(ADA, "wrong password"), ("nobody@example.com", PASSWORD), ("not an address", PASSWORD)] {
        let page = browser.submit(&app, &page.form(SIGN_IN), &[("email", email), ("password", password)]).await;
        assert!(!browser.cookies().contains_key("tokenhouse-session"));
        seen.push((page.status, page.html.replace(email, "EMAIL")));
    }
    assert_eq!(seen[0].0, 422);
    assert_eq!(seen[0], seen[1], "L1");
    assert_eq!(seen[0], seen[2], "L1");
    assert!(seen[0].1.contains("No account has this email address and this password."));
});

on_both!(signed_in_with_no_further_way, SETTINGS, |app| {
    ada(&app).await;
    let browser = Browser::default();
    for return_to in ["", "https://evil.example/", "//evil.example/activate", "/api/me"] {
        let page = browser.sign_in(&app, &format!("/sign-in?return_to={return_to}"), ADA).await;
        assert_eq!(page.location(), "/account", "O12 {return_to}");
    }
    let tokens = app.log_in(ADA).await;
    let sessions: Value = app.get_as("/api/sessions", &tokens.access_token).await.json().await.unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 3, "a browser has one session, which its owner sees: {sessions}");
});

on_both!(an_authenticator_app_and_recovery_codes, SETTINGS, |app| {
    let (_, tokens) = ada(&app).await;
    let (secret, codes) = totp::set_up(&app, &tokens.access_token).await;
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    let browser = Browser::default();
    let way = browser.get(&app, &asking(&client, &[])).await.location();

    let page = browser.sign_in(&app, &way, ADA).await;
    assert_eq!(page.status, 200);
    assert!(!browser.cookies().contains_key("tokenhouse-session"), "L22: the password alone signs nobody in");
    let form = page.form(CODE);
    let wrong = browser.submit(&app, &form, &[("otp", "000000")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.html.contains("neither the code of this moment"), "{}", wrong.html);
    let code = totp::code(&secret, app.clock.unix_seconds());
    let page = browser.submit(&app, &wrong.form(CODE), &[("otp", &code)]).await;
    let page = browser.signed_in(&app, page).await;
    let page = browser.get(&app, &page.location()).await;
    assert!(page.html.contains("Allow A shop?"), "{}", page.html);

    // Once only, also when both pages come again.
    let other = Browser::default();
    let page = other.sign_in(&app, SIGN_IN, ADA).await;
    assert_eq!(other.submit(&app, &page.form(CODE), &[("otp", &code)]).await.status, 422, "L21");
    let page = other.submit(&app, &page.form(CODE), &[("otp", &codes[0])]).await;
    assert_eq!(other.signed_in(&app, page).await.location(), "/account");
    let page = other.sign_in(&app, SIGN_IN, ADA).await;
    assert_eq!(other.submit(&app, &page.form(CODE), &[("otp", &codes[0])]).await.status, 422);

    // What the second page carries is good for five minutes, for this account as it is, and says nothing.
    let page = other.sign_in(&app, SIGN_IN, ADA).await;
    let form = page.form(CODE);
    let state = &form.fields["state"];
    assert!(!state.contains(ADA) && !state.contains('.'));
    for wrong in ["", "x", &state[1..], &format!("{state}A")] {
        let page = other.submit(&app, &form, &[("otp", &codes[1]), ("state", wrong)]).await;
        assert_eq!((page.status.as_u16(), page.html.contains("Please begin again")), (422, true), "{wrong}");
    }
    app.hands.advance(Duration::from_mins(5));
    let page = other.submit(&app, &form, &[("otp", &codes[1])]).await;
    assert!(page.html.contains("Please begin again"), "{}", page.html);
    let page = other.sign_in(&app, SIGN_IN, ADA).await;
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery staple"});
    assert_eq!(app.send_as(Method::POST, "/api/password", &tokens.access_token, change).await.status(), 204);
    let page = other.submit(&app, &page.form(CODE), &[("otp", &codes[1])]).await;
    assert!(page.html.contains("Please begin again"), "the password was changed: {}", page.html);
});

on_both!(forms_of_other_sites, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = browser.get(&app, &asking(&client, &[])).await;
    let sign_in = browser.get(&app, &page.location()).await.form(SIGN_IN);
    browser.sign_in(&app, &page.location(), ADA).await;
    let consent = browser.get(&app, &asking(&client, &[])).await.form(CONSENT);
    let send = async |form: &crate::support::browser::Form, extra: &[(&str, &str)], headers: &[(&str, &str)]| {
        let mut fields: BTreeMap<String, String> = form.fields.clone();
        fields.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut request = app.request(Method::POST, &form.action).form(&fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        browser.send(request).await
    };
    let login = [("email", ADA), ("password", PASSWORD)];
    for (form, filled) in [(&sign_in, &login[..]), (&consent, &[("decision", "allow")][..])] {
        let action = &form.action;
        for (row, headers) in [
            ("W1 another site", vec![("sec-fetch-site", "cross-site")]),
            ("W1 a sister", vec![("sec-fetch-site", "same-site")]),
            ("W1 another origin", vec![("origin", "https://evil.example")]),
            ("W1 no origin, another site", vec![("origin", "null"), ("sec-fetch-site", "cross-site")]),
            ("W3 an origin like ours", vec![("origin", "http://localhost:3000.evil.example")]),
        ] {
            findings.expect(&format!("{row} {action}"), send(form, filled, &headers).await.status.as_u16(), 403);
        }
        for wrong in ["", "x", "00000000000000000000000000000000000000000000000000000"] {
            let filled: Vec<(&str, &str)> = filled.iter().copied().chain([("form_token", wrong)]).collect();
            findings.expect(
                &format!("W2 token {wrong:?} {action}"),
                send(form, &filled, &[]).await.status.as_u16(),
                403,
            );
        }
        // A browser without the cookie: somebody else's form token.
        let stranger = Browser::default();
        let page = stranger.submit(&app, form, filled).await;
        findings.expect(&format!("W2 no cookie {action}"), page.status.as_u16(), 403);
        for content_type in ["text/plain", "application/json", "multipart/form-data"] {
            let request = app.request(Method::POST, action).header("content-type", content_type).body("a=b");
            findings.expect(&format!("W1 {content_type} {action}"), browser.send(request).await.status.as_u16(), 400);
        }
        let own = [("origin", "http://localhost:3000"), ("sec-fetch-site", "same-origin")];
        findings.expect(&format!("our own {action}"), send(form, filled, &own).await.status.is_client_error(), false);
    }
    findings.none();
});

on_both!(cookies, SETTINGS, |app| {
    ada(&app).await;
    let browser = Browser::default();
    // W5: one that was there before is not taken over.
    browser.set_cookie("tokenhouse-session", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let page = browser.get(&app, SIGN_IN).await;
    let set = |headers: &HeaderMap| {
        headers.get_all(SET_COOKIE).iter().map(|c| c.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let form_cookie = set(&page.headers);
    assert_eq!(form_cookie.len(), 1);
    assert!(
        form_cookie[0].starts_with("tokenhouse-form=") && form_cookie[0].contains("HttpOnly; SameSite=Lax; Path=/"),
        "{form_cookie:?}"
    );
    let page = browser.submit(&app, &page.form(SIGN_IN), &[("email", ADA), ("password", PASSWORD)]).await;
    let cookie = set(&page.headers);
    assert_eq!(cookie.len(), 1);
    let (pair, rest) = cookie[0].split_once(';').unwrap();
    assert_eq!(rest.trim(), "HttpOnly; SameSite=Lax; Path=/", "C1: and no Domain");
    let first = pair.split_once('=').unwrap().1.to_owned();
    assert_eq!(first.len(), 43, "256 bits");
    // It is no token of any other kind, nor is any of those it.
    assert_eq!(app.get_as("/api/me", &first).await.status(), 401, "J24");
    assert_eq!(app.refresh(&first).await.status(), 401, "J24");
    browser.sign_in(&app, SIGN_IN, ADA).await;
    assert_ne!(browser.cookies()["tokenhouse-session"], first, "C3, W5");
    let tokens = app.log_in(ADA).await;
    let stranger = Browser::default();
    stranger.set_cookie("tokenhouse-session", &tokens.refresh_token);
    assert!(stranger.get(&app, "/activate").await.location().starts_with("/sign-in"), "J24");
});

#[tokio::test(flavor = "multi_thread")]
async fn cookies_over_https() {
    let app =
        TestApp::with(Engine::Sqlite, &[("server.public_url", "https://login.example.com"), SETTINGS[0], SETTINGS[1]])
            .await;
    app.register(ADA).await;
    let browser = Browser::default();
    browser.sign_in(&app, SIGN_IN, ADA).await;
    let names: Vec<String> = browser.cookies().into_keys().collect();
    assert_eq!(names, ["__Host-tokenhouse-form", "__Host-tokenhouse-session"], "C1");
    let page = Browser::default().get(&app, SIGN_IN).await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.ends_with("HttpOnly; SameSite=Lax; Secure; Path=/"), "C1: {cookie}");
    assert!(page.headers.contains_key("strict-transport-security"));
    // Those without the prefix are nobody's.
    let session = browser.cookies()["__Host-tokenhouse-session"].clone();
    let stranger = Browser::default();
    stranger.set_cookie("tokenhouse-session", &session);
    assert!(stranger.get(&app, "/activate").await.location().starts_with("/sign-in"), "C1");
    assert_eq!(browser.get(&app, "/activate").await.status, 200);
}

on_both!(headers, SETTINGS, |app| {
    let mut findings = Findings::default();
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let page = browser.get(&app, &asking(&client, &[])).await;
    let sign_in = browser.get(&app, &page.location()).await;
    let form = sign_in.form(SIGN_IN);
    let signed_in = browser.submit(&app, &form, &[("email", ADA), ("password", PASSWORD)]).await;
    let consent = browser.get(&app, &asking(&client, &[])).await;
    let policy = |page: &Page| page.headers["content-security-policy"].to_str().unwrap().to_owned();
    let pages = [
        ("sign-in", &sign_in),
        ("consent", &consent),
        ("activate", &browser.get(&app, "/activate").await),
        ("refused", &browser.get(&app, AUTHORIZE).await),
        ("sign out", &browser.get(&app, "/oauth2/default/v1/logout").await),
    ];
    for (row, page) in pages {
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            let found = page.headers.get(name).map(|value| value.to_str().unwrap());
            findings.expect(&format!("W4, W6, R27 {row} {name}"), found, Some(expected));
        }
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
        ] {
            findings.expect(&format!("W4, R28 {row} {part}"), policy(page).contains(part), true);
        }
        let scripts = page.html.split("<script").skip(1).filter_map(|rest| rest.split('>').next());
        let inline = scripts.filter(|attributes| !attributes.contains(" src=\"/assets/")).count();
        findings.expect(&format!("{row}: no script in the page"), (inline, page.html.contains(" style=")), (0, false));
    }
    // Forms lead to this server alone; a page in between leads on, but to an app's own scheme they lead themselves.
    for (row, page) in [("sign-in", &sign_in), ("consent", &consent)] {
        findings.expect(row, policy(page).ends_with("form-action 'self'"), true);
    }
    let native = crate::people::native_app(&app, &admin).await;
    let to = [("redirect_uri", "com.example.app:/callback"), ("scope", "openid")];
    let page = browser.get(&app, &asking(&native, &to)).await;
    findings.expect("an app", policy(&page).ends_with("form-action 'self' com.example.app:"), true);
    let answer = browser.submit(&app, &page.form(CONSENT), &[("decision", "allow")]).await;
    findings.expect("an app", answer.status.as_u16(), 303);
    let answer = browser.submit(&app, &consent.form(CONSENT), &[("decision", "allow")]).await;
    findings.expect("the web", (answer.status.as_u16(), policy(&answer).ends_with("form-action 'self'")), (200, true));
    findings.expect(
        "the web",
        answer.location().starts_with("http://localhost:8080/authorization-code/callback?code="),
        true,
    );
    findings.expect("R26", signed_in.status.as_u16(), 303);
    findings.expect("R26", signed_in.location().starts_with("/sign-in/done?return_to=%2Foauth2"), true);
    findings.expect("no other", policy(&browser.get(&app, SIGN_IN).await).ends_with("form-action 'self'"), true);
    let wrong = format!(
        "/sign-in?return_to={}",
        "%2Foauth2%2Fdefault%2Fv1%2Fauthorize%3Fredirect_uri%3Dhttps%3A%2F%2Fevil.example"
    );
    findings.expect(
        "nor an unregistered one",
        policy(&browser.get(&app, &wrong).await).ends_with("form-action 'self'"),
        true,
    );
    for (path, content_type) in
        [("/assets/style.css", "text/css; charset=utf-8"), ("/assets/passkey.js", "text/javascript; charset=utf-8")]
    {
        let response = app.get(path).await;
        findings.expect(path, response.headers()["content-type"].to_str().unwrap(), content_type);
        findings.expect(path, response.headers()["x-content-type-options"].to_str().unwrap(), "nosniff");
        findings.expect(path, response.status().as_u16(), 200);
    }
    findings.none();
});

#[tokio::test(flavor = "multi_thread")]
async fn limits() {
    let settings = [
        ("limits.login_attempts_per_ip", "1000/1m"),
        ("limits.device_codes_per_account", "3/15m"),
        ("limits.device_requests_per_ip", "5/1h"),
        ("limits.authorizations_per_account", "4/1h"),
        SETTINGS[1],
    ];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    app.register(ADA).await;
    let browser = Browser::default();
    let page = browser.get(&app, SIGN_IN).await;
    let form = page.form(SIGN_IN);
    for _ in 0..10 {
        assert_eq!(browser.submit(&app, &form, &[("email", ADA), ("password", "wrong password")]).await.status, 422);
    }
    let page = browser.submit(&app, &form, &[("email", ADA), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 429, "L15: the same count as at /api/login");
    assert!(page.headers.contains_key("retry-after") && page.html.contains("Too many tries"), "{}", page.html);
    app.hands.advance(Duration::from_mins(15));
    browser.sign_in(&app, SIGN_IN, ADA).await;
    let form = browser.get(&app, "/activate").await.form("/activate");
    for _ in 0..3 {
        assert_eq!(browser.submit(&app, &form, &[("user_code", "BCDF-GHJK")]).await.status, 400);
    }
    let page = browser.submit(&app, &form, &[("user_code", "BCDF-GHJK")]).await;
    assert_eq!(page.status, 429, "RFC 8628, section 5.1");
    assert!(page.headers.contains_key("retry-after"), "RFC 8628, section 5.1");
    // Rows that anybody can make.
    app.sql("UPDATE users SET roles = 'admin'").await;
    let admin = app.log_in(ADA).await.access_token;
    let client = crate::people::native_app(&app, &admin).await;
    let ask = async || {
        let form = [("client_id", client.id.as_str()), ("scope", "openid")];
        app.request(Method::POST, "/oauth2/default/v1/device/authorize").form(&form).send().await.unwrap()
    };
    for _ in 0..5 {
        assert_eq!(ask().await.status(), 200);
    }
    let refused = ask().await;
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    let to = [("redirect_uri", "https://app.example/callback"), ("scope", "openid")];
    for _ in 0..4 {
        assert!(allow(&app, &browser, &asking(&client, &to)).await.answer().contains_key("code"));
    }
    assert_eq!(allow(&app, &browser, &asking(&client, &to)).await.answer()["error"], "temporarily_unavailable");
}

on_both!(sessions_of_browsers_end_like_any_other, SETTINGS, |app| {
    let (_, tokens) = ada(&app).await;
    let browsers = [Browser::default(), Browser::default()];
    for browser in &browsers {
        browser.sign_in(&app, SIGN_IN, ADA).await;
    }
    assert_eq!(
        app.request(Method::DELETE, "/api/sessions").bearer_auth(&tokens.access_token).send().await.unwrap().status(),
        204
    );
    for browser in &browsers {
        assert!(browser.get(&app, "/activate").await.location().starts_with("/sign-in"));
    }
    // Idle for a month.
    browsers[0].sign_in(&app, SIGN_IN, ADA).await;
    app.hands.advance(Duration::from_hours(29 * 24));
    assert_eq!(browsers[0].get(&app, "/activate").await.status, 200);
    app.hands.advance(Duration::from_hours(29 * 24));
    assert_eq!(browsers[0].get(&app, "/activate").await.status, 200, "it was used meanwhile");
    app.hands.advance(Duration::from_hours(31 * 24));
    assert!(browsers[0].get(&app, "/activate").await.location().starts_with("/sign-in"));
});

on_both!(once_more_in_the_same_browser, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    let browser = Browser::default();
    let online = [("scope", "openid first")];
    let code = allow(&app, &browser, &asking(&client, &online)).await.answer()["code"].clone();
    let got = tokens(redeem(&app, &client, &code, &[]).await).await;
    let stolen = Browser::default();
    stolen.set_cookie("tokenhouse-session", &browser.cookies()["tokenhouse-session"]);
    assert_eq!(stolen.get(&app, "/activate").await.status, 200);
    let waiting = allow(&app, &browser, &asking(&client, &online)).await.answer()["code"].clone();
    browser.sign_in(&app, SIGN_IN, ADA).await;
    assert!(stolen.get(&app, "/activate").await.location().starts_with("/sign-in"), "the cookie of before is nobody's");
    assert_eq!(redeem(&app, &client, &waiting, &[]).await.status(), 200, "a code of before is good");
    assert!(opens(&app, &got.access_token).await, "what was granted in it goes on");
    let page = browser.get(&app, "/oauth2/default/v1/logout").await;
    browser.submit(&app, &page.form("/oauth2/default/v1/logout"), &[("decision", "sign_out")]).await;
    assert!(!opens(&app, &got.access_token).await, "and ends with the session that it goes on in");
});

on_both!(somebody_else_in_the_same_browser, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = web_app(&app, &admin).await;
    ada(&app).await;
    app.register("eve@example.com").await;
    let browser = Browser::default();
    let page = browser.get(&app, &asking(&client, &[])).await;
    browser.sign_in(&app, &page.location(), ADA).await;
    let page = browser.get(&app, &asking(&client, &[])).await;
    let first = browser.cookies()["tokenhouse-session"].clone();
    browser.sign_in(&app, SIGN_IN, "eve@example.com").await;
    // The page still asks Ada; Eve is asked for herself.
    let page = browser.submit(&app, &page.form(CONSENT), &[("decision", "allow")]).await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("eve@example.com") && !page.html.contains(ADA), "{}", page.html);
    let stolen = Browser::default();
    stolen.set_cookie("tokenhouse-session", &first);
    assert!(stolen.get(&app, "/activate").await.location().starts_with("/sign-in"), "Ada's session has ended");
    assert!(allow(&app, &browser, &asking(&client, &[])).await.answer().contains_key("code"));
});
