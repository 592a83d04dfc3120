//! `tokenhouse user import` and `export`: hashes of other systems, bad lines, hostile lines, being broken off.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Program, command, told};
use crate::support::app::PASSWORD;
use crate::support::postgres;
use crate::support::tokens::Findings;

/// Made by the libraries of other systems from [`PASSWORD`].
const HASHES: [(&str, &str); 5] = [
    ("bcrypt", "$2b$04$V7x/Zc6MLrZ7yoACIn02/ubHi3CcfLrXNF5EvnHKuGJLPaEjW2sY2"),
    ("django", "pbkdf2_sha256$1000$Zn1sd7BbUsQFL1lUBDvtyP$nWIjMgFTOAZ7KrUE39TiSEM01HWlV5lqRpgwpSKeWtM="),
    ("scrypt", "$scrypt$ln=4,r=8,p=2$y/lfay2lFOJ8r3XundM6Jw$cAKpNnCioW5sTytYIRgADfbJdFkerVuzpup2fIyZr6w"),
    (
        "passlib",
        "$pbkdf2-sha512$1000$MKb0fg/h3Nu7NyZkLKWUkg$1QsSo.wRuyA0wnmmSZppGcVGrU/2JPwATwYY4giaef3GKA5inhHIO5SHWkh1NQcielpodMjCktdkEEaNuQ55rw",
    ),
    ("argon2i", "$argon2i$v=19$m=64,t=1,p=1$03pam7TMs8/Ab0O/8fH2ow$foZ1bJQfLCKZENvPB0Dz78QAeV3/Fpuffu3TQOIeBqI"),
];

fn import(folder: &Path, arguments: &[&str]) -> (i32, Value, String) {
    let (code, out, err) =
        told(&command(folder, &[&["user", "import", "--json"], arguments].concat(), &[]).output().unwrap());
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")), err)
}

