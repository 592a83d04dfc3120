//! The Python that `scripts/test` makes, with the packages of others that some tests run.

use std::path::PathBuf;

/// Whether tests that need Python can run. They are skipped only when `TOKENHOUSE_TEST_PYTHON=skip` says so.
pub fn available() -> bool {
    let skip = std::env::var("TOKENHOUSE_TEST_PYTHON").as_deref() == Ok("skip");
    if skip {
        eprintln!("SKIPPED: no Python for this test");
    }
    !skip
}

pub fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("TOKENHOUSE_TEST_PYTHON") {
        return python.into();
    }
    // Where `scripts/test` puts it: beside the folder of this test's own program.
    let program = std::env::current_exe().expect("this program");
    let found = program.ancestors().map(|folder| folder.join("test-python/bin/python")).find(|python| python.is_file());
    found.unwrap_or_else(|| {
        panic!("no Python for tests found: run scripts/test, set TOKENHOUSE_TEST_PYTHON to one that has the packages of the tests, or to skip")
    })
}
