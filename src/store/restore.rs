//! A backup takes the place of the database. No server may have it open.
//!
//! The backup is read as a whole before anything is touched. A copy of it is then brought up to this version beside the database, `finish` does in it
//! what a restored database needs, and only the finished copy takes the database's name: a restore that breaks off leaves the database as it was.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use super::backup::{ArchiveError, BackupError};
use super::connection::Connection;
use super::error::StoreError;
use super::files::is_unfinished;
use super::look::{LookError, Subject};
use super::open::OpenError;
use super::postgres_programs::ProgramError;
use super::{restore_postgres, restore_sqlite};
use crate::settings::DatabaseUrl;

/// What happens to a database that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing: the backup is not restored.
    Refuse,
    /// It is kept under a dated name.
    Replace,
}

/// Why a backup was not restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup is not good.
    #[error(transparent)]
    Backup(#[from] LookError),
    /// The backup did not come to its end.
    #[error("{0} is what is left of a backup that did not come to its end: use another")]
    Unfinished(PathBuf),
    /// It is a copy of a file without what belongs to it.
    #[error(
        "beside {0} there is its -wal file, so it was copied from under a running server and is not whole: take backups with `tokenhouse db backup`"
    )]
    NotWhole(PathBuf),
    /// The backup is the database.
    #[error("{0} is the database itself")]
    Itself(PathBuf),
    /// A server runs.
    #[error("the database {0} is in use: stop all servers and whatever else has it open, and try again")]
    InUse(String),
    /// There is a database.
    #[error(
        "there is a database already, {0}: with --replace the backup takes its place, and it is kept under a dated name"
    )]
    Exists(String),
    /// The old database could not be dumped.
    #[error("the old database cannot be kept, so it is not replaced: {0}")]
    Keep(#[source] BackupError),
    /// The operating system refused.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// PostgreSQL's program did not.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The copy could not be brought up to this version.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What a restored database needs could not be done.
    #[error("the backup cannot be finished: {0}")]
    Finish(#[from] StoreError),
}

impl From<ArchiveError> for RestoreError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Look(error) => Self::Backup(error),
            ArchiveError::Program(error) => Self::Program(error),
        }
    }
}

/// A database that was restored.
#[derive(Debug)]
#[non_exhaustive]
pub struct Restored<T> {
    /// Where the old database is now, if there was one.
    pub kept: Option<PathBuf>,
    /// What was in the backup.
    pub backup: FromBackup,
    /// What `finish` answered.
    pub finished: T,
}

/// What was in a backup.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FromBackup {
    /// Its last migration.
    pub version: i64,
    /// How many migrations it lacked, which have run now.
    pub migrated: usize,
}

/// Restores the backup `file`, and does `finish` in it before anybody else can see it. `now` is for the dated name.
///
/// On PostgreSQL, `finish` is a transaction of its own behind the one that restores. Servers that start meanwhile wait until both are done.
///
/// # Errors
/// [`RestoreError`].
pub async fn restore<T, F>(
    url: &DatabaseUrl,
    file: &Path,
    existing: Existing,
    now: DateTime<Utc>,
    finish: F,
) -> Result<Restored<T>, RestoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    if is_unfinished(file) {
        return Err(RestoreError::Unfinished(file.to_owned()));
    }
    match url {
        DatabaseUrl::Sqlite(database) => restore_sqlite::restore(database, file, existing, now, finish).await,
        DatabaseUrl::Postgres(text) => restore_postgres::restore(url, text, file, existing, now, finish).await,
    }
}

/// A name beside `path` for what was there until `now`.
#[must_use]
pub fn dated(path: &Path, now: DateTime<Utc>) -> PathBuf {
    path.with_added_extension(format!("replaced-{}", now.format("%Y%m%dT%H%M%S%3fZ")))
}

/// Whether a backup begins as `magic`; otherwise it is told to be `other`.
pub(super) fn refuse_other_engine(file: &Path, magic: &[u8], other: &'static str) -> Result<(), RestoreError> {
    use std::io::Read as _;
    let subject = Subject::Backup(file.display().to_string());
    let mut begin = Vec::new();
    let read = File::open(file).and_then(|file| file.take(16).read_to_end(&mut begin));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LookError::Missing(subject).into()),
        Err(source) => Err(RestoreError::File { doing: "read", path: file.to_owned(), source }),
        Ok(_) if begin.starts_with(magic) => Err(LookError::Foreign { subject, why: other }.into()),
        Ok(_) => Ok(()),
    }
}
