//! Too little of something: memory, files, cores, a reader of the log: F16, F17, F18, F23.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::{Program, command};
use crate::support::app::eventually;

/// The program, started by a shell that does `first`.
fn start_by_shell(folder: &Path, first: &str, redirect: &str, variables: &[(&str, &str)]) -> Program {
    let usual = [("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0"), ("TOKENHOUSE__LIMITS__ENABLED", "false")];
    let program = command(folder, &[], &[&usual[..], variables].concat());
    let mut shell = Command::new("sh");
    let script = format!("{first}exec \"$0\" {redirect}");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_tokenhouse")]).current_dir(folder);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Program::spawn(folder, shell)
}

/// A line of a server's /proc/PID/status, in KiB.
pub fn kib(program: &Program, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many files it has open.
pub fn files(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count()
}

pub fn linux() -> bool {
    if !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: this is not Linux");
    }
    cfg!(target_os = "linux")
}

/// A connection that had an answer and is kept open.
async fn kept_alive(program: &Program) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(program.address).await?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    let mut answer = [0; 4096];
    let count = stream.read(&mut answer).await?;
    if answer[..count].starts_with(b"HTTP/1.1 200") { Ok(stream) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_little_memory_many_logins_are_told_to_wait_and_it_lives() {
    if !linux() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[("TOKENHOUSE__PASSWORDS__HASHING_QUEUE", "20")]);
    assert_eq!(program.register("ada@example.com").await, 201);
    // Room for six hashes more than it has had, and not for two hundred.
    let limit = (kib(&program, "VmSize:") + 6 * 19 * 1024) * 1024;
    let limited = Command::new("prlimit").args(["--pid", &program.id().to_string(), &format!("--as={limit}")]).status();
    if !limited.is_ok_and(|done| done.success()) {
        assert!(std::env::var_os("CI").is_none(), "there is no prlimit, and in CI nothing may be skipped");
        eprintln!("SKIPPED: there is no prlimit to take memory with");
        return;
    }
    let answers = join_all((0..200).map(|_| program.log_in("ada@example.com"))).await;
    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    let busy = answers.iter().filter(|answer| **answer == Err(503)).count();
    assert_eq!(good + busy, 200, "F16: 200 or 503, and nothing else");
    assert!(good > 0 && busy > 0, "F16: {good} went well, {busy} were told to wait");
    assert!(program.log_in("ada@example.com").await.is_ok(), "F16: it lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_verified_while_logins_queue() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    let over = AtomicBool::new(false);
    let storm = async {
        let answers = join_all((0..150).map(|_| program.log_in("ada@example.com"))).await;
        assert!(answers.iter().all(Result::is_ok), "F17");
        over.store(true, Ordering::Relaxed);
    };
    let verify = async {
        let mut verified = 0;
        while !over.load(Ordering::Relaxed) {
            assert_eq!(program.get("/api/profile", token).await, 200, "F17");
            verified += 1;
        }
        verified
    };
    let ((), verified) = tokio::join!(storm, verify);
    // How fast this machine is does not matter: whoever waited behind the logins would have been let in once or twice meanwhile.
    assert!(verified >= 20, "F17: {verified} tokens were verified while 150 logins waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_few_files_it_recovers_when_connections_go() {
    if !linux() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = start_by_shell(folder.path(), "ulimit -n 64; ", "", &[]);
    assert_eq!(program.register("ada@example.com").await, 201);
    // The client that logs in keeps its connection, so it can go on asking.
    let before = program.log().lines().count();
    let crowd = join_all((0..300).map(|_| TcpStream::connect(program.address))).await;
    let crowd: Vec<TcpStream> = crowd.into_iter().flatten().collect();
    eventually("F18: it has no file left", async || files(&program) >= 64).await;
    assert!(
        program.log_in("ada@example.com").await.is_ok(),
        "F18: who is connected is served, and the store has its files"
    );
    drop(crowd);
    eventually("F18: it recovers", async || {
        TcpStream::connect(program.address).await.is_ok() && kept_alive(&program).await.is_ok()
    })
    .await;
    assert!(program.log_in("ada@example.com").await.is_ok(), "F18");
    let lines = program.log().lines().count() - before;
    assert!(lines < 300, "F18: the log was flooded with {lines} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_keep_nobody_out_and_leave_nothing_behind() {
    if !linux() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    assert_eq!(program.register("ada@example.com").await, 201);
    let (files_before, memory_before) = (files(&program), kib(&program, "VmRSS:"));
    // As many as this process may have, for it has the other ends of them.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    let many = most.and_then(|most| most.parse::<usize>().ok()).unwrap_or(usize::MAX).saturating_sub(600).min(10_000);
    let mut idle = Vec::with_capacity(many);
    while idle.len() < many {
        let some = join_all((0..200.min(many - idle.len())).map(|_| kept_alive(&program))).await;
        idle.extend(some.into_iter().map(|stream| stream.expect("it lets everybody in")));
    }
    let memory = kib(&program, "VmRSS:").saturating_sub(memory_before);
    eprintln!("{many} idle connections: {memory} KiB");
    assert!(program.log_in("ada@example.com").await.is_ok());
    assert!(kept_alive(&program).await.is_ok(), "one more comes in");
    drop(idle);
    eventually("their files are given back", async || files(&program) < files_before + 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_no_request() {
    if !linux() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open, and not read from.
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let all = [("TOKENHOUSE__LOG__REQUESTS", "all"), ("TOKENHOUSE__LOG__FORMAT", "json")];
    let program = start_by_shell(folder.path(), "", "2>pipe", &all);
    assert_eq!(program.register("ada@example.com").await, 201);
    // A pipe holds 64 KiB, and a line has more than a hundred bytes.
    let asking = join_all((0..8).map(async |_| {
        for _ in 0..250 {
            assert_eq!(program.get("/health/live", "").await, 200, "F23");
        }
    }));
    tokio::time::timeout(Duration::from_mins(5), asking).await.expect("F23: requests wait for whoever reads the log");
    assert!(program.log_in("ada@example.com").await.is_ok(), "F23");

    // Read again, it goes on, and tells what is missing.
    let (line, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if line.send(text).is_err() {
                return;
            }
        }
    });
    let mut text = String::new();
    eventually("F23: what was lost is told", async || {
        assert_eq!(program.get("/health/live", "").await, 200, "F23");
        text.extend(lines.try_iter());
        text.contains("log lines were lost")
    })
    .await;
    let whole = text.lines().take(20).all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(whole, "F23: {text:.2000}");
}
