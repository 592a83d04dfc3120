//! TLS as an operator has it: what it says at the start, what it refuses, certificates that are replaced, and its end.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::first_minute::{have_curl, paste, requests};
use crate::program::{Program, run, told};
use crate::support::app::{PASSWORD, eventually};
use crate::support::certificates::{Authority, Issued, shown};
use crate::support::ports::closed_port;

/// What turns TLS on, with the files that [`Issued::write`] writes into the folder of the program.
const TLS: [(&str, &str); 3] = [
    ("TOKENHOUSE__SERVER__PUBLIC_URL", "https://localhost:3000"),
    ("TOKENHOUSE__SERVER__TLS_CERTIFICATE", "server.pem"),
    ("TOKENHOUSE__SERVER__TLS_KEY", "server.key"),
];

fn start(folder: &Path, more: &[(&str, &str)]) -> Program {
    let mut program = Program::start(folder, &[&TLS, more].concat());
    program.url = format!("https://localhost:{}", program.address.port());
    program
}

/// The lines of the log with this level.
fn lines(program: &Program, level: &str) -> Vec<Value> {
    let lines = program.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>();
    lines.into_iter().filter(|line| line["level"] == level).collect()
}

/// The certificate that a new connection gets.
async fn new_connection_sees(program: &Program, authority: &Authority) -> Vec<u8> {
    let client = authority.client().build().unwrap();
    shown(&client.get(format!("{}/health/ready", program.url)).send().await.unwrap())
}

