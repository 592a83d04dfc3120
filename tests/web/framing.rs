//! Requests that two servers in a row might read in two ways, and heads of all sizes: W9, W10, B7.

use crate::support::app::{Engine, TestApp};
use crate::support::raw;
use crate::support::tokens::Findings;

#[tokio::test(flavor = "multi_thread")]
async fn no_second_request_hides_in_the_first() {
    let app = TestApp::start(Engine::Sqlite).await;
    let hidden = "GET /api/publicInfo HTTP/1.1\r\nHost: x\r\n\r\n";
    let post = |headers: &str, body: &str| format!("POST /api/login HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
    let mut findings = Findings::default();
    for (row, request) in [
        ("CL and TE", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        ("TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 50\r\n", &format!("0\r\n\r\n{hidden}"))),
        ("two CL", post("Content-Length: 0\r\nContent-Length: 44\r\n", hidden)),
        ("CL list", post("Content-Length: 0, 44\r\n", hidden)),
        ("CL +5", post("Content-Length: +5\r\n", &format!("hello{hidden}"))),
        ("CL negative", post("Content-Length: -1\r\n", hidden)),
        ("CL hexadecimal", post("Content-Length: 0x2\r\n", hidden)),
        ("CL huge", post("Content-Length: 99999999999999999999999\r\n", hidden)),
        ("CL blank within", post("Content-Length: 1 1\r\n", hidden)),
        (
            "TE twice",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &format!("0\r\n\r\n{hidden}")),
        ),
        ("TE unknown", post("Transfer-Encoding: xchunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        ("TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        ("TE in 1.0", format!("POST /api/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}")),
        ("TE tab", post("Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n", &format!("0\r\n\r\n{hidden}"))),
        ("chunk size wrong", post("Transfer-Encoding: chunked\r\n", &format!("zz\r\n{hidden}"))),
        ("chunk size overflow", post("Transfer-Encoding: chunked\r\n", &format!("ffffffffffffffffff\r\n{hidden}"))),
        ("chunk line end", post("Transfer-Encoding: chunked\r\n", &format!("0\n\n{hidden}"))),
        ("blank before colon", post("Content-Length : 44\r\n", hidden)),
        ("folded", post("X-A: a\r\n Content-Length: 44\r\n", hidden)),
        ("name with blank", post("Content Length: 44\r\n", hidden)),
        ("no colon", post("Content-Length\r\n", hidden)),
        ("HTTP/0.9", "GET /api/publicInfo\r\n\r\n".to_owned()),
        ("HTTP/2.0", format!("GET /api/profile HTTP/2.0\r\nHost: x\r\n\r\n{hidden}")),
        ("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("no method", format!(" /api/profile HTTP/1.1\r\nHost: x\r\n\r\n{hidden}")),
        ("NUL in a value", format!("GET /api/profile HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n{hidden}")),
    ] {
        // Alone, and with the connection kept open afterwards: the answers are counted.
        let answer = tokio::time::timeout(std::time::Duration::from_mins(2), raw::send(app.address, &request)).await;
        let answer = answer.expect(row);
        let answers = answer.matches("HTTP/1.1 ").count();
        let served = answer.contains("public info");
        // A request that is refused before its body is read ends the connection; no row may get at the hidden one.
        findings.expect(
            &format!("W9 {row}: {answers} answers, first {}", raw::status(&answer)),
            answers <= 1 && !served,
            true,
        );
    }
    findings.expect("afterwards", app.get("/api/publicInfo").await.status().as_u16(), 200);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_not_taken() {
    let app = TestApp::start(Engine::Sqlite).await;
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    let request = format!("GET /api/profile HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let answer = raw::head(&mut stream).await;
    assert_eq!(raw::status(&answer), 401, "W9: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_of_all_sizes() {
    let app = TestApp::start(Engine::Sqlite).await;
    let many = |count: usize| (0..count).fold(String::new(), |all, n| all + &format!("X-{n}: {n}\r\n"));
    let mut findings = Findings::default();
    for (row, request, right) in [
        ("W10 90 headers", raw::get("/api/publicInfo", &many(90)), vec![200]),
        ("W10 200 headers", raw::get("/api/publicInfo", &many(200)), vec![400, 431]),
        ("W10 100 KB header", raw::get("/api/publicInfo", &format!("X-A: {}\r\n", "a".repeat(100_000))), vec![200]),
        (
            "W10 132 KB header",
            raw::get("/api/publicInfo", &format!("X-A: {}\r\n", "a".repeat(132_000))),
            vec![0, 400, 431],
        ),
        ("W10 long path", raw::get(&format!("/{}", "a".repeat(10_000)), ""), vec![404]),
        ("W10 many segments", raw::get(&"/a".repeat(10_000), ""), vec![404]),
        ("W10 long query", raw::get(&format!("/api/publicInfo?{}", "a=b&".repeat(5_000)), ""), vec![200]),
        ("W10 NUL in path", raw::get("/api/\0publicInfo", ""), vec![400]),
        ("W10 %00", raw::get("/api/publicInfo%00", ""), vec![404]),
        ("W10 %zz", raw::get("/api/%zz", ""), vec![400, 404]),
        ("W10 % alone", raw::get("/%", ""), vec![400, 404]),
        ("W10 not UTF-8", raw::get("/%ff%fe", ""), vec![400, 404]),
        ("W10 dots", raw::get("/../../etc/passwd", ""), vec![400, 404]),
        ("W10 no host", "GET /api/publicInfo HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), vec![200, 400]),
        (
            "W10 long method",
            format!("{} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "A".repeat(5_000)),
            vec![400, 404, 405],
        ),
    ] {
        let status = raw::status(&raw::send(app.address, request).await);
        findings.expect(&format!("{row}: {status}"), right.contains(&status), true);
    }
    findings.expect("afterwards", app.get("/api/publicInfo").await.status().as_u16(), 200);
    findings.none();
}
