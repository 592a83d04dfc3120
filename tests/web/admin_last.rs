//! That an administrator is left, whoever goes and however.

use reqwest::Method;
use serde_json::json;

use crate::support::admin::{ROOT, administrator, fill, make_admin, send, send_and_go};
use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::browser::Browser;
use crate::support::letters;
use crate::support::tokens::Findings;

on_both!(the_last_administrator_stays, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let id = app.texts("SELECT id FROM users").await.remove(0);
    let token = app.log_in(ROOT).await.access_token;
    // Others do not count who may not log in, or whose role only looks alike.
    let eve = make_admin(&app, "eve@example.com").await;
    app.sql(&format!("UPDATE users SET disabled_at = 1 WHERE id = '{eve}'")).await;
    let mallory = make_admin(&app, "mallory@example.com").await;
    app.sql(&format!("UPDATE users SET roles = 'admin-of-none xadmin' WHERE id = '{mallory}'")).await;
    let path = format!("/api/admin/users/{id}");
    for (act, filled) in
        [("disable", vec![]), ("delete", vec![]), ("roles", vec![("roles", "billing"), ("seen", "admin")])]
    {
        let page = send(&app, &root, &format!("/admin/users/{id}/{act}"), &filled).await;
        findings.expect(act, (page.status.as_u16(), page.html.contains("the last administrator")), (409, true));
    }
    for body in [json!({"disabled": true}), json!({"roles": []}), json!({"name": "x", "roles": ["billing"]})] {
        let answer = app.send_as(reqwest::Method::PATCH, &path, &token, body).await;
        findings.expect("PATCH", crate::support::app::problem(answer).await, (409, "last-admin".to_owned()));
    }
    let answer = app.send_as(reqwest::Method::DELETE, &path, &token, json!({})).await;
    findings.expect("DELETE", crate::support::app::problem(answer).await, (409, "last-admin".to_owned()));
    findings.expect(
        "as it was",
        app.texts(&format!("SELECT COALESCE(name, '-') || roles FROM users WHERE id = '{id}'")).await,
        vec!["-admin".to_owned()],
    );
    findings.expect("still in", root.get(&app, "/admin").await.status.as_u16(), 200);
    let page = send_and_go(&app, &root, &format!("/admin/users/{eve}/enable"), &[]).await;
    findings.expect("another", page.html.contains("may sign in again"), true);
    let page = send(&app, &root, &format!("/admin/users/{id}/roles"), &[("roles", ""), ("seen", "admin")]).await;
    findings.expect("not the last", page.status.as_u16(), 303);
    findings.expect("out", root.get(&app, "/admin").await.location().starts_with("/sign-in"), true);
    findings.none();
});

on_both!(two_administrators_at_once_leave_one, |app| {
    let (one, two) = (make_admin(&app, "one@example.com").await, make_admin(&app, "two@example.com").await);
    let (first, second) =
        (app.log_in("one@example.com").await.access_token, app.log_in("two@example.com").await.access_token);
    let lose = async |id: &str, token: &str| {
        app.send_as(reqwest::Method::PATCH, &format!("/api/admin/users/{id}"), token, json!({"roles": []}))
            .await
            .status()
            .as_u16()
    };
    // Each takes it from himself.
    let mut statuses = [0; 2];
    (statuses[0], statuses[1]) = tokio::join!(lose(&one, &first), lose(&two, &second));
    let left = app.texts("SELECT id FROM users WHERE roles = 'admin'").await.len();
    assert!(left >= 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401, 409, 503].contains(status)), "{statuses:?}");
});

async fn leave(app: &TestApp, token: &str) -> (u16, String) {
    let answer = app.send_as(Method::DELETE, "/api/me", token, json!({"password": PASSWORD})).await;
    if answer.status() == 204 { (204, String::new()) } else { problem(answer).await }
}