#[test]
fn the_three_requests_work_when_pasted() {
    let folder = tempfile::tempdir().unwrap();
    Issued::self_signed().write(folder.path());
    let port = closed_port();
    let (listen, url) = (format!("127.0.0.1:{port}"), format!("https://localhost:{port}"));
    let program = Program::start(
        folder.path(),
        &[TLS[1], TLS[2], ("TOKENHOUSE__SERVER__LISTEN", &listen), ("TOKENHOUSE__SERVER__PUBLIC_URL", &url)],
    );
    assert!(program.banner.contains(&format!("listens on https://127.0.0.1:{port}\n")), "{}", program.banner);
    let [register, log_in, profile] = &requests(&program.banner)[..] else { panic!("{}", program.banner) };
    // It vouches for itself, so curl must be told; that it is not asked to look away matters.
    assert!(register.starts_with("curl --cacert /") && register.contains(&url), "{register}");
    if have_curl() {
        assert!(paste(register).contains(r#""email":"ada@example.com""#));
        assert_eq!(paste(&format!("{log_in}\n{profile}")), "You are viewing private profile info");
        let version = paste(&format!("{} -o /dev/null -w '%{{http_version}}'", profile.replace("curl ", "curl -s ")));
        assert!(["2", "1.1"].contains(&version.as_str()), "{version}");
    }
}

#[test]
fn wrong_pairs_are_refused_with_exit_code_2_and_by_config_check() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let issued = authority.issue();
    let listen = ("TOKENHOUSE__SERVER__LISTEN", "127.0.0.1:0");
    let refused = |variables: &[(&str, &str)], words: &str| {
        let variables = [variables, &[listen]].concat();
        for arguments in [&["serve"][..], &["config", "check"]] {
            let (code, out, err) = told(&run(folder.path(), arguments, &variables));
            assert_eq!(code, 2, "{words}: {out}{err}");
            assert!(format!("{out}{err}").contains(words), "{words}: {out}{err}");
        }
        assert!(!folder.path().join("data").exists(), "{words}: something was made");
    };
    refused(&TLS, "server.tls_certificate = \"server.pem\": there is no such file");
    issued.write(folder.path());
    refused(&TLS[1..], "server.public_url = \"http://localhost:3000\"");
    refused(&TLS[..2], "server.tls_key is missing");
    let key = folder.path().join("server.key");
    for mode in [0o644, 0o660, 0o604] {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(mode)).unwrap();
        refused(&TLS, &format!("server.key can be read by others than its owner (mode {mode:o}); want chmod 600"));
    }
    Issued { key: authority.issue().key, ..issued.clone() }.write(folder.path());
    refused(
        &TLS,
        "server.tls_key = \"server.key\": the key in server.key is not that of the certificate in server.pem",
    );
    Issued { certificate: "not PEM".to_owned(), ..issued.clone() }.write(folder.path());
    refused(&TLS, "server.tls_certificate = \"server.pem\": server.pem is not PEM");
    // Accounts can be looked after while the files are being put right.
    let (code, _, err) = told(&run(folder.path(), &["user", "list"], &TLS));
    assert_eq!(code, 0, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_keep_the_last_good_pair_and_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let issued = authority.issue();
    issued.write(folder.path());
    let program = start(folder.path(), &[]);
    let errors = || lines(&program, "ERROR").into_iter().map(|line| line["error"].as_str().unwrap().to_owned());
    let cut = issued.certificate[..issued.certificate.len() / 2].to_owned();
    let other = authority.issue();
    let path = |name: &str| folder.path().join(name);
    let breakages: [(&str, &dyn Fn()); 5] = [
        ("an -----END line is missing", &|| std::fs::write(path("server.pem"), &cut).unwrap()),
        ("it is empty", &|| std::fs::write(path("server.pem"), "").unwrap()),
        ("is not that of the certificate", &|| std::fs::write(path("server.pem"), &other.certificate).unwrap()),
        ("can be read by others", &|| {
            issued.write(folder.path());
            std::fs::set_permissions(path("server.key"), PermissionsExt::from_mode(0o644)).unwrap();
        }),
        ("No such file", &|| std::fs::remove_file(path("server.key")).unwrap()),
    ];
    for (count, (words, breakage)) in (1..).zip(breakages) {
        breakage();
        eventually(words, async || errors().count() == count).await;
        assert!(errors().next_back().unwrap().contains(words), "{words}: {:?}", errors().next_back());
        assert_eq!(new_connection_sees(&program, &authority).await, issued.der, "{words}");
    }
    // It is looked at each second, and this takes longer than one: it was said once.
    let looks = Instant::now();
    eventually("three seconds pass", async || looks.elapsed() > Duration::from_secs(3)).await;
    assert_eq!(errors().count(), 5, "{:?}", errors().collect::<Vec<_>>());
    issued.write(folder.path());
    let again = |line: &Value| line["message"].as_str().unwrap().contains("those in force again");
    eventually("all is well", async || lines(&program, "INFO").iter().any(again)).await;
    other.write(folder.path());
    eventually("the other pair is taken", async || new_connection_sees(&program, &authority).await == other.der).await;
    assert_eq!(errors().count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_certificate_is_told() {
    let now = tokenhouse::Clock::system().now();
    for (name, days, words) in [
        ("localhost", 400, None),
        ("localhost", 5, Some("the TLS certificate expires at")),
        ("localhost", -5, Some("the TLS certificate expired at")),
        ("elsewhere.example", 400, Some("the TLS certificate is not for localhost, the host in server.public_url")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        authority.issue_for(name, Some(now + chrono::TimeDelta::days(days))).write(folder.path());
        let program = start(folder.path(), &[]);
        let warnings = || lines(&program, "WARN").into_iter().map(|line| line["message"].as_str().unwrap().to_owned());
        if let Some(words) = words {
            eventually(words, async || warnings().any(|line| line.starts_with(words))).await;
            // One that will do, and no more of it.
            authority.issue().write(folder.path());
            eventually("it is replaced", async || program.log().contains("a new TLS certificate is in force")).await;
            assert_eq!(warnings().count(), 1, "{:?}", warnings().collect::<Vec<_>>());
        } else {
            let answer = authority.client().build().unwrap().get(format!("{}/health/ready", program.url)).send();
            assert_eq!(answer.await.unwrap().status(), 200);
            assert_eq!(warnings().count(), 0, "{:?}", warnings().collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_lets_requests_under_way_come_to_their_end_and_idle_connections_hold_up_nothing() {
    // Hashes that take long, one after the other, and a grace that is long on any machine.
    let slow = [
        ("TOKENHOUSE__LOG__REQUESTS", "all"),
        ("TOKENHOUSE__SERVER__SHUTDOWN_GRACE", "5m"),
        ("TOKENHOUSE__PASSWORDS__MEMORY_KIB", "131072"),
        ("TOKENHOUSE__PASSWORDS__ITERATIONS", "3"),
        ("TOKENHOUSE__PASSWORDS__HASHING_THREADS", "1"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.issue().write(folder.path());
    let mut program = start(folder.path(), &slow);
    let [http1, http2] = [authority.client().http1_only().build().unwrap(), authority.client().build().unwrap()];
    program.client = http2.clone();
    assert_eq!(program.register("ada@example.com").await, 201);
    // Connections of each protocol that had an answer, and one that has not said a word.
    let mut idle = Vec::new();
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let mut stream = authority.connect(program.address, &[protocol]).await;
        if protocol == b"h2" {
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        } else {
            stream.write_all(b"GET /api/publicInfo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        }
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        idle.push(stream);
    }
    let silent = TcpStream::connect(program.address).await.unwrap();

    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let logins = (0..6).map(|n| {
        let client = if n % 2 == 0 { &http1 } else { &http2 };
        client.post(format!("{}/api/login", program.url)).json(&body).send()
    });
    let stop = async {
        // The first has its answer, and the others wait for a thread.
        let answered = || lines(&program, "INFO").iter().filter(|line| line["route"] == "/api/login").count();
        eventually("the first login", async || answered() > 0).await;
        program.signal("TERM");
        eventually("new connections are refused", async || TcpStream::connect(program.address).await.is_err()).await;
    };
    let (answers, ()) = tokio::join!(join_all(logins), stop);
    for answer in answers {
        let answer = answer.expect("F9: nobody is cut off");
        assert_eq!(answer.status(), 200, "F9 {:?}", answer.version());
        assert!(answer.json::<Value>().await.unwrap()["refresh_token"].is_string(), "F9");
    }
    assert_eq!(program.wait(Duration::from_mins(3)).code(), Some(0), "F10");
    drop((idle, silent));
}
