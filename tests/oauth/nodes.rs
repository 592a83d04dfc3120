//! Several servers over one database, and the command line beside one.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Client, INACTIVE, REVOKE, SETTINGS, TOKEN, administrator, client, opens};
use crate::program;
use crate::support::app::{Engine, TestApp, eventually};
use crate::support::postgres;

const GRANT: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "first")];

async fn nodes(engine: Engine) -> [TestApp; 2] {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let database = match engine {
        Engine::Sqlite => format!("sqlite://{}", folders[0].path().join("tokenhouse.db").display()),
        Engine::Postgres => postgres::fresh_database(),
    };
    let settings = [SETTINGS[0], SETTINGS[1], ("tokens.secret", "5c0f2a9be14d7736a8e19b04cc2d61f0")];
    let [one, two] = folders;
    [TestApp::on(one, database.clone(), &settings).await, TestApp::on(two, database, &settings).await]
}

async fn what_one_does_the_other_knows([a, b]: [TestApp; 2]) {
    let admin = administrator(&a).await;
    let (client, other) = (client(&a, &admin).await, client(&a, &admin).await);
    // From the moment it was made, everywhere.
    let token = client.token(&b).await;
    let second = client.token(&b).await;
    assert!(opens(&a, &token).await && opens(&b, &token).await && opens(&b, &second).await);

    assert_eq!(client.send(&a, REVOKE, &[("token", &token)]).await.status(), 200);
    assert!(!opens(&a, &token).await);
    eventually("the other hears of the revocation", async || !opens(&b, &token).await).await;
    assert_eq!(other.introspect(&b, &token).await.to_string(), INACTIVE);
    assert!(opens(&b, &second).await);

    let path = format!("/api/admin/clients/{}", client.id);
    let response = a.send_as(Method::POST, &format!("{path}/rotate"), &admin, json!({})).await;
    let body: Value = response.json().await.unwrap();
    let renewed = Client { id: client.id.clone(), secret: body["client_secret"].as_str().unwrap().to_owned() };
    assert_eq!(renewed.send(&b, TOKEN, &GRANT).await.status(), 200, "the new secret, at once");
    eventually("the other forgets the last secret", async || client.send(&b, TOKEN, &GRANT).await.status() == 401)
        .await;

    assert_eq!(a.request(Method::DELETE, &path).bearer_auth(&admin).send().await.unwrap().status(), 204);
    assert!(!opens(&a, &second).await);
    eventually("the other hears of the removal", async || !opens(&b, &second).await).await;
    assert_eq!(renewed.send(&b, TOKEN, &GRANT).await.status(), 401);
    assert_eq!(other.send(&b, TOKEN, &GRANT).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_does_the_other_knows_on_sqlite() {
    what_one_does_the_other_knows(nodes(Engine::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_does_the_other_knows_on_postgres() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    what_one_does_the_other_knows(nodes(Engine::Postgres).await).await;
}

/// Runs `tokenhouse client …` on the database of `app`.
fn command(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let all: Vec<&str> = [&["client"], arguments].concat();
    let variables =
        [("TOKENHOUSE__DATABASE__URL", app.database.as_str()), ("TOKENHOUSE__OAUTH__SCOPES", SETTINGS[1].1)];
    program::told(&program::run(app.folder.path(), &all, &variables))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_beside_a_running_server() {
    let app = TestApp::with(Engine::Sqlite, &SETTINGS).await;
    let add = ["add", "--name", "article", "--grant", "client_credentials", "--scope", "first", "--json"];
    let (code, out, err) = command(&app, &add);
    assert_eq!((code, err.as_str()), (0, ""));
    let made: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(made.as_object().unwrap().len(), 2);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let client = Client { id: text("client_id"), secret: text("client_secret") };
    let token = client.token(&app).await;
    assert!(opens(&app, &token).await);

    let (_, listed, _) = command(&app, &["list"]);
    assert_eq!(listed, format!("{}  article  [first]\n", client.id));
    let (_, listed, _) = command(&app, &["list", "--json"]);
    assert!(!listed.contains(&client.secret) && !listed.contains("hash"), "{listed}");
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["clients"][0]["client_id"], client.id.as_str());

    let (code, out, _) = command(&app, &["rotate", &client.id, "--json"]);
    assert_eq!(code, 0);
    let rotated: Value = serde_json::from_str(&out).unwrap();
    let renewed = Client { id: client.id.clone(), secret: rotated["client_secret"].as_str().unwrap().to_owned() };
    assert_eq!(renewed.send(&app, TOKEN, &GRANT).await.status(), 200);
    eventually("the last secret is dead", async || client.send(&app, TOKEN, &GRANT).await.status() == 401).await;

    assert_eq!(command(&app, &["remove", &client.id]), (0, format!("{} is removed\n", client.id), String::new()));
    eventually("its token is dead", async || !opens(&app, &token).await).await;
    for (arguments, expected) in [
        (vec!["remove", &client.id], "tokenhouse: there is no such client\n"),
        (vec!["rotate", "0oanobody"], "tokenhouse: there is no such client\n"),
        (
            vec!["add", "--name", "x", "--grant", "password"],
            "tokenhouse: --grant must be of client_credentials, authorization_code, refresh_token, device_code\n",
        ),
        (
            vec!["add", "--name", "x", "--scope", "admin"],
            "tokenhouse: --scope must be of those declared in the settings as [[oauth.scopes]]: first, second, third\n",
        ),
    ] {
        assert_eq!(command(&app, &arguments), (1, String::new(), expected.to_owned()), "{arguments:?}");
    }
    assert_eq!(command(&app, &["add"]).0, 2);
    let acts = app.texts("SELECT act FROM audit WHERE actor = 'operator' ORDER BY act").await;
    assert_eq!(acts, ["client.add", "client.remove", "client.rotate"]);
}
