//! Whether the files of SQLite's database are still those that were opened.
//!
//! SQLite goes on writing to a file that was deleted or replaced beneath it, and the system says that all went well; with the process, the file is
//! gone. So nothing is answered as written before this was asked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::StoreError;
use super::files::wal_of;

/// The database and its log, as they were when they were opened. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct Files(Arc<[(PathBuf, Identity)]>);

/// Device and number of a file; nothing where the system has none.
type Identity = Option<(u64, u64)>;

impl Files {
    /// Those of the database at `path`, which is open.
    pub fn of(path: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let named = [path.to_owned(), wal_of(path)];
        let known = named.into_iter().map(|path| match identity(&path) {
            Ok(identity) => Ok((path, identity)),
            Err(error) => Err((path, error)),
        });
        known.collect::<Result<_, _>>().map(Self)
    }

    /// Fails when one of them was deleted or replaced.
    pub fn check(&self) -> Result<(), StoreError> {
        for (path, opened) in self.0.iter() {
            let why = match identity(path) {
                Ok(found) if found == *opened => continue,
                Ok(_) => "was replaced",
                Err(error) if error.kind() == io::ErrorKind::NotFound => "was deleted",
                Err(error) => return Err(sqlx::Error::Io(error).into()),
            };
            let path = path.display();
            let what =
                format!("{path} {why} while it was open; put it back, or stop the server before another is put there");
            return Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::NotFound, what)).into());
        }
        Ok(())
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map(|file| Some((file.dev(), file.ino())))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|_| None)
}
