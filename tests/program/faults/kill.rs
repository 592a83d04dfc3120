//! kill -9 under load, again and again: F1.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection};

use super::load::{Dice, Load, SETTINGS, rounds};
use crate::program::Program;
use crate::support::postgres;

/// Kills the server at any moment, and starts it again. Nothing that was answered may be lost.
async fn killed_at_any_moment(folder: &Path, database: &str) {
    let mut dice = Dice::cast(database);
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", database)]].concat();
    let load = Load::new(folder, &variables, 8, &mut dice);
    for _ in 0..rounds(10) {
        let mut program = Program::start(folder, &variables);
        load.ask(&[&program.url]);
        if database.starts_with("sqlite") {
            must_be_whole(database).await;
        }
        let kill = async {
            load.more(40).await;
            tokio::time::sleep(Duration::from_millis(dice.roll(150))).await;
            program.signal("KILL");
            load.stop();
        };
        tokio::join!(load.run(), kill);
        program.wait(Duration::from_mins(3));
    }
    let program = Program::start(folder, &variables);
    load.ask(&[&program.url]);
    load.must_hold(&format!("F1 {database}"), Duration::ZERO).await;
    assert!(load.unanswered() > 0, "F1: nobody was cut off");
}

/// SQLite's own judgement.
pub async fn must_be_whole(database: &str) {
    let mut connection = SqliteConnection::connect(database).await.unwrap();
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await.unwrap();
    assert_eq!(found, ["ok"], "F1");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("data/tokenhouse.db").display());
    killed_at_any_moment(folder.path(), &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_on_postgresql() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    killed_at_any_moment(folder.path(), &postgres::fresh_database()).await;
}
