//! Clients and signing keys in the hands of an administrator at his browser.

use serde_json::Value;

use crate::support::admin::{administrator, send, send_and_go};
use crate::support::app::{Engine, TestApp, on_both};
use crate::support::browser::{Browser, Page};
use crate::support::tokens::Findings;

const SETTINGS: [(&str, &str); 2] = [
    ("limits.enabled", "false"),
    ("oauth.scopes", r#"[{"name": "first", "description": "Opens <one>"}, {"name": "second"}]"#),
];
const NEW: &str = "/admin/clients/new";
const TOKEN: &str = "/oauth2/default/v1/token";

/// The `n`th text in code on a page: of a new client, its id and its secret.
fn code(page: &Page, n: usize) -> String {
    let text = page.html.split("<code").nth(n + 1).and_then(|rest| rest.split('>').nth(1));
    text.and_then(|rest| rest.split('<').next()).unwrap_or_else(|| panic!("no code: {}", page.html)).to_owned()
}

/// Sends the form of a client, as it is now, with `filled` in place of all that can be filled in.
async fn change(app: &TestApp, root: &Browser, path: &str, filled: &[(&str, &str)]) -> Page {
    let seen = root.get(app, path).await.form(path).fields["seen"].clone();
    send_and_go(app, root, path, &[filled, &[("seen", &seen)]].concat()).await
}

async fn status(app: &TestApp, id: &str, secret: &str) -> u16 {
    let form = [("grant_type", "client_credentials"), ("scope", "first")];
    let request = app.request(reqwest::Method::POST, TOKEN).form(&form).basic_auth(id, Some(secret));
    request.send().await.unwrap().status().as_u16()
}

on_both!(clients, SETTINGS, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let form = root.get(&app, NEW).await;
    findings.expect("W7 scopes", form.html.contains("Opens &#60;one&#62;") && !form.html.contains("<one>"), true);
    let filled =
        [("name", "<b>Billing"), ("grant.client_credentials", "yes"), ("scope.first", "yes"), ("access_ttl", "10m")];
    let page = send(&app, &root, NEW, &filled).await;
    findings.expect("made", (page.status.as_u16(), page.headers["cache-control"].to_str().unwrap()), (201, "no-store"));
    findings.expect("W7", page.html.contains("<b>Billing"), false);
    let (id, secret) = (code(&page, 0), code(&page, 1));
    findings.expect("works", status(&app, &id, &secret).await, 200);
    let path = format!("/admin/clients/{id}");
    let page = root.get(&app, &path).await;
    findings.expect("once", page.html.contains(&secret), false);
    findings.expect(
        "shown",
        page.html.contains("value=\"10m\"") && page.html.contains("name=\"scope.first\" value=\"yes\" checked"),
        true,
    );
    findings.expect("W7", page.html.contains("<b>Billing"), false);
    findings.expect("listed", root.get(&app, "/admin/clients").await.html.contains(&format!("href=\"{path}\"")), true);

    let wrong = [
        ("no name", vec![("name", "")], "Name must not be empty"),
        ("no uri", vec![("name", "x"), ("grant.authorization_code", "yes")], "Redirect uris must have one"),
        ("ttl", vec![("name", "x"), ("access_ttl", "for ever")], "Access ttl must be a duration"),
        ("jwks", vec![("name", "x"), ("auth_method", "private_key_jwt"), ("jwks", "{")], "The public keys must be"),
        ("no jwks", vec![("name", "x"), ("auth_method", "private_key_jwt")], "Jwks must be there"),
        ("scope", vec![("name", "x"), ("scope.admin", "yes")], "Scopes must be of those declared"),
        (
            "public",
            vec![("name", "x"), ("auth_method", "none"), ("grant.client_credentials", "yes")],
            "Grants must not be client_credentials",
        ),
    ];
    for (row, filled, words) in wrong {
        let page = send(&app, &root, NEW, &filled).await;
        findings.expect(row, (page.status.as_u16(), page.html.contains(words)), (422, true));
    }
    findings.expect("none of them", app.texts("SELECT id FROM oauth_clients").await.len(), 1);

    // All that is on the form is changed: what is not ticked any more is gone.
    let uris = "http://localhost:8080/callback\r\n https://a.example/b \r\n";
    let filled = [
        ("name", "Shop"),
        ("grant.authorization_code", "yes"),
        ("scope.second", "yes"),
        ("redirect_uris", uris),
        ("trusted", "yes"),
    ];
    let page = change(&app, &root, &path, &filled).await;
    findings.expect("changed", page.html.contains("The client is saved."), true);
    let kept = app.texts("SELECT name || ' ' || grants || ' ' || scopes || ' ' || redirect_uris || COALESCE(CAST(access_ttl AS TEXT), ' -') FROM oauth_clients").await;
    findings.expect(
        "changed",
        kept,
        vec!["Shop authorization_code second http://localhost:8080/callback https://a.example/b -".to_owned()],
    );
    let page = change(&app, &root, &path, &[("name", "Shop"), ("grant.authorization_code", "yes")]).await;
    findings.expect(
        "wrong change",
        (page.status.as_u16(), page.html.contains("Redirect uris must have one")),
        (422, true),
    );
    change(&app, &root, &path, &filled_again()).await;
    findings.expect("as before", status(&app, &id, &secret).await, 200);

    let page = root.get(&app, &format!("{path}/rotate")).await;
    findings.expect("asks", page.html.contains("another secret?"), true);
    findings.expect(
        "chooses",
        send(&app, &root, &format!("{path}/rotate"), &[("choice", "ever")]).await.status.as_u16(),
        400,
    );
    let page = send(&app, &root, &format!("{path}/rotate"), &[("choice", "hour")]).await;
    let second = code(&page, 1);
    findings.expect("both", (status(&app, &id, &secret).await, status(&app, &id, &second).await), (200, 200));
    findings.expect("not stored", page.headers["cache-control"].to_str().unwrap(), "no-store");
    let page = send(&app, &root, &format!("{path}/rotate"), &[("choice", "none")]).await;
    let third = code(&page, 1);
    findings.expect(
        "one",
        [status(&app, &id, &secret).await, status(&app, &id, &second).await, status(&app, &id, &third).await].to_vec(),
        vec![401, 401, 200],
    );

    let page = root.get(&app, &format!("{path}/disable")).await;
    findings.expect("asks", page.html.contains("Disable Shop?"), true);
    findings.expect("only asks", status(&app, &id, &third).await, 200);
    let page = root.submit(&app, &page.form(&format!("{path}/disable")), &[]).await;
    let page = root.get(&app, &page.location()).await;
    findings.expect("disabled", page.html.contains("class=\"mark bad\">disabled"), true);
    findings.expect("disabled", status(&app, &id, &third).await, 401);
    // Saving the form of a client does not enable it.
    change(&app, &root, &path, &filled_again()).await;
    findings.expect("still", status(&app, &id, &third).await, 401);
    let page = root.get(&app, &path).await;
    let page = root.submit(&app, &page.form(&format!("{path}/enable")), &[]).await;
    findings.expect("enabled", page.location(), format!("{path}?done=client-enabled"));
    findings.expect("enabled", status(&app, &id, &third).await, 200);
    let page = root.get(&app, &format!("{path}/remove")).await;
    findings.expect("asks", page.html.contains("Remove Shop?"), true);
    let page = root.submit(&app, &page.form(&format!("{path}/remove")), &[]).await;
    findings.expect("removed", page.location(), "/admin/clients?done=removed".to_owned());
    findings.expect("removed", root.get(&app, &path).await.status.as_u16(), 404);
    let public = [("name", "An app"), ("auth_method", "none"), ("grant.device_code", "yes")];
    let page = send(&app, &root, NEW, &public).await;
    findings.expect("public", page.status == 201 && !page.html.contains("Client secret"), true);
    let path = format!("/admin/clients/{}/rotate", code(&page, 0));
    let page = send(&app, &root, &path, &[("choice", "none")]).await;
    findings.expect("has none", (page.status.as_u16(), page.html.contains("This client has no secret")), (409, true));
    let changes =
        app.texts("SELECT details FROM audit WHERE act = 'client.change' AND details LIKE '%disabled%'").await;
    findings.expect("recorded", changes, vec![r#"{"changed":["disabled"]}"#.to_owned(); 2]);
    findings.none();
});

fn filled_again() -> [(&'static str, &'static str); 3] {
    [("name", "Shop"), ("grant.client_credentials", "yes"), ("scope.first", "yes")]
}

on_both!(keys, |app| {
    let root = administrator(&app).await;
    app.register("ada@example.com").await;
    let before = app.log_in("ada@example.com").await;
    let page = root.get(&app, "/admin/keys").await;
    assert!(page.html.contains("HS256") && page.html.contains(">signs<"), "{}", page.html);
    let page = root.get(&app, "/admin/keys/rotate").await;
    assert!(page.html.contains("Rotate the signing keys?") && page.html.contains("value=\"usual\" checked"));
    assert_eq!(send(&app, &root, "/admin/keys/rotate", &[]).await.status, 400);
    let page = send_and_go(&app, &root, "/admin/keys/rotate", &[("choice", "now")]).await;
    assert!(page.html.contains("There is a new key.") && page.html.contains("signs no more"), "{}", page.html);
    assert_eq!(app.get_as("/api/profile", &before.access_token).await.status(), 200);
    let page = send_and_go(&app, &root, "/admin/keys/rotate", &[("choice", "compromised")]).await;
    assert!(page.html.contains("no other is believed any more"), "{}", page.html);
    assert_eq!(app.get_as("/api/profile", &before.access_token).await.status(), 401, "F14");
    assert_eq!(app.refresh(&before.refresh_token).await.status(), 200);
    let details = app.texts("SELECT details FROM audit WHERE act = 'key.rotate' ORDER BY details").await;
    assert_eq!(details, [r#"{"signs":"at once"}"#, r#"{"signs":"at once, and no other is believed"}"#]);
});

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_not_rotated() {
    let settings = [("limits.enabled", "false"), ("tokens.algorithm", "ES256")];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    let root = administrator(&app).await;
    assert_eq!(send(&app, &root, "/admin/keys/rotate", &[("choice", "usual")]).await.status, 303);
    let page = send(&app, &root, "/admin/keys/rotate", &[("choice", "usual")]).await;
    assert!(page.status == 409 && page.html.contains("is published already"), "{}", page.html);
}

on_both!(members_that_are_not_known_are_refused, SETTINGS, |app| {
    administrator(&app).await;
    let token = app.log_in(crate::support::admin::ROOT).await.access_token;
    let send = |method: reqwest::Method, path: String, body: Value| {
        let (app, token) = (&app, &token);
        async move { app.send_as(method, &path, token, body).await }
    };
    let made = send(reqwest::Method::POST, "/api/admin/clients".into(), serde_json::json!({"name": "x"})).await;
    let made: Value = made.json().await.unwrap();
    let client = format!("/api/admin/clients/{}", made["client_id"].as_str().unwrap());
    let user = app.texts("SELECT id FROM users").await.remove(0);
    let body = serde_json::json!({"nmae": "x", "name": "x", "email": "a@example.com", "password": "x"});
    for (method, path) in [
        (reqwest::Method::POST, "/api/admin/clients".to_owned()),
        (reqwest::Method::PATCH, client.clone()),
        (reqwest::Method::POST, format!("{client}/rotate")),
        (reqwest::Method::POST, "/api/admin/users".to_owned()),
        (reqwest::Method::PATCH, format!("/api/admin/users/{user}")),
        (reqwest::Method::POST, "/api/admin/keys/rotate".to_owned()),
    ] {
        let answer = send(method, path.clone(), body.clone()).await;
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((status, &problem["type"]), (400, &Value::from("urn:tokenhouse:problem:bad-json")), "{path}");
        assert!(!problem.to_string().contains("nmae"), "{problem}");
    }
});
