//! What a copy of the data and what the log tells: L26, L27.

use serde_json::Value;

use super::house::{REVOKE, SETTINGS, TOKEN, administrator, client};
use crate::program::{Program, run, told};
use crate::support::app::{TestApp, eventually, on_both};

pub async fn dump(app: &TestApp) -> String {
    if app.database.starts_with("sqlite:") {
        let files = std::fs::read_dir(app.folder.path()).unwrap().flatten();
        let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("tokenhouse.db"));
        return files.map(|file| String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()).collect();
    }
    let mut rows = Vec::new();
    for table in [
        "oauth_clients",
        "oauth_client_secrets",
        "oauth_revoked_tokens",
        "oauth_codes",
        "oauth_device_codes",
        "oauth_consents",
        "sessions",
        "audit",
    ] {
        rows.extend(app.texts(&format!("SELECT row_to_json(t)::text FROM {table} t")).await);
    }
    rows.join("\n")
}

on_both!(a_copy_of_the_database_has_no_secret, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let token = client.token(&app).await;
    assert_eq!(client.send(&app, REVOKE, &[("token", &token)]).await.status(), 200);
    let dump = dump(&app).await;
    assert!(dump.contains(&client.id) && dump.contains("AT."), "this is not the database");
    assert!(!dump.contains(&client.secret), "L26");
    assert!(!dump.contains(token.rsplit('.').next().unwrap()), "L26");
});

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("TOKENHOUSE__OAUTH__SCOPES", SETTINGS[1].1),
        ("TOKENHOUSE__LOG__LEVEL", "trace"),
        ("TOKENHOUSE__LOG__REQUESTS", "all"),
    ];
    let add = ["client", "add", "--name", "x", "--grant", "client_credentials", "--scope", "first", "--json"];
    let (code, out, _) = told(&run(folder.path(), &add, &variables));
    assert_eq!(code, 0);
    let made: Value = serde_json::from_str(&out).unwrap();
    let (id, secret) = (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let program = Program::start(folder.path(), &variables);
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let url = format!("{}{TOKEN}", program.url);
    let answer: Value = program.client.post(&url).form(&form).send().await.unwrap().json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let basic = program.client.post(&url).basic_auth(id, Some(secret)).form(&[("grant_type", "client_credentials")]);
    assert_eq!(basic.send().await.unwrap().status(), 200);
    let wrong =
        program.client.post(&url).basic_auth(id, Some("a-wrong-secret")).form(&[("grant_type", "client_credentials")]);
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    let requests = || program.log().matches("/oauth2/default/v1/token").count();
    eventually("the requests are in the log", async || requests() >= 3).await;
    let log = program.log();
    let header = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"))
    };
    for (what, text) in [("secret", secret), ("token", token), ("header", header.as_str()), ("wrong", "a-wrong-secret")]
    {
        assert!(!log.contains(text), "L27 {what}");
    }
}
