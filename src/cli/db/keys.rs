//! The key folder, which a backup is not whole without: copied beside it, and put back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::cli::Failure;
use crate::private_files::{copy_private_folder, own_like_folder, sync_folder};
use crate::settings::Tokens;
use crate::store::{Existing, dated, unfinished_name};

/// Where the keys are copied to, beside a backup.
pub(super) fn beside(backup: &Path) -> PathBuf {
    backup.with_added_extension("keys")
}

/// The key folder of the settings.
pub(super) struct Keys {
    folder: PathBuf,
    has_secret: bool,
}

impl Keys {
    pub(super) fn of(tokens: &Tokens) -> Self {
        let folder = std::path::absolute(&tokens.key_dir).unwrap_or_else(|_| tokens.key_dir.clone());
        Self { folder, has_secret: tokens.secret.is_some() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a secret of the environment is a key too.
    pub(super) fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Before anything is done: whether there is something to copy, and `copy` is not there.
    pub(super) fn can_be_copied_to(&self, copy: &Path) -> Result<(), Failure> {
        if copy.symlink_metadata().is_ok() {
            return Err(exists(copy));
        }
        if is_empty(&self.folder) {
            return Err(Failure::Failed(format!("there are no keys in {}", self.folder.display())));
        }
        Ok(())
    }

    /// Copies all files into the new folder `copy`, each readable by its owner alone; how many.
    pub(super) fn copy_to(&self, copy: &Path) -> io::Result<usize> {
        let staged = Staged::begin(&self.folder, &unfinished_name(copy), copy)?;
        let files = staged.files;
        staged.put_in_place_of_nothing()?;
        Ok(files)
    }

    /// Copies `copy` beside the key folder, to be put in its place when the database is restored.
    pub(super) fn stage(&self, copy: &Path, existing: Existing) -> Result<Staged, Failure> {
        if is_empty(copy) {
            return Err(Failure::Failed(format!("there are no keys in {}", copy.display())));
        }
        if existing == Existing::Refuse && !is_empty(&self.folder) {
            return Err(Failure::Failed(format!(
                "there are keys already in {}: with --replace those of the backup take their place, and they are kept under a dated name",
                self.folder.display()
            )));
        }
        let at = self.folder.with_added_extension("restoring");
        let staged = remove(&at).and_then(|()| Staged::begin(copy, &at, &self.folder));
        staged.map_err(|error| Failure::Failed(format!("cannot copy the keys to {}: {error}", at.display())))
    }
}

/// Keys on their way to their place; removed unless they get there.
pub(super) struct Staged {
    path: PathBuf,
    place: PathBuf,
    files: usize,
}

impl Staged {
    fn begin(from: &Path, path: &Path, place: &Path) -> io::Result<Self> {
        let mut staged = Self { path: path.to_owned(), place: place.to_owned(), files: 0 };
        staged.files = copy_private_folder(from, path)?;
        Ok(staged)
    }

    fn put_in_place_of_nothing(&self) -> io::Result<()> {
        fs::rename(&self.path, &self.place)?;
        sync_folder(self.place.parent())
    }

    /// Becomes the key folder; where the old one is now, if there was one.
    pub(super) fn put_in_place(&self, now: DateTime<Utc>) -> io::Result<Option<PathBuf>> {
        let kept = dated(&self.place, now);
        own_like_folder(&self.path);
        let is_one = !is_empty(&self.place);
        if is_one {
            fs::rename(&self.place, &kept)?;
        } else {
            remove_empty(&self.place)?;
        }
        self.put_in_place_of_nothing().inspect_err(|_| {
            if is_one {
                let _ = fs::rename(&kept, &self.place);
            }
        })?;
        Ok(is_one.then_some(kept))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

fn exists(path: &Path) -> Failure {
    Failure::Failed(format!("{} exists already, and a backup is never overwritten: want another name", path.display()))
}

/// Whether there is no folder, or nothing but hidden files in it.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .map_or(true, |entries| entries.flatten().all(|entry| entry.file_name().as_encoded_bytes().starts_with(b".")))
}

/// Removes a folder in which there is a lock file at most.
fn remove_empty(folder: &Path) -> io::Result<()> {
    for removed in [fs::remove_file(folder.join(".lock")), fs::remove_dir(folder)] {
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
