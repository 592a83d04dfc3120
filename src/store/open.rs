//! Opens the database, and brings it up to this version.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::error::{Sort, sort};
use super::files::wal_of;
use super::opened_files::Files;
use super::times::Times;
use super::writer::Writer;
use super::{Engine, PATIENCE, Store};
use crate::private_files::{make_private_folder, private};
use crate::settings::DatabaseUrl;

pub(super) static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read SQLite at the same time.
const READERS: u32 = 4;
/// Connections to PostgreSQL of one node.
const POSTGRES_CONNECTIONS: u32 = 16;

/// How long a request waits for what another transaction has locked, and for a statement in all; and how long a transaction of ours may be
/// forgotten, as when its node stands still, before it lets go of what others wait for.
const POSTGRES_BOUNDS: &str =
    "SET lock_timeout = '10s'; SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '1min'";

/// What servers, and commands that write, call themselves to PostgreSQL.
pub(super) const SERVER: &str = "tokenhouse";

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its folder cannot be made or read.
    #[error("cannot {doing} {path}: {source}; check that the folder exists and that this user may write to it")]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It was there, and is not any more.
    #[error(
        "the database {} is missing, and {} tells that there was one: put it back, from a backup if need be; to begin anew, without any accounts, remove {} too",
        .database.display(), .trace.display(), .trace.display()
    )]
    Missing {
        /// Where it was.
        database: PathBuf,
        /// What is left of it.
        trace: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the database {database} was written by a newer version of tokenhouse (it has migration {migration}, which this one does not know): run that version, or restore a backup from before"
    )]
    Newer {
        /// Which database.
        database: String,
        /// The migration that is not known here.
        migration: i64,
    },
    /// It holds something else than this program's tables, or they were altered by hand.
    #[error("the database {database} cannot be brought up to this version: {source}")]
    Migration {
        /// Which database.
        database: String,
        /// What went wrong.
        source: MigrateError,
    },
    /// Another process holds it.
    #[error("the database {database} is locked by another process: stop that one, or wait for it")]
    Locked {
        /// Which database.
        database: String,
    },
    /// It is damaged.
    #[error(
        "the database {database} is damaged: {source}; `tokenhouse db check` says where, and `tokenhouse db restore FILE --replace` restores a backup"
    )]
    Damaged {
        /// Which database.
        database: String,
        /// What was found.
        source: sqlx::Error,
    },
    /// The operating system refused to read or write it.
    #[error("cannot read or write the database {database}: {source}; is its disk full?")]
    Disk {
        /// Which database.
        database: String,
        /// What went wrong.
        source: sqlx::Error,
    },
    /// It does not answer.
    #[error("cannot open the database {database}: {source}")]
    Unreachable {
        /// Which database.
        database: String,
        /// What went wrong.
        source: sqlx::Error,
    },
}

impl Store {
    /// Opens the database, makes it when it is a file that never was there, and runs the migrations it lacks.
    ///
    /// Several processes may do this at once: one migrates, the others wait.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path).await,
            DatabaseUrl::Postgres(url) => open_postgres(url.expose_secret()).await,
        }
    }
}

