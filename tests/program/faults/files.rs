//! Files of the database that are deleted, replaced or closed to the server: F7.

use std::fs;
use std::path::{Path, PathBuf};

use super::kill::must_be_whole;
use crate::program::{Program, run, told};
use crate::support::app::eventually;

/// The database in `folder`, and what SQLite has beside it.
fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join("data").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_a_deleted_file_is_not_answered_as_done() {
    for name in ["tokenhouse.db", "tokenhouse.db-wal"] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), &[]);
        assert_eq!(program.register("ada@example.com").await, 201);
        let tokens = program.log_in("ada@example.com").await.unwrap();
        let token = tokens["access_token"].as_str().unwrap();
        let (path, aside) = (file(folder.path(), name), file(folder.path(), "aside"));
        fs::rename(&path, &aside).unwrap();
        assert_eq!(program.register("bob@example.com").await, 503, "F7 {name}");
        assert_eq!(program.log_in("ada@example.com").await, Err(503), "F7 {name}");
        assert_eq!(program.get("/api/profile", token).await, 200, "F7 {name}: tokens are verified as ever");
        assert_eq!(program.get("/health/ready", token).await, 503, "F7 {name}");
        assert_eq!(program.get("/health/live", token).await, 200, "F7 {name}");
        assert!(program.log().contains("was deleted while it was open"), "F7 {name}: {}", program.log());

        // Another file in its place is not taken for it.
        fs::copy(&aside, &path).unwrap();
        assert_eq!(program.register("bob@example.com").await, 503, "F7 {name}");
        assert!(program.log().contains("was replaced while it was open"), "F7 {name}: {}", program.log());

        fs::rename(&aside, &path).unwrap();
        eventually("F7: put back, it goes on", async || program.register("bob@example.com").await == 201).await;
        assert_eq!(program.get("/health/ready", token).await, 200, "F7 {name}");
        program.signal("KILL");
        drop(program);
        let program = Program::start(folder.path(), &[]);
        assert!(program.log_in("bob@example.com").await.is_ok(), "F7 {name}");
        must_be_whole(&format!("sqlite://{}", file(folder.path(), "tokenhouse.db").display())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_new_database_is_made_where_there_was_one() {
    let folder = tempfile::tempdir().unwrap();
    let listen = [("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")];
    let program = Program::start(folder.path(), &[]);
    assert_eq!(program.register("ada@example.com").await, 201);
    program.signal("KILL");
    drop(program);
    let (path, aside) = (file(folder.path(), "tokenhouse.db"), file(folder.path(), "aside"));
    fs::rename(&path, &aside).unwrap();
    for arguments in [&[][..], &["user", "list"]] {
        let (code, _, err) = told(&run(folder.path(), arguments, &listen));
        assert_eq!((code, err.lines().count()), (1, 1), "F7 {err}");
        assert!(err.contains("tokenhouse.db is missing") && err.contains("from a backup"), "F7 {err}");
    }
    assert!(!path.exists(), "F7: nothing was made");
    // Nor does what is left of it get lost: the log has what was answered last.
    fs::rename(&aside, &path).unwrap();
    let program = Program::start(folder.path(), &[]);
    assert!(program.log_in("ada@example.com").await.is_ok(), "F7");
    drop(program);

    // What the message says is a way on.
    for name in ["tokenhouse.db", "tokenhouse.db-wal", "tokenhouse.db-shm", "tokenhouse.db.lock"] {
        let _ = fs::remove_file(file(folder.path(), name));
    }
    let program = Program::start(folder.path(), &[]);
    assert_eq!(program.log_in("ada@example.com").await, Err(401), "F7: it began anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_may_not_be_written_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path(), &[]));
    let path = file(folder.path(), "tokenhouse.db");
    let mode = |mode| fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    for closed in [0o400, 0o000] {
        mode(closed);
        if fs::OpenOptions::new().append(true).open(&path).is_ok() {
            eprintln!("SKIPPED: this user may write files whatever their mode is, as root may");
            return;
        }
        let (code, _, err) = told(&run(folder.path(), &[], &[("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")]));
        assert_eq!((code, err.lines().count()), (1, 1), "F7 {err}");
        assert!(err.contains("cannot write the database") && err.contains("this user may write to it"), "F7 {err}");
    }
}