on_both!(the_last_administrator_does_not_leave, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let last = (409, "last-admin".to_owned());
    let token = app.log_in(ROOT).await.access_token;
    findings.expect("DELETE /api/me", leave(&app, &token).await, last.clone());
    let page = fill(&app, &root, "/account", "/account/delete", &[("password", PASSWORD)]).await;
    findings.expect("/account", (page.status.as_u16(), page.html.contains("the last administrator")), (409, true));
    findings.expect("still in", root.get(&app, "/admin").await.status.as_u16(), 200);
    let events = app.texts("SELECT act FROM audit WHERE act = 'account.delete'").await;
    findings.expect("not recorded", events, Vec::new());

    // Whoever was invited and has not come is none yet.
    let invited = [("email", "second@example.com"), ("roles", "admin"), ("how", "invitation")];
    send_and_go(&app, &root, "/admin/users/new", &invited).await;
    findings.expect("invited", leave(&app, &token).await, last);
    let id = app.texts(&format!("SELECT id FROM users WHERE email = '{ROOT}'")).await.remove(0);
    let page = send(&app, &root, &format!("/admin/users/{id}/disable"), &[]).await;
    findings.expect("invited", (page.status.as_u16(), page.html.contains("the last administrator")), (409, true));
    let link = letters::newest(&app, "second@example.com", letters::INVITATION).await.link();
    let second = Browser::default();
    let page = second.get(&app, link.strip_prefix("http://localhost:3000").unwrap()).await;
    second.submit(&app, &page.form("/reset-password"), &[("new_password", PASSWORD)]).await;
    findings.expect("accepted", leave(&app, &token).await.0, 204);

    // Others leave as they like, also where there is no administrator at all.
    app.register("ada@example.com").await;
    let ada = app.log_in("ada@example.com").await.access_token;
    app.sql("UPDATE users SET roles = ''").await;
    findings.expect("others", leave(&app, &ada).await.0, 204);
    findings.none();
});

on_both!(who_has_a_passkey_alone_is_an_administrator, |app| {
    administrator(&app).await;
    let token = app.log_in(ROOT).await.access_token;
    let id = make_admin(&app, "second@example.com").await;
    app.sql(&format!("UPDATE users SET password_hash = '*' WHERE id = '{id}'")).await;
    assert_eq!(leave(&app, &token).await, (409, "last-admin".to_owned()));
    let columns = "id, credential_id, user_id, name, credential, created_at";
    app.sql(&format!("INSERT INTO passkeys ({columns}) VALUES ('key', 'key', '{id}', 'Key', '{{}}', 1)")).await;
    assert_eq!(leave(&app, &token).await.0, 204);
});

on_both!(who_may_not_log_in_unverified_is_no_administrator, |app| {
    administrator(&app).await;
    let token = app.log_in(ROOT).await.access_token;
    app.sql(&format!("UPDATE users SET email_verified_at = 1 WHERE email = '{ROOT}'")).await;
    let id = make_admin(&app, "second@example.com").await;
    app.sql(&format!("UPDATE users SET email_verified_at = NULL WHERE id = '{id}'")).await;
    app.restart_with(&[("accounts.email_verification", "required")]).await;
    assert_eq!(leave(&app, &token).await, (409, "last-admin".to_owned()));
    let root = app.texts(&format!("SELECT id FROM users WHERE email = '{ROOT}'")).await.remove(0);
    let answer =
        app.send_as(Method::PATCH, &format!("/api/admin/users/{root}"), &token, json!({"disabled": true})).await;
    assert_eq!(problem(answer).await, (409, "last-admin".to_owned()));
    app.sql(&format!("UPDATE users SET email_verified_at = 1 WHERE id = '{id}'")).await;
    assert_eq!(leave(&app, &token).await.0, 204);
});

on_both!(of_two_administrators_who_leave_at_once_one_stays, |app| {
    for round in 0..5 {
        let emails = [format!("one{round}@example.com"), format!("two{round}@example.com")];
        app.sql("UPDATE users SET roles = ''").await;
        let mut tokens = Vec::new();
        for email in &emails {
            make_admin(&app, email).await;
            tokens.push(app.log_in(email).await.access_token);
        }
        let (one, two) = tokio::join!(leave(&app, &tokens[0]), leave(&app, &tokens[1]));
        let left = app.texts("SELECT id FROM users WHERE roles = 'admin'").await.len();
        let mut statuses = [one.0, two.0];
        statuses.sort_unstable();
        assert_eq!((left, statuses), (1, [204, 409]), "round {round}");
    }
});
