//! The pages of one's account: registering, what links in letters lead to, forgotten passwords. None needs a script.

use serde_json::{Value, json};

use crate::support::app::{Engine, PASSWORD, TestApp, on_both};
use crate::support::browser::Browser;
use crate::support::letters;
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";

on_both!(registering_and_on_to_what_one_came_for, |app| {
    let browser = Browser::default();
    let page = browser.get(&app, "/activate").await;
    let page = browser.get(&app, &page.location()).await;
    let link = page.html.split("href=\"/register?").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let page = browser.get(&app, &format!("/register?{}", crate::support::browser::unescaped(link))).await;
    let filled = [("name", "Ada Lovelace"), ("email", ADA), ("password", PASSWORD)];
    let page = browser.submit(&app, &page.form("/register"), &filled).await;
    let page = browser.signed_in(&app, page).await;
    assert_eq!(page.location(), "/activate");
    assert!(browser.get(&app, "/activate").await.html.contains(ADA), "signed in");
    let me: Value = app.get_as("/api/me", &app.log_in(ADA).await.access_token).await.json().await.unwrap();
    assert_eq!(me["name"], "Ada Lovelace");
});

on_both!(registering_in_vain, |app| {
    let mut findings = Findings::default();
    app.register(ADA).await;
    let browser = Browser::default();
    let form = browser.get(&app, "/register").await.form("/register");
    for (row, email, password, status, words) in [
        ("taken", ADA, PASSWORD, 409, "There is an account with this email address already"),
        ("no address", "ada", PASSWORD, 422, "Email must be an email address"),
        ("short", "eve@example.com", "short", 422, "Password must have at least 8 characters"),
        ("common", "eve@example.com", "password1", 422, "Password is too easy to guess"),
        ("nothing", "", "", 422, "Email must be"),
        ("W7", "\"><script>@example.com", PASSWORD, 422, "Email must be"),
    ] {
        let page = browser.submit(&app, &form, &[("email", email), ("password", password), ("name", "<b>")]).await;
        findings.expect(row, page.status.as_u16(), status);
        findings.expect(row, page.html.contains(words), true);
        findings.expect(row, page.html.contains("<b>") || page.html.contains("<script>"), false);
        findings.expect(row, !password.is_empty() && page.html.contains(password), false);
    }
    let stranger = Browser::default();
    let page = stranger.submit(&app, &form, &[("email", "eve@example.com"), ("password", PASSWORD)]).await;
    findings.expect("W1", page.status.as_u16(), 403);
    findings.none();
});

#[tokio::test(flavor = "multi_thread")]
async fn registering_where_it_is_closed() {
    let app = TestApp::with(Engine::Sqlite, &[("registration.open", "false")]).await;
    let browser = Browser::default();
    assert_eq!(browser.get(&app, "/register").await.status, 403);
    let page = browser.get(&app, "/sign-in").await;
    assert!(!page.html.contains("/register"), "{}", page.html);
}

on_both!(
    an_address_that_must_be_verified_first,
    [("limits.enabled", "false"), ("accounts.email_verification", "required")],
    |app| {
        let browser = Browser::default();
        let form = browser.get(&app, "/register").await.form("/register");
        let filled = [("email", ADA), ("password", PASSWORD)];
        let first = browser.submit(&app, &form, &filled).await;
        assert_eq!(first.status, 202);
        let sign_in = browser.get(&app, "/sign-in").await.form("/sign-in");
        let page = browser.submit(&app, &sign_in, &filled).await;
        assert!(page.status == 403 && page.html.contains("not verified yet"), "{}", page.html);

        let link = letters::newest(&app, ADA, letters::VERIFY).await.link();
        let path = link.strip_prefix("http://localhost:3000").unwrap();
        // Programs that look into letters open links too.
        let page = browser.get(&app, path).await;
        let page_again = browser.get(&app, path).await;
        assert!(page.html.contains("Is this your email address?") && page_again.status == 200, "{}", page.html);
        assert_eq!(browser.submit(&app, &sign_in, &filled).await.status, 403, "opening it does nothing");
        let form_of_letter = page.form("/verify-email");
        let page = browser.submit(&app, &form_of_letter, &[]).await;
        assert!(page.status == 200 && page.html.contains("Thank you"), "{}", page.html);
        let page = browser.submit(&app, &form_of_letter, &[]).await;
        assert!(page.status == 400 && page.html.contains("The token is not good"), "L24: {}", page.html);
        let page = browser.submit(&app, &sign_in, &filled).await;
        assert_eq!(browser.signed_in(&app, page).await.location(), "/account");
        // L3: for an address that is taken the answer is the same.
        let second = browser.submit(&app, &form, &filled).await;
        assert_eq!((second.status, second.html), (first.status, first.html), "L3");
    }
);

on_both!(a_forgotten_password, |app| {
    let mut findings = Findings::default();
    app.register_verified(ADA).await;
    let browser = Browser::default();
    let page = browser.sign_in(&app, "/sign-in", ADA).await;
    findings.expect("signed in", page.location(), "/account".to_owned());
    let form = browser.get(&app, "/forgot-password").await.form("/forgot-password");
    let known = browser.submit(&app, &form, &[("email", ADA)]).await;
    let unknown = browser.submit(&app, &form, &[("email", "nobody@example.com")]).await;
    findings.expect("L4", (known.status.as_u16(), &known.html), (202, &unknown.html));
    findings.expect("no address", browser.submit(&app, &form, &[("email", "x")]).await.status.as_u16(), 422);

    let link = letters::newest(&app, ADA, letters::RESET).await.link();
    let page = browser.get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await;
    let form = page.form("/reset-password");
    let new = "another horse battery staple";
    let easy = browser.submit(&app, &form, &[("new_password", "password1")]).await;
    findings.expect("easy", (easy.status.as_u16(), easy.html.contains("too easy to guess")), (422, true));
    findings.expect("W1", Browser::default().submit(&app, &form, &[("new_password", new)]).await.status.as_u16(), 403);
    let page = browser.submit(&app, &easy.form("/reset-password"), &[("new_password", new)]).await;
    findings.expect("done", (page.status.as_u16(), page.html.contains("Your new password is set")), (200, true));
    findings.expect("the browser is out too", browser.cookies().contains_key("tokenhouse-session"), false);
    let again = browser.submit(&app, &form, &[("new_password", "a wholly other sentence")]).await;
    findings.expect("L24", again.status.as_u16(), 400);
    for (password, status) in [(new, 200), (PASSWORD, 401)] {
        let response = app.post("/api/login", json!({"email": ADA, "password": password})).await;
        findings.expect(password, response.status().as_u16(), status);
    }
    findings.none();
});
