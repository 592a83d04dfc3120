//! HTTP as bytes, for what no proper client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Everything the server answers to `bytes` until it closes the connection, or until it has been silent for a while.
pub async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may close before it has read all.
    let _ = stream.write_all(bytes.as_ref()).await;
    read(&mut stream, Duration::from_secs(10)).await
}

/// What comes until the connection is closed; what came so far when nothing does for `patience`.
pub async fn read(stream: &mut TcpStream, patience: Duration) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(patience, stream.read(&mut part)).await {
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of an answer, and what came with it. The connection may stay open.
pub async fn head(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    let reading = async {
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part).await {
                Ok(count @ 1..) => answer.extend_from_slice(&part[..count]),
                _ => return,
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_mins(2), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A POST of `length` bytes of JSON to `path` whose head the server has read, and which it now waits for the body of (RFC 9110, section 10.1.1).
pub async fn begun(address: SocketAddr, path: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 100 "), "it does not go on: {answer}");
    stream
}

/// The status that a POST of `body` gets, also when the server has said so before it has read all, which a proper client may not notice.
pub async fn post(address: SocketAddr, path: &str, body: &str) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    status(&send(address, head + body).await)
}

/// The status of an answer; 0 when there is none.
pub fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The value of a header of an answer.
pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|h| h.1)
}

/// A GET of `path` with these lines of header, which closes the connection.
pub fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}
