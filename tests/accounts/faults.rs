//! A store that is newer, altered, damaged, locked, or away: F6, F8 and the like.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tokenhouse::server::Server;

use crate::support::app::{Engine, PASSWORD, TestApp, eventually, on_both, problem, read_settings};
use crate::support::ports::closed_port;
use crate::support::tokens::Findings;

/// What a start says that must fail.
async fn start_error(folder: &Path, database: &str) -> String {
    let settings = read_settings(folder, database, &[]);
    match Server::start(&settings, tokenhouse::Clock::system()).await {
        Ok(_) => panic!("it starts"),
        Err(error) => error.to_string().replace(&folder.display().to_string(), "FOLDER"),
    }
}

on_both!(a_newer_or_altered_database_is_left_alone, |app| {
    app.register("ada@example.com").await;
    let (folder, database) = (app.folder.path().to_owned(), app.database.clone());
    let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        SELECT 9001, 'of the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    app.sql(insert).await;
    let message = start_error(&folder, &database).await;
    assert!(message.contains("was written by a newer version of tokenhouse (it has migration 9001"), "{message}");
    assert!(!message.contains("postgres://"), "{message}");

    app.sql("DELETE FROM _sqlx_migrations WHERE version = 9001").await;
    let checksum = if database.starts_with("sqlite") { "x'00'" } else { "'\\x00'" };
    app.sql(&format!("UPDATE _sqlx_migrations SET checksum = {checksum}")).await;
    let message = start_error(&folder, &database).await;
    assert!(message.contains("cannot be brought up to this version"), "{message}");
});

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    std::fs::write(folder.path().join("text.db"), "This is not a database. ".repeat(400)).unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut findings = Findings::default();
    for (row, database, right) in [
        ("text", path("text.db"), "cannot open the database FOLDER/text.db: "),
        ("a folder", path("folder.db"), "cannot write the database FOLDER/folder.db: Is a directory"),
        ("below a file", path("file/x/y.db"), "cannot make the folder FOLDER/file/x: Not a directory"),
    ] {
        let message = start_error(folder.path(), &database).await;
        findings.expect(&format!("{row}: {message}"), message.contains(right), true);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_answers_503_and_not_nonsense() {
    let mut app = TestApp::start(Engine::Sqlite).await;
    for n in 0..30 {
        app.sql(&format!(
            "INSERT INTO users (id, email, password_hash, created_at) VALUES ('{n}', '{n}@x.io', '{}', 1)",
            "h".repeat(900)
        ))
        .await;
    }
    let tokens = app.tokens().await;
    app.restart().await;
    // A page of the table is overwritten, where all of it is in the file.
    app.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let path = app.folder.path().join("tokenhouse.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|window| window == b"hhhhhhhhh").unwrap() / 4096 * 4096;
    bytes[at..at + 4096].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    for n in 0..30 {
        let body = json!({"email": format!("{n}@x.io"), "password": PASSWORD});
        let status = app.post("/api/login", body).await.status().as_u16();
        assert!([401, 503].contains(&status), "{status}");
    }
    let _ = app.get_as("/api/profile", &tokens.access_token).await;
    assert_eq!(app.get("/health/live").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_locked_by_another_process() {
    let app = TestApp::start(Engine::Sqlite).await;
    let tokens = app.tokens().await;
    let mut other = SqliteConnection::connect(&app.database).await.unwrap();
    let register = |email: &str| app.post("/api/register", json!({"email": email, "password": PASSWORD}));

    // F6: for a while, the writes wait.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (answer, ()) = tokio::join!(register("slow@example.com"), release);
    assert_eq!(answer.status(), 201, "F6");

    // For longer, they are told to come back; tokens go on being verified, and nothing is left behind.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let reads = async {
        for _ in 0..20 {
            assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200, "F6");
        }
    };
    let (answer, ()) = tokio::join!(register("never@example.com"), reads);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(problem(answer).await, (503, "unavailable".to_owned()), "F6");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(register("never@example.com").await.status(), 201, "F6");
    app.log_in("slow@example.com").await;

    // A second server that would have to migrate says so.
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("new.db").display());
    std::fs::File::create(folder.path().join("new.db")).unwrap();
    let mut other = SqliteConnection::connect(&database).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let message = start_error(folder.path(), &database).await;
    assert_eq!(message, "the database FOLDER/new.db is locked by another process: stop that one, or wait for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_not_there() {
    let port = closed_port();
    let folder = tempfile::tempdir().unwrap();
    let message =
        start_error(folder.path(), &format!("postgres://ada:secret-password@127.0.0.1:{port}/accounts")).await;
    assert!(message.contains(&format!("cannot open the database accounts on 127.0.0.1:{port}")), "{message}");
    assert!(!message.contains("secret-password"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_postgresql_drops_are_replaced() {
    if !crate::support::postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let app = TestApp::start(Engine::Postgres).await;
    let tokens = app.tokens().await;
    for round in 0..3 {
        app.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'tokenhouse'",
        )
        .await;
        assert_eq!(
            app.get_as("/api/profile", &tokens.access_token).await.status(),
            200,
            "a known session needs no database"
        );
        eventually("it goes on", async || {
            let body = json!({"email": "ada@example.com", "password": PASSWORD});
            let status = app.post("/api/login", body).await.status().as_u16();
            assert!([200, 503].contains(&status), "round {round}: {status}");
            status == 200
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_stuck_holds_up_no_request_for_ever() {
    if !crate::support::postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let app = TestApp::start(Engine::Postgres).await;
    let tokens = app.tokens().await;
    app.register("eve@example.com").await;
    // Somebody looked at a row at a terminal, and went to lunch.
    let mut other = sqlx::PgConnection::connect(&app.database).await.unwrap();
    for statement in ["BEGIN", "SELECT * FROM users WHERE email = 'ada@example.com' FOR UPDATE"] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
    }
    let change = json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"});
    let stuck = app.send_as(reqwest::Method::POST, "/api/password", &tokens.access_token, change);
    let stuck = tokio::time::timeout(Duration::from_mins(2), stuck);
    let others = async {
        app.log_in("eve@example.com").await;
        assert_eq!(app.get_as("/api/me", &tokens.access_token).await.status(), 200);
    };
    let (answer, ()) = tokio::join!(stuck, others);
    let answer = answer.expect("it waits for ever");
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(problem(answer).await, (503, "unavailable".to_owned()));
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    app.log_in("ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_beside_a_password_change_does_not_outlive_it() {
    // PostgreSQL lets a statement go on with what it saw before another transaction committed. SQLite has one writer.
    if !crate::support::postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let app = TestApp::start(Engine::Postgres).await;
    app.register("ada@example.com").await;
    let mut other = sqlx::PgConnection::connect(&app.database).await.unwrap();
    for statement in ["BEGIN", "UPDATE users SET password_hash = 'another'", "UPDATE sessions SET ended_at = 1"] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
    }
    let login = app.post("/api/login", json!({"email": "ada@example.com", "password": PASSWORD}));
    let commit = async {
        // The login has to wait for the row, however long it has for getting there.
        tokio::time::sleep(Duration::from_secs(1)).await;
        sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    };
    let (answer, ()) = tokio::join!(login, commit);
    assert_eq!(answer.status(), 401);
    assert!(app.texts("SELECT id FROM sessions WHERE ended_at IS NULL").await.is_empty());
}
