//! TLS in the server: both protocols over it, a certificate that is renewed, and clients that speak something else or nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{StatusCode, Version};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::{Engine, PASSWORD, TestApp, eventually, problem};
use crate::support::certificates::{Authority, Issued, shown};
use crate::support::raw;
use crate::support::tokens::Findings;

/// Whoever is slow is let go after some seconds; a busy machine is given more.
const LONG: Duration = Duration::from_mins(2);

/// A server with TLS, whose clients believe its authority.
pub struct Secured {
    pub app: TestApp,
    pub authority: Authority,
    pub issued: Issued,
    /// The folder with the files of the pair.
    folder: TempDir,
}

impl Secured {
    pub async fn start() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let issued = authority.issue();
        issued.write(folder.path());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut app = TestApp::with(
            Engine::Sqlite,
            &[
                ("limits.enabled", "false"),
                ("server.public_url", "https://localhost:3000"),
                ("server.tls_certificate", &path("server.pem")),
                ("server.tls_key", &path("server.key")),
            ],
        )
        .await;
        app.url = format!("https://localhost:{}", app.address.port());
        app.client = authority.client().build().unwrap();
        Self { app, authority, issued, folder }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_carry_everything() {
    let mut server = Secured::start().await;
    for (version, client) in [
        (Version::HTTP_11, server.authority.client().http1_only().build().unwrap()),
        (Version::HTTP_2, server.authority.client().build().unwrap()),
    ] {
        server.app.client = client;
        let app = &server.app;
        let email = format!("ada{version:?}@example.com").to_lowercase().replace('/', "");
        let id = app.register(&email).await;
        let tokens = app.log_in(&email).await;
        let answer = app.get_as("/api/profile", &tokens.access_token).await;
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version));
        assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
        assert_eq!(answer.headers().get_all("date").iter().count(), 1, "{version:?}");
        assert_eq!(answer.headers()["content-length"], "36");
        assert!(answer.headers().contains_key("x-request-id"));
        assert_eq!(shown(&answer), server.issued.der);
        assert_eq!(answer.text().await.unwrap(), "You are viewing private profile info");

        let me: serde_json::Value = app.get_as("/api/me", &tokens.access_token).await.json().await.unwrap();
        assert_eq!(me["id"], id);
        assert_eq!(app.get("/api/profile").await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(problem(app.get("/nothing").await).await, (404, "not-found".to_owned()));
        let large = json!({"email": email, "password": "x".repeat(100_000)});
        assert_eq!(problem(app.post("/api/login", large).await).await.0, 413, "{version:?}");
        let head = app.client.head(format!("{}/api/publicInfo", app.url)).send().await.unwrap();
        assert!(head.headers().contains_key("x-request-id") && head.bytes().await.unwrap().is_empty());
        let refreshed = app.refresh(&tokens.refresh_token).await;
        assert_eq!(refreshed.status(), StatusCode::OK);
        assert_eq!(app.post_as("/api/logout", &tokens.access_token).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), StatusCode::UNAUTHORIZED);

        // A page, with its policy and its style.
        let page = app.get("/activate").await;
        assert!(page.status().is_redirection() || page.status().is_success(), "{page:?}");
        let together = join_all((0..300).map(|_| app.get("/api/publicInfo"))).await;
        assert!(together.iter().all(|answer| answer.status() == 200 && answer.version() == version));
        let logins = (0..8).map(|_| app.post("/api/login", json!({"email": email, "password": PASSWORD})));
        assert!(join_all(logins).await.iter().all(|answer| answer.status() == 200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_for_new_connections_and_old_ones_go_on() {
    let server = Secured::start().await;
    let url = format!("{}/api/publicInfo", server.app.url);
    let clients = [server.authority.client().http1_only().build().unwrap(), server.authority.client().build().unwrap()];
    for client in &clients {
        assert_eq!(shown(&client.get(&url).send().await.unwrap()), server.issued.der);
    }
    let renewed = server.authority.issue();
    renewed.write(server.folder.path());
    eventually("new connections get the new certificate", async || {
        let client = server.authority.client().build().unwrap();
        shown(&client.get(&url).send().await.unwrap()) == renewed.der
    })
    .await;
    for client in &clients {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(shown(&answer), server.issued.der, "the connection of before goes on");
    }
    // Back to the first one: what was in force once may be again.
    server.issued.write(server.folder.path());
    eventually("the first certificate is in force again", async || {
        let client = server.authority.client().build().unwrap();
        shown(&client.get(&url).send().await.unwrap()) == server.issued.der
    })
    .await;
}

/// A `ClientHello` that wants TLS 1.1 at most (RFC 4346).
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session; TLS_RSA_WITH_AES_128_CBC_SHA and TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA; no compression.
    hello.extend([0, 0, 4, 0x00, 0x2f, 0xc0, 0x13, 1, 0]);
    // P-256, uncompressed points, ECDSA and RSA with SHA-256.
    let extensions: [&[u8]; 3] = [&[0, 10, 0, 4, 0, 2, 0, 23], &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1]];
    let extensions = extensions.concat();
    hello.extend([0, u8::try_from(extensions.len()).unwrap()]);
    hello.extend(extensions);
    let mut handshake = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    handshake.extend(hello);
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(handshake.len()).unwrap()];
    record.extend(handshake);
    record
}

