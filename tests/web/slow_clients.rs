//! Clients that take their time, many at once: W8.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::metrics::ON;
use crate::support::app::{Engine, TestApp};
use crate::support::raw;

/// A head is given up after five seconds, a body and an answer that nobody takes after ten; a busy machine is given more, and both would go on for longer than this.
const LONG: Duration = Duration::from_mins(2);

/// Sends `start`, then a byte of `drip` a second until the server closes; answers what it said and how long it took.
async fn drip(app: &TestApp, start: &str, drip: u8) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while answer.is_empty() && started.elapsed() < LONG {
        answer = raw::read(&mut stream, Duration::from_millis(900)).await;
        if stream.write_all(&[drip]).await.is_err() {
            break;
        }
    }
    (answer, started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_are_given_up_and_hold_up_nobody() {
    let app = TestApp::start(Engine::Sqlite).await;
    let body = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    let heads = join_all((0..100).map(|_| drip(&app, "GET /api/publicInfo HTTP/1.1\r\nX-A: ", b'a')));
    let bodies = join_all((0..100).map(|_| drip(&app, body, b' ')));
    let over = AtomicBool::new(false);
    let slow = async {
        let both = tokio::join!(heads, bodies);
        over.store(true, Ordering::Relaxed);
        both
    };
    let others = async {
        let mut served = 0;
        while !over.load(Ordering::Relaxed) {
            assert_eq!(app.get("/api/publicInfo").await.status(), 200);
            served += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        served
    };
    let ((heads, bodies), served) = tokio::join!(slow, others);
    for (answer, took) in heads {
        assert!(took < LONG, "W8 a head for {took:?}: {answer}");
        assert!([0, 408].contains(&raw::status(&answer)), "W8 {answer}");
    }
    for (answer, took) in bodies {
        assert!(took < LONG, "W8 a body for {took:?}: {answer}");
        assert_eq!(raw::status(&answer), 408, "W8 {answer}");
    }
    // Whoever waited for the slow ones would have been served twice or thrice meanwhile.
    assert!(served >= 20, "W8 {served} others were served meanwhile");
}

/// A client with room for little that asks for `path` sixteen times at once.
async fn reader(address: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.repeat(16).as_bytes()).await?;
    Ok(stream)
}

/// Reads a byte a second of many long answers, and shows that it lives, until the server closes; answers how long it took.
async fn sip(address: SocketAddr) -> Duration {
    let started = Instant::now();
    let sipping = async {
        let mut stream = reader(address, "/openapi.json").await?;
        loop {
            stream.read_u8().await?;
            // An empty line before a request is none (RFC 9112, section 2.2).
            stream.write_all(b"\r\n").await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let ended: Result<io::Result<std::convert::Infallible>, _> = tokio::time::timeout(LONG, sipping).await;
    drop(ended);
    started.elapsed()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_are_given_up_and_hold_up_nobody() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut slow = std::pin::pin!(join_all((0..100).map(|_| sip(app.address))));
    let mut served = 0;
    let slow = loop {
        tokio::select! {
            slow = &mut slow => break slow,
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                assert_eq!(app.get("/api/publicInfo").await.status(), 200);
                served += 1;
            }
        }
    };
    for took in slow {
        // Not sooner than it may take.
        assert!(took > Duration::from_secs(9) && took < LONG, "W8 an answer for {took:?}");
    }
    assert!(served >= 20, "W8 {served} others were served meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_told_beside_those_who_do_not_read_them() {
    let app = TestApp::with(Engine::Sqlite, &ON).await;
    let url = app.metrics_url();
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics").parse().unwrap();
    // More than may be connected at once.
    let readers = join_all((0..40).map(|_| reader(address, "/metrics"))).await;
    // Less than the time that an idle connection is kept.
    let scrape = app.client.get(url).timeout(Duration::from_mins(1)).send().await.unwrap();
    assert_eq!(scrape.status(), 200, "W8 a scraper beside readers that do not read");
    assert!(scrape.text().await.unwrap().contains("tokenhouse_"));
    drop(readers);
}
