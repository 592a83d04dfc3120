//! HTTPie: the article's commands.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::house::{House, PUBLIC};
use crate::support::python::{available, python};

/// A shell with HTTPie.
struct Shell<'a> {
    house: &'a House,
    folder: tempfile::TempDir,
}

impl<'a> Shell<'a> {
    fn new(house: &'a House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // There is no terminal to ask about, and no word of a newer version; and a refusal makes the command fail.
        let settings = r#"{"default_options": ["--ignore-stdin", "--check-status"], "disable_update_warnings": true}"#;
        std::fs::write(folder.path().join("config.json"), settings).unwrap();
        Self { house, folder }
    }

    /// Runs a command as printed, on the port of this server; whether it was well, and what it printed.
    fn run(&self, command: &str) -> (bool, String) {
        let here = command.replace(":3000/", &format!(":{}/", self.house.program.address.port()));
        let programs = python().parent().map(Path::to_owned).unwrap_or_default();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &here]).env("PATH", path).env("HTTPIE_CONFIG_DIR", self.folder.path()).env("no_proxy", "*");
        let output = shell.output().unwrap();
        assert!(output.stderr.is_empty() || !output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[test]
fn does_what_the_article_does() {
    if !available() {
        return;
    }
    let house = House::start();
    let shell = Shell::new(&house);
    assert_eq!(shell.run("http :3000/api/publicInfo"), (true, PUBLIC.to_owned()));
    let (well, answer) = shell.run("http :3000/api/profile");
    let problem: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((well, &problem["status"]), (false, &json!(401)));
    let (well, answer) = shell.run("http :3000/api/profile 'Authorization:Bearer x'");
    let problem: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((well, &problem["status"]), (false, &json!(401)));
}
