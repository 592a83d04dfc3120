//! The files of a database of SQLite, and of backups.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::private_files::private;

/// The end of the name of a backup that is not done.
const UNFINISHED: &str = "unfinished";

/// Where SQLite keeps what is committed and not yet in the file itself.
pub(super) fn wal_of(database: &Path) -> PathBuf {
    with_suffix(database, "-wal")
}

/// Its index, which is made anew when it is missing.
pub(super) fn shm_of(database: &Path) -> PathBuf {
    with_suffix(database, "-shm")
}

/// What SQLite takes back with, where it keeps no log.
pub(super) fn journal_of(database: &Path) -> PathBuf {
    with_suffix(database, "-journal")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether there is something at `path`, be it a link to nowhere.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The length of a file; 0 when there is none.
pub(super) fn length_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

/// What is free on the disk of a file, for those who are not root.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder_of(path)).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Has the entries of the folder of `path` on the disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Gives `from` the name `to`, which nothing may have.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    // A rename would silently take the place of a file that came meanwhile; a link does not.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_there(to) => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        // Not every file system has links.
        Err(_) => fs::rename(from, to),
    }
}

/// A name for what will be `target`, as long as it is not done.
pub(crate) fn unfinished_name(target: &Path) -> PathBuf {
    target.with_added_extension(Uuid::new_v4().simple().to_string()).with_added_extension(UNFINISHED)
}

/// Whether a name is that of a backup which did not come to its end.
pub(super) fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == UNFINISHED)
}

/// A backup on its way: a file with a name that is nobody else's, which is removed unless it is [finished](Self::finish). Of one that was killed the file
/// stays, under that name.
pub(super) struct Unfinished {
    path: PathBuf,
    target: PathBuf,
    file: File,
    finished: bool,
}

impl Unfinished {
    /// An empty file for what will be `target`, of mode 0600.
    pub(super) fn begin(target: &Path) -> io::Result<Self> {
        if is_there(target) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // No lock instead of a name of its own: where the folder is on NFS, SQLite's own locks would meet it.
        let path = unfinished_name(target);
        let file = private(OpenOptions::new().read(true).write(true).create_new(true)).open(&path)?;
        Ok(Self { path, target: target.to_owned(), file, finished: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name. It is on the disk then; its length.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.file.sync_all()?;
        rename_to_new(&self.path, &self.target)?;
        self.finished = true;
        sync_folder_of(&self.target)?;
        Ok(self.file.metadata()?.len())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(journal_of(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_has_its_name_only_when_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.db");
        let unfinished = Unfinished::begin(&target).unwrap();
        let second = Unfinished::begin(&target).unwrap();
        assert!(is_unfinished(unfinished.path()) && !is_unfinished(&target));
        assert_ne!(unfinished.path(), second.path(), "two at once");
        let path = second.path().to_owned();
        drop(second);
        assert!(!is_there(&path) && !is_there(&target));
        fs::write(unfinished.path(), "a backup").unwrap();
        assert_eq!(unfinished.finish().unwrap(), 8);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        // A file that comes meanwhile stays as it is.
        let other = folder.path().join("b.db");
        let unfinished = Unfinished::begin(&other).unwrap();
        fs::write(&other, "theirs").unwrap();
        assert_eq!(unfinished.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
    }
}
