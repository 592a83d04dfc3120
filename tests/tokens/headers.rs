//! The Authorization header: B1 to B9, R35, R36.

use crate::support::app::{Engine, TestApp};
use crate::support::raw;
use crate::support::tokens::Findings;

const NO_CREDENTIALS: &str = "Bearer realm=\"tokenhouse\"";

/// What an answer is like: its status, and its challenge up to the description.
fn outcome(answer: &str) -> (u16, String) {
    let challenge = raw::header(answer, "www-authenticate").unwrap_or("none");
    (raw::status(answer), challenge.split(", error_description").next().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_the_header() {
    let app = TestApp::start(Engine::Sqlite).await;
    let t = app.tokens().await.access_token;
    let invalid_request = format!("{NO_CREDENTIALS}, error=\"invalid_request\"");
    let invalid_token = format!("{NO_CREDENTIALS}, error=\"invalid_token\"");
    let line = |value: &str| format!("Authorization: {value}\r\n");
    let mut findings = Findings::default();
    for (row, headers, status, challenge) in [
        ("B1 none", String::new(), 401, NO_CREDENTIALS),
        ("B2 Bearer", line(&format!("Bearer {t}")), 200, "none"),
        ("B2 bearer", line(&format!("bearer {t}")), 200, "none"),
        ("B2 BEARER", line(&format!("BEARER {t}")), 200, "none"),
        ("B2 name in lower case", format!("authorization: bEaReR {t}\r\n"), 200, "none"),
        ("B3 two blanks", line(&format!("Bearer  {t}")), 400, &invalid_request),
        ("B3 tab", line(&format!("Bearer\t{t}")), 400, &invalid_request),
        ("B3 blank behind", line(&format!("Bearer {t} ")), 200, "none"),
        ("B3 blanks in front", line(&format!("   Bearer {t}")), 200, "none"),
        ("B3 more behind", line(&format!("Bearer {t} extra")), 400, &invalid_request),
        ("B3 comma", line(&format!("Bearer,{t}")), 400, &invalid_request),
        ("B3 equals", line(&format!("Bearer={t}")), 400, &invalid_request),
        ("B3 quoted", line(&format!("Bearer \"{t}\"")), 400, &invalid_request),
        ("B3 two tokens", line(&format!("Bearer {t}, Bearer {t}")), 400, &invalid_request),
        ("B3 bad", line("Bearer abc"), 401, &invalid_token),
        ("B4 Bearer alone", line("Bearer"), 401, NO_CREDENTIALS),
        ("B4 Bearer and blank", line("Bearer "), 401, NO_CREDENTIALS),
        ("B4 Basic", line("Basic dTpw"), 401, NO_CREDENTIALS),
        ("B4 Token", line(&format!("Token {t}")), 401, NO_CREDENTIALS),
        ("B4 the token alone", line(&t), 401, NO_CREDENTIALS),
        ("B4 Bearertoken", line(&format!("Bearer{t}")), 401, NO_CREDENTIALS),
        ("B4 empty", line(""), 401, NO_CREDENTIALS),
        ("B5 good, bad", line(&format!("Bearer {t}")) + &line("Bearer x"), 400, &invalid_request),
        ("B5 bad, good", line("Bearer x") + &line(&format!("Bearer {t}")), 400, &invalid_request),
        ("B5 good, good", line(&format!("Bearer {t}")).repeat(2), 400, &invalid_request),
        ("B5 Basic, good", line("Basic dTpw") + &line(&format!("Bearer {t}")), 400, &invalid_request),
        ("B6 cookie", format!("Cookie: Authorization={t}; access_token={t}\r\n"), 401, NO_CREDENTIALS),
        ("B6 proxy header", format!("Proxy-Authorization: Bearer {t}\r\n"), 401, NO_CREDENTIALS),
        ("B6 X-", format!("X-Authorization: Bearer {t}\r\n"), 401, NO_CREDENTIALS),
        ("B7 not ASCII", line(&format!("Bearer {t}é")), 400, &invalid_request),
    ] {
        let answer = raw::send(app.address, raw::get("/api/profile", &headers)).await;
        findings.expect(row, outcome(&answer), (status, challenge.to_owned()));
        findings.expect(row, raw::header(&answer, "content-type").is_some(), true);
    }
    // B7: bytes that no header may have end in 400, and the connection with them.
    for (row, bytes) in [("B7 NUL", "\0"), ("B7 line end", "\rx"), ("B7 DEL", "\x7f")] {
        let answer = raw::send(app.address, raw::get("/api/profile", &line(&format!("Bearer {t}{bytes}")))).await;
        findings.expect(row, raw::status(&answer), 400);
        findings.expect(row, answer.matches("HTTP/1.1").count(), 1);
    }
    // B6: in the query it is not read, and beside a header it is one token too many.
    let in_query = raw::send(app.address, raw::get(&format!("/api/profile?access_token={t}"), "")).await;
    findings.expect("B6 query", outcome(&in_query), (401, NO_CREDENTIALS.to_owned()));
    let both = raw::get(&format!("/api/profile?a=b&access_token={t}"), &line(&format!("Bearer {t}")));
    findings.expect("B6 query and header", outcome(&raw::send(app.address, both).await), (400, invalid_request));
    let form = format!(
        "POST /api/logout HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\naccess_token={t}",
        t.len() + 13
    );
    findings.expect("B6 form", outcome(&raw::send(app.address, form).await), (401, NO_CREDENTIALS.to_owned()));
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method() {
    let app = TestApp::start(Engine::Sqlite).await;
    let t = app.tokens().await.access_token;
    let mut findings = Findings::default();
    for (method, with_token, without) in [
        ("GET", 200, 401),
        ("HEAD", 200, 401),
        ("OPTIONS", 405, 405),
        ("TRACE", 405, 405),
        ("FOO", 405, 405),
        ("POST", 405, 405),
    ] {
        let request = |headers: &str| raw::get("/api/profile", headers).replacen("GET", method, 1);
        let answer = raw::send(app.address, request(&format!("Authorization: Bearer {t}\r\n"))).await;
        findings.expect(&format!("B8 {method}"), raw::status(&answer), with_token);
        if method == "HEAD" {
            findings.expect("B8 HEAD has no body", answer.ends_with("\r\n\r\n"), true);
        }
        findings.expect("B8 echo", answer.contains(&t), false);
        let answer = raw::send(app.address, request("")).await;
        findings.expect(&format!("B8 {method}, no token"), raw::status(&answer), without);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_way_of_writing_the_path_gets_in() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    for path in [
        "//api/profile",
        "/api/profile/",
        "/API/profile",
        "/api/Profile",
        "/api/./profile",
        "/api/x/../profile",
        "/api/profile%2f",
        "/api/profile;x",
        "/api/%70rofile",
        "/api%2fprofile",
        "/api/publicInfo/../profile",
        "/api/profile%00",
        "/api/profile?x",
        "/api/profile#x",
        "http://evil.example/api/profile",
        "\\api\\profile",
        "/api//profile",
    ] {
        let answer = raw::send(app.address, raw::get(path, "")).await;
        let status = raw::status(&answer);
        findings.expect(&format!("B9 {path}: {status}"), [400, 401, 404].contains(&status), true);
        findings.expect(path, answer.contains("private profile"), false);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_401_has_a_challenge_of_permitted_characters() {
    let app = TestApp::start(Engine::Sqlite).await;
    let mut findings = Findings::default();
    let wrong = serde_json::json!({"email": "a@x.io", "password": "wrong password", "refresh_token": "x"});
    for (row, response) in [
        ("profile", app.get("/api/profile").await),
        ("profile, bad", app.get_as("/api/profile", "x").await),
        ("me", app.get("/api/me").await),
        ("logout", app.post("/api/logout", wrong.clone()).await),
        ("login", app.post("/api/login", wrong.clone()).await),
        ("refresh", app.post("/api/refresh", wrong).await),
    ] {
        findings.expect(row, response.status().as_u16(), 401);
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap_or("?"));
        findings.expect(&format!("R36 {row}"), challenge.is_some_and(|c| c.starts_with(NO_CREDENTIALS)), true);
        // R35: within the quotes, neither quotes nor backslashes nor anything beyond ASCII.
        let quoted = challenge.unwrap_or_default().split('"').skip(1).step_by(2).collect::<String>();
        let permitted = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        findings.expect(&format!("R35 {row}"), quoted.bytes().all(permitted), true);
    }
    findings.none();
}
