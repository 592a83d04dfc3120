//! How it stops: F9, F10.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
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

/// Waits until it has seen the signal.
async fn refused(program: &Program) {
    eventually("new connections are refused", async || TcpStream::connect(program.address).await.is_err()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_lets_requests_under_way_come_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &SLOW);
    assert_eq!(program.register("ada@example.com").await, 201);
    let token = program.log_in("ada@example.com").await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    // The server has read their heads, so they are under way; the hashes, one after the other, come to their end after the signal.
    let mut logins = join_all((0..6).map(|_| raw::begun(program.address, "/api/login", body.len()))).await;
    for login in &mut logins {
        login.write_all(body.as_bytes()).await.unwrap();
    }
    program.signal("TERM");
    refused(&program).await;
    let mut refresh_tokens = Vec::new();
    for mut login in logins {
        let answer = raw::read(&mut login, Duration::from_mins(5)).await;
        assert_eq!(raw::status(&answer), 200, "F9: nobody is cut off: {answer}");
        let tokens: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        refresh_tokens.push(tokens["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(program.wait(Duration::from_mins(3)).code(), Some(0), "F9");
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
        // For which it would wait longer than this test does.
        let mut program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "10m")]);
        let mut idle = Vec::new();
        for n in 0..50 {
            let mut stream = TcpStream::connect(program.address).await.unwrap();
            // Some have had an answer, some have not said a word.
            if n % 2 == 0 {
                stream.write_all(b"GET /api/publicInfo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
                assert_eq!(raw::status(&raw::head(&mut stream).await), 200);
            }
            idle.push(stream);
        }
        program.signal(signal);
        assert_eq!(program.wait(Duration::from_mins(3)).code(), Some(0), "F10 {signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_is_a_setting_and_a_second_signal_ends_it() {
    // Bodies that never come.
    let hang = async |program: &Program| join_all((0..5).map(|_| raw::begun(program.address, "/api/login", 9))).await;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "2s")]);
    let _streams = hang(&program).await;
    let started = Instant::now();
    program.signal("TERM");
    assert_eq!(program.wait(Duration::from_mins(3)).code(), Some(0), "F10");
    assert!(started.elapsed() > Duration::from_secs(1), "F10: requests under way had {:?}", started.elapsed());

    // A grace for which the bodies are waited for as long as a body is.
    let mut program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "10m")]);
    let _streams = hang(&program).await;
    program.signal("TERM");
    // Two that come before the first was seen would be one.
    refused(&program).await;
    program.signal("TERM");
    program.wait(Duration::from_mins(3));
    eventually("F9: it says that it does not wait", async || program.log().contains("shutting down at once")).await;
}
