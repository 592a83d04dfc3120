//! Clients that sign with their own keys (RFC 7523): J24, O9, ASVS 10.4.16.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::house::{INTROSPECT, SETTINGS, TOKEN, add, administrator, error, opens};
use crate::support::app::{TestApp, on_both};
use crate::support::tokens::{Findings, base64url, changed, hmac_of};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client's key.
struct Key {
    pair: EcdsaKeyPair,
    kid: &'static str,
}

impl Key {
    fn new(kid: &'static str) -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), kid }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "use": "sig",
            "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
    }

    fn sign(&self, header: Value, claims: impl AsRef<[u8]>) -> String {
        let header = changed(&json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"}), header);
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(signature))
    }
}

async fn present(app: &TestApp, path: &str, assertion: &str) -> Response {
    let form = [
        ("grant_type", "client_credentials"),
        ("token", "x"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ];
    app.request(Method::POST, path).form(&form).send().await.unwrap()
}

/// A client with `key`.
async fn signing_client(app: &TestApp, admin: &str, key: &Key) -> String {
    let body = json!({"name": "signs", "grants": ["client_credentials"], "scopes": ["first"],
        "auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk()]}});
    let response = add(app, admin, body).await;
    assert_eq!(response.status(), 201);
    let made: Value = response.json().await.unwrap();
    assert!(made.get("client_secret").is_none());
    made["client_id"].as_str().unwrap().to_owned()
}

/// Claims of a good assertion.
fn claims(app: &TestApp, client_id: &str) -> Value {
    let now = app.clock.unix_seconds();
    let audience = "http://localhost:3000/oauth2/default/v1/token";
    json!({"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60, "jti": uuid::Uuid::new_v4().to_string()})
}

on_both!(a_client_that_signs, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let id = signing_client(&app, &admin, &key).await;
    let neighbour = signing_client(&app, &admin, &other).await;
    let now = app.clock.unix_seconds();
    let with = |changes: Value| {
        let mut all = json!({"jti": uuid::Uuid::new_v4().to_string()});
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        changed(&claims(&app, &id), all)
    };
    let plain = |changes: Value| key.sign(json!({}), with(changes));
    let mut findings = Findings::default();
    let good = [
        ("as it must be", plain(json!({}))),
        ("the issuer as audience", plain(json!({"aud": "http://localhost:3000/oauth2/default"}))),
        ("a list of one", plain(json!({"aud": ["http://localhost:3000/oauth2/default"]}))),
        ("an hour, as Okta takes it", plain(json!({"exp": now + 3600}))),
        ("no kid, with one key", key.sign(json!({"kid": null}), with(json!({})))),
        ("no jti", key.sign(json!({}), changed(&claims(&app, &id), json!({"jti": null})))),
        ("no typ", key.sign(json!({"typ": null}), with(json!({})))),
    ];
    for (row, assertion) in &good {
        let response = present(&app, TOKEN, assertion).await;
        findings.expect(row, response.status().as_u16(), 200);
        let again = present(&app, TOKEN, assertion).await;
        findings.expect(&format!("{row}, again"), error(again).await, (401, "invalid_client".to_owned()));
        // J24: what authenticates a client opens nothing.
        findings.expect("J24", opens(&app, assertion).await, false);
    }
    let header_and_claims = |alg: &str| {
        format!("{}.{}", base64url(json!({"alg": alg, "kid": "k1"}).to_string()), base64url(with(json!({}))))
    };
    let none = format!("{}.", header_and_claims("none"));
    let confused = header_and_claims("HS256");
    let public = key.jwk().to_string();
    let confused =
        format!("{confused}.{}", base64url(hmac_of(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes(), &confused)));
    let bad = [
        ("alg none", none),
        ("alg HS256", confused),
        ("another's key", other.sign(json!({}), with(json!({})))),
        ("a neighbour's name", plain(json!({"iss": neighbour, "sub": neighbour}))),
        ("iss differs", plain(json!({"iss": neighbour}))),
        ("sub differs", plain(json!({"sub": neighbour}))),
        ("unknown kid", key.sign(json!({"kid": "k2"}), with(json!({})))),
        ("crit", key.sign(json!({"crit": ["exp"]}), with(json!({})))),
        ("J24 as an access token", key.sign(json!({"typ": "at+jwt"}), with(json!({})))),
        ("another audience", plain(json!({"aud": "http://localhost:3000"}))),
        ("almost the audience", plain(json!({"aud": "http://localhost:3000/oauth2/default/"}))),
        ("two audiences", plain(json!({"aud": ["http://localhost:3000/oauth2/default", "https://evil.example"]}))),
        ("expired", plain(json!({"exp": now - 31}))),
        ("good for too long", plain(json!({"exp": now + 3631}))),
        ("not yet", plain(json!({"nbf": now + 60}))),
        ("no exp", plain(json!({"exp": null}))),
        ("empty jti", plain(json!({"jti": ""}))),
        ("long jti", plain(json!({"jti": "x".repeat(257)}))),
        ("garbage", "garbage".to_owned()),
    ];
    for (row, assertion) in bad {
        findings.expect(row, error(present(&app, TOKEN, &assertion).await).await, (401, "invalid_client".to_owned()));
    }
    let token: Value = present(&app, TOKEN, &plain(json!({}))).await.json().await.unwrap();
    let token = token["access_token"].as_str().unwrap();
    findings.expect("J24 an access token", present(&app, TOKEN, token).await.status().as_u16(), 401);
    findings.expect("introspection", present(&app, INTROSPECT, &plain(json!({}))).await.status().as_u16(), 200);
    let typed =
        app.request(Method::POST, TOKEN).form(&[("grant_type", "client_credentials"), ("client_assertion", "x")]);
    findings.expect("no type", error(typed.send().await.unwrap()).await, (400, "invalid_request".to_owned()));
    findings.none();
    let path = format!("/api/admin/clients/{id}/rotate");
    assert_eq!(app.send_as(Method::POST, &path, &admin, json!({})).await.status(), 409);
});

on_both!(an_assertion_is_good_once_however_fast, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let key = Key::new("k1");
    let id = signing_client(&app, &admin, &key).await;
    let assertion = key.sign(json!({}), claims(&app, &id).to_string());
    let answers = join_all((0..20).map(|_| present(&app, TOKEN, &assertion))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status() == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status() == 401).count(), 19);
    app.restart().await;
    assert_eq!(present(&app, TOKEN, &assertion).await.status(), 401, "after a restart");
});

on_both!(keys_that_are_none, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let key = Key::new("k1").jwk();
    let with = |changes: Value| serde_json::from_str::<Value>(&changed(&key, changes)).unwrap();
    for (row, jwks) in [
        ("a private key", json!({"keys": [with(json!({"d": "AAAA"}))]})),
        ("a secret", json!({"keys": [{"kty": "oct", "kid": "k", "k": "AAAA"}]})),
        ("one of two is none", json!({"keys": [key, {"kty": "EC"}]})),
        ("for encryption", json!({"keys": [with(json!({"use": "enc"}))]})),
        ("no kid", json!({"keys": [with(json!({"kid": null}))]})),
        ("a short RSA key", json!({"keys": [{"kty": "RSA", "kid": "r", "n": base64url([0xff; 128]), "e": "AQAB"}]})),
        ("empty", json!({"keys": []})),
        ("no set", json!("x")),
        ("a list", json!([key])),
    ] {
        let body = json!({"name": "x", "auth_method": "private_key_jwt", "jwks": jwks});
        assert_eq!(add(&app, &admin, body).await.status(), 422, "{row}");
    }
});
