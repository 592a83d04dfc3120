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
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes `folder` and holds other processes off it, until what this answers is dropped.
pub(crate) fn lock_folder(folder: &Path) -> io::Result<File> {
    make_private_folder(folder)?;
    let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(folder.join(".lock"))?;
    file.lock()?;
    Ok(file)
}
