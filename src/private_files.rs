//! Files and folders that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes `options` create files of mode 0600.
#[cfg(unix)]
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes `folder` and those above it that are missing, with mode 0700.
#[cfg(unix)]
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// The permission bits of `path` that let others than its owner in; 0 where the system has none.
#[cfg(unix)]
pub(crate) fn mode_for_others(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077)
}

#[cfg(not(unix))]
pub(crate) fn mode_for_others(_: &Path) -> io::Result<u32> {
    Ok(0)
}

/// The permission bits of a secret file that was made by others than us, when they let too many in: anybody else than its owner, or than owner and
/// group where root owns it and we are not root. So is it where a key is handed to a service by its group (Debian's ssl-cert, Kubernetes' fsGroup).
#[cfg(all(unix, feature = "server"))]
pub(crate) fn mode_that_endangers(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let metadata = fs::metadata(path)?;
    let mode = metadata.permissions().mode() & 0o777;
    let by_its_group = metadata.uid() == 0 && !rustix::process::geteuid().is_root();
    let forbidden = if by_its_group { 0o037 } else { 0o077 };
    Ok((mode & forbidden != 0).then_some(mode))
}

#[cfg(all(not(unix), feature = "server"))]
pub(crate) fn mode_that_endangers(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Writes `path` anew as a whole: a crash leaves the old file or the new one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path.parent())
}

/// Has the names in `folder` on the disk.
pub(crate) fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Copies the files of `from`, and those of the folders in it, into the new folder `to`, each readable by its owner alone; how many. Hidden ones are left
/// out, which are locks, and so is what is about to take another's place.
#[cfg(feature = "server")]
pub(crate) fn copy_private_folder(from: &Path, to: &Path) -> io::Result<usize> {
    make_private_folder(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().starts_with(b".") || path.extension().is_some_and(|extension| extension == "new") {
            continue;
        }
        let target = to.join(name);
        if path.metadata()?.is_dir() {
            copied += copy_private_folder(&path, &target)?;
            continue;
        }
        let mut copy = private(OpenOptions::new().write(true).create_new(true)).open(target)?;
        io::copy(&mut File::open(path)?, &mut copy)?;
        copy.sync_all()?;
        copied += 1;
    }
    sync_folder(Some(to))?;
    Ok(copied)
}

/// Gives a file or a folder, and all in it, to the owner of the folder that it is in, as far as this process may: what root puts there, the server must
/// be able to read.
#[cfg(all(unix, feature = "server"))]
pub(crate) fn own_like_folder(path: &Path) {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok((folder, own)) = folder.metadata().and_then(|folder| Ok((folder, path.symlink_metadata()?))) else { return };
    if (folder.uid(), folder.gid()) != (own.uid(), own.gid()) {
        // Only root may, and nobody else needs it.
        let _ = lchown(path, Some(folder.uid()), Some(folder.gid()));
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        own_like_folder(&entry.path());
    }
}

#[cfg(all(not(unix), feature = "server"))]
pub(crate) fn own_like_folder(_: &Path) {}

/// Makes `folder` and holds other processes off it, until what this answers is dropped.
pub(crate) fn lock_folder(folder: &Path) -> io::Result<File> {
    make_private_folder(folder)?;
    let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(folder.join(".lock"))?;
    file.lock()?;
    Ok(file)
}
