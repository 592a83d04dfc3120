//! Looking at a database without changing it, also while a server runs: what `check` tells, and what a backup must be.

use std::fmt;
use std::path::Path;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use super::connection::{Connection, sql};
use super::error::{Sort, StoreError, sort};
use super::open::postgres_options;
use super::opened_files::Files;
use super::schema::{Kind, Schema, Unusable, judge};
use super::writer::Writer;
use super::{Engine, PATIENCE, Store, place};
use crate::settings::DatabaseUrl;

/// What looking calls itself to PostgreSQL.
const LOOKING: &str = "tokenhouse db";

/// So many damages are told.
const FINDINGS: usize = 3;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The database of the settings: the path of its file, or its name and where it is.
    Database(String),
    /// A backup: its path.
    Backup(String),
}

impl Subject {
    fn advice(&self) -> &'static str {
        match self {
            Self::Database(_) => "stop the server and restore a backup with `tokenhouse db restore FILE --replace`",
            Self::Backup(_) => "use another",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(name) => write!(f, "the database {name}"),
            Self::Backup(name) => write!(f, "the backup {name}"),
        }
    }
}

/// Why a database, or a backup of one, is not good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// There is none.
    #[error("{0} does not exist")]
    Missing(Subject),
    /// It is damaged.
    #[error("{subject} is damaged: {}; {}", .findings.join("; "), .subject.advice())]
    Damaged {
        /// What is.
        subject: Subject,
        /// The first of its damages.
        findings: Vec<String>,
    },
    /// It is something else, or its tables were altered by hand.
    #[error("{subject} is not of tokenhouse: {why}")]
    Foreign {
        /// What is not.
        subject: Subject,
        /// What is there instead.
        why: &'static str,
    },
    /// A newer version of the program wrote it.
    #[error(
        "{subject} was written by a newer version of tokenhouse (it has migration {migration}, which this one does not know): use that version"
    )]
    Newer {
        /// What was.
        subject: Subject,
        /// The migration that is not known here.
        migration: i64,
    },
    /// An older version of the program wrote it.
    #[error("{0} is of an older version: start the server, or run `tokenhouse db migrate`")]
    Older(Subject),
    /// Another process holds it.
    #[error("{0} is locked by another process: stop that one, or wait for it")]
    Locked(Subject),
    /// It cannot be read.
    #[error("cannot read {subject}: {source}")]
    Failed {
        /// What cannot.
        subject: Subject,
        /// What went wrong.
        source: sqlx::Error,
    },
}

impl LookError {
    /// For `map_err`.
    pub(super) fn of(subject: &Subject) -> impl Fn(sqlx::Error) -> Self {
        move |source| match sort(&source) {
            Sort::Busy => Self::Locked(subject.clone()),
            Sort::Damaged => Self::Damaged { subject: subject.clone(), findings: vec![source.to_string()] },
            Sort::NoDatabase => {
                let why = "it is no file of SQLite, or its beginning is damaged";
                Self::Foreign { subject: subject.clone(), why }
            }
            _ => Self::Failed { subject: subject.clone(), source },
        }
    }

    fn of_store(subject: &Subject) -> impl Fn(StoreError) -> Self {
        move |error| match error {
            StoreError::Busy(source)
            | StoreError::Full(source)
            | StoreError::ReadOnly(source)
            | StoreError::Failed(source) => Self::of(subject)(source),
            StoreError::Interrupted => Self::Failed { subject: subject.clone(), source: sqlx::Error::WorkerCrashed },
        }
    }
}

/// What a good database has in it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Contents {
    /// Its tables.
    pub schema: Schema,
    /// Accounts.
    pub users: i64,
    /// Sessions that stand.
    pub sessions: i64,
    /// OAuth clients; none in a database from before there were any.
    pub clients: i64,
}

/// How far the tables of a database are.
///
/// # Errors
/// [`LookError`]: also for one that has no tables yet.
pub async fn look_at_schema(url: &DatabaseUrl) -> Result<Schema, LookError> {
    let subject = Subject::Database(place(url));
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = open_sqlite(path, &subject, Access::Shared).await?;
            let schema = schema(&mut Connection::Sqlite(&mut connection), Kind::Sqlite, &subject).await;
            let _ = connection.close().await;
            schema
        }
        DatabaseUrl::Postgres(url) => {
            let (options, _) = postgres_options(url.expose_secret()).map_err(LookError::of(&subject))?;
            let mut connection = open_postgres(&options, &subject).await?;
            let schema = schema(&mut Connection::Postgres(&mut connection), Kind::Postgres, &subject).await;
            let _ = connection.close().await;
            schema
        }
    }
}

/// The database as a store that refuses every write.
pub(super) async fn open_to_read(url: &DatabaseUrl) -> Result<Store, LookError> {
    let subject = Subject::Database(place(url));
    if !look_at_schema(url).await?.pending.is_empty() {
        return Err(LookError::Older(subject));
    }
    match url {
        DatabaseUrl::Sqlite(path) => {
            let options = sqlite_to_read(path).pragma("query_only", "ON");
            let readers = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            let readers = readers.connect_with(options).await.map_err(LookError::of(&subject))?;
            let files = Files::of(path)
                .map_err(|(_, source)| LookError::Failed { subject, source: sqlx::Error::Io(source) })?;
            Ok(Store::of(Engine::Sqlite { writer: Writer::none(), readers, files }))
        }
        DatabaseUrl::Postgres(url) => {
            let (options, _) = postgres_options(url.expose_secret()).map_err(LookError::of(&subject))?;
            let options = options.application_name(LOOKING).options([("default_transaction_read_only", "on")]);
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
            Ok(Store::of(Engine::Postgres(pool.connect_with(options).await.map_err(LookError::of(&subject))?)))
        }
    }
}

