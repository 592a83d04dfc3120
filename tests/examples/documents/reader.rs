//! Somebody who follows a document: a shell in a folder of its own, where everything listens on ports of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use regex::Regex;

use super::compare::differs;
use super::markdown::{Block, Step};
use crate::Example;
use crate::program::{self, Program};
use crate::support::app::PASSWORD;
use crate::support::ports::closed_port;

/// How long a command may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long something that happens in the background may take.
const IN_THE_BACKGROUND: Duration = Duration::from_secs(30);
/// Printed behind each command.
const MARK: &str = "-- the command has ended --";
/// A shell asks so where there is a terminal.
const PROMPTS: [&str; 2] = ["Password for ", "The same again:"];

pub struct Reader {
    folder: tempfile::TempDir,
    shell: Child,
    commands: ChildStdin,
    printed: Receiver<String>,
    server: Option<Program>,
    application: Option<Example>,
    /// What the document says, and what it is here.
    here: Vec<(String, String)>,
    /// The files of the document, by name.
    files: BTreeMap<String, String>,
}

impl Reader {
    /// Somebody for whom `more` texts of the document mean others here.
    pub fn new(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [server, application, metrics] = std::array::from_fn(|_| closed_port().to_string());
        let mut here: Vec<(String, String)> =
            more.iter().map(|(said, here)| ((*said).to_owned(), (*here).to_owned())).collect();
        here.push(("/home/ada/tokenhouse".to_owned(), folder.path().canonicalize().unwrap().display().to_string()));
        here.push((":3000".to_owned(), format!(":{server}")));
        here.push((":8080".to_owned(), format!(":{application}")));
        here.push((":9464".to_owned(), format!(":{metrics}")));
        // As a clone has it, for whoever starts from there.
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir(folder.path().join("config")).unwrap();
        for file in ["default.toml", "okta.toml"] {
            std::fs::copy(repository.join("config").join(file), folder.path().join("config").join(file)).unwrap();
        }
        let mut shell = Command::new("bash");
        shell.arg("--norc").current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKENHOUSE")) {
            shell.env_remove(name);
        }
        let programs = Path::new(env!("CARGO_BIN_EXE_tokenhouse")).parent().unwrap().to_owned();
        let python = crate::support::python::available().then(crate::support::python::python);
        let folders = [Some(programs), python.and_then(|python| python.parent().map(Path::to_owned))];
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.into_iter().flatten().chain(std::env::split_paths(&others))).unwrap();
        shell
            .env("PATH", path)
            .env("no_proxy", "*")
            .env("TOKENHOUSE__SERVER__LISTEN", format!("127.0.0.1:{server}"))
            .env("TOKENHOUSE__SERVER__PUBLIC_URL", format!("http://localhost:{server}"))
            .env("PORT", application)
            .env("HTTPIE_CONFIG_DIR", folder.path())
            .env("COLUMNS", "100");
        std::fs::write(
            folder.path().join("config.json"),
            r#"{"default_options": ["--ignore-stdin", "--pretty=format"]}"#,
        )
        .unwrap();
        let mut shell = shell.spawn().expect("bash");
        let commands = shell.stdin.take().unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (sender, printed) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self { folder, shell, commands, printed, server: None, application: None, here, files: BTreeMap::new() }
    }

    /// Writes the file that a block is.
    pub fn write(&mut self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.meant(text)).unwrap();
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// Does what a block says, and what of it was not as printed.
    pub fn follow(&mut self, block: &Block) -> Vec<String> {
        let wrong = |step: &Step, why: String| format!("line {}: {}\n{why}", step.line, step.command);
        block.steps().iter().filter_map(|step| self.take(step).map(|why| wrong(step, why))).collect()
    }

    fn take(&mut self, step: &Step) -> Option<String> {
        let server =
            Regex::new(r"^((?:\w+=\S+ )*)(?:tokenhouse(?: serve)?|cargo run --release(?: --)?)( --config \S+)?$")
                .unwrap();
        let application = Regex::new(r"^((?:\w+=\S+ )*)cargo run(?: --example (\w+))?$").unwrap();
        let begins = |words: &str| step.printed.is_empty() || step.printed.contains(words);
        let found = if let Some(start) = server.captures(&step.command).filter(|_| begins(" listens on ")) {
            self.start(&start[1], start.get(2).map_or("", |config| config.as_str()))
        } else if let Some(start) = application.captures(&step.command).filter(|_| begins("listening on ")) {
            self.start_application(&start[1], start.get(2).map(|name| name.as_str()))
        } else {
            return self.run(step);
        };
        // What it prints at its start may be left out.
        if step.printed.is_empty() { None } else { differs(&step.printed, &self.said(&found)) }
    }

    /// Runs a command; one that looks what something in the background has done by now, until it has.
    fn run(&mut self, step: &Step) -> Option<String> {
        let expected: Vec<&str> =
            step.printed.lines().filter(|line| !PROMPTS.iter().any(|prompt| line.starts_with(prompt))).collect();
        if step.command.starts_with("tokenhouse db restore") {
            // As the document says: with the server stopped.
            self.server = None;
        }
        let looks = ["cat ", "grep ", "ls "].iter().any(|word| step.command.contains(word));
        let deadline = Instant::now() + IN_THE_BACKGROUND;
        loop {
            let (_, found) = self.shell(&self.meant(&step.command));
            let differs = differs(&expected.join("\n"), &self.said(&found));
            if differs.is_none() || !looks || Instant::now() > deadline {
                return differs;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn start(&mut self, variables: &str, config: &str) -> String {
        // A port is given back before it is taken again.
        self.server = None;
        let (folder, variables) = self.surroundings(variables);
        let config = self.meant(config);
        let arguments: Vec<&str> = config.split_whitespace().collect();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        let server = Program::spawn(&folder, program::command(&folder, &arguments, &variables));
        let banner = server.banner.clone();
        // Somebody who types takes longer than it does to fetch keys.
        let ready = format!("curl -sk -o /dev/null -w '%{{http_code}}' {}/health/ready", server.url);
        let deadline = Instant::now() + IN_THE_BACKGROUND;
        while self.shell(&ready).1.trim() != "200" {
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.server = Some(server);
        banner
    }

    /// Starts an example; an application of the document itself must be one of them, to the letter.
    fn start_application(&mut self, variables: &str, name: Option<&str>) -> String {
        self.application = None;
        let (_, variables) = self.surroundings(variables);
        let name = name.map_or_else(|| self.example(), str::to_owned);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
        let example = Example::start_in(self.folder.path(), &name, &variables);
        let printed = format!("{}\nlistening on {}\n", example.printed.join("\n"), example.url);
        self.application = Some(example);
        printed.trim_start().to_owned()
    }

    /// The example whose text is that of the document's `src/main.rs`.
    fn example(&self) -> String {
        let text = self.files.get("src/main.rs").expect("src/main.rs is in the document");
        let text: Vec<&str> = text.lines().skip(1).skip_while(|line| line.is_empty()).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let examples = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_it = |path: &PathBuf| {
            let example = std::fs::read_to_string(path).unwrap();
            // Without what it says of itself as an example.
            let code: Vec<&str> =
                example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
            code == text
        };
        let found = examples.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).find(is_it);
        let found = found.expect("src/main.rs of the document is one of the examples");
        found.file_stem().unwrap().to_string_lossy().into_owned()
    }

    /// Where the shell is, and its variables with those written before a command.
    fn surroundings(&mut self, variables: &str) -> (PathBuf, Vec<(String, String)>) {
        let variables = self.meant(variables);
        let (_, listed) = self.shell(&format!("{variables} env -0 | tr '\\0\\n' '\\n '"));
        let listed: Vec<(String, String)> = listed
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let folder = listed.iter().find(|(name, _)| name == "PWD").expect("PWD").1.clone().into();
        (folder, listed)
    }

    /// Exit code and output of a command in the shell.
    fn shell(&mut self, command: &str) -> (i32, String) {
        let file = self.folder.path().join("step.sh");
        std::fs::write(&file, command).unwrap();
        let input = self.folder.path().join("step.input");
        std::fs::write(&input, format!("{PASSWORD}\n")).unwrap();
        let (file, input) = (file.display(), input.display());
        writeln!(self.commands, "source '{file}' <'{input}' 2>&1; printf '\\n%s %s\\n' '{MARK}' $?").unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut text = String::new();
        loop {
            let line = self.printed.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("{command}\ndid not end; it printed\n{text}"));
            if let Some(code) = line.strip_prefix(MARK) {
                return (code.trim().parse().unwrap(), text);
            }
            text += &line;
            text.push('\n');
        }
    }

    /// A text of the document, as it is meant here.
    fn meant(&self, text: &str) -> String {
        // Where a clone has it, once it is built.
        let text = text.replace("target/release/tokenhouse", "tokenhouse");
        self.here.iter().fold(text, |text, (said, here)| text.replace(said, here))
    }

    /// A text from here, as the document would say it.
    fn said(&self, text: &str) -> String {
        let text = self.here.iter().rev().fold(text.to_owned(), |text, (said, here)| text.replace(here, said));
        // What is set for its own sake here.
        let is_ours = |line: &&str| !line.starts_with("environment TOKENHOUSE__SERVER__");
        text.lines().filter(is_ours).fold(String::new(), |text, line| text + line + "\n")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
