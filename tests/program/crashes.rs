//! What was answered survives kill -9: F1, F2.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{Connection as _, SqliteConnection};

use crate::program::Program;
use crate::support::app::Engine;
use crate::support::postgres;

/// Registers a thousand accounts over several connections, kills the server in the midst of it, and starts it again: whoever was answered 201 can
/// log in, and everybody else can register.
async fn kill_during_a_thousand_registrations(folder: &Path, variables: &[(&str, &str)]) {
    let mut program = Program::start(folder, variables);
    let answered = Mutex::new(HashSet::new());
    let (per_client, clients) = (125, 8);
    let registrations = join_all((0..clients).map(async |client| {
        for n in 0..per_client {
            let email = format!("u{client}-{n}@example.com");
            match program.register(&email).await {
                201 => answered.lock().unwrap().insert(email),
                0 => return,
                status => panic!("{email}: {status}"),
            };
        }
    }));
    let kill = async {
        while answered.lock().unwrap().len() < 300 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        program.signal("KILL");
    };
    tokio::join!(registrations, kill);
    program.wait(Duration::from_mins(3));
    let answered = answered.into_inner().unwrap();
    assert!((300..1000).contains(&answered.len()), "it was killed too late: {} were answered", answered.len());

    let program = Program::start(folder, variables);
    let lost: Vec<&String> = join_all(answered.iter().map(async |email| (email, program.log_in(email).await.is_ok())))
        .await
        .into_iter()
        .filter_map(|(email, there)| (!there).then_some(email))
        .collect();
    assert!(lost.is_empty(), "F1: answered 201, and lost: {lost:?}");
    // What was not answered is there whole or not at all.
    for client in 0..clients {
        let first_unanswered =
            (0..per_client).map(|n| format!("u{client}-{n}@example.com")).find(|e| !answered.contains(e));
        let Some(email) = first_unanswered else { continue };
        let status = program.register(&email).await;
        assert!([201, 409].contains(&status), "F1 {email}: {status}");
        assert!(program.log_in(&email).await.is_ok(), "F1 {email}");
    }
}

/// Room for every login that the test makes at once.
const QUEUE: (&str, &str) = ("TOKENHOUSE__PASSWORDS__HASHING_QUEUE", "2000");

#[tokio::test(flavor = "multi_thread")]
async fn kill_during_a_thousand_registrations_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_during_a_thousand_registrations(folder.path(), &[QUEUE]).await;
    let url = format!("sqlite://{}", folder.path().join("data/tokenhouse.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await.unwrap();
    assert_eq!(found, ["ok"], "F1");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_during_a_thousand_registrations_on_postgresql() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = postgres::fresh_database();
    kill_during_a_thousand_registrations(folder.path(), &[QUEUE, ("TOKENHOUSE__DATABASE__URL", &database)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_at_any_moment_of_the_first_start() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if engine == Engine::Postgres && !postgres::available() {
            eprintln!("SKIPPED: no PostgreSQL for this test");
            continue;
        }
        for round in 0..8 {
            let folder = tempfile::tempdir().unwrap();
            let database = match engine {
                Engine::Sqlite => format!("sqlite://{}", folder.path().join("x.db").display()),
                Engine::Postgres => postgres::fresh_database(),
            };
            let variables =
                [("TOKENHOUSE__DATABASE__URL", database.as_str()), ("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")];
            let mut child = crate::program::command(folder.path(), &[], &variables)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(Duration::from_millis(round * 12)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            let program = Program::start(folder.path(), &variables);
            assert_eq!(program.register("ada@example.com").await, 201, "F2 {engine:?}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_share_one_store_and_one_key() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if engine == Engine::Postgres && !postgres::available() {
            eprintln!("SKIPPED: no PostgreSQL for this test");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let database = match engine {
            Engine::Sqlite => "sqlite://data/shared.db".to_owned(),
            Engine::Postgres => postgres::fresh_database(),
        };
        let start = || {
            let (folder, database) = (folder.path().to_owned(), database.clone());
            tokio::task::spawn_blocking(move || Program::start(&folder, &[("TOKENHOUSE__DATABASE__URL", &database)]))
        };
        let programs: Vec<Program> = join_all((0..4).map(|_| start())).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(programs[0].register("ada@example.com").await, 201);
        let tokens = programs[1].log_in("ada@example.com").await.unwrap();
        for program in &programs {
            assert_eq!(program.get("/api/profile", tokens["access_token"].as_str().unwrap()).await, 200, "{engine:?}");
        }
    }
}

/// F22: letters that wait when it is killed are sent after its next start, each once.
async fn letters_survive_kill_9(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let database = match engine {
        Engine::Sqlite => format!("sqlite://{}", folder.path().join("x.db").display()),
        Engine::Postgres => postgres::fresh_database(),
    };
    let database = ("TOKENHOUSE__DATABASE__URL", database.as_str());
    // Nobody listens at port 1.
    let away = [
        database,
        ("TOKENHOUSE__MAIL__TRANSPORT", "smtp"),
        ("TOKENHOUSE__MAIL__HOST", "127.0.0.1"),
        ("TOKENHOUSE__MAIL__PORT", "1"),
        ("TOKENHOUSE__MAIL__SECURITY", "none"),
    ];
    let mut program = Program::start(folder.path(), &away);
    let statuses = join_all((0..10).map(|n| {
        let program = &program;
        async move { program.register(&format!("u{n}@example.com")).await }
    }))
    .await;
    assert_eq!(statuses, [201; 10]);
    program.signal("KILL");
    program.wait(Duration::from_mins(3));

    let _program = Program::start(folder.path(), &[database]);
    // Those that were tried are due again after a minute.
    let outbox = folder.path().join("data/outbox");
    let sent =
        || std::fs::read_dir(&outbox).map_or(0, |files| files.flatten().filter(|f| is_letter(&f.path())).count());
    let deadline = std::time::Instant::now() + Duration::from_mins(3);
    while sent() < 10 {
        assert!(std::time::Instant::now() < deadline, "F22 {engine:?}: only {} of 10 letters", sent());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(sent(), 10, "F22 {engine:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_survive_kill_9_on_sqlite() {
    letters_survive_kill_9(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_survive_kill_9_on_postgresql() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    letters_survive_kill_9(Engine::Postgres).await;
}

fn is_letter(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "eml")
}
