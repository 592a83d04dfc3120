//! An issuer that fails or lies: K2 to K5, K11.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::app::{TestApp, eventually};
use crate::support::okta::{Answer, Okta, RsaKey, header};
use crate::support::tokens::Findings;
use crate::{app_of, status};

/// What `/health/ready` says of the issuer's keys.
async fn report(app: &TestApp) -> Value {
    let body: Value = app.get("/health/ready").await.json().await.unwrap();
    body["checks"][0].clone()
}

/// Whether a fetch failed since the last that went well.
async fn has_failed(app: &TestApp) -> bool {
    report(app).await["detail"].is_string()
}

fn bad_answers() -> Vec<(&'static str, Answer)> {
    let text = Answer::text;
    let json = "application/json";
    vec![
        ("K2 500", text("500 Internal Server Error", json, "{}")),
        ("K2 503", text("503 Service Unavailable", "text/html", "<h1>later</h1>")),
        ("K2 404", text("404 Not Found", json, "{}")),
        ("K2 204", text("204 No Content", json, "")),
        ("K2 HTML", text("200 OK", "text/html", "<!doctype html><h1>Sign in to the Wi-Fi</h1>")),
        ("K2 {}", text("200 OK", json, "{}")),
        ("K2 keys null", text("200 OK", json, r#"{"keys":null}"#)),
        ("K2 keys empty", text("200 OK", json, r#"{"keys":[]}"#)),
        ("K2 keys of no use", text("200 OK", json, r#"{"keys":[{"kty":"oct","kid":"k0","k":"AA"}]}"#)),
        ("K2 truncated", text("200 OK", json, r#"{"keys":[{"kty":"RSA","#)),
        ("K2 a list", text("200 OK", json, "[]")),
        ("K2 too many keys", Answer::Json(json!({"keys": vec![RsaKey::number(0).jwk("k0"); 101]}))),
        ("K2 cut short", Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"keys\":[".to_vec())),
        ("K2 no HTTP", Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        ("K3 reset", Answer::Reset),
        ("K4 64 MiB", Answer::Zeros(64 * 1024 * 1024)),
        ("K4 two MiB in chunks", Answer::Raw(in_chunks(32))),
        (
            "K4 gzip",
            Answer::Raw(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec(),
            ),
        ),
    ]
}

/// So many chunks of 64 KiB.
fn in_chunks(count: usize) -> Vec<u8> {
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), &chunk.repeat(count)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_refresh_keeps_the_keys_there_are() {
    let rows = bad_answers().into_iter().map(async |(row, answer)| {
        let mut findings = Findings::default();
        let okta = Okta::start().await;
        let app = app_of(&okta, &[]).await;
        let claims = json!({"exp": app.clock.unix_seconds() + 7200});
        let known = okta.token_with(app.clock.unix_seconds(), claims.clone());
        findings.expect(row, status(&app, &known).await, 200);
        okta.answer_keys(answer);
        app.hands.advance(Duration::from_mins(61));
        eventually(row, async || has_failed(&app).await).await;
        // Known and new tokens of the key there is pass, unknown kids are 401 and never 500 or 200, and it is ready.
        findings.expect(row, status(&app, &known).await, 200);
        let new = okta.token_with(app.clock.unix_seconds(), json!({"jti": "AT.new"}));
        findings.expect(row, status(&app, &new).await, 200);
        let unknown = RsaKey::number(1).token(&header("k1"), &okta.claims(app.clock.unix_seconds()).to_string());
        findings.expect(row, status(&app, &unknown).await, 401);
        findings.expect(row, report(&app).await["ready"].clone(), json!(true));
        // And it comes back by itself.
        okta.publish(&[RsaKey::number(1).jwk("k1")]);
        app.hands.advance(Duration::from_mins(2));
        eventually(row, async || !has_failed(&app).await).await;
        findings.expect(row, status(&app, &unknown).await, 200);
        findings
    });
    Findings::together(join_all(rows).await).none();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_a_bad_answer_is_503_and_never_200() {
    let mut findings = Findings::default();
    for (row, answer) in bad_answers() {
        let okta = Okta::start().await;
        okta.answer_keys(answer);
        let app = app_of(&okta, &[]).await;
        findings.expect(row, status(&app, &okta.token(app.clock.unix_seconds())).await, 503);
        findings.expect(row, app.get("/health/ready").await.status().as_u16(), 503);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_issuer_holds_up_nobody_who_brings_a_known_key() {
    let rows = [("K3 hang", Answer::Hang), ("K3 drip", Answer::Drip)].map(async |(row, answer)| {
        let okta = Okta::start().await;
        let app = app_of(&okta, &[]).await;
        let known = okta.token(app.clock.unix_seconds());
        assert_eq!(status(&app, &known).await, 200, "{row}");
        okta.answer_keys(answer);
        let unknown = RsaKey::number(1).token(&header("k1"), &okta.claims(app.clock.unix_seconds()).to_string());
        // Twenty who wait for one fetch, and others who need not wait.
        let given_up = AtomicBool::new(false);
        let waiting = async {
            let waiting = join_all((0..20).map(async |_| status(&app, &unknown).await)).await;
            given_up.store(true, Ordering::Relaxed);
            waiting
        };
        let others = async {
            let mut passed = 0;
            while !given_up.load(Ordering::Relaxed) {
                assert_eq!(status(&app, &known).await, 200, "{row}");
                passed += 1;
            }
            passed
        };
        let both = async { tokio::join!(waiting, others) };
        let (waiting, passed) = tokio::time::timeout(Duration::from_mins(2), both).await.expect("they are given up");
        assert!(passed >= 10, "{row}: {passed} known tokens passed while others waited");
        assert!(waiting.iter().all(|status| *status == 401), "{row}: {waiting:?}");
        assert_eq!(okta.key_requests(), 2, "{row}: one at the start, one for all who waited");
    });
    join_all(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_to_other_places_are_not_followed() {
    let elsewhere = Okta::start().await;
    let other_keys = format!("{}/v1/keys", elsewhere.issuer);
    for (row, to) in [
        ("K5 other host", other_keys.as_str()),
        ("K5 metadata service", "http://169.254.169.254/latest/meta-data/"),
        ("K5 file", "file:///etc/passwd"),
        ("K5 loop", "/oauth2/default/v1/keys"),
    ] {
        let okta = Okta::start().await;
        okta.answer_keys(Answer::redirect(to));
        let app = app_of(&okta, &[]).await;
        assert_eq!(status(&app, &okta.token(app.clock.unix_seconds())).await, 503, "{row}");
        assert!(okta.key_requests() <= 4, "{row}: {} requests", okta.key_requests());
    }
    assert_eq!(elsewhere.requests(), 0, "K5");
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_that_points_elsewhere_is_not_believed() {
    let attacker = Okta::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let https = format!("https://{}/keys", listener.local_addr().unwrap());
    let mut findings = Findings::default();
    let okta = Okta::start().await;
    let own_keys = format!("{}/v1/keys", okta.issuer);
    for (row, discovery) in [
        ("K11 other issuer", json!({"issuer": attacker.issuer, "jwks_uri": own_keys})),
        ("K11 slash behind", json!({"issuer": format!("{}/", okta.issuer), "jwks_uri": own_keys})),
        ("K11 org server", json!({"issuer": format!("http://{}", okta.address), "jwks_uri": own_keys})),
        ("K11 keys elsewhere", json!({"issuer": okta.issuer, "jwks_uri": format!("{}/v1/keys", attacker.issuer)})),
        ("K11 other scheme", json!({"issuer": okta.issuer, "jwks_uri": https})),
        ("K11 file", json!({"issuer": okta.issuer, "jwks_uri": "file:///etc/passwd"})),
        ("K11 no keys", json!({"issuer": okta.issuer})),
        ("K11 a list", json!([])),
    ] {
        okta.answer_discovery(Answer::Json(discovery));
        let app = app_of(&okta, &[]).await;
        findings.expect(row, status(&app, &okta.token(app.clock.unix_seconds())).await, 503);
        findings.expect(row, has_failed(&app).await, true);
    }
    findings.expect("K11 asked the attacker", attacker.requests(), 0);
    findings.expect("K11 asked for keys", okta.key_requests(), 0);
    findings.none();
    assert!(tokio::time::timeout(Duration::from_millis(100), listener.accept()).await.is_err());
}
