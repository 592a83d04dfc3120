//! The program itself, as a process in a folder of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::PASSWORD;

/// The program with `arguments`, in `folder`, and with no settings of the test's own environment.
pub fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenhouse"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKENHOUSE")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}

/// Runs the program to its end.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    command(folder, arguments, variables).output().expect("it runs")
}

/// Exit code, standard output and standard error of a run.
pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A running server, killed when this is dropped.
pub struct Program {
    pub url: String,
    pub address: std::net::SocketAddr,
    /// What it printed at its start.
    pub banner: String,
    pub client: reqwest::Client,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `tokenhouse` in `folder` on a free port, without limits.
    pub fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_with(folder, &[], variables)
    }

    /// The same, while whatever else this task does goes on.
    pub async fn start_beside(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let folder = folder.to_owned();
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let starting = tokio::task::spawn_blocking(move || {
            let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
            Self::start(&folder, &variables)
        });
        starting.await.expect("it starts")
    }

    pub fn start_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let given = |name: &str| variables.iter().any(|(other, _)| *other == name);
        let mut all = vec![("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0"), ("TOKENHOUSE__LIMITS__ENABLED", "false")];
        all.retain(|(name, _)| !given(name));
        all.extend(variables);
        Self::spawn(folder, command(folder, arguments, &all))
    }

    /// Starts `command` and waits until it says where it listens.
    pub fn spawn(folder: &Path, mut command: Command) -> Self {
        let log = folder.join(format!("log-{}.txt", uuid::Uuid::new_v4()));
        let errors = File::create(&log).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().expect("it starts");
        let (line, lines) = mpsc::channel();
        let output = child.stdout.take().expect("its output");
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|text| drop(line.send(text)));
        });
        let mut banner = String::new();
        let deadline = Instant::now() + Duration::from_mins(5);
        // The last line of the banner is an empty one behind the third request.
        while !(banner.contains("/api/profile -H") && banner.ends_with("\n\n")) {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(text) => banner += &(text + "\n"),
                Err(error) => {
                    panic!("it did not start ({error}): {banner}{}", std::fs::read_to_string(&log).unwrap_or_default())
                }
            }
        }
        let url =
            banner.split("listens on ").nth(1).and_then(|rest| rest.lines().next()).expect("an address").to_owned();
        let address = url.trim_start_matches("http://").trim_start_matches("https://").parse().expect("an address");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url, address, banner, client, child, log }
    }

    pub async fn post(&self, path: &str, body: Value) -> reqwest::Result<reqwest::Response> {
        self.client.post(format!("{}{path}", self.url)).json(&body).send().await
    }

    /// The status of a GET; 0 when there was no answer.
    pub async fn get(&self, path: &str, token: &str) -> u16 {
        let answer = self.client.get(format!("{}{path}", self.url)).bearer_auth(token).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    /// The status of a registration; 0 when there was no answer.
    pub async fn register(&self, email: &str) -> u16 {
        let answer = self.post("/api/register", json!({"email": email, "password": PASSWORD})).await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    /// The tokens of a login, or its status.
    pub async fn log_in(&self, email: &str) -> Result<Value, u16> {
        let answer = self.post("/api/login", json!({"email": email, "password": PASSWORD})).await.map_err(|_| 0_u16)?;
        let status = answer.status().as_u16();
        if status == 200 { answer.json().await.map_err(|_| 0) } else { Err(status) }
    }

    /// The lines that it wrote to standard error so far, without one that it is writing.
    pub fn log(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text)).expect("the log");
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as TERM or KILL.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.expect("sh").success());
    }

    /// Its end, which must come within `patience`, while whatever else this task does goes on.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status;
            }
            assert!(Instant::now() < deadline, "it is still running after {patience:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its end, which must come within `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status;
            }
            assert!(Instant::now() < deadline, "it is still running after {patience:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
