//! Hostile clients of HTTP/2: what they may pile up has an end.

use std::time::Duration;

use h2::client::{SendRequest, handshake};
use h2::{Reason, RecvStream};
use http::{Method, Request, Response};
use tokio::task::JoinHandle;

use super::tls::Secured;
use crate::support::browser::Browser;
use crate::support::tokens::Findings;

type Bytes = actix_web::web::Bytes;

/// What is slow is given up after some seconds; a busy machine is given more.
const LONG: Duration = Duration::from_mins(2);

/// A connection, and how it ended.
async fn connect(server: &Secured) -> (SendRequest<Bytes>, JoinHandle<Option<Reason>>) {
    let stream = server.authority.connect(server.app.address, &[b"h2"]).await;
    let (client, connection) = handshake(stream).await.unwrap();
    let ended = tokio::spawn(async move { connection.await.err().and_then(|error| error.reason()) });
    (client.ready().await.unwrap(), ended)
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("https://localhost{path}"))
}

async fn answer(client: &mut SendRequest<Bytes>, request: Request<()>) -> Result<Response<RecvStream>, h2::Error> {
    let (response, _) = client.send_request(request, true)?;
    response.await
}

/// Whether somebody else is still served.
async fn others_are_served(server: &Secured) -> u16 {
    let client = server.authority.client().build().unwrap();
    client.get(format!("{}/api/publicInfo", server.app.url)).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_end_the_connection() {
    let server = Secured::start().await;
    for (pace, at_most) in [("as fast as can be", 200_000), ("one after the other", 110)] {
        let stream = server.authority.connect(server.app.address, &[b"h2"]).await;
        let (client, mut connection) = handshake(stream).await.unwrap();
        let mut ping = connection.ping_pong().unwrap();
        let ended = tokio::spawn(async move { connection.await.err().and_then(|error| error.reason()) });
        let mut client = client.ready().await.unwrap();
        let mut sent = 0;
        while sent <= at_most {
            client = match client.ready().await {
                Ok(client) => client,
                Err(_) => break,
            };
            // Its body never comes, so nothing is answered.
            let login =
                request(Method::POST, "/api/login").header("content-type", "application/json").body(()).unwrap();
            let Ok((_, mut stream)) = client.send_request(login, false) else { break };
            sent += 1;
            // The request is at the server when this comes back; without it, most are taken back before they are looked at.
            if pace == "one after the other" && ping.ping(h2::Ping::opaque()).await.is_err() {
                break;
            }
            stream.send_reset(Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        assert!((20..=at_most).contains(&sent), "W12 {pace}: {sent} were taken back");
        let reason = tokio::time::timeout(LONG, ended).await.expect("W12 it ends").unwrap();
        // The word is lost where the connection is closed before all that came was read.
        assert!([None, Some(Reason::ENHANCE_YOUR_CALM)].contains(&reason), "W12 {pace}: {reason:?}");
    }
    assert_eq!(others_are_served(&server).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_frames_without_end_end_the_connection() {
    let server = Secured::start().await;
    for path in ["/api/login", "/api/publicInfo", "/nothing"] {
        let (mut client, ended) = connect(&server).await;
        let post = request(Method::POST, path).header("content-type", "application/json").body(()).unwrap();
        let (_answer, mut stream) = client.send_request(post, false).unwrap();
        let flood = async {
            for n in 0..2_000_000_u32 {
                if stream.send_data(Bytes::new(), false).is_err() {
                    return;
                }
                if n % 64 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            panic!("W12 {path}: two million empty frames were taken");
        };
        tokio::time::timeout(LONG, flood).await.expect("W12 they are refused");
        drop((client, stream));
        let _ = tokio::time::timeout(LONG, ended).await;
    }
    assert_eq!(others_are_served(&server).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_heads_have_bounds() {
    let server = Secured::start().await;
    let mut findings = Findings::default();
    let (mut client, _ended) = connect(&server).await;
    // The first answer comes behind the server's settings.
    let first = answer(&mut client, request(Method::GET, "/api/publicInfo").body(()).unwrap()).await.unwrap();
    findings.expect("W12 the first", first.status().as_u16(), 200);
    findings.expect("W12 streams at once", client.current_max_send_streams(), 100);
    for (row, name, length, right) in
        [("W12 a head of 40 KB", "x-a", 40_000, 200), ("W12 a head of 80 KB", "x-a", 80_000, 431)]
    {
        let get = request(Method::GET, "/api/publicInfo").header(name, "a".repeat(length)).body(()).unwrap();
        let status = answer(&mut client, get).await.map_or(0, |answer| answer.status().as_u16());
        findings.expect(row, status, right);
    }
    for (row, name, value, right) in [
        ("W12 the same host twice", "host", "localhost", 200),
        ("W12 another host", "host", "evil.example", 400),
        ("W12 a token of nobody", "authorization", "Bearer x", 200),
    ] {
        let get = request(Method::GET, "/api/publicInfo").header(name, value).body(()).unwrap();
        let status = answer(&mut client, get).await.map_or(0, |answer| answer.status().as_u16());
        findings.expect(row, status, right);
    }
    let two =
        request(Method::GET, "/api/profile").header("authorization", "Bearer a").header("authorization", "Bearer b");
    let status = answer(&mut client, two.body(()).unwrap()).await.unwrap().status().as_u16();
    findings.expect("B5 two tokens", status, 400);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_works_and_cookies_may_come_in_parts() {
    let server = Secured::start().await;
    let app = &server.app;
    app.register("ada@example.com").await;
    let browser = Browser::default();
    let page = browser.get(app, "/activate").await;
    let page = browser.sign_in(app, &page.location(), "ada@example.com").await;
    let page = browser.get(app, &page.location()).await;
    assert_eq!(page.status, 200);
    page.form("/activate");
    // As browsers send them over HTTP/2 (RFC 9113, section 8.2.3); the name of each says that it came over TLS.
    let mut get = request(Method::GET, "/activate");
    for (name, value) in browser.cookies() {
        assert!(name.starts_with("__Host-"), "{name}");
        get = get.header("cookie", format!("{name}={value}"));
    }
    let get = get.header("cookie", "other=1").body(()).unwrap();
    let (mut client, _ended) = connect(&server).await;
    assert_eq!(answer(&mut client, get).await.unwrap().status(), 200);
    let nobody = request(Method::GET, "/activate").body(()).unwrap();
    assert_eq!(answer(&mut client, nobody).await.unwrap().status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_are_given_up() {
    let server = Secured::start().await;
    let (mut client, _ended) = connect(&server).await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        client = client.ready().await.unwrap();
        let login = request(Method::POST, "/api/login").header("content-type", "application/json").body(()).unwrap();
        let (answer, mut stream) = client.send_request(login, false).unwrap();
        stream.send_data(Bytes::from_static(b"{"), false).unwrap();
        waiting.push((answer, stream));
    }
    // Those beside them on the same connection do not wait.
    let mut beside = client.clone().ready().await.unwrap();
    let quick = answer(&mut beside, request(Method::GET, "/api/publicInfo").body(()).unwrap());
    let first = &mut waiting[0].0;
    tokio::select! {
        biased;
        quick = quick => assert_eq!(quick.unwrap().status(), 200),
        _ = first => panic!("W8: it waited for those that wait for a body"),
    }
    for (answer, _stream) in waiting {
        let answer = tokio::time::timeout(LONG, answer).await.expect("W8 in time").unwrap();
        assert_eq!(answer.status(), 408, "W8");
    }
}
