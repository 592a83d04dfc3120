//! Clients that take their time, many at once: W8.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::app::{Engine, TestApp};
use crate::support::raw;

/// Sends `start`, then a byte of `drip` a second until the server closes; answers what it said and how long it took.
async fn drip(app: &TestApp, start: &str, drip: u8) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while answer.is_empty() && started.elapsed() < Duration::from_secs(30) {
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
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let started = Instant::now();
            assert_eq!(app.get("/api/publicInfo").await.status(), 200);
            slowest = slowest.max(started.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        slowest
    };
    let (heads, bodies, slowest) = tokio::join!(heads, bodies, others);
    for (answer, took) in heads {
        assert!(took < Duration::from_secs(10), "W8 a head for {took:?}: {answer}");
        assert!([0, 408].contains(&raw::status(&answer)), "W8 {answer}");
    }
    for (answer, took) in bodies {
        assert!(took < Duration::from_secs(15), "W8 a body for {took:?}: {answer}");
        assert_eq!(raw::status(&answer), 408, "W8 {answer}");
    }
    assert!(slowest < Duration::from_secs(2), "W8 others waited {slowest:?}");
}
