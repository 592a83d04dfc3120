//! The store: SQLite or PostgreSQL behind one SQL text.
//!
//! A capability's `records.rs` writes its statements once, with `$1` placeholders, integer microseconds and text UUIDs, which both engines
//! understand; the macro `sql!` runs one on whichever connection it is given. Reading takes a [`Reader`] of the pool.
//! Writing goes through [`Store::write`], which is a transaction: what it answers with `Ok` is on the disk.
//!
//! | file | what is in it |
//! |---|---|
//! | `open`, `schema` | opening and migrating a database; which migrations it has |
//! | `connection`, `writer` | running a statement on either engine; SQLite's one writer |
//! | `times` | how long it takes |
//! | `plan` | for tests: how a statement is carried out |
//! | `look`, `check` | looking at a database as a whole without changing it |
//! | `backup`, `restore`, `restore_sqlite`, `restore_postgres` | backups, and putting one in the place of the database |
//! | `files`, `postgres_programs` | what these need of the file system and of PostgreSQL |

mod backup;
mod check;
mod connection;
mod error;
mod files;
mod look;
mod open;
mod opened_files;
#[cfg(test)]
mod plan;
mod postgres_programs;
mod restore;
mod restore_postgres;
mod restore_sqlite;
mod schema;
mod times;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

pub use backup::{Backup, BackupError, backup};
pub use check::{Checked, check};
pub use connection::Connection;
pub(crate) use connection::sql;
pub use error::StoreError;
pub(crate) use files::unfinished_name;
pub use look::{Contents, LookError, Subject, look_at_schema};
pub use open::OpenError;
use opened_files::Files;
#[cfg(test)]
pub(crate) use plan::plan;
pub use postgres_programs::ProgramError;
pub use restore::{Existing, FromBackup, RestoreError, Restored, dated, restore};
pub use schema::Schema;
pub(crate) use times::{Connections, Times};
use writer::Writer;

use crate::metrics::Stopwatch;
use crate::settings::DatabaseUrl;
use crate::traces::{self, Kind, Span};

/// How long a request waits for a connection, and SQLite for another process's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a database is, for people: the path of its file, or its name and server.
#[must_use]
pub fn place(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => path.display().to_string(),
        DatabaseUrl::Postgres(url) => {
            open::postgres_options(url.expose_secret()).map_or("at database.url".to_owned(), |(_, name)| name)
        }
    }
}

/// The accounts' database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    times: Arc<Times>,
}

#[derive(Clone)]
enum Engine {
    Sqlite { writer: Writer, readers: SqlitePool, files: Files },
    Postgres(PgPool),
}

/// A connection to read with.
pub struct Reader {
    engine: ReaderEngine,
    since: Stopwatch,
    times: Arc<Times>,
    /// From when the connection was asked for until it is given back.
    _span: Span,
}

enum ReaderEngine {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Store {
    /// Nothing measured yet.
    fn of(engine: Engine) -> Self {
        Self { engine, times: Arc::new(Times::new()) }
    }

    /// Opens the database to read it only, for whoever looks at it beside a server or without one: it is not made, not migrated, and every write is refused.
    ///
    /// # Errors
    /// [`LookError`], also when its tables are not those of this version.
    pub async fn open_to_read(url: &DatabaseUrl) -> Result<Self, LookError> {
        look::open_to_read(url).await
    }

    /// Which engine it is, for people.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match &self.engine {
            Engine::Sqlite { .. } => "SQLite",
            Engine::Postgres(_) => "PostgreSQL",
        }
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// [`StoreError`], when none is free in time or the database does not answer.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        let waiting = Stopwatch::start();
        let span = self.span("store read");
        let acquired = match &self.engine {
            Engine::Sqlite { readers, .. } => readers.acquire().await.map(ReaderEngine::Sqlite),
            Engine::Postgres(pool) => pool.acquire().await.map(ReaderEngine::Postgres),
        };
        self.times.waited.took(waiting.elapsed());
        match acquired {
            Ok(engine) => {
                span.event("connection");
                Ok(Reader { engine, since: Stopwatch::start(), times: Arc::clone(&self.times), _span: span })
            }
            Err(error) => {
                span.failed("no_connection");
                self.times.no_connection.fetch_add(1, Ordering::Relaxed);
                Err(error.into())
            }
        }
    }

    /// Runs `work` in a transaction of its own, which is committed when it answers `Ok` and undone when it answers `Err`.
    ///
    /// On SQLite, transactions that come at the same time are committed together: one fsync serves them all. `work` goes on to its end even
    /// when the caller is gone, so nothing is left half-done.
    ///
    /// # Errors
    /// What `work` answers, or the [`StoreError`] that kept it from being committed.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let since = Stopwatch::start();
        let span = self.span("store write");
        let outcome = match &self.engine {
            Engine::Sqlite { writer, .. } => writer.write(work, span.place()).await,
            Engine::Postgres(pool) => {
                let (pool, times, span) = (pool.clone(), Arc::clone(&self.times), span.place());
                let task = tokio::spawn(traces::carried(async move {
                    let begun = pool.begin().await.inspect_err(|_| times.failed_to_commit());
                    let mut transaction =
                        begun.map_err(StoreError::from).inspect_err(|error| span.failed(error.name()))?;
                    let answer = work(Connection::Postgres(&mut transaction)).await?;
                    let committing = Stopwatch::start();
                    let committed = transaction.commit().await;
                    times.commit(committing, 1, &committed);
                    committed.map_err(StoreError::from).inspect_err(|error| span.failed(error.name()))?;
                    Ok(answer)
                }));
                task.await.unwrap_or_else(|_| Err(StoreError::Interrupted.into()))
            }
        };
        self.times.wrote.took(since.elapsed());
        outcome
    }

    /// A part of what is under way.
    fn span(&self, name: &'static str) -> Span {
        let system = match &self.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgresql",
        };
        traces::part(name, Kind::Client).with("db.system.name", system)
    }

    /// Asks the database whether it is there.
    ///
    /// # Errors
    /// [`StoreError`], when it is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Engine::Sqlite { files, .. } = &self.engine {
            files.check()?;
        }
        let mut reader = self.read().await?;
        let one: i64 = sql!(reader.connection(), fetch_one, sqlx::query_scalar("SELECT CAST(1 AS BIGINT)"))?;
        if one == 1 { Ok(()) } else { Err(StoreError::Interrupted) }
    }

    /// How long it took of late.
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// The connections that it reads with; on PostgreSQL all that it has.
    pub(crate) fn connections(&self) -> Connections {
        let (open, idle, most) = match &self.engine {
            Engine::Sqlite { readers, .. } => {
                (readers.size(), readers.num_idle(), readers.options().get_max_connections())
            }
            Engine::Postgres(pool) => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        };
        let idle = u64::try_from(idle).unwrap_or(u64::MAX);
        Connections { used: u64::from(open).saturating_sub(idle), idle, most: u64::from(most) }
    }

    /// How many writes wait for SQLite's one writer; none ever do on PostgreSQL.
    pub(crate) fn writes_waiting(&self) -> usize {
        match &self.engine {
            Engine::Sqlite { writer, .. } => writer.waiting(),
            Engine::Postgres(_) => 0,
        }
    }

    /// Waits for writes under way and closes all connections.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.times.read.took(self.since.elapsed());
    }
}

impl Reader {
    /// The connection, for `sql!`.
    pub fn connection(&mut self) -> Connection<'_> {
        match &mut self.engine {
            ReaderEngine::Sqlite(connection) => Connection::Sqlite(connection),
            ReaderEngine::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}
