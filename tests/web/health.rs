//! Alive, and ready.

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::support::app::{Engine, TestApp, eventually, on_both};
use crate::support::postgres;

on_both!(alive_and_ready, |app| {
    let live: Value = app.get("/health/live").await.json().await.unwrap();
    assert_eq!(live["status"], "alive");
    let ready = app.get("/health/ready").await;
    assert_eq!(ready.status(), 200);
    let report: Value = ready.json().await.unwrap();
    assert_eq!(report, json!({"status": "ready", "checks": [{"name": "database", "ready": true}]}));
});

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_while_the_database_is_away() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let app = TestApp::start(Engine::Postgres).await;
    assert_eq!(app.get("/health/ready").await.status(), 200);
    // Its database is renamed, and its connections are ended: new ones find nothing.
    let name = app.database.rsplit('/').next().unwrap().to_owned();
    let server = app.database.trim_end_matches(&name);
    let mut other = sqlx::PgConnection::connect(&format!("{server}postgres")).await.unwrap();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let rename = |from: &str, to: &str| format!("ALTER DATABASE {from} RENAME TO {to}");
    let away = rename(&name, &format!("{name}_away"));
    eventually("the database is renamed", async || {
        sqlx::query(sqlx::AssertSqlSafe(end.clone())).execute(&mut other).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(away.clone())).execute(&mut other).await.is_ok()
    })
    .await;
    let ready = app.get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    let report: Value = ready.json().await.unwrap();
    assert_eq!((&report["status"], &report["checks"][0]["ready"]), (&json!("not ready"), &json!(false)));
    assert!(!report.to_string().contains(&name), "{report}");
    assert_eq!(app.get("/health/live").await.status(), 200);

    let back = rename(&format!("{name}_away"), &name);
    sqlx::query(sqlx::AssertSqlSafe(back)).execute(&mut other).await.unwrap();
    eventually("it is ready again", async || app.get("/health/ready").await.status() == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_wait_for_whoever_writes() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut other = SqliteConnection::connect(&app.database).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    assert_eq!(app.get("/health/ready").await.status(), 200);
}
