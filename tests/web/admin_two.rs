//! Two administrators at one account or client: a page that was made before the other acted undoes nothing that he did.

use crate::support::admin::{administrator, make_admin, send_and_go, signed_in};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::tokens::Findings;

const SETTINGS: [(&str, &str); 2] = [("limits.enabled", "false"), ("oauth.scopes", r#"[{"name": "first"}]"#)];

async fn two(app: &TestApp) -> (Browser, Browser) {
    let root = administrator(app).await;
    make_admin(app, "second@example.com").await;
    (root, signed_in(app, "second@example.com").await)
}

/// Whether a form was refused because somebody else was faster.
fn is_refused(page: &Page) -> (u16, bool) {
    (page.status.as_u16(), page.html.contains("Somebody else changed this"))
}

on_both!(an_account, |app| {
    let mut findings = Findings::default();
    let (first, second) = two(&app).await;
    let id = app.register("ada@example.com").await;
    app.sql(&format!("UPDATE users SET roles = 'admin billing', name = 'Ada' WHERE id = '{id}'")).await;
    let path = format!("/admin/users/{id}");
    let (roles, name) = (format!("{path}/roles"), format!("{path}/name"));
    let stale = first.get(&app, &path).await;

    let now = second.get(&app, &path).await;
    let page = second.submit(&app, &now.form(&roles), &[("roles", "billing")]).await;
    findings.expect("taken", page.location(), format!("{path}?done=roles"));
    let page = first.submit(&app, &stale.form(&roles), &[("roles", "admin billing support")]).await;
    findings.expect("not given back", is_refused(&page), (409, true));
    findings.expect("as it is", page.form(&roles).fields["roles"].clone(), "billing".to_owned());
    // What nobody changed is no matter.
    let page = first.submit(&app, &stale.form(&name), &[("name", "Countess")]).await;
    findings.expect("renamed", page.location(), format!("{path}?done=renamed"));
    let page = second.submit(&app, &now.form(&name), &[("name", "Lovelace")]).await;
    findings.expect("not renamed", is_refused(&page), (409, true));
    let page = second.submit(&app, &page.form(&name), &[("name", "Lovelace")]).await;
    findings.expect("renamed", page.location(), format!("{path}?done=renamed"));
    findings.expect(
        "as it is",
        app.texts(&format!("SELECT name || ' ' || roles FROM users WHERE id = '{id}'")).await,
        vec!["Lovelace billing".to_owned()],
    );
    let acts = app.texts("SELECT act FROM audit WHERE act LIKE 'user.%' ORDER BY act").await;
    findings.expect("recorded", acts, ["user.rename", "user.rename", "user.role_remove"].map(str::to_owned).to_vec());
    // A form that was wrong, and is corrected, is still of the page that it was made on.
    for (form, field, wrong, right) in [(&name, "name", "a\u{7}b", "Ada"), (&roles, "roles", "Ü", "admin")] {
        let page = first.submit(&app, &stale.form(form), &[(field, wrong)]).await;
        findings.expect(field, page.status.as_u16(), 422);
        let page = first.submit(&app, &page.form(form), &[(field, right)]).await;
        findings.expect(field, is_refused(&page), (409, true));
    }
    let page = first.submit(&app, &stale.form(&roles), &[("seen", ""), ("roles", "admin")]).await;
    findings.expect("as if it had none", is_refused(&page), (409, true));
    findings.none();
});

on_both!(a_client, SETTINGS, |app| {
    let mut findings = Findings::default();
    let (first, second) = two(&app).await;
    let made = [("name", "Shop"), ("grant.client_credentials", "yes"), ("scope.first", "yes")];
    assert_eq!(send_and_go(&app, &first, "/admin/clients/new", &made).await.status, 201);
    let path = format!("/admin/clients/{}", app.texts("SELECT id FROM oauth_clients").await.remove(0));
    let stale = first.get(&app, &path).await;

    let page = send_and_go(&app, &second, &format!("{path}/disable"), &[]).await;
    findings.expect("disabled", page.html.contains("The client is disabled"), true);
    let kept = async || {
        let kept = "SELECT name || ' ' || scopes || CASE WHEN disabled_at IS NULL THEN '' ELSE ' disabled' END";
        app.texts(&format!("{kept} FROM oauth_clients")).await
    };
    let page = first.submit(&app, &stale.form(&path), &[("name", "Shop 2")]).await;
    findings.expect("changed", page.location(), format!("{path}?done=changed"));
    findings.expect("still disabled", kept().await, vec!["Shop 2 first disabled".to_owned()]);

    // The form of the first was made before his own change, and that of the second before it too.
    let page = second.submit(&app, &stale.form(&path), &[("name", "Other"), ("audience", "api://x")]).await;
    findings.expect("not ours", page.status.as_u16(), 403);
    let mut form = second.get(&app, &path).await.form(&path);
    form.fields.insert("seen".to_owned(), stale.form(&path).fields["seen"].clone());
    let page = second.submit(&app, &form, &[("name", "Other"), ("audience", "api://x")]).await;
    findings.expect("refused", is_refused(&page), (409, true));
    let again = page.form(&path);
    findings.expect("as it is", (again.fields["name"].as_str(), again.fields["audience"].as_str()), ("Shop 2", ""));
    findings.expect("as it is", kept().await, vec!["Shop 2 first disabled".to_owned()]);
    let page = second.submit(&app, &again, &[("name", "Other")]).await;
    findings.expect("then", page.location(), format!("{path}?done=changed"));
    form.fields.remove("seen");
    let page = second.submit(&app, &form, &[("name", "Nothing seen")]).await;
    findings.expect("of no page", is_refused(&page), (409, true));
    findings.none();
});
