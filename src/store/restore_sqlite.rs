//! Restoring a file of SQLite.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::backup::sound_backup;
use super::connection::Connection;
use super::error::StoreError;
use super::files::{folder_of, is_there, journal_of, length_of, remove, shm_of, sync_folder_of, wal_of};
use super::look::{Contents, Subject};
use super::open::{SQLITE, lock_file, migrate_error};
use super::restore::{Existing, FromBackup, RestoreError, Restored, dated, refuse_other_engine};
use crate::private_files::{make_private_folder, own_like_folder, private};

pub(super) async fn restore<T, F>(
    database: &Path,
    file: &Path,
    existing: Existing,
    now: DateTime<Utc>,
    finish: F,
) -> Result<Restored<T>, RestoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    if is_same(database, file) {
        return Err(RestoreError::Itself(file.to_owned()));
    }
    let backup = check(file, now).await?;
    let name = database.display().to_string();
    make_private_folder(folder_of(database)).map_err(failed("make the folder", folder_of(database)))?;
    // Servers lock this file while they start. One that runs already has the database locked.
    let (lock_path, starting) = lock_file(database)?;
    own_like_folder(&lock_path);
    starting.try_lock().map_err(|_| RestoreError::InUse(name.clone()))?;
    let _held = hold(database)?;
    // A file of nothing but what was committed, whose database is gone, is data too.
    let is_one = is_there(database) || length_of(&wal_of(database)) > 0;
    if is_one && existing == Existing::Refuse {
        return Err(RestoreError::Exists(name));
    }
    let copy = Copy::of(file, database)?;
    let finished = copy.finish(&name, finish).await?;
    let kept = is_one.then(|| dated(database, now));
    copy.take_the_place_of(database, kept.as_deref())?;
    Ok(Restored { kept, backup, finished })
}

async fn check(file: &Path, now: DateTime<Utc>) -> Result<FromBackup, RestoreError> {
    refuse_other_engine(file, b"PGDMP", "it is a dump of PostgreSQL, and database.url is a file of SQLite")?;
    if length_of(&wal_of(file)) > 0 {
        return Err(RestoreError::NotWhole(file.to_owned()));
    }
    let Contents { schema, .. } =
        sound_backup(file, &Subject::Backup(file.display().to_string()), now.timestamp_micros()).await?;
    Ok(FromBackup { version: schema.version, migrated: schema.pending.len() })
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

    /// Brings it up to this version and does `finish` in it. It keeps the journal that it has, which is not a log beside it that would have to be moved
    /// along; servers switch to one.
    async fn finish<T, F>(&self, database: &str, finish: F) -> Result<T, RestoreError>
    where
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>>,
    {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(StoreError::from)?;
        SQLITE.run(&mut connection).await.map_err(|source| migrate_error(database.to_owned(), source))?;
        let mut transaction = connection.begin().await.map_err(StoreError::from)?;
        let finished = finish(Connection::Sqlite(&mut transaction)).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        connection.close().await.map_err(StoreError::from)?;
        Ok(finished)
    }

    fn remove(&self) -> io::Result<()> {
        [self.path.clone(), journal_of(&self.path)].iter().try_for_each(|path| remove(path))
    }

    /// Becomes the database; the old one is `kept` with its log, so it is whole.
    fn take_the_place_of(&self, database: &Path, kept: Option<&Path>) -> Result<(), RestoreError> {
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed("write", &self.path))?;
        own_like_folder(&self.path);
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