/// What comes until the connection is closed, at most for a while.
async fn answer_to(server: &Secured, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.app.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it is closed");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_something_else_is_let_go() {
    const ALERT: u8 = 0x15;
    const PROTOCOL_VERSION: u8 = 70;
    let server = Secured::start().await;
    let mut findings = Findings::default();
    let answer = answer_to(&server, &hello_of_tls_1_1()).await;
    findings.expect(
        &format!("TLS 1.1: {answer:?}"),
        (answer.first(), answer.get(6)),
        (Some(&ALERT), Some(&PROTOCOL_VERSION)),
    );
    let mut ssl2 = vec![0x80, 0x2e, 1, 0, 2];
    ssl2.extend([0; 43]);
    for (row, bytes) in [
        ("plain HTTP", raw::get("/api/publicInfo", "").into_bytes()),
        ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("SSL 2", ssl2),
        ("a record too large", [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 2000]].concat()),
        ("nonsense", vec![0xff; 3000]),
    ] {
        let answer = answer_to(&server, &bytes).await;
        let told = String::from_utf8_lossy(&answer).contains("HTTP/1.1 2");
        findings.expect(&format!("{row}: {answer:?}"), (answer.len() < 64, told), (true, false));
    }
    findings.expect("afterwards", server.app.get("/api/publicInfo").await.status().as_u16(), 200);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_handshakes_and_slow_heads_are_cut_and_hold_up_nobody() {
    let server = Secured::start().await;
    let hello = hello_of_tls_1_1();
    let until_closed = async |start: &[u8]| {
        let started = Instant::now();
        let mut stream = TcpStream::connect(server.app.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut part = [0; 64];
        // A byte a second, as long as it takes.
        while let Err(_elapsed) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut part)).await {
            let _ = stream.write_all(&[0]).await;
            assert!(started.elapsed() < LONG, "W8 a handshake goes on");
        }
    };
    let slow_heads = async {
        let mut stream = server.authority.connect(server.app.address, &[b"http/1.1"]).await;
        stream.write_all(b"GET /api/publicInfo HTTP/1.1\r\nX-A: ").await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("W8 a head goes on");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let silent = join_all((0..50).map(|_| until_closed(&[])));
    let half = join_all((0..50).map(|_| until_closed(&hello[..20])));
    let over = AtomicBool::new(false);
    let slow = async {
        let (_, _, head) = tokio::join!(silent, half, slow_heads);
        over.store(true, Ordering::Relaxed);
        head
    };
    let others = async {
        let mut passed = 0;
        while !over.load(Ordering::Relaxed) {
            let client = server.authority.client().build().unwrap();
            let answer = client.get(format!("{}/api/publicInfo", server.app.url)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            passed += 1;
        }
        passed
    };
    let (head, passed) = tokio::join!(slow, others);
    assert!([0, 408].contains(&raw::status(&head)), "W8 {head}");
    // Whoever waited for the slow ones would have been let in once or twice meanwhile.
    assert!(passed >= 10, "W8 {passed} others were let in meanwhile");
}