fn sqlite_to_read(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(PATIENCE).disable_statement_logging()
}

/// Who else may use a file of SQLite meanwhile.
#[derive(PartialEq)]
pub(super) enum Access {
    /// A server, which writes.
    Shared,
    /// Nobody: it is a backup, and may be where nothing can be written.
    Alone,
}

/// Opens a file of SQLite to read it.
pub(super) async fn open_sqlite(path: &Path, subject: &Subject, access: Access) -> Result<SqliteConnection, LookError> {
    if !path.exists() {
        return Err(LookError::Missing(subject.clone()));
    }
    let options = sqlite_to_read(path).immutable(access == Access::Alone);
    options.connect().await.map_err(LookError::of(subject))
}

/// Connects to PostgreSQL under another name than servers do.
pub(super) async fn open_postgres(options: &PgConnectOptions, subject: &Subject) -> Result<PgConnection, LookError> {
    let options = options.clone().application_name(LOOKING);
    let connecting = tokio::time::timeout(PATIENCE * 2, options.connect());
    connecting.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(LookError::of(subject))
}

/// What a file of SQLite has in it, provided it is whole.
pub(super) async fn sound_contents(
    connection: &mut SqliteConnection,
    subject: &Subject,
    now: i64,
) -> Result<Contents, LookError> {
    let failed = LookError::of(subject);
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(100)").fetch_all(&mut *connection).await.map_err(&failed)?;
    let mut findings: Vec<String> = found
        .iter()
        .filter(|finding| *finding != "ok")
        .map(|finding| finding.trim_start_matches("*** in database main ***").trim().replace('\n', ", "))
        .collect();
    if findings.is_empty() {
        // Before its rows: a file of another program may refer to what it likes.
        schema(&mut Connection::Sqlite(connection), Kind::Sqlite, subject).await?;
        let orphans: Vec<(String, Option<i64>, String)> =
            sqlx::query_as("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check")
                .fetch_all(&mut *connection)
                .await
                .map_err(&failed)?;
        findings = orphans
            .iter()
            .map(|(table, row, parent)| format!("row {} of {table} has lost its row of {parent}", row.unwrap_or(-1)))
            .collect();
    }
    if !findings.is_empty() {
        let more = findings.len().saturating_sub(FINDINGS);
        findings.truncate(FINDINGS);
        if more > 0 {
            findings.push(format!("and {more} more"));
        }
        return Err(LookError::Damaged { subject: subject.clone(), findings });
    }
    contents(Connection::Sqlite(connection), Kind::Sqlite, subject, now).await
}

/// What a database has in it.
pub(super) async fn contents(
    mut connection: Connection<'_>,
    kind: Kind,
    subject: &Subject,
    now: i64,
) -> Result<Contents, LookError> {
    let failed = LookError::of_store(subject);
    let schema = schema(&mut connection, kind, subject).await?;
    let users = sql!(connection.reborrow(), fetch_one, sqlx::query_scalar("SELECT COUNT(*) FROM users"));
    let sessions = sql!(
        connection.reborrow(),
        fetch_one,
        sqlx::query_scalar("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1").bind(now)
    );
    // The third migration brought clients.
    let clients = if schema.version < 3 {
        Ok(0)
    } else {
        sql!(connection, fetch_one, sqlx::query_scalar("SELECT COUNT(*) FROM oauth_clients"))
    };
    Ok(Contents {
        schema,
        users: users.map_err(&failed)?,
        sessions: sessions.map_err(&failed)?,
        clients: clients.map_err(&failed)?,
    })
}

/// Which migrations a database has.
pub(super) async fn schema(
    connection: &mut Connection<'_>,
    kind: Kind,
    subject: &Subject,
) -> Result<Schema, LookError> {
    let failed = LookError::of_store(subject);
    let foreign = |why| LookError::Foreign { subject: subject.clone(), why };
    let tables = match kind {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
        Kind::Postgres => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')",
    };
    let tables: i64 = sql!(connection.reborrow(), fetch_one, sqlx::query_scalar(tables)).map_err(&failed)?;
    if tables == 0 {
        return Err(foreign("it has none of its tables"));
    }
    let applied: Vec<(i64, Vec<u8>)> = sql!(
        connection.reborrow(),
        fetch_all,
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
    )
    .map_err(&failed)?;
    judge_as(subject, kind, &applied)
}

/// The same of migrations that were read elsewhere.
pub(super) fn judge_as(subject: &Subject, kind: Kind, applied: &[(i64, Vec<u8>)]) -> Result<Schema, LookError> {
    judge(kind, applied).map_err(|unusable| match unusable {
        Unusable::Newer(migration) => LookError::Newer { subject: subject.clone(), migration },
        Unusable::Foreign => LookError::Foreign {
            subject: subject.clone(),
            why: "its tables are those of another program, or were altered by hand",
        },
    })
}
