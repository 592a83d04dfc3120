//! What is not restored, and leaves all as it was.

use crate::program::{run, told};
use crate::support::app::Engine;
use crate::support::tokens::Findings;

use super::{Place, postgresql, skipped, sqlite, text, with_backup};

async fn no_restore_under_a_running_server(engine: Engine) {
    if skipped(engine) {
        return;
    }
    let place = with_backup(engine).await;
    let program = place.start();
    assert_eq!(program.register("late@example.com").await, 201);
    for arguments in [&["db", "restore", "good.db"][..], &["db", "restore", "good.db", "--replace", "--keys"]] {
        let why = place.refused(arguments);
        let right = if arguments.contains(&"--replace") || engine == Engine::Sqlite {
            "is in use: stop all servers"
        } else {
            "in use"
        };
        assert!(why.contains(right), "{why}");
    }
    assert!(program.log_in("late@example.com").await.is_ok(), "nothing happened to it");
    if engine == Engine::Sqlite {
        // F7: the file of a running server is gone, and what the server writes goes nowhere; that is no reason to let a second one begin.
        std::fs::rename(place.path("data/x.db"), place.path("moved.db")).unwrap();
        let why = place.refused(&["db", "restore", "good.db"]);
        assert!(why.contains("is in use: stop all servers"), "{why}");
        assert!(!place.path("data/x.db").exists());
        std::fs::rename(place.path("moved.db"), place.path("data/x.db")).unwrap();
    }
    drop(program);
    let why = place.refused(&["db", "restore", "good.db"]);
    assert!(why.contains("there is a database already") && why.contains("--replace"), "{why}");
    let program = place.start();
    assert!(program.log_in("late@example.com").await.is_ok());
    drop(program);

    let restored = place.done(&["db", "restore", "good.db", "--replace"]);
    let kept = place.path(restored["kept"].as_str().unwrap());
    let program = place.start();
    assert!(program.log_in("ada@example.com").await.is_ok());
    assert_eq!(program.log_in("late@example.com").await, Err(401), "it is as of the backup");
    drop(program);
    // The old one is whole: also what only its log had, for its server was killed.
    assert_eq!(place.done(&["db", "check"])["users"], 2);
    match engine {
        Engine::Sqlite => {
            let url = format!("sqlite://{}", kept.display());
            let checked =
                told(&run(place.folder.path(), &["db", "check", "--json"], &[("TOKENHOUSE__DATABASE__URL", &url)]));
            assert!(checked.1.contains("\"users\":3"), "{checked:?}");
        }
        Engine::Postgres => {
            place.done(&["db", "restore", text(&kept), "--replace"]);
            assert_eq!(place.done(&["db", "check"])["users"], 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_restore_under_a_running_server_on_sqlite() {
    no_restore_under_a_running_server(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_restore_under_a_running_server_on_postgresql() {
    no_restore_under_a_running_server(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_backup_touches_nothing() {
    let place = with_backup(Engine::Sqlite).await;
    let good = std::fs::read(place.path("good.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(place.path(name), bytes).unwrap();
    let mut page = good.clone();
    let at = good.windows(15).position(|window| window == b"ada@example.com").unwrap() / 4096 * 4096;
    page[at..at + 4096].fill(0xff);
    write("page.db", &page);
    // Each page is well-formed, and the index does not have what the table has.
    let mut address = good.clone();
    let at = good.windows(15).position(|window| window == b"ada@example.com").unwrap();
    address[at] = b'b';
    write("index.db", &address);
    // In a table that nothing else looks into when a backup is restored.
    let mut page = good.clone();
    let at = good.windows(15).position(|window| window == b"registersuccess").unwrap() / 4096 * 4096;
    page[at..at + 4096].fill(0xff);
    write("record.db", &page);
    write("cut.db", &good[..good.len() / 2]);
    write("beginning.db", &[&[0; 100], &good[100..]].concat());
    write("text.db", "This is no database. ".repeat(500).as_bytes());
    write("empty.db", b"");
    write("dump.db", b"PGDMP and so on");
    write("good.db.123.unfinished", &good);
    write("copied.db", &good);
    write("copied.db-wal", b"committed, and not in the file");
    write("orphan.db", &good);
    write("newer.db", &good);
    write("altered.db", &good);
    sqlite(&place.path("foreign.db"), "CREATE TABLE users (id INTEGER)").await;
    sqlite(
        &place.path("orphan.db"),
        "PRAGMA foreign_keys = OFF; INSERT INTO totp (user_id, sealed_secret, created_at) VALUES ('x', 'x', 1)",
    )
    .await;
    sqlite(&place.path("newer.db"), "INSERT INTO _sqlx_migrations SELECT 9001, 'of the future', installed_on, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1").await;
    sqlite(&place.path("altered.db"), "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").await;

    let before = place.files();
    let mut findings = Findings::default();
    for (file, words) in [
        ("page.db", "the backup page.db is damaged: "),
        ("index.db", "missing from index"),
        ("record.db", "the backup record.db is damaged: "),
        ("cut.db", "the backup cut.db is damaged: "),
        ("beginning.db", "it is no file of SQLite, or its beginning is damaged"),
        ("text.db", "it is no file of SQLite"),
        ("empty.db", "it has none of its tables"),
        ("foreign.db", "it has none of its tables"),
        ("altered.db", "or were altered by hand"),
        ("orphan.db", "of totp has lost its row of users"),
        ("newer.db", "was written by a newer version of tokenhouse (it has migration 9001"),
        ("dump.db", "it is a dump of PostgreSQL"),
        ("copied.db", "its -wal file, so it was copied from under a running server"),
        ("good.db.123.unfinished", "did not come to its end"),
        ("missing.db", "the backup missing.db does not exist"),
        ("data/x.db", "is the database itself"),
        ("data", "data"),
    ] {
        let why = place.refused(&["db", "restore", file, "--replace"]);
        findings.expect(&format!("{file}: {why}"), why.contains(words), true);
    }
    findings.expect("nothing was touched", place.files() == before, true);
    // And nothing is made where there was nothing.
    let fresh = Place::new(Engine::Sqlite);
    fresh.refused(&["db", "restore", text(&place.path("page.db"))]);
    findings.expect("nothing was made", fresh.files(), Vec::new());
    findings.none();
    assert_eq!(place.done(&["db", "restore", "good.db", "--replace"])["ok"], true, "the good one is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_dump_touches_nothing() {
    if skipped(Engine::Postgres) {
        return;
    }
    let place = with_backup(Engine::Postgres).await;
    let good = std::fs::read(place.path("good.db")).unwrap();
    std::fs::write(place.path("cut.db"), &good[..good.len() / 2]).unwrap();
    std::fs::write(place.path("text.db"), "CREATE TABLE users ();").unwrap();
    std::fs::write(place.path("sqlite.db"), b"SQLite format 3\0 and so on").unwrap();
    postgresql(&place.url, "INSERT INTO _sqlx_migrations SELECT 9001, 'of the future', now(), success, checksum, 0 FROM _sqlx_migrations WHERE version = 1").await;
    let why = place.refused(&["db", "backup", "newer.db"]);
    assert!(why.contains("was written by a newer version"), "{why}");
    postgresql(&place.url, "DELETE FROM _sqlx_migrations WHERE version = 9001").await;
    let mut findings = Findings::default();
    for (file, words) in [
        ("cut.db", "the backup cut.db is damaged: pg_restore: "),
        ("text.db", "the backup text.db is damaged: pg_restore: "),
        ("sqlite.db", "it is of SQLite, and database.url is PostgreSQL"),
        ("missing.db", "the backup missing.db does not exist"),
    ] {
        let why = place.refused(&["db", "restore", file, "--replace"]);
        findings.expect(&format!("{file}: {why}"), why.contains(words), true);
    }
    findings.none();
    assert_eq!(place.done(&["db", "check"])["users"], 2);

    // Tables of somebody else that have the name of one of ours: they are neither replaced nor dropped.
    for table in ["CREATE TABLE sessions (mine TEXT)", "CREATE TABLE users (mine TEXT)"] {
        let other = Place::new(Engine::Postgres);
        postgresql(&other.url, table).await;
        for arguments in [&["db", "restore"][..], &["db", "restore", "--replace"]] {
            other.refused(&[arguments, &[text(&place.path("good.db"))]].concat());
        }
        postgresql(
            &other.url,
            if table.contains("users") { "SELECT mine FROM users" } else { "SELECT mine FROM sessions" },
        )
        .await;
    }
}
