//! Backups and restores that are killed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::program::command;
use crate::support::app::Engine;

use super::{Place, names_in, skipped, sqlite, with_backup};

/// Fills a database of SQLite so that copying it takes a while.
async fn fill(place: &Place) {
    sqlite(
        &place.path("data/x.db"),
        "INSERT INTO audit (id, at, act, outcome, actor, user_agent)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150000)
         SELECT 'filler ' || n, 4000000000000000, 'login', 'success', 'user', hex(randomblob(250)) FROM n",
    )
    .await;
}

/// Runs a command and kills it as soon as `begun` says so; again with what `undo` leaves, when it came to its end before that was seen.
fn kill_when(place: &Place, arguments: &[&str], begun: impl Fn(&[String]) -> bool, folder: &Path, undo: impl Fn()) {
    for _ in 0..20 {
        let mut child = command(place.folder.path(), arguments, &place.variables())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !begun(&names_in(folder)) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        if child.wait().unwrap().code().is_none() {
            return;
        }
        undo();
    }
    panic!("{arguments:?} always came to its end before it could be killed");
}

async fn a_killed_backup(engine: Engine) {
    if skipped(engine) {
        return;
    }
    let place = with_backup(engine).await;
    if engine == Engine::Sqlite {
        fill(&place).await;
    }
    let folder = place.folder.path();
    for name in ["one.db", "two.db"] {
        let is_left = |other: &String| other.starts_with(name) && other.ends_with(".unfinished");
        let is_journal = |other: &String| other.starts_with(name) && other.ends_with(".unfinished-journal");
        let undo = || std::fs::remove_file(folder.join(name)).unwrap();
        kill_when(&place, &["db", "backup", name], |names| names.iter().any(is_left), folder, undo);
        let left: Vec<String> = names_in(folder).into_iter().filter(|other| other.starts_with(name)).collect();
        assert!(left.iter().all(|other| is_left(other) || is_journal(other)), "{left:?}");
        let left = left.iter().find(|other| is_left(other)).unwrap();
        let why = place.refused(&["db", "restore", left, "--replace"]);
        assert!(why.contains("did not come to its end"), "{why}");
        place.done(&["db", "backup", name]);
        let mode = std::fs::metadata(folder.join(left)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "what is left has hashes in it too");
    }
    assert_eq!(place.done(&["db", "check"])["users"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_looks_like_none_on_sqlite() {
    a_killed_backup(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_looks_like_none_on_postgresql() {
    a_killed_backup(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_the_database_as_it_was() {
    let place = with_backup(Engine::Sqlite).await;
    fill(&place).await;
    place.done(&["db", "backup", "large.db"]);
    let program = place.start();
    assert_eq!(program.register("late@example.com").await, 201);
    drop(program);
    let data = place.path("data");
    let begun = |names: &[String]| names.iter().any(|name| name == "x.db.restoring");
    let before = place.files();
    let undo = || {
        for name in names_in(&data).iter().filter(|name| name.starts_with("x.db")) {
            std::fs::remove_file(data.join(name)).unwrap();
        }
        for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with(&data)) {
            std::fs::write(path, bytes).unwrap();
        }
    };
    kill_when(&place, &["db", "restore", "large.db", "--replace"], begun, &data, undo);
    assert_eq!(place.done(&["db", "check"])["users"], 3);
    let program = place.start();
    assert!(program.log_in("late@example.com").await.is_ok());
    drop(program);
    place.done(&["db", "restore", "large.db", "--replace"]);
    assert_eq!(place.done(&["db", "check"])["users"], 2);
    assert!(!names_in(&data).iter().any(|name| name.contains("restoring")), "{:?}", names_in(&data));
}
