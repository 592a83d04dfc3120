//! What holds for every command there is: its help, `--json`, no colours where there is no terminal; completions and manual pages.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{command, told};
use crate::support::app::PASSWORD;

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let mut command = command(folder, arguments, variables);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    told(&child.wait_with_output().unwrap())
}

/// Every command that does something, as it is written, with its definition; for two or more words, one name.
fn all() -> BTreeMap<String, clap::Command> {
    fn walk(command: &clap::Command, name: &str, all: &mut BTreeMap<String, clap::Command>) {
        for below in command.get_subcommands() {
            let name = format!("{name} {}", below.get_name()).trim().to_owned();
            if below.has_subcommands() { walk(below, &name, all) } else { drop(all.insert(name, below.clone())) }
        }
    }
    let mut found = BTreeMap::new();
    walk(&tokenhouse::cli::command(), "", &mut found);
    found
}

/// How each command is run in a folder with an account `ada@example.com` and a client: arguments behind its name, and standard input. An ID stands for
/// the client's id, a FILE for one that does not exist yet.
const RUNS: &[(&str, &str, &str)] = &[
    ("audit", "", ""),
    ("client add", "--name x --grant client_credentials", ""),
    ("client list", "", ""),
    ("client rotate", "ID", ""),
    ("client remove", "ID", ""),
    ("completions", "bash", ""),
    ("config check", "", ""),
    ("config show", "", ""),
    ("db backup", "FILE", ""),
    ("db check", "", ""),
    ("db migrate", "", ""),
    ("db restore", "FILE", ""),
    ("key list", "", ""),
    ("key rotate", "", ""),
    ("man", "", ""),
    // It would run on.
    ("serve", "--config wrong.toml", ""),
    ("token decode", "", "e30.e30.AA"),
    ("token explain", "", "e30.e30.AA"),
    ("token mint", "--sub ada@example.com", ""),
    ("user add", "bea@example.com", PASSWORD),
    ("user disable", "ada@example.com", ""),
    ("user enable", "ada@example.com", ""),
    ("user export", "FILE", ""),
    ("user import", "missing.jsonl", ""),
    ("user list", "", ""),
    ("user password", "ada@example.com", PASSWORD),
    ("user remove", "ada@example.com --yes", ""),
    ("user role add", "ada@example.com x", ""),
    ("user role remove", "ada@example.com x", ""),
    ("user show", "ada@example.com", ""),
];

/// Words of a command line; `user role add WHO ROLE` is written with the account before the last word.
fn words(name: &str, arguments: &str, id: &str, file: &str) -> Vec<String> {
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let mut arguments = arguments.split_whitespace().map(|word| match word {
        "ID" => id.to_owned(),
        "FILE" => file.to_owned(),
        word => word.to_owned(),
    });
    if name.starts_with("user role ") {
        let last = words.pop().unwrap();
        words.extend(arguments.next());
        words.push(last);
    }
    words.extend(arguments);
    words
}

/// A folder with an account, a client and a key, and the client's id: what commands work on.
fn furnished() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrong.toml"), "[server]\nlissen = 1\n").unwrap();
    let made = |arguments: &[&str], input: &str| {
        let (code, out, err) = run(folder.path(), &[arguments, &["--json"]].concat(), &[], input);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    };
    made(&["user", "add", "ada@example.com"], PASSWORD);
    made(&["key", "rotate"], "");
    let client: Value = serde_json::from_str(&made(&["client", "add", "--name", "w"], "")).unwrap();
    let id = client["client_id"].as_str().unwrap().to_owned();
    (folder, id)
}

/// The same for somebody else to change.
fn copied(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            std::fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn each_answers_in_json_and_without_colours() {
    let named: BTreeMap<&str, (&str, &str)> =
        RUNS.iter().map(|(name, arguments, input)| (*name, (*arguments, *input))).collect();
    let (furnished, id) = furnished();
    for (name, _) in all() {
        // Another's, who writes a document of JSON anyway.
        if name == "openapi" {
            continue;
        }
        let (arguments, input) = named.get(name.as_str()).unwrap_or_else(|| panic!("say how `{name}` is run, in RUNS"));
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        copied(furnished.path(), folder);
        let file = folder.join("new").display().to_string();
        let mut words = words(&name, arguments, &id, &file);
        // Once as it is, where colours are wanted and then forbidden; once in JSON.
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        if name == "token explain" {
            let none = run(folder, &plain, &[], input).1;
            assert!(none.starts_with("refused: "), "{none}");
            let force = ("CLICOLOR_FORCE", "1");
            assert!(run(folder, &plain, &[force], input).1.contains("\u{1b}["), "{name}");
            assert!(!run(folder, &plain, &[force, ("NO_COLOR", "1")], input).1.contains('\u{1b}'), "{name}");
            assert!(!none.contains('\u{1b}'), "{none}");
        }
        words.push("--json".to_owned());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (code, out, err) = run(folder, &words, &[], input);
        assert!((0..=2).contains(&code), "{name}: {out}{err}");
        for line in out.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{name}: {out}{err}");
        }
        assert!(!out.is_empty() && !out.contains('\u{1b}'), "{name}: {out}{err}");
        // Wrong usage, too.
        let wrong: Vec<&str> = name.split(' ').chain(["--no-such-option", "--json"]).collect();
        let (code, out, err) = run(folder, &wrong, &[], input);
        let told: Value = serde_json::from_str(&out).unwrap_or_default();
        assert!(code == 2 && told["error"].is_string(), "{name}: {out}{err}");
    }
}

