//! Hashes: their parameters, their renewal, and what happens when more is asked of them than can be done.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::app::{Engine, PASSWORD, TestApp, on_both, problem};

async fn stored(app: &TestApp) -> String {
    app.texts("SELECT password_hash FROM users").await.remove(0)
}

on_both!(hashes_are_argon2id_and_renewed_when_the_settings_change, |app| {
    app.register("ada@example.com").await;
    let first = stored(&app).await;
    let parts: Vec<&str> = first.split('$').collect();
    assert_eq!(parts[1..4], ["argon2id", "v=19", "m=19456,t=2,p=1"], "P1");
    assert_eq!(STANDARD_NO_PAD.decode(parts[4]).unwrap().len(), 16, "P1: the salt");
    assert_eq!(STANDARD_NO_PAD.decode(parts[5]).unwrap().len(), 32, "P1: the hash");

    app.log_in("ada@example.com").await;
    assert_eq!(stored(&app).await, first, "nothing to renew");

    app.restart_with(&[("passwords.memory_kib", "12288"), ("passwords.iterations", "3")]).await;
    let body = json!({"email": "ada@example.com", "password": "wrong password"});
    assert_eq!(app.post("/api/login", body).await.status(), 401);
    assert_eq!(stored(&app).await, first, "P2: not by a wrong password");
    app.log_in("ada@example.com").await;
    let second = stored(&app).await;
    assert!(second.starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "P2: {second}");
    app.log_in("ada@example.com").await;
    assert_eq!(stored(&app).await, second);
});

on_both!(all_who_log_in_at_once_get_in_while_the_hash_is_renewed, |app| {
    app.register("ada@example.com").await;
    for iterations in ["3", "4"] {
        app.restart_with(&[("passwords.iterations", iterations)]).await;
        let body = json!({"email": "ada@example.com", "password": PASSWORD});
        let answers = join_all((0..12).map(|_| app.post("/api/login", body.clone()))).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        assert!(stored(&app).await.contains(&format!("t={iterations},")));
    }
});

on_both!(hashes_that_somebody_put_there_do_no_harm, |app| {
    app.register("ada@example.com").await;
    let good = stored(&app).await;
    let tail = good.splitn(5, '$').nth(4).unwrap().to_owned();
    for (row, hash) in [
        ("four GiB", format!("$argon2id$v=19$m=4194304,t=2,p=1${tail}")),
        ("a billion passes", format!("$argon2id$v=19$m=19456,t=1000000000,p=1${tail}")),
        ("argon2i", good.replace("argon2id", "argon2i")),
        ("version 16", good.replace("v=19", "v=16")),
        ("bcrypt", "$2b$12$KIXQqfM1y1Oe6Z8f1rj7vOQeFqYkT4cM6mC2C8zq7kq8Jp7YyJmLe".to_owned()),
        ("no salt", "$argon2id$v=19$m=19456,t=2,p=1".to_owned()),
        ("empty", String::new()),
        ("the password itself", PASSWORD.to_owned()),
    ] {
        app.sql(&format!("UPDATE users SET password_hash = '{hash}'")).await;
        let body = json!({"email": "ada@example.com", "password": PASSWORD});
        assert_eq!(problem(app.post("/api/login", body).await).await, (401, "wrong-credentials".to_owned()), "{row}");
    }
    app.sql(&format!("UPDATE users SET password_hash = '{good}'")).await;
    app.log_in("ada@example.com").await;
});

/// One thread, and hashes that take long.
const SLOW: [(&str, &str); 5] = [
    ("limits.enabled", "false"),
    ("passwords.memory_kib", "131072"),
    ("passwords.iterations", "3"),
    ("passwords.hashing_threads", "1"),
    ("passwords.hashing_queue", "3"),
];

#[tokio::test(flavor = "multi_thread")]
async fn when_the_queue_is_full_the_answer_is_503_at_once() {
    let app = TestApp::with(Engine::Sqlite, &SLOW).await;
    let token = app.tokens().await.access_token;
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let started = Instant::now();
    let logins = async {
        let answers = join_all((0..20).map(|_| app.post("/api/login", body.clone()))).await;
        (answers, started.elapsed())
    };
    // Others do not wait for the hashes.
    let others = async {
        for _ in 0..20 {
            assert_eq!(app.get_as("/api/profile", &token).await.status(), 200);
        }
        started.elapsed()
    };
    let ((answers, hashed), verified) = tokio::join!(logins, others);
    assert!(verified < hashed, "twenty verified after {verified:?}, all hashed after {hashed:?}");
    let mut busy = 0;
    for answer in answers {
        if answer.status() == 503 {
            let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
            assert_eq!(problem(answer).await, (503, "unavailable".to_owned()));
            busy += 1;
        } else {
            assert_eq!(answer.status(), 200);
        }
    }
    // Three wait, and perhaps one is hashed already; all come at about the same time, so few more than those get in.
    assert!((5..=17).contains(&busy), "{busy} of 20 were sent away");
    assert_eq!(app.post("/api/login", body).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hung_up_is_not_hashed_for() {
    let mut settings = SLOW;
    settings[4].1 = "100";
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    app.register("ada@example.com").await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let request = format!(
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connections = Vec::new();
    for _ in 0..40 {
        let mut connection = TcpStream::connect(app.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(connections);
    // Measured one after the other, so how fast the machine is does not matter: forty hashes take five times as long as eight.
    let started = Instant::now();
    app.log_in("ada@example.com").await;
    let waited = started.elapsed();
    let started = Instant::now();
    for _ in 0..8 {
        app.log_in("ada@example.com").await;
    }
    let eight = started.elapsed();
    assert!(waited < eight * 3, "a login behind 40 that hung up took {waited:?}, eight behind nobody {eight:?}");
}
