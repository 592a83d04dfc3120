//! The page of one's account: every act of it, and what it takes no forms of.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::letters;
use crate::support::tokens::Findings;
use crate::support::totp;

const ADA: &str = "ada@example.com";
const NEW: &str = "another horse battery staple";

async fn signed_in(app: &TestApp) -> Browser {
    let browser = Browser::default();
    let page = browser.sign_in(app, "/sign-in", ADA).await;
    assert_eq!(page.location(), "/account");
    browser
}

/// Sends a form of the page, and goes where it leads.
async fn send(app: &TestApp, browser: &Browser, action: &str, filled: &[(&str, &str)]) -> Page {
    let page = browser.get(app, "/account").await;
    let page = browser.submit(app, &page.form(&format!("/account/{action}")), filled).await;
    if page.status == 303 { browser.get(app, &page.location()).await } else { page }
}

on_both!(name_password_and_address, |app| {
    let mut findings = Findings::default();
    app.register_verified(ADA).await;
    let browser = signed_in(&app).await;
    let page = send(&app, &browser, "name", &[("name", "Ada <b>")]).await;
    findings.expect("name", page.html.contains("Your name is saved.") && page.html.contains("Ada &#60;b&#62;"), true);
    let page = send(&app, &browser, "name", &[("name", "")]).await;
    findings.expect("no name", page.form("/account/name").fields["name"].clone(), String::new());
    let page = send(&app, &browser, "name", &[("name", "a\u{202e}b")]).await;
    findings.expect("W7", (page.status.as_u16(), page.html.contains("role=\"alert\"")), (422, true));

    let wrong = [("current_password", "not the password"), ("new_password", NEW)];
    let page = send(&app, &browser, "password", &wrong).await;
    findings.expect(
        "wrong password",
        (page.status.as_u16(), page.html.contains("not the password of your account")),
        (403, true),
    );
    let page = send(&app, &browser, "password", &[("current_password", PASSWORD), ("new_password", "password1")]).await;
    findings.expect("easy", (page.status.as_u16(), page.html.contains("too easy to guess")), (422, true));
    let page = send(&app, &browser, "password", &[("current_password", PASSWORD)]).await;
    findings.expect("half", (page.status.as_u16(), page.html.contains("must have at least 8 characters")), (422, true));
    let other = signed_in(&app).await;
    let page = send(&app, &browser, "password", &[("current_password", PASSWORD), ("new_password", NEW)]).await;
    findings.expect("changed", page.html.contains("Your password is changed"), true);
    findings.expect("others end", other.get(&app, "/account").await.location().starts_with("/sign-in"), true);

    let page = send(&app, &browser, "email", &[("email", "ada@new.example"), ("password", NEW)]).await;
    findings.expect("address", page.html.contains("A letter is on its way"), true);
    let link = letters::newest(&app, "ada@new.example", letters::CONFIRM).await.link();
    let page = browser.get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await;
    findings.expect("not by opening", browser.get(&app, "/account").await.html.contains("ada@new.example"), false);
    browser.submit(&app, &page.form("/verify-email"), &[]).await;
    findings.expect("confirmed", browser.get(&app, "/account").await.html.contains("ada@new.example"), true);
    findings.none();
});

