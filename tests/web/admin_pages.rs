//! Who may see the pages of administration, and who may act on them.

use std::time::Duration;

use reqwest::Method;
use uuid::Uuid;

use crate::support::admin::{ROOT, administrator, form_token, make_admin, send, send_and_go, signed_in};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

const ADA: &str = "ada@example.com";

/// All pages, with an account and a client of these ids.
fn pages(user: &str, client: &str) -> Vec<String> {
    let fixed = [
        "/admin",
        "/admin/users",
        "/admin/users/new",
        "/admin/clients",
        "/admin/clients/new",
        "/admin/keys",
        "/admin/keys/rotate",
        "/admin/audit",
        "/admin/settings",
    ];
    let of_user = ["", "/password", "/disable", "/sign-out", "/factors", "/delete"]
        .map(|act| format!("/admin/users/{user}{act}"));
    let of_client = ["", "/rotate", "/disable", "/remove"].map(|act| format!("/admin/clients/{client}{act}"));
    fixed.iter().map(|path| (*path).to_owned()).chain(of_user).chain(of_client).collect()
}

/// All acts.
fn acts(user: &str, client: &str) -> Vec<String> {
    let of_user = ["name", "roles", "password", "enable", "disable", "sign-out", "factors", "delete"];
    let of_client =
        ["", "/rotate", "/disable", "/enable", "/remove"].map(|act| format!("/admin/clients/{client}{act}"));
    let fixed = ["/admin/users/new", "/admin/clients/new", "/admin/keys/rotate"].map(str::to_owned);
    of_user.iter().map(|act| format!("/admin/users/{user}/{act}")).chain(of_client).chain(fixed).collect()
}

/// What every act would take for a good form.
const FILLED: [(&str, &str); 6] = [
    ("name", "Changed"),
    ("roles", "admin"),
    ("password", "another horse battery staple"),
    ("email", "eve@example.com"),
    ("choice", "compromised"),
    ("grant.client_credentials", "yes"),
];

/// All that acts could have changed.
async fn state(app: &TestApp) -> Vec<String> {
    let mut state = app.texts("SELECT email || roles || COALESCE(name, '') || password_hash || COALESCE(CAST(disabled_at AS TEXT), '') FROM users ORDER BY email").await;
    state.extend(app.texts("SELECT id || name || grants FROM oauth_clients ORDER BY id").await);
    state.extend(app.texts("SELECT secret_hash FROM oauth_client_secrets ORDER BY secret_hash").await);
    state.extend(
        app.texts("SELECT act FROM audit WHERE act LIKE 'user.%' OR act LIKE 'client.%' OR act LIKE 'key.%'").await,
    );
    state
}

on_both!(who_may, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let ada_id = app.register(ADA).await;
    let made =
        send(&app, &root, "/admin/clients/new", &[("name", "A program"), ("grant.client_credentials", "yes")]).await;
    assert_eq!(made.status, 201, "{}", made.html);
    let client = app.texts("SELECT id FROM oauth_clients").await.remove(0);
    let ada = signed_in(&app, ADA).await;
    let token = app.log_in(ROOT).await.access_token;
    for path in pages(&ada_id, &client) {
        let page = root.get(&app, &path).await;
        findings.expect(&path, page.status.as_u16(), 200);
        findings.expect(&path, page.html.contains("aria-label=\"Administration\""), true);
        findings.expect(&path, page.headers["cache-control"].to_str().unwrap(), "no-store");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        findings.expect(&path, policy.contains("default-src 'none'") && !policy.contains("unsafe"), true);
        findings.expect(
            &path,
            page.html.contains(" style=") || page.html.contains("<script>") || page.html.contains("<style"),
            false,
        );

        let page = ada.get(&app, &path).await;
        findings.expect(&format!("O6 {path}"), page.status.as_u16(), 403);
        findings.expect(&format!("O6 {path}"), page.html.contains("This is for administrators"), true);
        let nobody = app.request(Method::GET, &path).bearer_auth(&token);
        let page = Browser::default().send(nobody).await;
        let on = format!("/sign-in?return_to={}", path.replace('/', "%2F"));
        findings.expect(&format!("nobody {path}"), (page.status.as_u16(), page.location()), (303, on));
    }
    let before = state(&app).await;
    let own = form_token(&app, &root).await;
    let hers = form_token(&app, &ada).await;
    let filled = |form_token: &str| {
        let own = [("form_token".to_owned(), form_token.to_owned())];
        FILLED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain(own).collect::<Vec<_>>()
    };
    for path in acts(&ada_id, &client) {
        let post = || app.request(Method::POST, &path);
        let status = async |browser: &Browser, request| browser.send(request).await.status.as_u16();
        let from_elsewhere = post().form(&filled(&own)).header("sec-fetch-site", "cross-site");
        findings.expect(&format!("W1 {path} from elsewhere"), status(&root, from_elsewhere).await, 403);
        let other_origin = post().form(&filled(&own)).header("origin", "https://evil.example");
        findings.expect(&format!("W1 {path} of another origin"), status(&root, other_origin).await, 403);
        findings.expect(&format!("W1 {path} without its token"), status(&root, post().form(&FILLED)).await, 403);
        findings.expect(&format!("W1 {path} with another's"), status(&root, post().form(&filled(&hers))).await, 403);
        findings.expect(&format!("O6 {path} by a user"), status(&ada, post().form(&filled(&hers))).await, 403);
        let stranger = Browser::default();
        let form_token = form_token(&app, &stranger).await;
        let page = stranger.send(post().form(&filled(&form_token)).bearer_auth(&token)).await;
        findings.expect(&format!("nobody {path}"), page.location().starts_with("/sign-in"), true);
    }
    findings.expect("nothing was done", state(&app).await, before);
    findings.none();
});

