//! Traces, as a collector gets them: what is in them, whose are gone on with, and what a collector can do to the server.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Engine, PASSWORD, TestApp, eventually};
use crate::support::collector::{Collector, Manner, facts, hex};
use crate::support::okta::{Answer, Okta, RsaKey, header};
use crate::support::ports::closed_port;
use crate::support::postgres;
use crate::support::tokens::changed;

/// Whatever the collector does, the server ends as soon as this; a busy machine is given more than it takes.
const LONG: Duration = Duration::from_secs(30);

fn engines() -> Vec<Engine> {
    if postgres::available() {
        return vec![Engine::Sqlite, Engine::Postgres];
    }
    eprintln!("SKIPPED: no PostgreSQL for this test");
    vec![Engine::Sqlite]
}

/// A server that sends its traces to `endpoint`.
async fn traced(engine: Engine, endpoint: &str, more: &[(&str, &str)]) -> TestApp {
    let own = [("limits.enabled", "false"), ("traces.endpoint", endpoint)];
    TestApp::with(engine, &own.iter().chain(more).copied().collect::<Vec<_>>()).await
}

/// The parts of a span.
fn parts<'s>(spans: &'s [Span], of: &Span) -> Vec<&'s Span> {
    let id = of.span_id.clone();
    spans.iter().filter(|span| span.parent_span_id == id).collect()
}

