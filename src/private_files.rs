//! Files and folders that only their owner may read.

use std::fs::{self, OpenOptions};
use std::io;
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
