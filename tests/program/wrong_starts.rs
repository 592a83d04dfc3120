//! Starts that must fail, each with a sentence and not with a backtrace.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::program::{Program, run, told};
use crate::support::ports::closed_port;
use crate::support::tokens::Findings;

/// The one line that a failed start says.
fn refusal(folder: &Path, variables: &[(&str, &str)]) -> (i32, String) {
    let (code, out, err) = told(&run(folder, &[], variables));
    let noise = ["panicked", "backtrace", "RUST_BACKTRACE", "unwrap"].iter().any(|word| err.contains(word));
    assert!(!noise && err.lines().count() <= 2, "{out}{err}");
    (code, err)
}

#[test]
fn places_that_cannot_be_had() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let closed = closed_port();
    let unreachable = format!("postgres://ada:secret-password@127.0.0.1:{closed}/accounts");
    let mut findings = Findings::default();
    for (row, variable, value, words) in [
        ("port in use", "TOKENHOUSE__SERVER__LISTEN", taken.as_str(), "another program does already"),
        ("address of another machine", "TOKENHOUSE__SERVER__LISTEN", "192.0.2.1:3000", "192.0.2.1:3000"),
        ("database below a file", "TOKENHOUSE__DATABASE__URL", "sqlite://file/x.db", "file"),
        ("database in /proc", "TOKENHOUSE__DATABASE__URL", "sqlite:///proc/x.db", "/proc/x.db"),
        ("keys below a file", "TOKENHOUSE__TOKENS__KEY_DIR", "file/keys", "file/keys"),
        ("keys in /proc", "TOKENHOUSE__TOKENS__KEY_DIR", "/proc/keys", "/proc/keys"),
        ("outbox below a file", "TOKENHOUSE__MAIL__OUTBOX_DIR", "file/outbox", "mail.outbox_dir"),
        ("outbox in /proc", "TOKENHOUSE__MAIL__OUTBOX_DIR", "/proc/outbox", "/proc/outbox"),
        ("PostgreSQL is away", "TOKENHOUSE__DATABASE__URL", &unreachable, "accounts on 127.0.0.1"),
    ] {
        let listen = ("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0");
        let variables = if variable == listen.0 { vec![(variable, value)] } else { vec![listen, (variable, value)] };
        let (code, err) = refusal(folder.path(), &variables);
        findings.expect(&format!("{row}: {err}"), (code, err.contains(words)), (1, true));
        findings.expect(row, err.contains("secret-password"), false);
    }
    findings.none();
}

#[test]
fn secrets_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut findings = Findings::default();
    for secret in [
        "short",
        "0123456789012345678901234567890",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "your-256-bit-secret-your-256-bit-secret",
    ] {
        let (code, err) = refusal(folder.path(), &[("TOKENHOUSE__TOKENS__SECRET", secret)]);
        findings.expect(&format!("R5 {err}"), (code, err.contains(secret)), (2, false));
        findings.expect("R5", err.contains("tokens.secret"), true);
    }
    findings.expect("R5 nothing was made", folder.path().join("data").exists(), false);
    findings.none();
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path(), &[]));
    let file = folder.path().join("data/keys/signing-keys.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let listen = [("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0")];
    for mode in [0o640, 0o604, 0o644, 0o660] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let (code, err) = refusal(folder.path(), &listen);
        assert_eq!(
            (code, err.contains("can be read by others") && err.contains("chmod 600")),
            (1, true),
            "{mode:o}: {err}"
        );
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    drop(Program::start(folder.path(), &[]));

    for (row, content) in
        [("empty", ""), ("cut", "{\"keys\":[{\"kty\":"), ("no key", "{\"keys\":[]}"), ("text", "secret-in-a-file")]
    {
        std::fs::write(&file, content).unwrap();
        let (code, err) = refusal(folder.path(), &listen);
        assert_eq!((code, err.contains("signing-keys.json") || err.contains("data/keys")), (1, true), "{row}: {err}");
        assert!(!err.contains("secret-in-a-file"), "{err}");
    }
}