/// As before a `head` that has seen enough.
#[test]
fn each_is_quiet_when_nobody_reads() {
    let (furnished, id) = furnished();
    for (name, arguments, input) in RUNS {
        for more in [None, Some("--json")] {
            let folder = tempfile::tempdir().unwrap();
            copied(furnished.path(), folder.path());
            let file = folder.path().join("new").display().to_string();
            let mut words = words(name, arguments, &id, &file);
            words.extend(more.map(str::to_owned));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = command(folder.path(), &words, &[]);
            command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            let (code, _, err) = told(&child.wait_with_output().unwrap());
            assert!(!err.contains("roken pipe") && !err.contains("panicked"), "{words:?}: {code} {err}");
            // What it had to say is on standard error, or nobody heard it.
            assert!(
                code == 141 || (matches!(code, 1 | 2) && (!err.is_empty() || more.is_some())),
                "{words:?}: {code} {err}"
            );
        }
    }
    for words in [&["--help"][..], &["token", "--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(furnished.path(), words, &[]);
        let (_, _, err) = told(&command.stdout(writer).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(err, "", "{words:?}");
    }
}

#[test]
fn helps() {
    let folder = tempfile::tempdir().unwrap();
    let help = |words: &[&str]| {
        let (code, out, err) = run(folder.path(), &[words, &["--help"]].concat(), &[("COLUMNS", "100")], "");
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(!out.contains('\u{1b}'));
        // Where a line is broken is the terminal's matter.
        out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    for words in
        [&["token"][..], &["token", "decode"], &["token", "explain"], &["token", "mint"], &["completions"], &["man"]]
    {
        insta::assert_snapshot!(words.join("_"), help(words));
    }
    for group in
        tokenhouse::cli::command().get_subcommands().filter(|group| !["serve", "openapi"].contains(&group.get_name()))
    {
        let is_token = group.get_name() == "token";
        assert!(is_token || help(&[group.get_name()]).contains("Examples:\n"), "{} has no examples", group.get_name());
    }
}

#[test]
fn completions_and_manual_pages_have_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, out, _) = run(folder.path(), &["completions", shell], &[], "");
        assert_eq!(code, 0);
        for word in all().keys().flat_map(|name| name.split(' ')) {
            assert!(out.contains(word), "{shell}: {word}");
        }
    }
    // As bash itself reads it.
    let script = "source <(\"$0\" completions bash); COMP_WORDS=(tokenhouse token exp); COMP_CWORD=2; _tokenhouse tokenhouse exp token; echo \"${COMPREPLY[@]}\"";
    let bash =
        std::process::Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_tokenhouse")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "explain\n", "{}", String::from_utf8_lossy(&bash.stderr));

    let (code, page, _) = run(folder.path(), &["man"], &[], "");
    assert!(code == 0 && page.contains(".TH tokenhouse 1") && page.contains("Examples"), "{page}");
    let pages = folder.path().join("man1");
    let (code, _, err) = run(folder.path(), &["man", "--dir", pages.to_str().unwrap()], &[], "");
    assert!(code == 1 && err.contains("cannot write to"), "{err}");
    std::fs::create_dir(&pages).unwrap();
    let (code, out, _) = run(folder.path(), &["man", "--dir", pages.to_str().unwrap()], &[], "");
    assert_eq!(code, 0, "{out}");
    for name in all().keys() {
        let page = pages.join(format!("tokenhouse-{}.1", name.replace(' ', "-")));
        assert!(std::fs::read_to_string(&page).is_ok_and(|page| page.contains("SYNOPSIS")), "{}", page.display());
    }
}
