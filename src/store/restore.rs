//! A backup takes the place of the database. No server may have it open.
//!
//! The backup is read as a whole before anything is touched. A copy of it is then brought up to this version beside the database, `finish` does in it
//! what a restored database needs, and only the finished copy takes the database's name: a restore that breaks off leaves the database as it was.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::backup::{ArchiveError, BackupError, sound_backup};
use super::connection::Connection;
use super::error::StoreError;
use super::files::{folder_of, is_there, is_unfinished, length_of, remove, shm_of, sync_folder_of, wal_of};
use super::look::{Contents, LookError, Subject};
use super::open::{OpenError, lock_file};
use super::postgres_programs::ProgramError;
use super::{Store, restore_postgres};
use crate::private_files::{make_private_folder, private};
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
        DatabaseUrl::Sqlite(database) => {
            let backup = check_sqlite(file, now).await?;
            let (kept, finished) = sqlite(database, file, existing, now, finish).await?;
            Ok(Restored { kept, backup, finished })
        }
        DatabaseUrl::Postgres(text) => restore_postgres::restore(url, text, file, existing, now, finish).await,
    }
}

/// A name beside `path` for what was there until `now`.
pub(super) fn dated(path: &Path, now: DateTime<Utc>) -> PathBuf {
    path.with_added_extension(format!("replaced-{}", now.format("%Y%m%dT%H%M%SZ")))
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

async fn check_sqlite(file: &Path, now: DateTime<Utc>) -> Result<FromBackup, RestoreError> {
    refuse_other_engine(file, b"PGDMP", "it is a dump of PostgreSQL, and database.url is a file of SQLite")?;
    if length_of(&wal_of(file)) > 0 {
        return Err(RestoreError::NotWhole(file.to_owned()));
    }
    let Contents { schema, .. } =
        sound_backup(file, &Subject::Backup(file.display().to_string()), now.timestamp_micros()).await?;
    Ok(FromBackup { version: schema.version, migrated: schema.pending.len() })
}

async fn sqlite<T, F>(
    database: &Path,
    file: &Path,
    existing: Existing,
    now: DateTime<Utc>,
    finish: F,
) -> Result<(Option<PathBuf>, T), RestoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    let name = database.display().to_string();
    make_private_folder(folder_of(database)).map_err(failed("make the folder", folder_of(database)))?;
    // Servers lock this file while they start. One that runs already has the database locked.
    let (_, starting) = lock_file(database)?;
    starting.try_lock().map_err(|_| RestoreError::InUse(name.clone()))?;
    let _held = hold(database)?;
    // A file of nothing but what was committed, whose database is gone, is data too.
    let is_one = is_there(database) || length_of(&wal_of(database)) > 0;
    if is_one && is_same(database, file) {
        return Err(RestoreError::Itself(file.to_owned()));
    }
    if is_one && existing == Existing::Refuse {
        return Err(RestoreError::Exists(name));
    }
    let copy = Copy::of(file, database)?;
    let store = Store::open(&DatabaseUrl::Sqlite(copy.path.clone())).await?;
    let finished = store.write(finish).await;
    store.close().await;
    let finished = finished?;
    let kept = is_one.then(|| dated(database, now));
    copy.take_the_place_of(database, kept.as_deref())?;
    Ok((kept, finished))
}

/// Locks the files of a database against SQLite, or says that somebody uses it.
///
/// SQLite itself cannot be asked: the database may be damaged. But whoever has one open holds locks on parts of its file and, also when the file was
/// moved away meanwhile, on parts of the index of its log.
fn hold(database: &Path) -> Result<Vec<File>, RestoreError> {
    let mut held = Vec::new();
    for path in [database.to_owned(), shm_of(database)] {
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RestoreError::File { doing: "open", path, source }),
        };
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => held.push(file),
            Err(Errno::AGAIN | Errno::ACCESS) => return Err(RestoreError::InUse(database.display().to_string())),
            Err(error) => return Err(RestoreError::File { doing: "lock", path, source: error.into() }),
        }
    }
    Ok(held)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

/// The copy of a backup beside the database, which is removed unless it takes its place.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(file: &Path, database: &Path) -> Result<Self, RestoreError> {
        let copy = Self { path: database.with_added_extension("restoring") };
        // What an earlier restore left behind when it was killed.
        copy.remove().map_err(failed("remove", &copy.path))?;
        let copying = || -> io::Result<()> {
            let mut from = File::open(file)?;
            let mut to = private(OpenOptions::new().write(true).create_new(true)).open(&copy.path)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        };
        copying().map_err(failed("write", &copy.path))?;
        Ok(copy)
    }

    fn remove(&self) -> io::Result<()> {
        [self.path.clone(), wal_of(&self.path), shm_of(&self.path), self.path.with_added_extension("lock")]
            .iter()
            .try_for_each(|path| remove(path))
    }

    /// Becomes the database; the old one is `kept` with its log, so it is whole.
    fn take_the_place_of(&self, database: &Path, kept: Option<&Path>) -> Result<(), RestoreError> {
        if length_of(&wal_of(&self.path)) > 0 {
            return Err(StoreError::Interrupted.into());
        }
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed("write", &self.path))?;
        let moving = failed("put the backup in the place of", database);
        let (wal, old_wal) = (wal_of(database), kept.map(wal_of));
        if let Some(kept) = kept {
            keep(database, kept).map_err(failed("keep the old database as", kept))?;
        }
        // A log that stayed would be played into whatever has the database's name.
        match &old_wal {
            Some(old_wal) if is_there(&wal) => fs::rename(&wal, old_wal),
            _ => remove(&wal),
        }
        .map_err(&moving)?;
        remove(&shm_of(database)).map_err(&moving)?;
        if let Err(error) = fs::rename(&self.path, database) {
            if let (Some(kept), Some(old_wal)) = (kept, &old_wal) {
                let _ = fs::rename(kept, database);
                let _ = fs::rename(old_wal, &wal);
            }
            return Err(moving(error));
        }
        sync_folder_of(database).map_err(moving)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Gives the old database another name beside its own, which is then taken over in one step.
fn keep(database: &Path, kept: &Path) -> io::Result<()> {
    if !is_there(database) {
        return Ok(());
    }
    match fs::hard_link(database, kept) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        Err(_) => fs::rename(database, kept),
        Ok(()) => Ok(()),
    }
}

fn failed<'p>(doing: &'static str, path: &'p Path) -> impl Fn(io::Error) -> RestoreError + 'p {
    move |source| RestoreError::File { doing, path: path.to_owned(), source }
}