async fn open_sqlite(path: &Path) -> Result<Store, OpenError> {
    let database = path.display().to_string();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder).map_err(file_error("make the folder", folder))?;
    }
    let lock_path = path.with_added_extension("lock");
    // These are made after the database, so the order matters: another process may be making them now.
    for trace in [&lock_path, &wal_of(path)] {
        if trace.exists() && !path.exists() {
            return Err(OpenError::Missing { database: path.to_owned(), trace: trace.clone() });
        }
    }
    // The file holds password hashes. SQLite gives its journal the same mode.
    private(OpenOptions::new().read(true).append(true).create(true))
        .open(path)
        .map_err(file_error("write the database", path))?;

    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .optimize_on_close(true, None)
        .disable_statement_logging();
    let failed = |source| open_error(database.clone(), source);

    // SQLite has no lock that spans migrations, so a file beside the database is one.
    let (lock_path, lock) = lock_file(path)?;
    // Waiting for it would hold up the thread, and with it perhaps the very server that has it.
    let waiting = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
    let locked = waiting.await.map_err(io::Error::other).flatten().map_err(file_error("lock", &lock_path))?;
    // The pool waits longer than SQLite does, so that it is SQLite who says what is wrong.
    let one = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE * 2);
    let one = one.connect_with(options.clone()).await.map_err(failed)?;
    SQLITE.run(&one).await.map_err(|source| migrate_error(database.clone(), source))?;
    let connection = one.acquire().await.map_err(failed)?.detach();
    drop(locked);

    // All are opened at once and kept: when the process has no file left, for so many connections it serves, the database still has its own.
    let readers = SqlitePoolOptions::new()
        .min_connections(READERS)
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
        // Whether it is sound is found out when it is given back, too, and a file does not hang up in between.
        .test_before_acquire(false)
        // They could not write what the optimizer wants to keep, and one that failed at that would close later than the writer, behind everybody's back.
        .connect_with(options.read_only(true).optimize_on_close(false, None).pragma("query_only", "ON"))
        .await
        .map_err(failed)?;
    let files = Files::of(path).map_err(|(path, source)| OpenError::File { doing: "read", path, source })?;
    let times = Arc::new(Times::new());
    let writer = Writer::start(connection, files.clone(), Arc::clone(&times));
    Ok(Store { engine: Engine::Sqlite { writer, readers, files }, times })
}

/// The file beside `path` that is locked while a database is made, migrated or restored, not yet locked.
pub(super) fn lock_file(path: &Path) -> Result<(PathBuf, File), OpenError> {
    let lock_path = path.with_added_extension("lock");
    let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
        .open(&lock_path)
        .map_err(file_error("write", &lock_path))?;
    Ok((lock_path, lock))
}

/// The options of connections to PostgreSQL, and what people call the database.
pub(super) fn postgres_options(url: &str) -> Result<(PgConnectOptions, String), sqlx::Error> {
    let options = url.parse::<PgConnectOptions>()?.disable_statement_logging();
    let name = options.get_database().unwrap_or(options.get_username());
    let database = format!("{name} on {}:{}", options.get_host(), options.get_port());
    Ok((options.application_name(SERVER), database))
}

async fn open_postgres(url: &str) -> Result<Store, OpenError> {
    let unreachable = |source| OpenError::Unreachable { database: "at database.url".to_owned(), source };
    let (options, database) = postgres_options(url).map_err(unreachable)?;
    // Migrations may take as long as they need, so they have a connection of their own, of which none of the bounds below is asked.
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_with(options.clone());
    let one = one.await.map_err(|source| open_error(database.clone(), source))?;
    // sqlx holds an advisory lock meanwhile, so nodes that start together migrate once.
    POSTGRES.run(&one).await.map_err(|source| migrate_error(database.clone(), source))?;
    one.close().await;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(POSTGRES_BOUNDS).execute(connection).await.map(|_| ()) })
        })
        .connect_with(options)
        .await
        .map_err(|source| open_error(database, source))?;
    Ok(Store::of(Engine::Postgres(pool)))
}

fn open_error(database: String, source: sqlx::Error) -> OpenError {
    match sort(&source) {
        Sort::Busy if !matches!(source, sqlx::Error::PoolTimedOut) => OpenError::Locked { database },
        Sort::Full | Sort::Io => OpenError::Disk { database, source },
        Sort::Damaged => OpenError::Damaged { database, source },
        _ => OpenError::Unreachable { database, source },
    }
}

pub(super) fn migrate_error(database: String, source: MigrateError) -> OpenError {
    match source {
        MigrateError::VersionMissing(migration) => OpenError::Newer { database, migration },
        MigrateError::Execute(source) => open_error(database, source),
        MigrateError::ExecuteMigration(source, _) if sort(&source) != Sort::Other => open_error(database, source),
        source => OpenError::Migration { database, source },
    }
}

pub(super) fn file_error<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> OpenError + 'p {
    move |source| OpenError::File { doing, path: path.to_owned(), source }
}