on_both!(who_signed_in_long_ago_looks_and_does_not_act, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let ada_id = app.register(ADA).await;
    send(&app, &root, "/admin/clients/new", &[("name", "A program")]).await;
    let client = app.texts("SELECT id FROM oauth_clients").await.remove(0);
    let before = state(&app).await;
    app.hands.advance(Duration::from_mins(16));
    findings.expect("looks", root.get(&app, "/admin/users").await.status.as_u16(), 200);
    for path in acts(&ada_id, &client) {
        let page = send(&app, &root, &path, &FILLED).await;
        findings.expect(&path, (page.status.as_u16(), page.html.contains("Please sign in again")), (403, true));
    }
    findings.expect("nothing was done", state(&app).await, before);
    let page = send(&app, &root, &format!("/admin/users/{ada_id}/disable"), &[]).await;
    let link = page.html.split("href=\"/sign-in?").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let link = crate::support::browser::unescaped(&format!("/sign-in?{link}"));
    findings.expect("addresses are not in addresses", link.contains("email") || link.contains("example"), false);
    let back = root.sign_in(&app, &link, ROOT).await.location();
    findings.expect("back", back, format!("/admin/users/{ada_id}"));
    let page = send_and_go(&app, &root, &format!("/admin/users/{ada_id}/disable"), &[]).await;
    findings.expect("acts", page.html.contains("The account is disabled"), true);
    findings.none();
});

on_both!(the_way_in_leads_to_no_page_that_tells_what_was_not_done, |app| {
    let root = administrator(&app).await;
    for (to, on) in [("/account%3Fdone=password", "/account"), ("/admin/keys%3Fdone=compromised", "/admin/keys")] {
        let page = root.get(&app, &format!("/sign-in/done?return_to={to}")).await;
        assert_eq!(page.location(), on);
    }
});

on_both!(who_loses_the_role_is_out_at_once, |app| {
    let root = administrator(&app).await;
    let eve_id = make_admin(&app, "eve@example.com").await;
    let eve = signed_in(&app, "eve@example.com").await;
    assert_eq!(eve.get(&app, "/admin").await.status, 200);
    send(&app, &root, &format!("/admin/users/{eve_id}/roles"), &[("roles", "billing"), ("seen", "admin")]).await;
    assert!(eve.get(&app, "/admin").await.location().starts_with("/sign-in"), "her session has ended");
    let eve = signed_in(&app, "eve@example.com").await;
    assert_eq!(eve.get(&app, "/admin").await.status, 403);
    assert!(!eve.get(&app, "/account").await.html.contains("href=\"/admin\""));
    assert!(root.get(&app, "/account").await.html.contains("href=\"/admin\""));
    // By an administrator whose session ends while he acts, nothing is done: it is asked for once more in the transaction.
    let root_id = app.texts(&format!("SELECT id FROM users WHERE email = '{ROOT}'")).await.remove(0);
    app.sql(&format!("UPDATE sessions SET ended_at = 1 WHERE user_id = '{root_id}'")).await;
    assert!(send(&app, &root, &format!("/admin/users/{eve_id}/delete"), &[]).await.location().starts_with("/sign-in"));
});

on_both!(what_is_not_there, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let (unknown, root_id) = (Uuid::new_v4(), app.texts("SELECT id FROM users").await.remove(0));
    for path in [
        format!("/admin/users/{unknown}"),
        format!("/admin/users/{unknown}/delete"),
        format!("/admin/users/{root_id}/promote"),
        "/admin/users/root@example.com".to_owned(),
        "/admin/users/x".to_owned(),
        "/admin/clients/0oaNobody".to_owned(),
        "/admin/clients/0oaNobody/remove".to_owned(),
        "/admin/clients/0oaNobody/rotate".to_owned(),
        "/admin/elsewhere".to_owned(),
    ] {
        findings.expect(&format!("O19 {path}"), root.get(&app, &path).await.status.as_u16(), 404);
    }
    for path in [
        format!("/admin/users/{unknown}/delete"),
        format!("/admin/users/{unknown}/name"),
        format!("/admin/users/{root_id}/promote"),
        "/admin/clients/0oaNobody".to_owned(),
        "/admin/clients/0oaNobody/remove".to_owned(),
        "/admin/clients/0oaNobody/rotate".to_owned(),
    ] {
        findings.expect(&format!("O19 {path}"), send(&app, &root, &path, &FILLED).await.status.as_u16(), 404);
    }
    // A link from elsewhere says nothing of what was done.
    let path = format!("/admin/users/{root_id}?done=deleted");
    let request = app.request(Method::GET, &path).header("sec-fetch-site", "cross-site");
    findings.expect("done", root.send(request).await.html.contains("The account is deleted"), false);
    findings.expect("done", root.get(&app, &path).await.html.contains("The account is deleted"), true);
    for query in ["users?cursor=a%00", "users?search=%00", "audit?ip=%0a"] {
        findings.expect(query, root.get(&app, &format!("/admin/{query}")).await.status.as_u16(), 400);
    }
    findings.none();
});

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_no_accounts() {
    let okta = crate::support::okta::Okta::start().await;
    let accept =
        [("auth.accept", "okta"), ("remote.okta.issuer", &okta.issuer), ("remote.okta.audience", "api://default")];
    let app = TestApp::with(crate::support::app::Engine::Sqlite, &accept).await;
    for path in ["/admin", "/admin/users"] {
        assert_eq!(app.get(path).await.status(), 404, "{path}");
    }
}
