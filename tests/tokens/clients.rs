//! Tokens of clients that act for themselves, and tokens of users: no token is both, and none is a little of each (J34).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::token::Rejection;
use tokenhouse::{Clock, LocalIssuer, LocalSettings, Scopes, Verifier};

use crate::support::app::TestApp;
use crate::support::tokens::{Findings, Forge};

const SECRET: &str = "5c0f2a9be14d7736a8e19b04cc2d61f0";
const USER: &str = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
const CLIENT: &str = "0oa4f7c2kd9wmp3qztx5";

fn local() -> (Arc<LocalIssuer>, Verifier, Forge) {
    let settings = LocalSettings {
        issuer: "http://localhost:3000/oauth2/default".to_owned(),
        audience: "api://default".to_owned(),
        access_ttl: Duration::from_hours(1),
    };
    let (clock, _) = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
    let issuer = LocalIssuer::with_secret(settings, &SECRET.to_owned().into(), clock.clone()).unwrap();
    let issuer = Arc::new(issuer);
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock).build().unwrap();
    let forge = Forge { kid: issuer.signing_kid(), secret: SECRET.as_bytes().to_vec() };
    (issuer, verifier, forge)
}

#[test]
fn a_client_that_acts_for_itself_has_a_token_of_its_own() {
    let (issuer, verifier, _) = local();
    let minted = issuer.mint_for_client(CLIENT, &Scopes::from("invoices.read customScope"), Duration::from_mins(10));
    assert_eq!(minted.expires_in, Duration::from_mins(10));
    let claims = TestApp::claims(&minted.token);
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "cid", "client_id", "exp", "iat", "iss", "jti", "scope", "scp", "sub", "ver"]);
    assert_eq!([&claims["sub"], &claims["cid"], &claims["client_id"]], [CLIENT; 3]);
    assert_eq!(claims["scp"], json!(["invoices.read", "customScope"]));
    assert_eq!(claims["scope"], "invoices.read customScope");
    assert!(claims["jti"].as_str().unwrap().starts_with("AT."));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    let believed = verifier.verify(&minted.token).unwrap();
    assert_eq!((believed.subject.as_str(), &believed.user_id, &believed.session_id), (CLIENT, &None, &None));

    let longest = issuer.mint_for_client(CLIENT, &Scopes::default(), Duration::from_hours(1000));
    assert_eq!(longest.expires_in, Duration::from_hours(24));
    assert!(verifier.verify(&longest.token).is_ok());
}

#[test]
fn a_token_is_a_users_or_a_clients_and_nothing_in_between() {
    let (issuer, verifier, forge) = local();
    let scopes = Scopes::from("openid");
    let users = TestApp::claims(&issuer.mint_for_user(USER, "session", i64::MAX, &scopes).token);
    let clients = TestApp::claims(&issuer.mint_for_client(CLIENT, &scopes, Duration::from_hours(1)).token);
    let mut findings = Findings::default();
    let mut row = |id: &str, claims: &Value, changes: Value, right: Result<(), Rejection>| {
        let verdict = verifier.verify(&forge.with_claims(claims, changes)).map(|_| ());
        findings.expect(&format!("J34 {id}"), verdict, right);
    };
    row("a user's", &users, json!({}), Ok(()));
    row("a client's", &clients, json!({}), Ok(()));
    let (subject, client) = (Err(Rejection::Subject), Err(Rejection::Client));
    for (id, changes, right) in [
        ("for a client that acts for him", json!({"cid": CLIENT, "client_id": CLIENT}), Ok(())),
        (
            "for a client that acts for another client",
            json!({"sub": CLIENT, "uid": CLIENT, "cid": CLIENT, "client_id": CLIENT}),
            subject,
        ),
        ("for a client, without his session", json!({"sid": null, "cid": CLIENT, "client_id": CLIENT}), subject),
        ("for a client, of another user", json!({"uid": "ada", "cid": CLIENT, "client_id": CLIENT}), subject),
        ("names a client as its subject", json!({"sub": CLIENT}), subject),
        ("names a client as its subject, without a user", json!({"sub": CLIENT, "uid": null}), subject),
        (
            "becomes a client's but for its session",
            json!({"sub": CLIENT, "uid": null, "cid": CLIENT, "client_id": CLIENT}),
            subject,
        ),
        (
            "becomes a client's but for its user",
            json!({"sub": CLIENT, "sid": null, "cid": CLIENT, "client_id": CLIENT}),
            subject,
        ),
        ("without its session", json!({"sid": null}), subject),
        ("without its user", json!({"uid": null}), subject),
    ] {
        row(&format!("a user's {id}"), &users, changes, right);
    }
    for (id, changes, right) in [
        ("claims to be a user's", json!({"cid": "tokenhouse", "client_id": "tokenhouse"}), subject),
        (
            "claims to be a user's, with a session",
            json!({"cid": "tokenhouse", "client_id": "tokenhouse", "sid": "session"}),
            subject,
        ),
        ("claims to be the login's", json!({"sub": "tokenhouse", "cid": "tokenhouse", "client_id": null}), subject),
        ("names a user as its subject", json!({"sub": USER}), subject),
        ("names another client as its subject", json!({"sub": "0oa0"}), subject),
        ("names a user", json!({"uid": USER}), subject),
        ("names itself as its user", json!({"uid": CLIENT}), subject),
        ("with a session", json!({"sid": "session"}), subject),
        ("with an empty session", json!({"sid": ""}), subject),
        ("whose id is no client's", json!({"sub": "ada", "cid": "ada", "client_id": "ada"}), client),
        ("whose id is a user's", json!({"sub": USER, "cid": USER, "client_id": USER}), client),
        ("whose id begins otherwise", json!({"sub": "0OA1", "cid": "0OA1", "client_id": "0OA1"}), client),
        ("whose id is the beginning alone", json!({"sub": "0oa", "cid": "0oa", "client_id": "0oa"}), client),
        ("without a client", json!({"cid": null, "client_id": null}), client),
        ("with no subject", json!({"sub": ""}), subject),
    ] {
        row(&format!("a client's {id}"), &clients, changes, right);
    }
    findings.none();
}

#[test]
fn a_token_minted_for_what_is_no_client_is_not_believed() {
    let (issuer, verifier, _) = local();
    for id in ["", "0oa", "ada", "tokenhouse", USER] {
        let token = issuer.mint_for_client(id, &Scopes::default(), Duration::from_hours(1)).token;
        assert!(verifier.verify(&token).is_err(), "{id:?}");
    }
}
