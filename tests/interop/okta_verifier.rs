//! Okta's verifier for Python, which insists on https: a front speaks TLS for the server.

use serde_json::{Value, json};

use crate::house::tampered;
use crate::others::{Front, ask, program};
use crate::support::app::TestApp;
use crate::support::python::available;
use crate::support::tokens::Findings;

#[tokio::test(flavor = "multi_thread")]
async fn believes_this_server() {
    if !available() {
        return;
    }
    let mut front = Front::start();
    let house = front.house();
    let token = house.token(&house.client("client_secret_basic")).await;
    let claims = TestApp::claims(&token);
    let now = claims["iat"].as_i64().unwrap();
    let key = house.key();
    let changed = |changes: Value| key.with_claims(&claims, changes);
    let rows = [
        ("a machine's token", token.clone(), "believed"),
        ("a person's token", house.persons_token().await, "believed"),
        ("the forge itself", changed(json!({})), "believed"),
        ("tampered with", tampered(&token), "Signature verification failed"),
        ("expired", changed(json!({"iat": now - 7200, "exp": now - 3600})), "Signature has expired"),
        ("for somebody else", changed(json!({"aud": "api://other"})), "Audience doesn't match"),
        ("another issuer's name", changed(json!({"iss": "https://localhost/oauth2/default"})), "Invalid issuer"),
        ("an unknown key", key.sign(key.header(json!({"kid": "x"})), claims.to_string()), "No matching JWK."),
    ];
    let tokens: Vec<&str> = rows.iter().map(|(_, token, _)| token.as_str()).collect();
    let mut verifier = program("okta_verifier.py");
    verifier.env("SSL_CERT_FILE", front.authority());
    let said = ask(verifier, &json!({"issuer": house.issuer, "audience": "api://default", "tokens": tokens}));
    let mut findings = Findings::default();
    for ((row, _, right), said) in rows.iter().zip(said.as_array().unwrap()) {
        findings.expect(row, said, &json!(right));
    }
    findings.none();
}
