//! Authlib, which is what Python's applications use: machines get, show and end their tokens, and people sign in to an application of Flask.

use serde_json::{Value, json};

use crate::house::{Client, House, SCOPE};
use crate::others::{Listener, ask, program};
use crate::people::{ADA, Person, SCOPES};
use crate::support::python::available;
use crate::support::tokens::Findings;

fn outcome(house: &House, client: &Client, scope: &str) -> Value {
    let metadata = format!("{}/.well-known/openid-configuration", house.issuer);
    ask(program("authlib_session.py"), &json!({"metadata": metadata, "scope": scope, "client": client.0}))
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_shows_and_ends_a_token() {
    if !available() {
        return;
    }
    let house = House::start();
    let mut findings = Findings::default();
    for (name, client) in house.clients() {
        let outcome = outcome(&house, &client, SCOPE);
        let mut expect = |pointer: &str, right: Value| {
            let found = outcome.pointer(pointer).cloned().unwrap_or_default();
            findings.expect(&format!("{name}: {pointer}"), found, right);
        };
        expect("/granted/token_type", json!("Bearer"));
        expect("/granted/scope", json!(SCOPE));
        expect("/profile", json!(200));
        expect("/introspected/active", json!(true));
        expect("/introspected/client_id", client.0["id"].clone());
        expect("/revoked", json!({"introspected": {"active": false}, "profile": 401}));
        expect("/refused", Value::Null);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn understands_a_refusal() {
    if !available() {
        return;
    }
    let house = House::start();
    let client = house.client("client_secret_basic");
    let mut findings = Findings::default();
    let wrong = client.with("secret", json!("a secret of somebody else"));
    findings.expect("wrong secret", &outcome(&house, &wrong, SCOPE)["refused"]["error"], &json!("invalid_client"));
    findings.expect(
        "a scope that is not there",
        &outcome(&house, &client, "anotherScope")["refused"]["error"],
        &json!("invalid_scope"),
    );
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_people_in() {
    if !available() {
        return;
    }
    let mut findings = Findings::default();
    for algorithm in ["HS256", "ES256"] {
        let house = House::signing(algorithm);
        let client = house.web_app("http://127.0.0.1/authorization-code/callback");
        let mut flask = Listener::start(program("authlib_flask.py"));
        flask.tell(&json!({"issuer": house.issuer, "scope": SCOPES, "client": client.0}).to_string());
        let person = Person::of(&house).await;
        let site = format!("http://127.0.0.1:{}", flask.port);
        let came_to = person.goes(&format!("{site}/login"), &format!("{site}/authorization-code/")).await;
        let outcome: Value = serde_json::from_str(&person.get(came_to.as_str()).await.html).unwrap();
        let mut expect = |pointer: &str, right: Value| {
            let found = outcome.pointer(pointer).cloned().unwrap_or_default();
            findings.expect(&format!("{algorithm}: {pointer}"), found, right);
        };
        expect("/id_token/iss", json!(house.issuer));
        expect("/id_token/email", json!(ADA));
        expect("/userinfo/email", json!(ADA));
        expect("/userinfo/sub", outcome["id_token"]["sub"].clone());
        expect("/profile", json!(200));
        expect("/refreshed", json!({"rotated": true, "profile": 200}));
        // The same answer again is none that it waits for.
        findings.expect(algorithm, person.get(came_to.as_str()).await.status.as_u16(), 400);
    }
    findings.none();
}
