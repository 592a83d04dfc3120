//! Letters through a mail server: TLS, logins, refusals, and servers that are down, slow or silent: F22.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::support::app::{Engine, PASSWORD, TestApp, eventually};
use crate::support::letters::{RESET, VERIFY};
use crate::support::ports::closed_port;
use crate::support::postgres;
use crate::support::smtp::{MailServer, available, certificates};

const ADA: &str = "ada@example.com";

/// The engines that there are.
fn engines() -> Vec<Engine> {
    if postgres::available() { vec![Engine::Sqlite, Engine::Postgres] } else { vec![Engine::Sqlite] }
}

/// A server that sends to `port`.
async fn app(engine: Engine, port: u16, security: &str, more: &[(&str, &str)]) -> TestApp {
    let port = port.to_string();
    let own = [
        ("limits.enabled", "false"),
        ("mail.transport", "smtp"),
        ("mail.host", "localhost"),
        ("mail.port", port.as_str()),
        ("mail.security", security),
        ("mail.from", "Example <no-reply@example.com>"),
    ];
    TestApp::with(engine, &[own.as_slice(), more].concat()).await
}

fn ca(folder: &Path) -> String {
    folder.join("ca.pem").display().to_string()
}

async fn waiting(app: &TestApp) -> usize {
    app.texts("SELECT id FROM letters").await.len()
}

/// Waits until the server was given a command so often.
async fn got(server: &MailServer, command: &str, count: usize) {
    let given = || server.commands().iter().filter(|given| *given == command).count();
    eventually(command, async || given() >= count).await;
    assert_eq!(given(), count, "{command}");
}

/// Waits until every letter is being tried, or was, for so often.
async fn tried(app: &TestApp, tries: usize) {
    let untried = format!("SELECT id FROM letters WHERE tries < {tries}");
    eventually("each letter was tried", async || app.texts(&untried).await.is_empty()).await;
}

