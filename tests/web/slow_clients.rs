//! Clients that take their time, many at once: W8.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::app::{Engine, TestApp};
use crate::support::raw;

/// A head is given up after five seconds and a body after ten; a busy machine is given more, and both would go on for longer than this.
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