fn names(spans: &[&Span]) -> Vec<String> {
    let mut names: Vec<String> = spans.iter().map(|span| span.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_a_trace_with_parts() {
    for (engine, system) in engines().into_iter().zip(["sqlite", "postgresql"]) {
        let collector = Collector::start(Manner::Takes).await;
        let app = traced(engine, &collector.endpoint(), &[("traces.service_name", "house of ada")]).await;
        let id = app.register("ada@example.com").await;
        let login = json!({"email": "ada@example.com", "password": PASSWORD});
        let agent = "agent-of-ada";
        let login = app.request(Method::POST, "/api/login?q=in-the-query").json(&login).header("user-agent", agent);
        let login = login.header("x-request-id", "request-of-ada").send().await.unwrap();
        assert_eq!(login.status(), 200);
        let tokens: serde_json::Value = login.json().await.unwrap();
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        assert_eq!(app.get_as("/api/admin/users/eve@example.com", &token("access_token")).await.status(), 403);
        app.get("/nothing/secret-in-the-path").await;
        app.request(Method::from_bytes(b"SECRETMETHOD").unwrap(), "/api/profile").send().await.unwrap();
        app.stop().await;

        let spans = collector.spans();
        let whole = collector.the("POST /api/login");
        assert_eq!(whole.kind, i32::from(SpanKind::Server));
        assert!(whole.parent_span_id.is_empty() && whole.links.is_empty());
        assert_eq!(
            serde_json::Value::from(facts(&whole.attributes)),
            json!({
                "http.request.method": "POST", "http.route": "/api/login", "http.response.status_code": 200,
                "url.path": "/api/login", "url.scheme": "http", "server.address": "localhost", "server.port": 3000,
                "network.protocol.version": "1.1",
            })
        );
        assert_eq!(whole.status.clone().unwrap_or_default().code, 0);
        let of_login = parts(&spans, &whole);
        assert_eq!(names(&of_login), ["password hash", "store read", "store write"], "{engine:?}");
        for part in &of_login {
            assert_eq!(part.trace_id, whole.trace_id);
            assert!(part.start_time_unix_nano >= whole.start_time_unix_nano, "{part:?}");
            assert!(part.end_time_unix_nano <= whole.end_time_unix_nano, "{part:?}");
            if part.name != "password hash" {
                assert_eq!(facts(&part.attributes)["db.system.name"], system);
                assert_eq!(part.kind, i32::from(SpanKind::Client));
            }
        }
        let hash = of_login.iter().find(|part| part.name == "password hash").unwrap();
        let of_hash = parts(&spans, hash);
        assert_eq!(names(&of_hash), ["password hash: wait", "password hash: work"]);
        let end = |name: &str| of_hash.iter().find(|part| part.name.ends_with(name)).unwrap().end_time_unix_nano;
        assert!(end("wait") <= end("work") && end("work") <= hash.end_time_unix_nano);

        // What is no part of a request is a trace of its own, or in none.
        let letter = collector.the("send letter");
        assert!(letter.parent_span_id.is_empty());
        assert_eq!(facts(&letter.attributes)["tokenhouse.letter.kind"], "verify_email");
        assert_eq!(names(&parts(&spans, &letter)), ["store write"]);
        let alone: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
        let expected =
            ["GET", "GET /api/admin/users/{id}", "HTTP /api/profile", "POST /api/login", "POST /api/register"];
        assert_eq!(names(&alone), [&expected[..], &["send letter"]].concat());

        assert_eq!(collector.resource()["service.name"], "house of ada");
        assert_eq!(collector.resource()["service.version"], env!("CARGO_PKG_VERSION"));
        let bytes = collector.bytes();
        assert!(bytes.contains("/api/admin/users/{id}"));
        let access_token = token("access_token");
        for secret in [
            PASSWORD,
            "ada@example.com",
            "eve@example.com",
            &id,
            &access_token,
            access_token.split('.').nth(2).unwrap(),
            &token("refresh_token"),
            "in-the-query",
            "in-the-path",
            agent,
            "request-of-ada",
            "SECRETMETHOD",
            "argon2id",
            "SELECT",
        ] {
            assert!(!bytes.contains(secret), "{secret}");
        }
        // Of the client's address and the server's socket nothing either, but in the Host header to the collector.
        assert_eq!(bytes.matches("127.0.0.1").count(), collector.heads().len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxys_trace_is_gone_on_with_and_a_strangers_is_not() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const KEPT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const LEFT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    /// How the span of a request to which these headers were sent is related to them.
    #[derive(Debug, PartialEq)]
    enum Relation {
        NoSpan,
        GoesOn,
        Linked,
        None,
    }
    use Relation::{GoesOn, Linked, NoSpan, None};
    let (stranger, proxy) = ("192.0.2.0/24", "127.0.0.0/8");
    for (peer, sample, headers, expected) in [
        (stranger, "1", vec![KEPT], Linked),
        (stranger, "1.0", vec![LEFT], Linked),
        (stranger, "0", vec![KEPT], NoSpan),
        (proxy, "0", vec![KEPT], GoesOn),
        (proxy, "1", vec![LEFT], NoSpan),
        (proxy, "1", vec![KEPT], GoesOn),
        (proxy, "1", vec![KEPT, KEPT], None),
        (proxy, "1", vec!["00-0af7651916cd43dd8448eb211c80319c-01"], None),
        (proxy, "1", vec!["00-00000000000000000000000000000000-b7ad6b7169203331-01"], None),
        (proxy, "0", vec![], NoSpan),
        (proxy, "1", vec![], None),
    ] {
        let collector = Collector::start(Manner::Takes).await;
        let settings = [("server.trusted_proxies", peer), ("traces.sample", sample)];
        let app = traced(Engine::Sqlite, &collector.endpoint(), &settings).await;
        let mut request =
            app.request(Method::GET, "/api/publicInfo").header("tracestate", "vendor=anything-of-a-stranger");
        for header in &headers {
            request = request.header("traceparent", *header);
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
        app.stop().await;
        let mut spans = collector.spans();
        assert!(spans.len() <= 1, "{:?}", collector.names());
        let found = match spans.pop() {
            Option::None => NoSpan,
            Some(span) if hex(&span.trace_id) == TRACE => {
                assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
                GoesOn
            }
            Some(span) => {
                assert!(span.parent_span_id.is_empty());
                let links: Vec<String> = span.links.iter().map(|link| hex(&link.trace_id)).collect();
                assert!(!collector.bytes().contains("anything-of-a-stranger"));
                if links == [TRACE] {
                    Linked
                } else {
                    assert!(links.is_empty());
                    None
                }
            }
        };
        assert_eq!(found, expected, "{peer} {sample} {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_on_this_side_is_an_error_of_its_span() {
    let collector = Collector::start(Manner::Takes).await;
    let app = traced(Engine::Sqlite, &collector.endpoint(), &[]).await;
    app.register("ada@example.com").await;
    app.sql("ALTER TABLE sessions RENAME TO gone").await;
    let answer = app.post("/api/login", json!({"email": "ada@example.com", "password": PASSWORD})).await;
    let status = answer.status();
    assert!(status.is_server_error(), "{status}");
    app.post("/api/login", json!({"email": "ada@example.com"})).await;
    app.stop().await;
    let mut logins: Vec<Span> = collector.spans().into_iter().filter(|span| span.name == "POST /api/login").collect();
    logins.sort_by_key(|span| span.start_time_unix_nano);
    let [failed, refused] = &logins[..] else { panic!("{:?}", collector.names()) };
    assert_eq!(failed.status.clone().unwrap_or_default().code, 2);
    assert_eq!(facts(&failed.attributes)["error.type"], status.as_str());
    assert_eq!(facts(&failed.attributes)["http.response.status_code"], i64::from(status.as_u16()));
    assert_eq!(refused.status.clone().unwrap_or_default().code, 0);
    assert!(!facts(&refused.attributes).contains_key("error.type"));
}

/// The way of `endpoint` is of no use: requests are answered all the same, and the end comes in time.
async fn goes_on_without(endpoint: &str) {
    let app = traced(Engine::Sqlite, endpoint, &[]).await;
    app.register("ada@example.com").await;
    let started = Instant::now();
    // More spans than have room.
    let many = (0..8).map(|_| async {
        for _ in 0..700 {
            assert_eq!(app.get("/api/publicInfo").await.status(), 200);
        }
    });
    futures_util::future::join_all(many).await;
    app.log_in("ada@example.com").await;
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    let ending = Instant::now();
    app.stop().await;
    assert!(ending.elapsed() < LONG, "{:?}", ending.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_disturbs_nobody() {
    goes_on_without(&format!("http://127.0.0.1:{}", closed_port())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_disturbs_nobody() {
    let collector = Collector::start(Manner::Hangs).await;
    goes_on_without(&collector.endpoint()).await;
    assert!(!collector.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_refuses_disturbs_nobody_and_gets_what_comes_later() {
    let collector = Collector::start(Manner::Refuses("400 Bad Request")).await;
    let app = traced(Engine::Sqlite, &collector.endpoint(), &[]).await;
    app.get("/api/profile").await;
    eventually("it is asked", async || !collector.heads().is_empty()).await;
    collector.set(Manner::Takes);
    app.get("/api/publicInfo").await;
    app.stop().await;
    let names = collector.names();
    assert!(names.contains(&"GET /api/publicInfo".to_owned()), "{names:?}");
    assert!(collector.heads().iter().all(|head| head.starts_with("post /v1/traces http/1.1\r\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_refuses_is_not_sent_again() {
    let collector = Collector::start(Manner::Refuses("503 Service Unavailable")).await;
    let app = traced(Engine::Sqlite, &collector.endpoint(), &[]).await;
    app.get("/api/profile").await;
    // Sent again, the first would be there twice before the second is.
    eventually("it is asked", async || !collector.heads().is_empty()).await;
    app.get("/api/publicInfo").await;
    app.stop().await;
    assert_eq!(collector.names(), ["GET /api/profile", "GET /api/publicInfo"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetching_keys_is_told_to_the_collector_and_not_to_the_issuer() {
    let (okta, collector) = (Okta::start().await, Collector::start(Manner::Takes).await);
    let settings =
        [("auth.accept", "okta"), ("remote.okta.issuer", &okta.issuer), ("remote.okta.audience", "api://default")];
    let app = traced(Engine::Sqlite, &collector.endpoint(), &settings).await;
    let token = okta.token(app.clock.unix_seconds());
    assert_eq!(app.get_as("/api/profile", &token).await.status(), 200);
    okta.answer_keys(Answer::text("500 Internal Server Error", "text/plain", "no"));
    let claims = changed(&okta.claims(app.clock.unix_seconds()), json!({}));
    let unknown = RsaKey::number(1).token(&header("kid-of-a-stranger"), &claims);
    assert_eq!(app.get_as("/api/profile", &unknown).await.status(), 401);
    app.stop().await;

    let spans = collector.spans();
    let mut fetches: Vec<&Span> = spans.iter().filter(|span| span.name == "fetch keys").collect();
    fetches.sort_by_key(|span| span.start_time_unix_nano);
    let [first, for_request] = fetches[..] else { panic!("{:?}", collector.names()) };
    assert!(first.parent_span_id.is_empty());
    assert_eq!(first.status.clone().unwrap_or_default().code, 0);
    assert_eq!(facts(&first.attributes)["server.address"], "127.0.0.1");
    let request = spans.iter().find(|span| span.span_id == for_request.parent_span_id).unwrap();
    assert_eq!(request.name, "GET /api/profile");
    assert_eq!(facts(&for_request.attributes)["error.type"], "status");
    assert_eq!(for_request.status.clone().unwrap_or_default().code, 2);
    for secret in [&*token, token.split('.').nth(1).unwrap(), "ada@example.com", "kid-of-a-stranger"] {
        assert!(!collector.bytes().contains(secret), "{secret}");
    }
    let heads = okta.heads();
    assert!(heads.len() >= 3, "{heads:?}");
    for head in heads {
        assert!(!head.to_lowercase().contains("traceparent"), "{head}");
    }
}