fn hash_of(folder: &Path, email: &str) -> String {
    let (_, out, _) = told(&command(folder, &["user", "export"], &[]).output().unwrap());
    let mut lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["email"] == email).unwrap()["password_hash"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_other_systems_log_in_and_are_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut lines = String::from("\u{feff}");
    for (name, hash) in HASHES {
        let email = format!("{name}@example.com");
        lines += &json!({"email": email, "password_hash": hash, "email_verified": true}).to_string();
        lines += "\r\n";
    }
    lines += "\n";
    lines += &json!({"email": "none@example.com", "name": "No Password", "roles": ["billing"], "created_at": "2020-01-01T00:00:00Z"}).to_string();
    std::fs::write(folder.join("users.jsonl"), lines).unwrap();
    std::fs::write(folder.join("firebase.json"), r#"{"base64_signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==", "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14}"#).unwrap();
    std::fs::write(folder.join("firebase.jsonl"), json!({"localId": "x1", "email": "fire@example.com", "displayName": "Fire", "emailVerified": true, "salt": "42xEC+ixf3L2lw==", "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="}).to_string()).unwrap();

    let server = Program::start(folder, &[]);
    let (code, report, err) = import(folder, &["users.jsonl"]);
    assert_eq!((code, report), (0, json!({"imported": 6, "bad_count": 0, "bad": []})), "{err}");
    let (code, report, _) = import(folder, &["firebase.jsonl", "--firebase-parameters", "firebase.json"]);
    assert_eq!((code, &report["imported"]), (0, &json!(1)));
    for (name, hash) in HASHES {
        let email = format!("{name}@example.com");
        assert_eq!(hash_of(folder, &email), hash, "{name}");
        let body = json!({"email": email, "password": "not the password"});
        assert_eq!(server.post("/api/login", body).await.unwrap().status(), 401, "{name}");
        assert!(server.log_in(&email).await.is_ok(), "{name}");
        assert!(hash_of(folder, &email).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name} is not renewed");
        assert!(server.log_in(&email).await.is_ok(), "{name} again");
    }
    let fire = json!({"email": "fire@example.com", "password": "user1password"});
    assert_eq!(server.post("/api/login", fire).await.unwrap().status(), 200, "Firebase");
    // Whoever came without a password logs in with none.
    for password in ["", "*", PASSWORD] {
        let body = json!({"email": "none@example.com", "password": password});
        assert_eq!(server.post("/api/login", body).await.unwrap().status(), 401, "{password}");
    }
}

#[test]
fn bad_lines_are_told_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = |n: usize| json!({"email": format!("u{n}@example.com"), "name": format!("U {n}")}).to_string();
    let long = format!("{{\"email\":\"long@example.com\",\"name\":\"{}\"}}", "x".repeat(10_000_000));
    let deep = format!("{{\"email\":\"deep@example.com\",\"x\":{}", "[".repeat(20_000));
    let lines: Vec<Vec<u8>> = vec![
        good(1).into_bytes(),
        b"not JSON".to_vec(),
        br#"{"email":"nobody"}"#.to_vec(),
        good(2).into_bytes(),
        br#"{"email":"a@x.io","email":"b@x.io"}"#.to_vec(),
        br#"["list@example.com"]"#.to_vec(),
        long.into_bytes(),
        deep.into_bytes(),
        b"{\"email\":\"nul@example.com\",\"name\":\"a\\u0000b\"}".to_vec(),
        b"{\"email\":\"ansi@example.com\",\"name\":\"\\u001b[31mred\"}".to_vec(),
        b"{\"email\":\"latin@example.com\",\"name\":\"\xe4\"}".to_vec(),
        br#"{"email":"dear@example.com","password_hash":"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_vec(),
        br#"{"email":"plain@example.com","password_hash":"hunter2"}"#.to_vec(),
        br#"{"email":"U1@example.com"}"#.to_vec(),
        good(3).into_bytes(),
    ];
    std::fs::write(folder.join("users.jsonl"), lines.join(&b'\n')).unwrap();
    let (code, report, _) = import(folder, &["users.jsonl", "--rejects", "bad.jsonl"]);
    assert_eq!((code, &report["imported"], &report["bad_count"]), (1, &json!(3), &json!(12)), "{report}");
    let numbers: Vec<u64> = report["bad"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    assert!(!report.to_string().contains("hunter2"), "{report}");
    // To the letter, the long one too.
    let rejects = std::fs::read(folder.join("bad.jsonl")).unwrap();
    let mut rejected: Vec<&[u8]> = rejects.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut bad: Vec<&[u8]> =
        numbers.iter().map(|number| lines[usize::try_from(*number).unwrap() - 1].as_slice()).collect();
    rejected.sort_unstable();
    bad.sort_unstable();
    assert!(rejected == bad, "{} rejected", rejected.len());
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(folder.join("bad.jsonl")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Again: nothing is there twice.
    let (code, report, _) = import(folder, &["users.jsonl"]);
    assert_eq!((code, &report["imported"], &report["bad_count"]), (1, &json!(0), &json!(15)));
    let (code, _, err) =
        told(&command(folder, &["user", "import", "users.jsonl", "--rejects", "bad.jsonl"], &[]).output().unwrap());
    assert_eq!((code, err.contains("want a new file")), (1, true), "{err}");
}

#[test]
fn csv_and_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_, hash) = HASHES[0];
    let csv = format!(
        "\u{feff}email,name,roles,email_verified,password_hash,unknown\r\nada@example.com,\"Lovelace, Ada\",admin billing,true,{hash},x\r\n\"quo\"\"te@example.com\",,,,,\r\nshort,row\r\ngrace@example.com,\"Two\nlines\",,no,,\r\nlast@example.com,Last,,,,\r\n"
    );
    std::fs::write(folder.join("users.csv"), csv).unwrap();
    let (code, report, err) = import(folder, &["users.csv", "--rejects", "bad.csv"]);
    assert_eq!((code, &report["imported"], &report["bad_count"]), (1, &json!(2), &json!(3)), "{report}{err}");
    let rejects = std::fs::read_to_string(folder.join("bad.csv")).unwrap();
    let expected = "\u{feff}email,name,roles,email_verified,password_hash,unknown\r\n\"quo\"\"te@example.com\",,,,,\r\nshort,row\r\ngrace@example.com,\"Two\nlines\",,no,,\r\n";
    assert_eq!(rejects, expected);
    let (_, out, _) = told(&command(folder, &["user", "show", "ada@example.com", "--json"], &[]).output().unwrap());
    let ada: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&ada["name"], &ada["roles"], &ada["email_verified"]),
        (&json!("Lovelace, Ada"), &json!(["admin", "billing"]), &json!(true))
    );

    // What was exported is imported elsewhere as it was.
    let (_, exported, _) = told(&command(folder, &["user", "export"], &[]).output().unwrap());
    let other = tempfile::tempdir().unwrap();
    let mut child = command(other.path(), &["user", "import", "-", "--json"], &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(exported.as_bytes()).unwrap();
    let (code, out, _) = told(&child.wait_with_output().unwrap());
    assert_eq!((code, out.contains("\"imported\":2")), (0, true), "{out}");
    let (_, again, _) = told(&command(other.path(), &["user", "export"], &[]).output().unwrap());
    assert_eq!(again, exported);
    let (code, out, _) = told(&command(folder, &["user", "export", "all.jsonl"], &[]).output().unwrap());
    assert_eq!(code, 0, "{out}");
    assert_eq!(std::fs::read_to_string(folder.join("all.jsonl")).unwrap(), exported);
    let mut findings = Findings::default();
    for (name, text, words) in [("empty.csv", "", "email"), ("head.csv", "name,roles\n", "must name its columns")] {
        std::fs::write(folder.join(name), text).unwrap();
        let (code, _, err) = told(&command(folder, &["user", "import", name], &[]).output().unwrap());
        findings.expect(&format!("{name}: {err}"), (code, err.contains(words)), (1, true));
    }
    let (code, _, err) = told(&command(folder, &["user", "import", "nowhere.jsonl"], &[]).output().unwrap());
    findings.expect(&err, (code, err.contains("cannot read nowhere.jsonl")), (1, true));
    findings.none();
}