async fn sent(app: &TestApp) {
    eventually("no letter waits", async || waiting(app).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivers_over_starttls_and_over_tls_with_a_login() {
    if !available() {
        return;
    }
    let folder = certificates("localhost");
    for security in ["starttls", "tls"] {
        let arguments = ["--security", security, "--login", "mailer:a secret of the mail server"];
        let server = MailServer::start(0, Some(folder.path()), &arguments);
        let more = [
            ("mail.ca_certificate", &*ca(folder.path())),
            ("mail.username", "mailer"),
            ("mail.password", "a secret of the mail server"),
        ];
        let app = app(Engine::Sqlite, server.port, security, &more).await;
        app.register(ADA).await;
        app.register("straße@example.com").await;
        sent(&app).await;
        let letters = server.letters();
        let mut to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, [ADA, "straße@example.com"], "{security}");
        let events = server.events();
        assert!(
            events
                .iter()
                .filter(|event| event["command"] == "MAIL")
                .all(|event| event["tls"] == true && event["login"] == true)
        );
        assert!(events.iter().any(|event| event["command"] == "AUTH" && event["tls"] == true), "{events:?}");
        let letter = letters.iter().find(|letter| letter.to == ADA).unwrap();
        assert_eq!(letter.subject, VERIFY);
        let verified = app.post("/api/email/verify", json!({"token": letter.token()})).await;
        assert_eq!(verified.status(), 204, "{security}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn says_nothing_to_a_server_that_it_cannot_trust() {
    if !available() {
        return;
    }
    let (right, other_name, other_ca) =
        (certificates("localhost"), certificates("mail.example"), certificates("localhost"));
    let login = ["--login", "mailer:a secret of the mail server"];
    for (row, server_has, security, we_want) in [
        ("no STARTTLS", None, "none", "starttls"),
        ("no TLS", None, "none", "tls"),
        ("STARTTLS of another name", Some(&other_name), "starttls", "starttls"),
        ("TLS of another name", Some(&other_name), "tls", "tls"),
        ("STARTTLS of another authority", Some(&other_ca), "starttls", "starttls"),
        ("TLS of another authority", Some(&other_ca), "tls", "tls"),
    ] {
        let arguments = [["--security", security].as_slice(), &login].concat();
        let server = MailServer::start(0, server_has.map(tempfile::TempDir::path), &arguments);
        // Of the other name's server the authority is trusted, and only the name is wrong.
        let trusted =
            if server_has.is_some_and(|folder| folder.path() == other_name.path()) { &other_name } else { &right };
        let more = [
            ("mail.ca_certificate", &*ca(trusted.path())),
            ("mail.username", "mailer"),
            ("mail.password", "a secret of the mail server"),
        ];
        let app = app(Engine::Sqlite, server.port, we_want, &more).await;
        app.register(ADA).await;
        tried(&app, 1).await;
        app.stop().await;
        assert_eq!(server.commands(), Vec::<String>::new(), "{row}: no password, no address, no letter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_again_unless_there_is_no_such_mailbox() {
    if !available() {
        return;
    }
    for engine in engines() {
        // Each refusal is counted when it is given, so what is answered may be changed after it.
        let server = MailServer::start(0, None, &[]);
        server.answer("RCPT", Some("450 4.2.1 not now"));
        let app = app(engine, server.port, "none", &[]).await;
        app.register(ADA).await;
        got(&server, "RCPT", 1).await;
        assert_eq!((waiting(&app).await, server.letters().len()), (1, 0));
        app.hands.advance(Duration::from_mins(1));
        got(&server, "RCPT", 2).await;
        // What is wrong with the sender is for the operator to mend: no letter is lost for it.
        server.answer("RCPT", None);
        server.answer("MAIL", Some("550 5.7.1 not from you"));
        app.hands.advance(Duration::from_mins(2));
        got(&server, "MAIL", 3).await;
        assert_eq!((waiting(&app).await, server.letters().len()), (1, 0));
        server.answer("MAIL", None);
        app.hands.advance(Duration::from_mins(5));
        sent(&app).await;
        let letters = server.letters();
        assert_eq!(letters.len(), 1);
        let verified = app.post("/api/email/verify", json!({"token": letters[0].token()})).await;
        assert_eq!(verified.status(), 204, "the token of the first try is that of the last");

        server.answer("RCPT", Some("550 5.1.1 no such user"));
        app.register("nobody@example.com").await;
        sent(&app).await;
        assert_eq!(server.letters().len(), 1, "given up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_used_or_over_between_two_tries_does_not_come_back() {
    if !available() {
        return;
    }
    for engine in engines() {
        let server = MailServer::start(0, None, &[]);
        let app = app(engine, server.port, "none", &[]).await;
        app.register(ADA).await;
        sent(&app).await;
        // It may be that the server took it and its answer was lost. Meanwhile its link is opened.
        server.answer("RCPT", Some("450 4.2.1 not now"));
        app.post("/api/password/forgot", json!({"email": ADA})).await;
        got(&server, "RCPT", 2).await;
        app.sql("DELETE FROM one_time_tokens WHERE purpose = 'reset_password'").await;
        // And another whose time is over.
        app.register("late@example.com").await;
        got(&server, "RCPT", 3).await;
        server.answer("RCPT", None);
        app.hands.advance(Duration::from_hours(24));
        sent(&app).await;
        assert_eq!(server.letters().len(), 1, "no dead link is sent");
        assert_eq!(app.texts("SELECT token_hash FROM one_time_tokens WHERE purpose = 'reset_password'").await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_delays_nobody_and_loses_nothing() {
    if !available() {
        return;
    }
    for engine in engines() {
        let port = closed_port();
        let mut app = app(engine, port, "none", &[]).await;
        for n in 0..5 {
            app.register(&format!("u{n}@example.com")).await;
        }
        let answer = app.post("/api/password/forgot", json!({"email": "u0@example.com"})).await;
        assert_eq!(answer.status(), 202, "F22");
        tried(&app, 1).await;
        assert_eq!(waiting(&app).await, 6, "F22");
        app.restart().await;
        assert_eq!(waiting(&app).await, 6, "F22 over a restart");
        let server = MailServer::start(port, None, &[]);
        app.hands.advance(Duration::from_mins(5));
        sent(&app).await;
        let letters = server.letters();
        let mut told: Vec<(&str, &str)> =
            letters.iter().map(|letter| (letter.to.as_str(), letter.subject.as_str())).collect();
        told.sort_unstable();
        let mut right: Vec<(String, &str)> = (0..5).map(|n| (format!("u{n}@example.com"), VERIFY)).collect();
        right.push(("u0@example.com".to_owned(), RESET));
        right.sort_unstable();
        let right: Vec<(&str, &str)> = right.iter().map(|(to, subject)| (to.as_str(), *subject)).collect();
        assert_eq!(told, right, "F22: each once");
        let reset = letters.iter().find(|letter| letter.subject == RESET).unwrap();
        let body = json!({"token": reset.token(), "new_password": "a wholly different sentence"});
        assert_eq!(app.post("/api/password/reset", body).await.status(), 204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_is_handed_some_at_the_same_time_and_each_once() {
    if !available() {
        return;
    }
    for engine in engines() {
        let server = MailServer::start(0, None, &[]);
        server.answer("RCPT", Some("450 4.2.1 not now"));
        let app = app(engine, server.port, "none", &[]).await;
        let mut emails: Vec<String> = (0..7).map(|n| format!("u{n}@example.com")).collect();
        for email in &emails {
            app.register(email).await;
        }
        got(&server, "RCPT", 7).await;
        // All are due again at once. None of them is taken, so four are under way, and the others wait.
        server.answer("RCPT", None);
        server.answer("HOLD", Some(""));
        app.hands.advance(Duration::from_mins(1));
        got(&server, "RCPT", 7 + 4).await;
        assert_eq!(app.texts("SELECT id FROM letters WHERE tries = 1").await.len(), 3);
        server.answer("HOLD", None);
        sent(&app).await;
        let mut to: Vec<String> = server.letters().into_iter().map(|letter| letter.to).collect();
        to.sort_unstable();
        emails.sort_unstable();
        assert_eq!(to, emails, "each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_delays_nobody() {
    for engine in engines() {
        // It accepts, and says nothing.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let app = app(engine, silent.local_addr().unwrap().port(), "none", &[]).await;
        app.register(ADA).await;
        tried(&app, 1).await;
        // Now one is under way, and will be for half a minute.
        let together = async {
            for email in [ADA, "nobody@example.com"] {
                let answer = app.post("/api/password/forgot", json!({"email": email})).await;
                assert_eq!(answer.status(), 202, "F22");
            }
            app.log_in(ADA).await;
            let body = json!({"email": "b@example.com", "password": PASSWORD});
            assert_eq!(app.post("/api/register", body).await.status(), 201, "F22");
        };
        tokio::time::timeout(Duration::from_secs(20), together).await.expect("F22: requests wait for the mail server");
        // That to nobody is none.
        eventually("three letters wait", async || waiting(&app).await == 3).await;
        // Nor is the end of the server held up.
        tokio::time::timeout(Duration::from_secs(20), app.stop()).await.expect("F22: it does not stop");
    }
}
