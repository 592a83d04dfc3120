//! Accounts in the hands of an administrator at his browser.

use serde_json::{Value, json};

use crate::support::admin::{ROOT, administrator, fill, send, send_and_go, signed_in};
use crate::support::app::{PASSWORD, TestApp, Tokens, on_both};
use crate::support::browser::Browser;
use crate::support::letters;
use crate::support::tokens::Findings;
use crate::support::totp;

const ADA: &str = "ada@example.com";
const NEW: &str = "another horse battery staple";

async fn is_out(app: &TestApp, tokens: &Tokens, browser: &Browser) -> bool {
    app.get_as("/api/profile", &tokens.access_token).await.status() == 401
        && app.refresh(&tokens.refresh_token).await.status() == 401
        && browser.get(app, "/account").await.status == 303
}

on_both!(acts_on_an_account, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let id = app.register_verified(ADA).await;
    let path = format!("/admin/users/{id}");
    let act = async |name: &str, filled: &[(&str, &str)]| {
        let action = format!("{path}/{name}");
        match name {
            "name" | "roles" => fill(&app, &root, &path, &action, filled).await,
            _ => send_and_go(&app, &root, &action, filled).await,
        }
    };
    let opened = async || (app.log_in(ADA).await, signed_in(&app, ADA).await);

    let page = act("name", &[("name", "<script>alert(1)</script>\"'")]).await;
    findings.expect("W7", page.html.contains("<script>alert") || !page.html.contains("The name is saved."), false);
    findings.expect(
        "W7",
        page.form(&format!("{path}/name")).fields["name"].clone(),
        "<script>alert(1)</script>\"'".to_owned(),
    );
    let page = root.get(&app, "/admin/users").await;
    findings.expect("W7 list", page.html.contains("<script>alert"), false);
    let page = act("name", &[("name", "a\u{202e}b")]).await;
    findings.expect("W7", (page.status.as_u16(), page.html.contains("role=\"alert\"")), (422, true));
    act("name", &[("name", "")]).await;

    let (tokens, browser) = opened().await;
    let page = act("roles", &[("roles", "billing, support")]).await;
    findings.expect("roles", page.form(&format!("{path}/roles")).fields["roles"].clone(), "billing support".to_owned());
    findings.expect("a role more ends nothing", is_out(&app, &tokens, &browser).await, false);
    let page = act("roles", &[("roles", "Billing")]).await;
    findings.expect("no role", (page.status.as_u16(), page.html.contains("lower-case letters")), (422, true));
    findings.expect("kept", page.form(&format!("{path}/roles")).fields["roles"].clone(), "Billing".to_owned());
    let told = page.html.matches("aria-invalid=\"true\" aria-describedby=\"error roles-rules\"").count();
    findings.expect("told at its field", (told, page.html.matches("aria-invalid").count()), (1, 1));
    let (tokens, browser) = opened().await;
    act("roles", &[("roles", "support")]).await;
    findings.expect("J32", is_out(&app, &tokens, &browser).await, true);

    let (tokens, browser) = opened().await;
    let page = root.get(&app, &path).await;
    findings.expect("sessions", page.html.matches("data-label=\"Last used\"").count(), 2);
    let page = root.get(&app, &format!("{path}/sign-out")).await;
    findings.expect("asks", page.html.contains("End all sessions of ada@example.com?"), true);
    findings.expect("only asks", is_out(&app, &tokens, &browser).await, false);
    let (tokens, browser) = opened().await;
    let page = root.submit(&app, &page.form(&format!("{path}/sign-out")), &[]).await;
    findings.expect("signed out", page.location(), format!("{path}?done=signed-out"));
    findings.expect("signed out", is_out(&app, &tokens, &browser).await, true);

    let (tokens, browser) = opened().await;
    let page = act("disable", &[]).await;
    findings.expect("O6 disabled", page.html.contains("The account is disabled"), true);
    findings.expect("O6 disabled", is_out(&app, &tokens, &browser).await, true);
    let login = json!({"email": ADA, "password": PASSWORD});
    findings.expect("O6 disabled", app.post("/api/login", login.clone()).await.status().as_u16(), 401);
    let page = act("enable", &[]).await;
    findings.expect("enabled", page.html.contains("Its owner may sign in again."), true);

    let (tokens, browser) = opened().await;
    let page = root.get(&app, &format!("{path}/password")).await;
    findings.expect("asks", page.html.contains("Set another password for ada@example.com?"), true);
    let page = root.submit(&app, &page.form(&format!("{path}/password")), &[("password", "password1")]).await;
    let described = "aria-invalid=\"true\" aria-describedby=\"error password-rules\"";
    findings.expect("told at its field", page.html.contains(described), true);
    findings.expect("easy", (page.status.as_u16(), page.html.contains("too easy to guess")), (422, true));
    findings.expect("easy", is_out(&app, &tokens, &browser).await, false);
    let (tokens, browser) = opened().await;
    let page = act("password", &[("password", NEW)]).await;
    findings.expect("password", page.html.contains("Another password is set") && !page.html.contains(NEW), true);
    findings.expect("password", is_out(&app, &tokens, &browser).await, true);
    let letter = letters::newest(&app, ADA, letters::NOTICE).await;
    findings.expect(
        "letter",
        letter.text.contains("Another password was set for your account")
            && letter.text.contains("by an administrator"),
        true,
    );
    findings.expect("letter", letter.text.contains("127.0.0.1"), false);
    findings.expect("password", app.post("/api/login", login).await.status().as_u16(), 401);
    let page = act("factors", &[]).await;
    findings.expect("no factors", (page.status.as_u16(), page.html.contains("no second factors")), (409, true));

    let page = root.get(&app, &format!("{path}/delete")).await;
    findings.expect("asks", page.html.contains("Delete ada@example.com?"), true);
    findings.expect("only asks", app.texts(&format!("SELECT id FROM users WHERE id = '{id}'")).await.len(), 1);
    let page = act("delete", &[]).await;
    findings.expect("deleted", page.html.contains("The account is deleted."), true);
    findings.expect("deleted", root.get(&app, &path).await.status.as_u16(), 404);

    let root_id = app.texts("SELECT id FROM users").await.remove(0);
    let events = app
        .texts("SELECT act || ' ' || actor || ' ' || COALESCE(details, '') FROM audit WHERE act LIKE 'user.%'")
        .await;
    for (act, details) in [
        ("user.rename", ""),
        ("user.role_add", r#"{"roles":["billing","support"]}"#),
        ("user.role_remove", r#"{"roles":["billing"]}"#),
        ("user.logout", ""),
        ("user.disable", ""),
        ("user.enable", ""),
        ("user.password", ""),
        ("user.remove", ""),
    ] {
        findings.expect(act, events.contains(&format!("{act} admin {root_id} {details}")), true);
    }
    findings.none();
});

on_both!(second_factors_are_removed, |app| {
    let root = administrator(&app).await;
    let id = app.register_verified(ADA).await;
    let ada = signed_in(&app, ADA).await;
    let page = ada.get(&app, "/account").await;
    let page = ada.submit(&app, &page.form("/account/totp"), &[]).await;
    let secret = totp::base32(page.html.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next()).unwrap());
    let code = totp::code(&secret, app.clock.unix_seconds());
    assert_eq!(ada.submit(&app, &page.form("/account/totp/confirm"), &[("otp", &code)]).await.status, 200);
    let path = format!("/admin/users/{id}");
    assert!(root.get(&app, &path).await.html.contains("asked for at sign-in"));
    assert!(root.get(&app, &format!("{path}/factors")).await.html.contains("this is how accounts are taken over"));
    let page = send_and_go(&app, &root, &format!("{path}/factors"), &[]).await;
    assert!(page.html.contains("The second factors are removed") && page.html.contains("none"), "{}", page.html);
    assert_eq!(ada.get(&app, "/account").await.status, 303, "she is out");
    signed_in(&app, ADA).await;
    let letters = letters::to(&app, ADA).await;
    assert!(letters.iter().any(|letter| letter.text.contains("The second factors of your account were removed")));
    assert_eq!(app.texts("SELECT outcome FROM audit WHERE act = 'user.factors_remove'").await, ["success"]);
});

