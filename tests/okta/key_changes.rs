//! Keys that come, go, and are kept for the right time: K1, K6 to K10, K13, and the start without an issuer.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::app::{TestApp, eventually};
use crate::support::okta::{Answer, Okta, RsaKey, header};
use crate::support::ports::closed_port;
use crate::support::tokens::{Findings, base64url, hmac_of};
use crate::{app_of, status};

/// A token of key `index` under the name `kid`.
fn token_of(okta: &Okta, app: &TestApp, index: usize, kid: &str) -> String {
    RsaKey::number(index).token(&header(kid), &okta.claims(app.clock.unix_seconds()).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_with_its_first_token_and_only_once() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200);
    let before = okta.key_requests();
    okta.publish(&[RsaKey::number(0).jwk("k0"), RsaKey::number(1).jwk("k1")]);
    assert_eq!(status(&app, &token_of(&okta, &app, 1, "k1")).await, 200, "K10");
    assert_eq!(status(&app, &token_of(&okta, &app, 1, "k1")).await, 200);
    assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200);
    assert_eq!(okta.key_requests(), before + 1, "K10");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_is_believed_no_longer_than_an_hour() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    let claims = json!({"exp": app.clock.unix_seconds() + 7200});
    let old = okta.token_with(app.clock.unix_seconds(), claims);
    assert_eq!(status(&app, &old).await, 200);
    okta.publish(&[RsaKey::number(1).jwk("k1")]);
    app.hands.advance(Duration::from_mins(61));
    eventually("K9: the token of the removed key is refused", async || status(&app, &old).await == 401).await;
    assert_eq!(status(&app, &token_of(&okta, &app, 1, "k1")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_kids_hardly_reaches_the_issuer() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    let good = okta.token(app.clock.unix_seconds());
    assert_eq!(status(&app, &good).await, 200);
    let before = okta.key_requests();
    let mut findings = Findings::default();
    // In batches, so that many wait for one fetch.
    let flood = async {
        for batch in 0..20 {
            let tokens = (0..50).map(|n| token_of(&okta, &app, 1, &format!("random-{batch}-{n}")));
            let answers = join_all(tokens.map(async |token| status(&app, &token).await)).await;
            findings.expect("K1 unknown kids", answers.iter().all(|status| *status == 401), true);
            findings.expect("K1 known kid meanwhile", status(&app, &good).await, 200);
        }
    };
    // Nobody waits for a fetch that is not made: that takes five seconds to be given up, and there are fifteen batches of those.
    tokio::time::timeout(Duration::from_mins(1), flood).await.expect("K1: they wait for nothing");
    findings.expect("K1 fetches for 1000 kids", okta.key_requests() - before, 5);
    // A key that comes during the flood is found when the minute is over.
    okta.publish(&[RsaKey::number(0).jwk("k0"), RsaKey::number(1).jwk("k1")]);
    findings.expect("K1 the budget is spent", status(&app, &token_of(&okta, &app, 1, "k1")).await, 401);
    app.hands.advance(Duration::from_secs(61));
    findings.expect("K1 and comes back", status(&app, &token_of(&okta, &app, 1, "k1")).await, 200);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_could_never_be_good_have_no_keys_fetched() {
    let okta = Okta::start().await;
    let app = app_of(&okta, &[]).await;
    assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200);
    let before = okta.requests();
    let payload = okta.claims(app.clock.unix_seconds()).to_string();
    for header in [json!({"alg": "HS256", "kid": "x"}), json!({"alg": "none", "kid": "x"}), json!({"alg": "RS256"})] {
        assert_eq!(status(&app, &RsaKey::number(1).token(&header.to_string(), &payload)).await, 401);
    }
    assert_eq!(okta.requests(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_wrong_kind_are_left_out_one_by_one() {
    let (zero, one) = (RsaKey::number(0), RsaKey::number(1));
    let with = |mut jwk: Value, changes: Value| {
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let rows = [
        ("K8 none of it", one.jwk("k1"), 200),
        ("K8 use enc", with(one.jwk("k1"), json!({"use": "enc"})), 401),
        ("K8 key_ops encrypt", with(one.jwk("k1"), json!({"key_ops": ["encrypt"]})), 401),
        ("K8 key_ops verify", with(one.jwk("k1"), json!({"key_ops": ["verify"]})), 200),
        ("K8 alg RS512", with(one.jwk("k1"), json!({"alg": "RS512"})), 401),
        ("K8 alg RSA-OAEP", with(one.jwk("k1"), json!({"alg": "RSA-OAEP"})), 401),
        ("K8 no alg", with(one.jwk("k1"), json!({"alg": null})), 200),
        ("K8 kty EC", with(one.jwk("k1"), json!({"kty": "EC"})), 401),
        ("K6 no kid", with(one.jwk("k1"), json!({"kid": null})), 401),
        ("K6 kid number", with(one.jwk("k1"), json!({"kid": 1})), 401),
        ("K7 n=0", with(one.jwk("k1"), json!({"n": "AA"})), 401),
        ("K7 e even", with(one.jwk("k1"), json!({"e": base64url([2])})), 401),
        ("K7 n not base64url", with(one.jwk("k1"), json!({"n": "!!"})), 401),
        ("K7 no n", with(one.jwk("k1"), json!({"n": null})), 401),
    ];
    let rows = rows.map(async |(row, jwk, right)| {
        let mut findings = Findings::default();
        let okta = Okta::start().await;
        okta.publish(&[json!("no key"), jwk, zero.jwk("k0"), json!({"kty": "RSA"})]);
        let app = app_of(&okta, &[]).await;
        findings.expect(row, status(&app, &token_of(&okta, &app, 1, "k1")).await, right);
        let good = status(&app, &token_of(&okta, &app, 0, "k0")).await;
        findings.expect(&format!("{row}: the good key beside it"), good, 200);
        findings
    });
    Findings::together(join_all(rows).await).none();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_by_which_anybody_could_sign_are_left_out() {
    let okta = Okta::start().await;
    // K8: a secret that is published is none.
    let secret = b"0123456789abcdef0123456789abcdef";
    let oct = json!({"kty": "oct", "alg": "HS256", "kid": "s", "k": base64url(secret)});
    // K7: with e = 1 the signature is the padded hash itself.
    let mut trivial = RsaKey::number(1).jwk("e1");
    trivial["e"] = json!(base64url([1]));
    okta.publish(&[oct, trivial, RsaKey::number(0).jwk("k0")]);
    let app = app_of(&okta, &[]).await;
    assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200);

    let payload = base64url(okta.claims(app.clock.unix_seconds()).to_string());
    let signed = format!("{}.{payload}", base64url(json!({"kid": "s", "alg": "HS256"}).to_string()));
    let by_secret = format!("{signed}.{}", base64url(hmac_of(hmac::HMAC_SHA256, secret, &signed)));
    assert_eq!(status(&app, &by_secret).await, 401, "K8 oct");

    let signed = format!("{}.{payload}", base64url(header("e1")));
    let hash = digest::digest(&digest::SHA256, signed.as_bytes());
    let prefix = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let mut padded = vec![0, 1];
    padded.resize(256 - 1 - prefix.len() - 32, 0xff);
    padded.push(0);
    padded.extend_from_slice(&prefix);
    padded.extend_from_slice(hash.as_ref());
    assert_eq!(padded.len(), 256);
    assert_eq!(status(&app, &format!("{signed}.{}", base64url(padded))).await, 401, "K7 e=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_kid_for_two_keys_is_for_none() {
    let okta = Okta::start().await;
    okta.publish(&[RsaKey::number(0).jwk("k0"), RsaKey::number(1).jwk("twice"), RsaKey::number(2).jwk("twice")]);
    let app = app_of(&okta, &[]).await;
    assert_eq!(status(&app, &token_of(&okta, &app, 0, "k0")).await, 200);
    assert_eq!(status(&app, &token_of(&okta, &app, 1, "twice")).await, 401, "K6");
    assert_eq!(status(&app, &token_of(&okta, &app, 2, "twice")).await, 401, "K6");

    // The same key twice is harmless.
    okta.publish(&[RsaKey::number(1).jwk("k1"), RsaKey::number(1).jwk("k1")]);
    app.hands.advance(Duration::from_mins(61));
    eventually("the new key", async || status(&app, &token_of(&okta, &app, 1, "k1")).await == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_control_counts_within_bounds() {
    let rows = [
        ("K13 0", "Cache-Control: max-age=0\r\n", 59, 61),
        ("K13 negative", "Cache-Control: max-age=-1\r\n", 3599, 3601),
        ("K13 ten minutes", "Cache-Control: public, max-age=600\r\n", 599, 601),
        ("K13 ten years", "Cache-Control: max-age=315360000\r\n", 3599, 3601),
        ("K13 nonsense", "Cache-Control: max-age=soon\r\n", 3599, 3601),
        ("K13 none", "", 3599, 3601),
    ];
    let rows = rows.map(async |(row, cache_control, kept, gone)| {
        let okta = Okta::start().await;
        okta.answer_keys(Answer::JsonWith(json!({"keys": [RsaKey::number(0).jwk("k0")]}), cache_control));
        let app = app_of(&okta, &[]).await;
        assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 200, "{row}");
        let before = okta.key_requests();
        app.hands.advance(Duration::from_secs(kept));
        // Longer than the background looks again.
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(okta.key_requests(), before, "{row}: fetched too early");
        app.hands.advance(Duration::from_secs(gone - kept));
        eventually(row, async || okta.key_requests() == before + 1).await;
    });
    join_all(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_issuer_lets_nobody_in_and_recovers() {
    let address = format!("127.0.0.1:{}", closed_port());
    let issuer = format!("http://{address}/oauth2/default");
    let settings =
        [("auth.accept", "okta"), ("remote.okta.issuer", issuer.as_str()), ("remote.okta.audience", "api://default")];
    let app = TestApp::with(crate::Engine::Sqlite, &settings).await;
    let stand_in = Okta::start().await;
    let token = stand_in.token_with(app.clock.unix_seconds(), json!({ "iss": issuer }));

    let response = app.get_as("/api/profile", &token).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let ready = app.get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    let report: Value = ready.json().await.unwrap();
    assert_eq!(report["checks"][0]["name"], format!("keys of {issuer}"));
    assert_eq!(report["checks"][0]["ready"], false);
    assert_eq!(app.get("/health/live").await.status(), 200);
    // What needs no key is refused or served as ever.
    assert_eq!(status(&app, "garbage").await, 401);
    assert_eq!(app.get("/api/publicInfo").await.status(), 200);

    let okta = Okta::on(TcpListener::bind(&address).await.unwrap());
    app.hands.advance(Duration::from_mins(2));
    eventually("the keys come", async || status(&app, &okta.token(app.clock.unix_seconds())).await == 200).await;
    assert_eq!(app.get("/health/ready").await.status(), 200);
}
