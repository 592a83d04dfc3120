//! How a program of others is run: secrets go in through standard input, and JSON comes out.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::house::House;
use crate::support::python::python;
use crate::support::smtp::certificates;

/// A program of `tests/interop/python`.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python").join(name)).env("no_proxy", "*");
    command
}

/// Runs `command` to its end, and answers what it printed.
pub fn ask(mut command: Command, input: &Value) -> Value {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Dropped behind the statement, which ends the input.
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{printed}\n{errors}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{command:?}: {error}\n{printed}\n{errors}"))
}

/// A program that is told something and tells something by turns, each a line of JSON.
pub struct Talk {
    command: Command,
    child: Child,
    said: BufReader<ChildStdout>,
    errors: File,
}

impl Talk {
    pub fn start(mut command: Command, input: &Value) -> Self {
        let errors = tempfile::tempfile().unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut talk = Self { command, child, said, errors };
        talk.tell(input);
        talk
    }

    pub fn tell(&mut self, what: &Value) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{what}").unwrap();
    }

    pub fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{:?}: {line:?}\n{}", self.command, text(&mut self.errors)))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).unwrap();
    text
}

/// A server of others, which prints the port it has; it ends with this.
pub struct Listener {
    pub port: u16,
    child: Child,
}

impl Listener {
    pub fn start(mut command: Command) -> Self {
        let mut errors = tempfile::tempfile().unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{command:?} did not start: {line:?}\n{}", text(&mut errors)));
        Self { port, child }
    }

    /// Writes a line to its standard input.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

/// What speaks TLS in front of a server, for clients that insist on https.
pub struct Front {
    listener: Listener,
    certificates: TempDir,
}

impl Front {
    pub fn start() -> Self {
        let certificates = certificates("localhost");
        let mut command = program("tls_front.py");
        command.arg("--certificate").arg(certificates.path().join("server.pem"));
        command.arg("--key").arg(certificates.path().join("server.key"));
        Self { listener: Listener::start(command), certificates }
    }

    /// The server behind it, which there may be one of.
    pub fn house(&mut self) -> House {
        let house = House::behind(&format!("https://localhost:{}", self.listener.port));
        self.listener.tell(&house.program.address.port().to_string());
        house
    }

    /// The file of the authority to trust.
    pub fn authority(&self) -> PathBuf {
        self.certificates.path().join("ca.pem")
    }

    /// A client that trusts it and follows no redirects.
    pub fn client(&self) -> reqwest::Client {
        let authority = reqwest::Certificate::from_pem(&std::fs::read(self.authority()).unwrap()).unwrap();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        client.tls_certs_only([authority]).build().unwrap()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