on_both!(ones_own_password_and_factors_are_no_matter_of_administration, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let id = app.texts("SELECT id FROM users").await.remove(0);
    let path = format!("/admin/users/{id}");
    let before = app.texts("SELECT password_hash FROM users").await;
    let page = root.get(&app, &path).await;
    findings.expect("led on", page.html.contains("changed on the page of <a href=\"/account\">"), true);
    findings.expect("no link", page.html.contains("/password\"") || page.html.contains("/factors\""), false);
    for act in ["password", "factors"] {
        let act = format!("{path}/{act}");
        findings.expect(&act, root.get(&app, &act).await.location(), "/account".to_owned());
        let page = send(&app, &root, &act, &[("password", NEW)]).await;
        let is_led_on = page.html.contains("href=\"/account\"") && page.html.contains("This is your own account");
        findings.expect(&act, (page.status.as_u16(), is_led_on), (403, true));
    }
    findings.expect("as it was", app.texts("SELECT password_hash FROM users").await, before);
    let acts = app.texts("SELECT act FROM audit WHERE act LIKE 'user.%'").await;
    findings.expect("nothing on record", acts, Vec::new());
    findings.expect("still in", root.get(&app, "/admin").await.status.as_u16(), 200);
    findings.none();
});

on_both!(another_account, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let new = |filled: Vec<(&'static str, &'static str)>| {
        let (app, root) = (&app, &root);
        async move { send_and_go(app, root, "/admin/users/new", &filled).await }
    };
    let page =
        new(vec![("email", ADA), ("name", "Ada"), ("roles", "billing"), ("how", "invitation"), ("verified", "yes")])
            .await;
    findings.expect("invited", page.html.contains("a letter is on its way"), true);
    findings.expect("not vouched for", page.html.contains("unverified"), true);
    let login = |password: &str| app.post("/api/login", json!({"email": ADA, "password": password}));
    for password in ["", "*", PASSWORD] {
        findings.expect(password, login(password).await.status().as_u16(), 401);
    }
    let letter = letters::newest(&app, ADA, letters::INVITATION).await;
    let link = letter.link();
    let path = link.strip_prefix("http://localhost:3000").unwrap();
    // The letter is good for days, and not for anything else.
    app.hands.advance(std::time::Duration::from_hours(24 * 6));
    let verify = app.post("/api/email/verify", json!({"token": letter.token()})).await;
    findings.expect("L24", verify.status().as_u16(), 400);
    let ada = Browser::default();
    let page = ada.get(&app, path).await;
    let page = ada.submit(&app, &page.form("/reset-password"), &[("new_password", PASSWORD)]).await;
    findings.expect("set", page.html.contains("Your new password is set"), true);
    let tokens: Value = login(PASSWORD).await.json().await.unwrap();
    let me: Value = app.get_as("/api/me", tokens["access_token"].as_str().unwrap()).await.json().await.unwrap();
    findings.expect("she is", (&me["email_verified"], &me["roles"]), (&json!(true), &json!(["billing"])));

    let root = signed_in(&app, ROOT).await;
    let new = async |filled: &[(&str, &str)]| send_and_go(&app, &root, "/admin/users/new", filled).await;
    let grace = "grace@example.com";
    let page = new(&[("email", grace), ("how", "password"), ("password", NEW), ("verified", "yes")]).await;
    findings.expect("made", page.html.contains("The account is made.") && !page.html.contains("unverified"), true);
    let login = app.post("/api/login", json!({"email": grace, "password": NEW})).await;
    findings.expect("made", login.status().as_u16(), 200);
    findings.expect("no letter", letters::to(&app, grace).await.len(), 0);
    for (row, email, how, password, status, words) in [
        ("taken", grace, "invitation", "", 409, "There is an account with this email address already"),
        ("no address", "eve", "invitation", "", 422, "Email must be an email address"),
        ("no password", "eve@example.com", "password", "", 422, "Password must have at least 8 characters"),
        ("easy", "eve@example.com", "password", "password1", 422, "Password is too easy to guess"),
        ("W7", "\"><script>alert(1)</script>", "invitation", "", 422, "Email must be"),
    ] {
        let page = new(&[("email", email), ("how", how), ("password", password)]).await;
        findings.expect(row, (page.status.as_u16(), page.html.contains(words)), (status, true));
        findings.expect(
            row,
            page.html.contains("<script>alert") || (!password.is_empty() && page.html.contains(password)),
            false,
        );
    }
    let page =
        new(&[("email", "eve"), ("name", "Eve"), ("roles", "Billing"), ("how", "password"), ("verified", "yes")]);
    let page = page.await;
    for field in ["email", "roles", "password"] {
        findings.expect(field, page.html.contains(&format!("<p id=\"{field}-error\" class=\"error small\">")), true);
    }
    let form = page.form("/admin/users/new").fields;
    let kept = ["email", "name", "roles", "how", "verified"].map(|field| form[field].as_str());
    findings.expect("kept", kept, ["eve", "Eve", "Billing", "password", "yes"]);
    findings.expect("the name is right", page.html.matches("aria-invalid").count(), 3);
    let events = app.texts("SELECT details FROM audit WHERE act = 'user.add' AND details IS NOT NULL").await;
    findings.expect("recorded", events, vec![r#"{"roles":["billing"],"password":"by invitation"}"#.to_owned()]);
    findings.none();
});
