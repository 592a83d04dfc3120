//! How a program of others is run: secrets go in through standard input, and JSON comes out.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

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
        let port = line.trim().parse().unwrap_or_else(|_| {
            let mut said = String::new();
            errors.rewind().and_then(|()| errors.read_to_string(&mut said)).unwrap();
            panic!("{command:?} did not start: {line:?}\n{said}")
        });
        Self { port, child }
    }

    /// Writes a line to its standard input.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
