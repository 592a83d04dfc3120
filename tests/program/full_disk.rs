//! A disk that is full: F5. Files may not grow beyond a limit, which the test lifts again.

use std::process::Command;

use crate::program::{Program, command, told};
use crate::support::app::eventually;

/// Lets files grow to so many bytes.
fn limit_files(program: &Program, bytes: &str) -> bool {
    let limit = format!("--fsize={bytes}:unlimited");
    Command::new("prlimit").args(["--pid", &program.id().to_string(), &limit]).status().is_ok_and(|done| done.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_the_writes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0"), ("TOKENHOUSE__LIMITS__ENABLED", "false")];
    // Past its limit a process gets SIGXFSZ, which ends it unless it is ignored: then the write fails, as on a full disk.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_tokenhouse")]).current_dir(folder.path());
    shell.envs(command(folder.path(), &[], &variables).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let program = Program::spawn(folder.path(), shell);
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    if !limit_files(&program, "1000") {
        assert!(std::env::var_os("CI").is_none(), "there is no prlimit, and in CI nothing may be skipped");
        eprintln!("SKIPPED: there is no prlimit to fill the disk with");
        return;
    }
    for n in 0..3 {
        let answer = program
            .post(
                "/api/register",
                serde_json::json!({"email": format!("n{n}@example.com"), "password": crate::support::app::PASSWORD}),
            )
            .await
            .unwrap();
        assert_eq!(answer.status(), 503, "F5");
        assert!(answer.headers().contains_key("retry-after"), "F5");
    }
    assert_eq!(program.log_in("ada@example.com").await, Err(503), "F5");
    assert_eq!(program.get("/api/profile", token).await, 200, "F5: tokens are verified as ever");
    assert_eq!(program.get("/api/me", token).await, 200, "F5: and the database is read");
    assert_eq!(program.get("/health/live", token).await, 200, "F5");

    assert!(limit_files(&program, "unlimited"));
    eventually("F5: it recovers by itself", async || program.register("n0@example.com").await == 201).await;
    assert!(program.log_in("ada@example.com").await.is_ok());
    drop(program);
    let program = Program::start(folder.path(), &[]);
    assert!(program.log_in("n0@example.com").await.is_ok());
    assert_eq!(program.log_in("n1@example.com").await, Err(401), "F5: what was refused was not kept");
}

#[test]
fn a_disk_that_is_full_at_the_start_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")];
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\"", env!("CARGO_BIN_EXE_tokenhouse")])
        .current_dir(folder.path());
    shell.envs(command(folder.path(), &[], &variables).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (code, _, err) = told(&shell.output().expect("sh"));
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("cannot read or write the database data/tokenhouse.db") && err.contains("is its disk full?"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
}
