//! Node, with the packages that `scripts/test` installs.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Whether tests that need Node can run. They are skipped only when `TOKENHOUSE_TEST_NODE=skip` says so.
pub fn available() -> bool {
    let skip = std::env::var("TOKENHOUSE_TEST_NODE").as_deref() == Ok("skip");
    if skip {
        eprintln!("SKIPPED: no Node for this test");
    }
    !skip
}

/// The folder with `node_modules`.
fn packages() -> PathBuf {
    if let Some(folder) = std::env::var_os("TOKENHOUSE_TEST_NODE") {
        return folder.into();
    }
    // Where `scripts/test` puts it: beside the folder of this test's own program.
    let program = std::env::current_exe().expect("this program");
    let found = program.ancestors().map(|folder| folder.join("test-node")).find(|folder| folder.is_dir());
    found.unwrap_or_else(|| {
        panic!(
            "no packages for Node found: run scripts/test, set TOKENHOUSE_TEST_NODE to a folder with them, or to skip"
        )
    })
}

/// A script of `tests/interop/node`, in a folder where it finds its packages as anybody's script does, and the others.
pub struct Script {
    folder: TempDir,
    name: &'static str,
}

impl Script {
    pub fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for script in Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/node").read_dir().unwrap() {
            let script = script.unwrap();
            std::fs::copy(script.path(), folder.path().join(script.file_name())).unwrap();
        }
        let modules = packages().join("node_modules").canonicalize().expect("packages for Node");
        symlink(modules, folder.path().join("node_modules")).unwrap();
        Self { folder, name }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(self.name).current_dir(self.folder.path()).env("no_proxy", "*").env_remove("NODE_OPTIONS");
        command
    }
}
