//! openid-client for people: by discovery alone, with a code or on a device, also an app without a secret.

use serde_json::{Value, json};

use crate::house::{Client, House};
use crate::node::{Script, available};
use crate::others::Talk;
use crate::people::{ADA, APP, CALLBACK, Person, SCOPES, SIGNED_OUT};
use crate::support::app::TestApp;
use crate::support::tokens::Findings;

/// What came of it, with Ada as its user.
async fn outcome(house: &House, client: &Client, more: Value) -> Value {
    let person = Person::of(house).await;
    let mut input = json!({"issuer": house.issuer, "scope": SCOPES, "client": client.0});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let script = Script::new("openid_client_user.mjs");
    let mut talk = Talk::start(script.command(), &input);
    loop {
        let told = talk.hear();
        let Some(address) = told["visit"].as_str() else { return told["outcome"].clone() };
        let Some(end) = told["end"].as_str() else {
            person.lets_in(address).await;
            talk.tell(&json!({"came_to": address}));
            continue;
        };
        let came_to = person.goes(address, end).await;
        if client.text("method") == "none" {
            assert_eq!(person.get(came_to.as_str()).await.status, 200);
        }
        talk.tell(&json!({"came_to": came_to}));
    }
}

/// What must have come of it, whatever the client and the grant.
fn check(findings: &mut Findings, name: &str, outcome: &Value, house: &House, client: &Client, algorithm: &str) {
    let mut expect = |pointer: &str, right: Value| {
        let found = outcome.pointer(pointer).cloned().unwrap_or_default();
        findings.expect(&format!("{name}: {pointer}"), found, right);
    };
    expect("/algorithms", json!([algorithm]));
    expect("/granted/scope", json!(SCOPES));
    expect("/granted/claims/iss", json!(house.issuer));
    expect("/granted/claims/aud", client.0["id"].clone());
    expect("/granted/claims/email", json!(ADA));
    expect("/granted/claims/amr", json!(["pwd"]));
    expect("/userinfo/email", json!(ADA));
    expect("/userinfo/name", json!("Ada Lovelace"));
    expect("/profile", json!(200));
    expect("/refreshed", json!({"rotated": true, "same_user": true, "scope": SCOPES, "profile": 200}));
    expect("/revoked", json!({"refresh": {"error": "invalid_grant", "status": 400}, "profile": 401}));
    let header = |token: &str| crate::people::header(outcome["granted"][token].as_str().unwrap())["alg"].clone();
    findings.expect(&format!("{name}: ID token"), header("id_token"), json!(algorithm));
    let claims = TestApp::claims(outcome["granted"]["access_token"].as_str().unwrap());
    findings.expect(&format!("{name}: user"), &claims["uid"], &outcome["granted"]["claims"]["sub"]);
    findings.expect(&format!("{name}: client"), &claims["cid"], &client.0["id"]);
}

async fn with_a_code(access: &str, algorithm: &str) {
    if !available() {
        return;
    }
    let mut findings = Findings::default();
    let house = House::signing(access);
    let client = house.web_app(CALLBACK);
    let more = json!({"grant": "code", "redirect_uri": CALLBACK, "signed_out": SIGNED_OUT});
    let outcome = outcome(&house, &client, more).await;
    check(&mut findings, access, &outcome, &house, &client, algorithm);
    findings.expect("signed out", &outcome["signed_out"], &json!(format!("{SIGNED_OUT}?state=out")));
    findings.expect("signed out", &outcome["silently"]["error"], &json!("login_required"));
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_application_with_hs256_access_tokens() {
    with_a_code("HS256", "RS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_application_with_rs256() {
    with_a_code("RS256", "RS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_application_with_es256() {
    with_a_code("ES256", "ES256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_application_with_eddsa() {
    with_a_code("EdDSA", "EdDSA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_a_secret() {
    if !available() {
        return;
    }
    let mut findings = Findings::default();
    let house = House::signing("HS256");
    let client = house.app();
    let outcome = outcome(&house, &client, json!({"grant": "code", "redirect_uri": APP})).await;
    check(&mut findings, "app", &outcome, &house, &client, "RS256");
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_with_and_without_a_secret() {
    if !available() {
        return;
    }
    for is_public in [false, true] {
        let mut findings = Findings::default();
        let house = House::signing("HS256");
        let client = if is_public { house.app() } else { house.device() };
        let name = client.text("method").to_owned();
        let outcome = outcome(&house, &client, json!({"grant": "device"})).await;
        check(&mut findings, &name, &outcome, &house, &client, "RS256");
        findings.expect(&name, &outcome["device"]["early"]["error"], &json!("authorization_pending"));
        findings.none();
    }
}
