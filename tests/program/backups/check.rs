//! Older databases, damaged ones, and backups with their keys.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, SqliteConnection};

use crate::program::{run, told};
use crate::support::app::Engine;
use crate::support::ports::closed_port;

use super::{Place, names_in, skipped, text, with_backup};

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_is_there_and_what_is_damaged() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if skipped(engine) {
            continue;
        }
        let place = Place::new(engine);
        let why = place.refused(&["db", "check"]);
        let right = if engine == Engine::Sqlite { "does not exist" } else { "it has none of its tables" };
        assert!(why.contains(right), "F7 {why}");
        assert!(!place.path("data").exists(), "F7: a check makes nothing");
        let program = place.start();
        assert_eq!(program.register("ada@example.com").await, 201);
        assert!(program.log_in("ada@example.com").await.is_ok());
        let added = ["client", "add", "--name", "x", "--grant", "client_credentials"];
        place.done(&added);
        let checked = place.done(&["db", "check"]);
        let counts = ["users", "sessions", "clients"].map(|name| checked[name].as_u64().unwrap());
        assert_eq!(counts, [1, 1, 1], "{checked}");
        assert_eq!(checked["pending_migrations"], json!([]));
        assert!(checked["bytes"].as_u64().unwrap() > 10_000, "{checked}");
        let (code, out, _) = place.run(&["db", "check"]);
        assert!(code == 0 && out.contains("up to date") && out.contains("accounts: 1\n"), "{out}");
        assert!(program.log_in("ada@example.com").await.is_ok(), "the server goes on");
    }

    let place = with_backup(Engine::Sqlite).await;
    let file = place.path("data/x.db");
    place.done(&["db", "migrate"]);
    let good = std::fs::read(&file).unwrap();
    let at = good.windows(15).position(|window| window == b"ada@example.com").unwrap() / 4096 * 4096;
    let mut damaged = good.clone();
    damaged[at..at + 4096].fill(0xff);
    std::fs::write(&file, damaged).unwrap();
    let why = place.refused(&["db", "check"]);
    assert!(
        why.contains("the database data/x.db is damaged: ") && why.contains("db restore FILE --replace"),
        "F8 {why}"
    );
    let why = place.refused(&["db", "backup", "of-damaged.db"]);
    assert!(why.contains("the database data/x.db is damaged: "), "F8: no backup of a damaged database {why}");
    assert!(!names_in(place.folder.path()).iter().any(|name| name.starts_with("of-damaged")));
    // As it says.
    place.done(&["db", "restore", "good.db", "--replace"]);
    assert_eq!(place.done(&["db", "check"])["users"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_databases_are_migrated() {
    let place = Place::new(Engine::Sqlite);
    let (code, out, err) = place.run(&["db", "migrate"]);
    assert!(code == 0 && out.contains("is made, with schema"), "{out}{err}");
    let newest = place.done(&["db", "migrate"]);
    assert_eq!(newest["before"], newest["schema"]);

    let old = place.path("old.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", old.display())).await.unwrap();
    let migrations = Migrator::new(Path::new("migrations/sqlite")).await.unwrap();
    migrations.run_to(1, &mut connection).await.unwrap();
    sqlx::query("INSERT INTO users (id, email, password_hash, created_at) VALUES ('x', 'old@example.com', 'x', 1)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let restored = place.done(&["db", "restore", "old.db", "--replace"]);
    let pending = usize::try_from(newest["schema"].as_u64().unwrap()).unwrap() - 1;
    assert_eq!((&restored["schema"], &restored["migrations"]), (&json!(1), &json!(pending)));
    let checked = place.done(&["db", "check"]);
    assert_eq!((&checked["schema"], &checked["users"]), (&newest["schema"], &json!(1)));

    std::fs::copy(&old, place.path("data/x.db")).unwrap();
    let checked = place.done(&["db", "check"]);
    assert_eq!((&checked["schema"], checked["pending_migrations"].as_array().unwrap().len()), (&json!(1), pending));
    let (_, out, _) = place.run(&["db", "migrate"]);
    assert!(out.contains(&format!("{pending} migrations ran")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_keys_a_backup_is_whole() {
    let place = Place::new(Engine::Sqlite);
    let program = place.start();
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    let (_, out, _) = place.run(&["db", "backup", "without.db"]);
    assert!(out.contains("The keys are not in it") && out.contains("data/keys"), "{out}");
    place.done(&["db", "backup", "b.db", "--keys"]);
    let why = place.refused(&["db", "backup", "b.db"]);
    assert!(why.contains("b.db exists already, and a backup is never overwritten"), "{why}");
    std::fs::create_dir(place.path("c.db.keys")).unwrap();
    let why = place.refused(&["db", "backup", "c.db", "--keys"]);
    assert!(why.contains("c.db.keys exists already") && !place.path("c.db").exists(), "{why}");
    drop(program);

    let backup = place.path("b.db");
    let fresh = Place::new(Engine::Sqlite);
    std::fs::create_dir(fresh.path("data")).unwrap();
    // Only root may give a folder away: restoring as root is what this is about.
    let _ = chown(fresh.path("data"), Some(65534), Some(65534));
    fresh.done(&["db", "restore", text(&backup), "--keep-sessions", "--keys"]);
    let owner = |name: &str| std::fs::metadata(fresh.path(name)).unwrap().uid();
    for name in ["data/x.db", "data/x.db.lock", "data/keys", "data/keys/data-key"] {
        assert_eq!(owner(name), owner("data"), "{name}: its server can read it, whoever restored it");
    }
    let keys = names_in(&fresh.path("data/keys"));
    assert!(["data-key", "signing-keys.json"].iter().all(|name| keys.iter().any(|other| other == name)), "{keys:?}");
    for name in keys.iter().filter(|name| fresh.path("data/keys").join(name).is_file()) {
        let mode = std::fs::metadata(fresh.path("data/keys").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let program = fresh.start();
    assert_eq!(program.get("/api/profile", token).await, 200, "the very token of before");
    drop(program);

    let other = Place::new(Engine::Sqlite);
    let why = other.refused(&["db", "restore", text(&place.path("without.db")), "--keys"]);
    assert!(why.contains("there are no keys in") && other.files().is_empty(), "{why}");
    other.done(&["db", "restore", text(&backup), "--keep-sessions"]);
    let program = other.start();
    assert_eq!(program.get("/api/profile", token).await, 401, "other keys");
    drop(program);
    std::fs::remove_file(other.path("data/x.db")).unwrap();
    let before = other.files();
    let why = other.refused(&["db", "restore", text(&backup), "--keys"]);
    assert!(why.contains("there are keys already in"), "{why}");
    assert_eq!(other.files(), before);
    let restored = other.done(&["db", "restore", text(&backup), "--keys", "--replace", "--keep-sessions"]);
    assert!(Path::new(restored["kept_keys"].as_str().unwrap()).join("signing-keys.json").is_file(), "{restored}");
    let program = other.start();
    assert_eq!(program.get("/api/profile", token).await, 200);
}

#[test]
fn passwords_of_databases_are_never_told() {
    let folder = tempfile::tempdir().unwrap();
    let port = closed_port();
    let url = format!("postgres://ada:secret-password@127.0.0.1:{port}/accounts");
    std::fs::write(folder.path().join("b.db"), "PGDMP").unwrap();
    for arguments in [&["db", "check"][..], &["db", "backup", "x.db"], &["db", "restore", "b.db"], &["db", "migrate"]] {
        for json in [&[][..], &["--json"]] {
            let (code, out, err) =
                told(&run(folder.path(), &[arguments, json].concat(), &[("TOKENHOUSE__DATABASE__URL", &url)]));
            assert_eq!(code, 1, "{arguments:?}: {out}{err}");
            assert!(!(out.clone() + &err).contains("secret-password"), "{out}{err}");
        }
    }
}
