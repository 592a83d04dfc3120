//! How it stops: F9, F10.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::program::Program;
use crate::support::app::{PASSWORD, eventually};
use crate::support::raw;

/// Hashes that take long, one after the other.
const SLOW: [(&str, &str); 4] = [
    // However slow the machine is.
    ("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "5m"),
    ("TOKENHOUSE__PASSWORDS__MEMORY_KIB", "131072"),
    ("TOKENHOUSE__PASSWORDS__ITERATIONS", "3"),
    ("TOKENHOUSE__PASSWORDS__HASHING_THREADS", "1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_term_lets_requests_under_way_come_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &SLOW);
    assert_eq!(program.register("ada@example.com").await, 201);
    let token = program.log_in("ada@example.com").await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let logins = (0..6).map(|_| program.post("/api/login", body.clone()));
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        program.signal("TERM");
        eventually("new connections are refused", async || TcpStream::connect(program.address).await.is_err()).await;
    };
    let (answers, ()) = tokio::join!(join_all(logins), stop);
    let mut refresh_tokens = Vec::new();
    for answer in answers {
        let answer = answer.expect("F9: nobody is cut off");
        assert_eq!(answer.status(), 200, "F9");
        let tokens: serde_json::Value = answer.json().await.unwrap();
        refresh_tokens.push(tokens["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(program.wait(Duration::from_secs(30)).code(), Some(0), "F9");
    // What was answered is there after the restart.
    let program = Program::start(folder.path(), &SLOW);
    assert_eq!(program.get("/api/profile", &token).await, 200);
    for token in refresh_tokens {
        let answer = program.post("/api/refresh", json!({"refresh_token": token})).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_hold_up_nothing() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start(folder.path(), &[]);
        let mut idle = Vec::new();
        for n in 0..50 {
            let mut stream = TcpStream::connect(program.address).await.unwrap();
            // Some have had an answer, some have not said a word.
            if n % 2 == 0 {
                stream.write_all(b"GET /api/publicInfo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
                let answer = raw::read(&mut stream, Duration::from_millis(50)).await;
                assert_eq!(raw::status(&answer), 200);
            }
            idle.push(stream);
        }
        let started = Instant::now();
        program.signal(signal);
        assert_eq!(program.wait(Duration::from_secs(25)).code(), Some(0), "F10 {signal}");
        assert!(started.elapsed() < Duration::from_secs(20), "F10 {signal}: {:?}", started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_is_a_setting_and_a_second_signal_ends_it() {
    // Bodies that never come.
    let body = b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let hang = async |program: &Program| {
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = TcpStream::connect(program.address).await.unwrap();
            stream.write_all(body).await.unwrap();
            streams.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        streams
    };
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "2s")]);
    let _streams = hang(&program).await;
    let started = Instant::now();
    program.signal("TERM");
    assert_eq!(program.wait(Duration::from_secs(15)).code(), Some(0), "F10");
    assert!(started.elapsed() > Duration::from_secs(1), "F10: requests under way had {:?}", started.elapsed());

    let mut program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "1m")]);
    let _streams = hang(&program).await;
    program.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    program.signal("TERM");
    program.wait(Duration::from_secs(30));
    assert!(started.elapsed() < Duration::from_secs(20), "F9: the second signal took {:?}", started.elapsed());
}
