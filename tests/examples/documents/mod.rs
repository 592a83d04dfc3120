//! The documents, followed as a reader would: their files are written, their commands run, and what they print compared.
//!
//! A block whose first line is a comment with the name of a file (`# my.toml`) is that file. In a block `console`, a line that begins with `$ ` is a command, and
//! what follows is what it prints; `…` stands for anything. What differs each time (ids, moments, tokens) is no difference. Commands that start a server are
//! started beside the others, and the ports of the documents are others here. An application in `src/main.rs` must be one of the examples, to the letter.

mod compare;
mod markdown;
mod reader;
mod refusals;
mod settings;

use std::path::{Path, PathBuf};

use markdown::Block;
use reader::Reader;

use crate::program::{Program, run, told};
use crate::support::ports::closed_port;

/// Documents whose commands are run.
const FOLLOWED: [&str; 10] = [
    "README.md",
    "docs/tutorial.md",
    "docs/okta.md",
    "docs/moving.md",
    "docs/protecting.md",
    "docs/accounts.md",
    "docs/oauth.md",
    "docs/commands.md",
    "docs/running.md",
    "docs/refusals.md",
];

/// Blocks that are not run: the document, their first command, and why.
const NOT_RUN: [(&str, &str, &str); 4] = [
    (
        "docs/tutorial.md",
        "cargo new profile-api && cd profile-api",
        "building it again takes minutes; its text is an example's, which is built",
    ),
    ("docs/running.md", "cargo build --release", "needs root and systemd"),
    (
        "docs/running.md",
        "cargo build --release --features otel",
        "a release takes minutes; tests/program/traces.rs starts it so",
    ),
    ("docs/performance.md", "bench/run", "takes twenty minutes, and measures nothing beside other tests"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blocks(document: &str) -> Vec<Block> {
    Block::all(&std::fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}")))
}

fn is_run(document: &str, block: &Block) -> bool {
    !NOT_RUN.iter().any(|(other, command, _)| *other == document && *command == block.first_command())
}

/// Follows a document from its beginning to its end.
fn follow(document: &str, mut reader: Reader) {
    assert!(FOLLOWED.contains(&document));
    let mut wrong = Vec::new();
    for block in blocks(document) {
        if let Some(file) = block.file() {
            reader.write(file, &block.text);
        } else if block.is_for_a_shell() && is_run(document, &block) {
            wrong.extend(reader.follow(&block));
        }
    }
    assert!(wrong.is_empty(), "{document}\n\n{}", wrong.join("\n"));
}

/// Whether there is what the documents need: HTTPie is among Python's packages.
fn have_programs() -> bool {
    let is_there = |program: &&str| {
        let asked = std::process::Command::new(program).arg("--help").stdin(std::process::Stdio::null()).output();
        asked.is_ok()
    };
    let missing = ["bash", "curl", "openssl"].into_iter().find(|program| !is_there(program));
    if let Some(program) = missing {
        assert!(std::env::var_os("CI").is_none(), "there is no {program}, and in CI nothing may be skipped");
        eprintln!("SKIPPED: there is no {program} to follow the documents with");
    }
    missing.is_none() && crate::support::python::available()
}

/// Plays Okta: an authorization server at its paths, with the scope and the client that the documents have there.
struct PlaysOkta {
    url: String,
    client_id: String,
    client_secret: String,
    _program: Program,
    _folder: tempfile::TempDir,
}

impl PlaysOkta {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", closed_port());
        let url = format!("http://{address}");
        let settings = format!(
            "[server]\nlisten = \"{address}\"\npublic_url = \"{url}\"\n[tokens]\nalgorithm = \"RS256\"\n[[oauth.scopes]]\nname = \"customScope\"\n"
        );
        std::fs::write(folder.path().join("okta.toml"), settings).unwrap();
        let program =
            Program::start_with(folder.path(), &["--config", "okta.toml"], &[("TOKENHOUSE__SERVER__LISTEN", &address)]);
        let add = ["client", "add", "--config", "okta.toml", "--json", "--name", "article"];
        let add = [&add[..], &["--grant", "client_credentials", "--scope", "customScope"]].concat();
        let (code, printed, errors) = told(&run(folder.path(), &add, &[]));
        assert_eq!(code, 0, "{errors}");
        let client: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        Self {
            url,
            client_id: text("client_id"),
            client_secret: text("client_secret"),
            _program: program,
            _folder: folder,
        }
    }

    /// Somebody who has an account there.
    fn reader(&self) -> Reader {
        Reader::new(&[
            ("https://dev-123456.okta.com", &self.url),
            ("0oa1a2b3c4d5e6f7g8h9", &self.client_id),
            ("the-secret-of-the-client", &self.client_secret),
        ])
    }
}

macro_rules! followed {
    ($($name:ident: $document:literal, $reader:expr;)*) => {
        $(
            #[test]
            fn $name() {
                if have_programs() {
                    let (okta, reader) = $reader;
                    follow($document, reader);
                    drop(okta);
                }
            }
        )*
    };
}

fn alone() -> (Option<PlaysOkta>, Reader) {
    (None, Reader::new(&[]))
}

fn beside_okta() -> (Option<PlaysOkta>, Reader) {
    let okta = PlaysOkta::start();
    let reader = okta.reader();
    (Some(okta), reader)
}

followed! {
    the_readme: "README.md", beside_okta();
    the_tutorial: "docs/tutorial.md", beside_okta();
    okta: "docs/okta.md", beside_okta();
    moving: "docs/moving.md", beside_okta();
    protecting: "docs/protecting.md", alone();
    accounts: "docs/accounts.md", alone();
    oauth: "docs/oauth.md", alone();
    commands: "docs/commands.md", alone();
    running: "docs/running.md", alone();
    refusals_explained: "docs/refusals.md", alone();
}

/// All documents, by their names.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_is_run_or_named() {
    let mut wrong = Vec::new();
    for document in documents() {
        let followed = FOLLOWED.contains(&&*document);
        for block in blocks(&document).iter().filter(|block| block.is_for_a_shell()) {
            if !followed && is_run(&document, block) {
                wrong.push(format!("{document}, line {}: {} is never run", block.line, block.first_command()));
            }
        }
    }
    for (document, command, _) in NOT_RUN.into_iter().filter(|(document, ..)| root().join(document).exists()) {
        let there = |block: &Block| block.is_for_a_shell() && block.first_command() == command;
        if !blocks(document).iter().any(there) {
            wrong.push(format!("{document} has no block that begins with {command}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn settings_in_documents_are_good() {
    let mut wrong = Vec::new();
    for document in documents() {
        for block in blocks(&document).iter().filter(|block| block.language == "toml") {
            // Of Cargo, meant to be wrong, or with files that are on another machine.
            let of_another = block.text.contains("[dependencies]") || block.text.contains("/etc/tokenhouse/");
            if of_another || block.file() == Some("bad.toml") {
                continue;
            }
            let secrets = [("TOKENHOUSE__MAIL__PASSWORD", "of the mail server")];
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("my.toml"), &block.text).unwrap();
            let (code, out, err) = told(&run(folder.path(), &["config", "check", "--config", "my.toml"], &secrets));
            if code != 0 {
                wrong.push(format!("{document}, line {}: {out}{err}", block.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands that are named in a sentence, or in a table: they exist, with these options.
#[test]
fn commands_in_sentences_exist() {
    let span = regex::Regex::new(r"`(?:tokenhouse )?((?:[a-z]+) [^`|>]*[^`|> ])").unwrap();
    let groups: Vec<String> = tokenhouse::cli::command()
        .get_subcommands()
        .filter(|group| group.has_subcommands())
        .map(|group| group.get_name().to_owned())
        .collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        let text = std::fs::read_to_string(root().join(&document)).unwrap();
        for found in span.captures_iter(&text) {
            let words: Vec<&str> = found[1].split_whitespace().collect();
            let is_command = groups.iter().any(|group| group == words[0]) && words[1].chars().all(char::is_alphabetic);
            if !is_command || found[1].contains('…') || words[0] == "user" && words[1] == "agent" {
                continue;
            }
            seen += 1;
            let parsed = tokenhouse::cli::command().try_get_matches_from(["tokenhouse"].iter().chain(&words));
            if let Err(error) = parsed {
                use clap::error::ErrorKind::{DisplayHelp, MissingRequiredArgument, MissingSubcommand};
                if ![DisplayHelp, MissingRequiredArgument, MissingSubcommand].contains(&error.kind()) {
                    wrong.push(format!("{document}: {}: {error}", &found[1]));
                }
            }
        }
    }
    assert!(seen > 40 && wrong.is_empty(), "{seen} commands\n{}", wrong.join("\n"));
}

/// Links to files and headings of this repository; and no picture is there that none leads to.
#[test]
fn links_lead_somewhere() {
    let link = regex::Regex::new(r#"(?:\]\(|src=")([^)"\s]+)[)"]"#).unwrap();
    let mut wrong = Vec::new();
    let mut pictures: Vec<PathBuf> =
        std::fs::read_dir(root().join("docs/pictures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for document in documents() {
        let text = std::fs::read_to_string(root().join(&document)).unwrap();
        for found in link.captures_iter(&text) {
            let target = &found[1];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                root().join(&document)
            } else {
                root().join(&document).parent().unwrap().join(file)
            };
            pictures.retain(|picture| !path.ends_with(picture.strip_prefix(root()).unwrap()));
            if !path.exists() {
                wrong.push(format!("{document}: there is no {target}"));
            } else if !heading.is_empty()
                && !headings(&std::fs::read_to_string(&path).unwrap()).contains(&heading.to_owned())
            {
                wrong.push(format!("{document}: no heading {target}"));
            }
        }
    }
    assert!(pictures.is_empty(), "no document shows {pictures:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The anchors of a document's headings.
fn headings(document: &str) -> Vec<String> {
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    document.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}