#[test]
fn no_row_of_csv_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let long = format!("long@example.com,\"{}\"\n", "x".repeat(1_000_000));
    let bad = ["short\n", "open@example.com,\"never closed\n", "more@example.com,M,more\n", &long];
    let csv = format!("email,name\n{}{}a@example.com,A\n{}{}b@example.com,B", bad[0], bad[1], bad[2], bad[3]);
    std::fs::write(folder.join("users.csv"), csv).unwrap();
    let (code, report, _) = import(folder, &["users.csv", "--rejects", "bad.csv"]);
    assert_eq!((code, &report["imported"]), (1, &json!(2)), "{report}");
    let told: Vec<(u64, &str)> = report["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| (bad["line"].as_u64().unwrap(), bad["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (2, "it has not as many columns as the first line"),
            (3, "a quote is not closed"),
            (5, "it has not as many columns as the first line"),
            (6, "it is longer than 65536 bytes"),
        ]
    );
    let rejects = std::fs::read_to_string(folder.join("bad.csv")).unwrap();
    assert!(rejects == format!("email,name\n{}", bad.concat()), "{}", rejects.len());
}

/// The same on PostgreSQL: batches, what is taken, and an export that is an import elsewhere.
#[test]
fn into_postgresql_and_out_of_it() {
    if !postgres::available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |database: &str, arguments: &[&str]| {
        told(&command(folder, arguments, &[("TOKENHOUSE__DATABASE__URL", database)]).output().unwrap())
    };
    let (_, hash) = HASHES[0];
    let mut lines: Vec<String> = (0..2500)
        .map(|n| json!({"email": format!("u{n}@example.com"), "name": "L\u{e9}a", "roles": ["a", "b"], "password_hash": hash}).to_string())
        .collect();
    lines.insert(1200, json!({"email": "U7@example.com"}).to_string());
    lines.insert(1300, json!({"email": "nul@example.com", "name": "a\0b"}).to_string());
    std::fs::write(folder.join("users.jsonl"), lines.join("\n")).unwrap();
    let (one, other) = (postgres::fresh_database(), postgres::fresh_database());
    let (code, out, err) = run(&one, &["user", "import", "users.jsonl", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let numbers = json!([report["bad"][0]["line"], report["bad"][1]["line"]]);
    assert_eq!(
        (code, &report["imported"], &report["bad_count"], numbers),
        (1, &json!(2500), &json!(2), json!([1201, 1301]))
    );
    assert_eq!(run(&one, &["user", "export", "one.jsonl"]).0, 0);
    assert_eq!(run(&other, &["user", "import", "one.jsonl"]).0, 0);
    assert_eq!(run(&other, &["user", "export", "other.jsonl"]).0, 0);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("one.jsonl") == read("other.jsonl") && read("one.jsonl").lines().count() == 2500);
}

/// An import that is broken off is in the record: its event is there before its first account.
#[test]
fn an_import_is_recorded_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut child =
        command(folder, &["user", "import", "-"], &[]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for n in 0..1500 {
        writeln!(input, "{}", json!({"email": format!("u{n}@example.com")})).unwrap();
    }
    input.flush().unwrap();
    let some_are_there = || {
        let (_, out, _) = told(&command(folder, &["user", "list", "--json", "--limit", "1"], &[]).output().unwrap());
        out.contains("@example.com")
    };
    assert!((0..300).any(|_| some_are_there()), "nothing was imported");
    child.kill().unwrap();
    child.wait().unwrap();
    let (_, out, _) = told(&command(folder, &["audit", "--json", "--act", "user.import"], &[]).output().unwrap());
    let record: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(record["items"].as_array().unwrap().len(), 1, "{record}");
}

#[test]
fn one_that_was_broken_off_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let count = 20_000;
    let lines: Vec<String> = (0..count).map(|n| json!({"email": format!("u{n}@example.com")}).to_string()).collect();
    std::fs::write(folder.join("users.jsonl"), lines.join("\n")).unwrap();
    let mut child = command(folder, &["user", "import", "users.jsonl"], &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(400));
    child.kill().unwrap();
    child.wait().unwrap();
    let (_, report, _) = import(folder, &["users.jsonl"]);
    let (imported, bad) = (report["imported"].as_u64().unwrap(), report["bad_count"].as_u64().unwrap());
    assert_eq!(imported + bad, count, "{imported} and {bad}");
    assert_eq!(bad % 1000, 0, "whole batches were committed: {bad}");
    let (_, out, _) = told(&command(folder, &["user", "export"], &[]).output().unwrap());
    assert_eq!(u64::try_from(out.lines().count()).unwrap(), count);
}
