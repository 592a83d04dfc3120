//! Backups that are taken while the server writes, and restored: F7, F8, F21.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::program::{Program, command, run, told};
use crate::support::app::{Engine, eventually};
use crate::support::letters::Received;
use crate::support::ports::closed_port;
use crate::support::postgres;
use crate::support::tokens::Findings;

/// Room for every login that a test makes at once.
const QUEUE: (&str, &str) = ("TOKENHOUSE__PASSWORDS__HASHING_QUEUE", "2000");

fn skipped(engine: Engine) -> bool {
    let skipped = engine == Engine::Postgres && !postgres::available();
    if skipped {
        eprintln!("SKIPPED: no PostgreSQL for this test");
    }
    skipped
}

/// A folder with a database of its own, and the variables that say so.
struct Place {
    folder: tempfile::TempDir,
    url: String,
}

impl Place {
    fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Sqlite => "sqlite://data/x.db".to_owned(),
            Engine::Postgres => postgres::fresh_database(),
        };
        Self { folder, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [("TOKENHOUSE__DATABASE__URL", &self.url), QUEUE]
    }

    fn start(&self) -> Program {
        Program::start(self.folder.path(), &self.variables())
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        told(&run(self.folder.path(), arguments, &self.variables()))
    }

    /// The answer of a command that must go well.
    fn done(&self, arguments: &[&str]) -> Value {
        let (code, out, err) = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        serde_json::from_str(&out).unwrap()
    }

    /// What a command says that must fail.
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        err
    }

    /// The files in the folder and those below, with what is in them.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn read(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, into);
                } else if !path.file_name().unwrap().to_string_lossy().starts_with("log-") {
                    into.push((path.clone(), std::fs::read(&path).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        read(self.folder.path(), &mut files);
        files.sort();
        files
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Registrations and logins go on and on while three backups are taken. Each is restored elsewhere: whoever was answered 201 before it began is in it,
/// nothing in it is half-done, and a server on it works.
async fn backups_under_writes(engine: Engine) {
    if skipped(engine) {
        return;
    }
    let place = Place::new(engine);
    let program = place.start();
    let answered = Mutex::new(Vec::<String>::new());
    let stop = AtomicBool::new(false);
    let writers = join_all((0..4).map(async |writer| {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                return n;
            }
            let email = format!("w{writer}-{n}@example.com");
            assert_eq!(program.register(&email).await, 201, "F21: a backup costs no request");
            answered.lock().unwrap().push(email.clone());
            assert!(program.log_in(&email).await.is_ok(), "F21: a backup costs no request");
        }
        unreachable!()
    }));
    let backups = async {
        let mut backups = Vec::new();
        for round in 1..=3_usize {
            let so_many = round * 12;
            eventually("enough accounts", async || answered.lock().unwrap().len() >= so_many).await;
            let before = answered.lock().unwrap().clone();
            let file = place.path(&format!("backup-{round}.db"));
            let (folder, variables) = (place.folder.path().to_owned(), place.url.clone());
            let (file_name, keys) = (text(&file).to_owned(), round == 3);
            let output = tokio::task::spawn_blocking(move || {
                let mut arguments = vec!["db", "backup", &file_name, "--json"];
                arguments.extend(keys.then_some("--keys"));
                run(&folder, &arguments, &[("TOKENHOUSE__DATABASE__URL", &variables)])
            });
            let (code, out, err) = told(&output.await.unwrap());
            assert_eq!(code, 0, "F21: {out}{err}");
            backups.push((file, before, answered.lock().unwrap().len()));
        }
        stop.store(true, Ordering::Relaxed);
        backups
    };
    let (written, backups) = tokio::join!(writers, backups);
    assert!(written.iter().all(|n| *n > 3), "there was little to disturb the backups: {written:?}");
    drop(program);

    for (file, before, until) in backups {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it has hashes in it");
        let fresh = Place::new(engine);
        let restored = fresh.done(&["db", "restore", text(&file)]);
        assert_eq!(restored["kept"], Value::Null);
        let checked = fresh.done(&["db", "check"]);
        let users = checked["users"].as_u64().unwrap();
        // Four writers may each have one more under way than was answered.
        assert!(
            (before.len() as u64..=until as u64 + 4).contains(&users),
            "F21: {users} accounts, and {} before, {until} behind",
            before.len()
        );
        assert_eq!(checked["sessions"], 0, "F21: none is brought back");
        let program = fresh.start();
        let lost: Vec<&String> =
            join_all(before.iter().map(async |email| (email, program.log_in(email).await.is_ok())))
                .await
                .into_iter()
                .filter_map(|(email, there)| (!there).then_some(email))
                .collect();
        assert!(lost.is_empty(), "F21: answered 201 before the backup began, and lost: {lost:?}");
        assert_eq!(program.register("new@example.com").await, 201, "F21: and it is written to");
    }
    assert_eq!(
        names_in(place.folder.path()).iter().filter(|name| name.contains("unfinished")).count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_writes_on_sqlite() {
    backups_under_writes(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_writes_on_postgresql() {
    backups_under_writes(Engine::Postgres).await;
}

/// What was revoked since the backup does not come back, unless somebody asks for it.
async fn what_ended_stays_ended(engine: Engine) {
    if skipped(engine) {
        return;
    }
    let place = Place::new(engine);
    let program = place.start();
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert_eq!(program.get("/api/profile", access).await, 200);
    let forgot = program.post("/api/password/forgot", json!({"email": "ada@example.com"})).await.unwrap();
    assert_eq!(forgot.status(), 202);
    let outbox = place.path("data/outbox");
    let letter = || {
        let files = std::fs::read_dir(&outbox).unwrap().map(|file| file.unwrap().path());
        let letters = files.filter(|file| file.extension().is_some_and(|extension| extension == "eml"));
        let mut letters = letters.map(|file| Received::parse(file.clone(), std::fs::read(file).unwrap()));
        letters.find(|letter| letter.subject == "Set another password")
    };
    eventually("the letter", async || letter().is_some()).await;
    let link = letter().unwrap().token();
    place.done(&["db", "backup", "b.db", "--keys"]);
    let out = program.client.post(format!("{}/api/logout", program.url)).bearer_auth(access).send().await.unwrap();
    assert_eq!(out.status(), 204);
    assert_eq!(program.get("/api/profile", access).await, 401);
    drop(program);

    let restored = place.done(&["db", "restore", "b.db", "--replace"]);
    assert_eq!(restored["sessions_ended"], 1, "{restored}");
    let program = place.start();
    assert_eq!(program.get("/api/profile", access).await, 401, "F21: a session that was ended is not revived");
    let again = program.post("/api/refresh", json!({"refresh_token": refresh})).await.unwrap();
    assert_eq!(again.status(), 401, "F21: nor is its refresh token");
    let body = json!({"token": link, "new_password": "a wholly different sentence"});
    let used = program.post("/api/password/reset", body).await.unwrap();
    assert_eq!(used.status(), 400, "F21: nor is a link of a letter");
    assert!(program.log_in("ada@example.com").await.is_ok());
    drop(program);
    let events = place.done(&["audit", "--act", "db.restore"]);
    let events = events["items"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["actor"]), (1, &json!("operator")));

    // Asked for, they are as of the backup.
    let restored = place.done(&["db", "restore", "b.db", "--replace", "--keep-sessions"]);
    assert_eq!(restored["sessions_ended"], 0);
    let program = place.start();
    assert_eq!(program.get("/api/profile", access).await, 200, "it was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_stays_ended_on_sqlite() {
    what_ended_stays_ended(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_stays_ended_on_postgresql() {
    what_ended_stays_ended(Engine::Postgres).await;
}

/// Runs a statement on a file of SQLite.
async fn sqlite(file: &Path, statement: &'static str) {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn postgresql(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A database with two accounts in it, and a backup of it.
async fn with_backup(engine: Engine) -> Place {
    let place = Place::new(engine);
    let program = place.start();
    for email in ["ada@example.com", "grace@example.com"] {
        assert_eq!(program.register(email).await, 201);
    }
    drop(program);
    place.done(&["db", "backup", "good.db", "--keys"]);
    place
}

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
