//! Authlib, which is what Python's applications use: machines get, show and end their tokens.

use serde_json::{Value, json};

use crate::house::{Client, House, SCOPE};
use crate::others::{ask, program};
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
