//! A backup of the database, also while servers write to it.
//!
//! SQLite's `VACUUM INTO` writes a copy from one read transaction: it has all that was committed before it began, and nothing half-done. It costs reading
//! the database and writing the copy once. Servers go on writing meanwhile; what they write waits in the `-wal` file, which grows until the copy is
//! done. PostgreSQL's `pg_dump` reads from one snapshot likewise.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;

use super::connection::Connection;
use super::error::{Sort, sort};
use super::files::Unfinished;
use super::look::{self, Access, Contents, LookError, Subject};
use super::open::postgres_options;
use super::place;
use super::postgres_programs::{Environment, Program, ProgramError};
use super::schema::{Kind, Schema};
use crate::settings::DatabaseUrl;

/// Why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something of that name.
    #[error("{0} exists already, and a backup is never overwritten: want the name of a new file")]
    Exists(PathBuf),
    /// The database, or what was made of it, is not good.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The backup could not be written.
    #[error("cannot write the backup {path}: {source}")]
    Write {
        /// Where.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// SQLite could not copy.
    #[error("cannot copy the database to {path}: {source}")]
    Copy {
        /// Where to.
        path: PathBuf,
        /// What went wrong.
        source: sqlx::Error,
    },
    /// PostgreSQL's program did not.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// A backup that is done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Backup {
    /// How large it is.
    pub bytes: u64,
    /// The tables that are in it.
    pub schema: Schema,
    /// The accounts that are in it, where that can be told from it: of SQLite.
    pub users: Option<i64>,
}

/// Writes a backup of the database to the new file `target`, readable by its owner alone. It has been read as a whole before it has that name, and it is on
/// the disk when this answers. `now` is in microseconds since 1970.
///
/// # Errors
/// [`BackupError`].
pub async fn backup(url: &DatabaseUrl, target: &Path, now: i64) -> Result<Backup, BackupError> {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite(path, target, now).await,
        DatabaseUrl::Postgres(text) => {
            let subject = Subject::Database(place(url));
            let (options, _) = postgres_options(text.expose_secret()).map_err(LookError::of(&subject))?;
            postgres(&options, &Environment::of(text, &options), &subject, target).await
        }
    }
}

fn write_error(target: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = target.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.clone()),
        _ => BackupError::Write { path: path.clone(), source },
    }
}

async fn sqlite(path: &Path, target: &Path, now: i64) -> Result<Backup, BackupError> {
    let subject = Subject::Database(path.display().to_string());
    let mut database = look::open_sqlite(path, &subject, Access::Shared).await?;
    look::schema(&mut Connection::Sqlite(&mut database), Kind::Sqlite, &subject).await?;
    let failed = write_error(target);
    // Absolute, so that SQLite takes no name for a URI.
    let target = std::path::absolute(target).map_err(&failed)?;
    let unfinished = Unfinished::begin(&target).map_err(&failed)?;
    let name = unfinished.path().to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let copy_error = |source| match sort(&source) {
        Sort::Damaged => LookError::of(&subject)(source).into(),
        _ => BackupError::Copy { path: target.clone(), source },
    };
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut database).await.map_err(copy_error)?;
    let _ = database.close().await;

    let copy = Subject::Backup(target.display().to_string());
    let Contents { schema, users, .. } = sound_backup(unfinished.path(), &copy, now).await?;
    let bytes = unfinished.finish().map_err(&failed)?;
    Ok(Backup { bytes, schema, users: Some(users) })
}

/// What a backup of SQLite has in it, provided it is whole.
pub(super) async fn sound_backup(path: &Path, subject: &Subject, now: i64) -> Result<Contents, LookError> {
    let mut copy = look::open_sqlite(path, subject, Access::Alone).await?;
    let contents = look::sound_contents(&mut copy, subject, now).await;
    let _ = copy.close().await;
    contents
}

/// Dumps a database of PostgreSQL.
pub(super) async fn postgres(
    options: &PgConnectOptions,
    environment: &Environment,
    subject: &Subject,
    target: &Path,
) -> Result<Backup, BackupError> {
    let (dump, restore) = (Program::find("pg_dump")?, Program::find("pg_restore")?);
    let mut connection = look::open_postgres(options, subject).await?;
    look::schema(&mut Connection::Postgres(&mut connection), Kind::Postgres, subject).await?;
    let _ = connection.close().await;
    let failed = write_error(target);
    let unfinished = Unfinished::begin(target).map_err(&failed)?;
    let output = unfinished.file().try_clone().map_err(&failed)?;
    dump.run(["--format=custom", "--no-password"], environment, Some(output)).await?;
    let schema = sound_archive(&restore, unfinished.path(), &Subject::Backup(target.display().to_string())).await?;
    let bytes = unfinished.finish().map_err(&failed)?;
    Ok(Backup { bytes, schema, users: None })
}

/// Reads an archive of `pg_dump` as a whole, and says which tables are in it.
pub(super) async fn sound_archive(restore: &Program, path: &Path, subject: &Subject) -> Result<Schema, ArchiveError> {
    let damaged = |error| match error {
        ProgramError::Failed { message, .. } => {
            ArchiveError::Look(LookError::Damaged { subject: subject.clone(), findings: vec![message] })
        }
        error => ArchiveError::Program(error),
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let environment = Environment::empty();
    let nowhere = std::fs::File::options().write(true).open("/dev/null");
    let all = [std::ffi::OsStr::new("--file=-"), path.as_os_str()];
    restore.run(all, &environment, nowhere.ok()).await.map_err(damaged)?;
    let migrations = ["--data-only", "--table=_sqlx_migrations", "--file=-"].map(std::ffi::OsStr::new);
    let rows = restore.run(migrations.into_iter().chain([path.as_os_str()]), &environment, None).await;
    let rows = rows.map_err(damaged)?;
    Ok(look::judge_as(subject, Kind::Postgres, &migrations_in(&String::from_utf8_lossy(&rows)))?)
}

/// Why an archive is not good.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl From<ArchiveError> for BackupError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Look(error) => Self::Look(error),
            ArchiveError::Program(error) => Self::Program(error),
        }
    }
}

/// The versions and checksums in `COPY … (version, …, checksum, …) FROM stdin;`, as `pg_restore` writes them.
fn migrations_in(script: &str) -> Vec<(i64, Vec<u8>)> {
    let mut lines = script.lines().skip_while(|line| !line.starts_with("COPY "));
    let names = lines.next().and_then(|head| head.split_once('(')?.1.split_once(')')).map_or("", |(names, _)| names);
    let column = |name: &str| names.split(", ").position(|other| other == name);
    let (Some(version), Some(checksum)) = (column("version"), column("checksum")) else { return Vec::new() };
    let rows = lines.take_while(|line| *line != "\\.");
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let hex = cells.get(checksum)?.strip_prefix("\\\\x")?;
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
        Some((cells.get(version)?.parse().ok()?, bytes.collect::<Option<Vec<u8>>>()?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_read_from_a_script() {
        let script = "SET x = 1;\nCOPY public._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;\n\
            1\taccounts\t2026-11-24 12:00:00+00\tt\t\\\\x00ff\t12\n2\ta (b)\t2026-11-24 12:00:00+00\tt\t\\\\x01\t-1\n\\.\n3\tno\tx\tt\t\\\\x02\t1\n";
        assert_eq!(migrations_in(script), [(1, vec![0, 255]), (2, vec![1])]);
        assert_eq!(migrations_in(""), []);
        assert_eq!(migrations_in("COPY t (a) FROM stdin;\n1\n\\.\n"), []);
    }
}
