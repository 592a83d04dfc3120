//! What the server says about itself: R56, O17.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{SETTINGS, administrator, client, error};
use crate::support::app::{Engine, TestApp};

const ADDRESSES: [&str; 4] = [
    "/oauth2/default/.well-known/oauth-authorization-server",
    "/oauth2/default/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/oauth2/default",
    "/.well-known/openid-configuration/oauth2/default",
];

#[tokio::test(flavor = "multi_thread")]
async fn only_what_answers() {
    let app = TestApp::with(Engine::Sqlite, &SETTINGS).await;
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    let mut documents = Vec::new();
    for address in ADDRESSES {
        let response = app.get(address).await;
        assert_eq!(response.status(), 200, "{address}");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        documents.push(response.json::<Value>().await.unwrap());
        let wrong = app.request(Method::POST, address).send().await.unwrap();
        assert_eq!(error_of_method(wrong).await, "GET, HEAD");
    }
    assert!(documents.iter().all(|document| *document == documents[0]));
    let document = &documents[0];
    let claims = TestApp::claims(&client.token(&app).await);
    assert_eq!(document["issuer"], claims["iss"], "R56");
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let grants = json!(["client_credentials", "authorization_code", "refresh_token", device]);
    assert_eq!(document["grant_types_supported"], grants);
    let scopes = json!(["openid", "profile", "email", "offline_access", "first", "second", "third"]);
    assert_eq!(document["scopes_supported"], scopes);
    for (name, expected) in [
        ("response_types_supported", json!(["code"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("id_token_signing_alg_values_supported", json!(["RS256"])),
        ("subject_types_supported", json!(["public"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ] {
        assert_eq!(document[name], expected, "{name}");
    }
    let endpoints =
        document.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut seen = Vec::new();
    for (name, url) in endpoints {
        seen.push(name.as_str());
        // public_url is not where a test listens.
        let path = url.as_str().unwrap().strip_prefix("http://localhost:3000").unwrap();
        let by_get = ["jwks_uri", "authorization_endpoint", "userinfo_endpoint", "end_session_endpoint"];
        let method = if by_get.contains(&name.as_str()) { Method::GET } else { Method::POST };
        let status = app.request(method, path).send().await.unwrap().status().as_u16();
        let expected = if name == "userinfo_endpoint" { 401 } else { 400 };
        assert!([200, expected].contains(&status), "{name}: {status}");
    }
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            "authorization_endpoint",
            "device_authorization_endpoint",
            "end_session_endpoint",
            "introspection_endpoint",
            "jwks_uri",
            "revocation_endpoint",
            "token_endpoint",
            "userinfo_endpoint"
        ]
    );
    // O17
    let keys: Value = app.get("/oauth2/default/v1/keys").await.json().await.unwrap();
    assert_eq!(keys, json!({"keys": []}));
}

async fn error_of_method(response: reqwest::Response) -> String {
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    assert_eq!(error(response).await, (405, "invalid_request".to_owned()));
    allow
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_header_changes_nothing() {
    let app = TestApp::with(Engine::Sqlite, &SETTINGS).await;
    let asked = app
        .request(Method::GET, ADDRESSES[0])
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    let text = asked.send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("evil") && text.contains("http://localhost:3000/oauth2/default"), "{text}");
}
