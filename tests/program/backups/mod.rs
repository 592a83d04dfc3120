//! Backups and restoring them: F7, F8, F21.

mod check;
mod killed;
mod refused;
mod under_writes;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::program::{Program, run, told};
use crate::support::app::Engine;
use crate::support::postgres;

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
