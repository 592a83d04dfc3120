//! Chromium, as a person has it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::house::{House, PUBLIC};
use crate::node::{self, Script};
use crate::others::ask;

/// The browser, unless `TOKENHOUSE_TEST_CHROMIUM=skip` says that tests shall do without.
pub fn chromium() -> Option<PathBuf> {
    match std::env::var_os("TOKENHOUSE_TEST_CHROMIUM") {
        Some(skip) if skip == "skip" => {
            eprintln!("SKIPPED: no Chromium for this test");
            None
        }
        Some(program) => Some(program.into()),
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found = ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
                .find(|program| program.is_file());
            Some(found.expect("no Chromium found: run scripts/test, set TOKENHOUSE_TEST_CHROMIUM to one, or to skip"))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_what_anyone_may_see() {
    if !node::available() {
        return;
    }
    let Some(chromium) = chromium() else { return };
    let (house, browser) = (House::start(), Script::new("browser.js"));
    let mut command = browser.command();
    command.arg(format!("{}/api/publicInfo", house.program.url)).env("CHROMIUM", chromium);
    assert_eq!(ask(command, &Value::Null), json!({"status": 200, "text": PUBLIC}));
}
