//! Backups that are taken while the server writes, and what was revoked since.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::program::{run, told};
use crate::support::app::{Engine, eventually};
use crate::support::letters::Received;

use super::{Place, names_in, skipped, text};

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
