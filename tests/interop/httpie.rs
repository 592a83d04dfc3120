//! HTTPie: the commands that README.md prints, and the article's.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::house::{House, PRIVATE, PUBLIC};
use crate::support::python::{available, python};

/// A shell with HTTPie, and what it knows.
struct Shell<'a> {
    house: &'a House,
    variables: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
}

impl<'a> Shell<'a> {
    fn new(house: &'a House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // There is no terminal to ask about, and no word of a newer version; and a refusal makes the command fail.
        let settings = r#"{"default_options": ["--ignore-stdin", "--check-status"], "disable_update_warnings": true}"#;
        std::fs::write(folder.path().join("config.json"), settings).unwrap();
        Self { house, variables: Vec::new(), folder }
    }

    /// Runs a command as printed, on the port of this server; whether it was well, and what it printed.
    fn run(&self, command: &str) -> (bool, String) {
        let here = command.replace(":3000/", &format!(":{}/", self.house.program.address.port()));
        let programs = python().parent().map(Path::to_owned).unwrap_or_default();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &here]).env("PATH", path).env("HTTPIE_CONFIG_DIR", self.folder.path()).env("no_proxy", "*");
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = shell.output().unwrap();
        assert!(output.stderr.is_empty() || !output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The commands with HTTPie of README.md, in its order.
fn printed() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .filter(|line| line.starts_with("http "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn does_what_the_readme_prints() {
    if !available() {
        return;
    }
    let house = House::start();
    let mut shell = Shell::new(&house);
    let client = house.client("client_secret_basic");
    shell.variables = vec![("ID", client.text("id").to_owned()), ("SECRET", client.text("secret").to_owned())];
    let mut answers = Vec::new();
    for command in printed() {
        let (well, answer) = shell.run(&command);
        assert!(well, "{command}\n{answer}");
        let json: Value = serde_json::from_str(&answer).unwrap_or(Value::String(answer));
        if let Some(token) = json["access_token"].as_str() {
            shell.variables.retain(|(name, _)| *name != "TOKEN");
            shell.variables.push(("TOKEN", token.to_owned()));
        }
        answers.push(json);
    }
    let [registered, logged_in, me, machine, profile] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(registered["name"], "Grace Hopper");
    assert_eq!(logged_in["scope"], "openid profile email");
    assert_eq!(me["email"], "grace@example.com");
    assert_eq!(machine["scope"], "customScope");
    assert_eq!(*profile, json!(PRIVATE));
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