on_both!(sessions, |app| {
    app.register(ADA).await;
    let (browser, other) = (signed_in(&app).await, signed_in(&app).await);
    let tokens = app.log_in(ADA).await;
    let page = browser.get(&app, "/account").await;
    assert_eq!(page.html.matches("(this one)").count(), 1);
    let ids: Vec<&str> =
        page.html.split("name=\"id\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 2, "the own one has no button");
    for id in ids {
        let page = send(&app, &browser, "sessions/end", &[("id", id)]).await;
        assert!(page.html.contains("The session has ended."), "{}", page.html);
    }
    assert_eq!(app.get_as("/api/me", &tokens.access_token).await.status(), 401);
    assert!(other.get(&app, "/account").await.location().starts_with("/sign-in"));
    // O19: nobody else's, and nothing that is none.
    app.register("eve@example.com").await;
    let eve = app.log_in("eve@example.com").await.access_token;
    let listed: Value = app.get_as("/api/sessions", &eve).await.json().await.unwrap();
    signed_in(&app).await;
    for wrong in [listed[0]["id"].as_str().unwrap(), "x", ""] {
        let page = send(&app, &browser, "sessions/end", &[("id", wrong)]).await;
        assert_eq!(page.status, 404, "O19 {wrong}");
    }
    assert_eq!(app.get_as("/api/me", &eve).await.status(), 200);
    let page = send(&app, &browser, "sessions/end-others", &[]).await;
    assert!(page.html.contains("All your other sessions have ended."), "{}", page.html);
    let page = send(&app, &browser, "sign-out", &[]).await;
    assert!(page.html.contains("You are signed out"), "{}", page.html);
    assert!(browser.get(&app, "/account").await.location().starts_with("/sign-in?return_to=%2Faccount"));
});

on_both!(an_authenticator_app, |app| {
    app.register(ADA).await;
    let browser = signed_in(&app).await;
    let page = send(&app, &browser, "totp", &[]).await;
    assert!(page.html.contains("<svg") && page.html.contains("otpauth://totp/"), "{}", page.html);
    let secret = page.html.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next()).unwrap();
    let secret = totp::base32(secret);
    let form = page.form("/account/totp/confirm");
    let wrong = browser.submit(&app, &form, &[("otp", "000000")]).await;
    assert!(wrong.status == 403 && !wrong.html.contains("<svg"), "{}", wrong.html);
    let code = totp::code(&secret, app.clock.unix_seconds());
    let page = browser.submit(&app, &wrong.form("/account/totp/confirm"), &[("otp", &code)]).await;
    assert_eq!(page.html.matches("<li><code>").count(), 10, "{}", page.html);
    assert_eq!(page.headers["cache-control"], "no-store");
    app.hands.advance(Duration::from_mins(1));
    let page = Browser::default().sign_in(&app, "/sign-in", ADA).await;
    assert!(page.html.contains("One more step"), "{}", page.html);
    let account = browser.get(&app, "/account").await;
    assert!(account.html.contains("You have 10 recovery codes left"), "{}", account.html);
    let form = account.form("/account/recovery-codes");
    assert_eq!(browser.submit(&app, &form, &[("password", "not the password")]).await.status, 403);
    let page = browser.submit(&app, &form, &[("password", PASSWORD)]).await;
    assert_eq!(page.html.matches("<li><code>").count(), 10);
    let remove = crate::support::browser::Form { action: "/account/totp/remove".to_owned(), ..form.clone() };
    assert_eq!(browser.submit(&app, &remove, &[("password", "not the password")]).await.status, 403);
    let page = browser.submit(&app, &remove, &[("password", PASSWORD)]).await;
    let page = browser.get(&app, &page.location()).await;
    assert!(page.html.contains("No code of an app is asked for any more."), "{}", page.html);
});

on_both!(taking_all_along_and_leaving, |app| {
    app.register(ADA).await;
    let browser = signed_in(&app).await;
    let page = send(&app, &browser, "export", &[]).await;
    assert_eq!(page.headers["content-disposition"], "attachment; filename=\"tokenhouse-export.json\"");
    let export: Value = serde_json::from_str(&page.html).unwrap();
    assert_eq!(export["account"]["email"], ADA);
    assert_eq!(send(&app, &browser, "delete", &[("password", "not the password")]).await.status, 403);
    let page = send(&app, &browser, "delete", &[("password", PASSWORD)]).await;
    assert!(page.html.contains("Your account is gone"), "{}", page.html);
    assert!(!browser.cookies().contains_key("tokenhouse-session"));
    let body = json!({"email": ADA, "password": PASSWORD});
    assert_eq!(app.post("/api/login", body).await.status(), 401);
});

on_both!(forms_that_are_not_taken, |app| {
    let mut findings = Findings::default();
    app.register(ADA).await;
    let browser = signed_in(&app).await;
    let page = browser.get(&app, "/account").await;
    let form_token = page.form("/account/name").fields["form_token"].clone();
    let acts = [
        "name",
        "email",
        "password",
        "sessions/end",
        "sessions/end-others",
        "export",
        "delete",
        "sign-out",
        "totp",
        "totp/confirm",
        "totp/remove",
        "recovery-codes",
        "passkeys",
        "passkeys/challenge",
        "passkeys/rename",
        "passkeys/remove",
        "passkeys/require",
    ];
    for act in acts {
        let path = format!("/account/{act}");
        let all = [("form_token", form_token.as_str()), ("password", PASSWORD), ("name", "x")];
        let request = app.request(Method::POST, &path).form(&all).header("sec-fetch-site", "cross-site");
        findings.expect(&format!("W1 {act}"), browser.send(request).await.status.as_u16(), 403);
        let without = app.request(Method::POST, &path).form(&[("password", PASSWORD), ("name", "x")]);
        findings.expect(&format!("W1 {act}"), browser.send(without).await.status.as_u16(), 403);
        // Nobody signed in, and somebody's access token in place of a cookie.
        let stranger = Browser::default();
        let token = stranger.get(&app, "/sign-in").await.form("/sign-in").fields["form_token"].clone();
        let request = app.request(Method::POST, &path).form(&[("form_token", token.as_str()), ("password", PASSWORD)]);
        let page = stranger.send(request.bearer_auth(app.log_in(ADA).await.access_token)).await;
        findings.expect(&format!("nobody {act}"), page.location().starts_with("/sign-in"), true);
    }
    findings.expect("it is all as it was", browser.get(&app, "/account").await.status.as_u16(), 200);
    findings.none();
});
