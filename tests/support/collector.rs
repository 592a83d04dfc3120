//! A stand-in for a collector of OpenTelemetry: takes OTLP over HTTP, and misbehaves when told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with spans.
#[derive(Clone, Copy)]
pub enum Manner {
    Takes,
    /// Answers with this status and takes nothing.
    Refuses(&'static str),
    /// Never answers.
    Hangs,
}

/// A running collector.
#[derive(Clone)]
pub struct Collector {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Mutex<Manner>,
    /// Head and body of each request.
    requests: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Collector {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { manner: Mutex::new(manner), requests: Mutex::default() });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, shared }
    }

    /// For `traces.endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock().expect("no panic") = manner;
    }

    /// The heads of all requests, also of those that it did not take.
    pub fn heads(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no panic").iter().map(|(head, _)| head.clone()).collect()
    }

    /// All bytes that came, as text as far as they are.
    pub fn bytes(&self) -> String {
        let requests = self.shared.requests.lock().expect("no panic");
        requests.iter().flat_map(|(head, body)| [head.clone(), String::from_utf8_lossy(body).into_owned()]).collect()
    }

    fn messages(&self) -> Vec<ExportTraceServiceRequest> {
        let requests = self.shared.requests.lock().expect("no panic");
        let decode = |(_, body): &(String, Vec<u8>)| ExportTraceServiceRequest::decode(&body[..]).expect("OTLP");
        requests.iter().map(decode).collect()
    }

    /// The spans that came.
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.messages().into_iter().flat_map(|message| message.resource_spans);
        resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
    }

    /// Whose spans the first are.
    pub fn resource(&self) -> Map<String, Value> {
        let messages = self.messages();
        let resource = messages.first().and_then(|first| first.resource_spans.first()?.resource.clone());
        facts(&resource.expect("a resource").attributes)
    }

    /// The one span of this name.
    pub fn the(&self, name: &str) -> Span {
        let mut found: Vec<Span> = self.spans().into_iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {:?}", self.names());
        found.remove(0)
    }

    /// The names of all spans, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        names
    }
}

/// Attributes by their names.
pub fn facts(attributes: &[KeyValue]) -> Map<String, Value> {
    let value = |of: &KeyValue| match of.value.as_ref().and_then(|value| value.value.clone()) {
        Some(Any::StringValue(text)) => Value::from(text),
        Some(Any::IntValue(number)) => Value::from(number),
        other => Value::from(format!("{other:?}")),
    };
    attributes.iter().map(|of| (of.key.clone(), value(of))).collect()
}

/// Bytes in hexadecimal, as trace and span ids are written.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let (mut received, mut part) = (Vec::new(), [0; 16 * 1024]);
    let (head, length) = loop {
        let Ok(count @ 1..) = stream.read(&mut part).await else { return };
        received.extend_from_slice(&part[..count]);
        if let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end + 4]).to_lowercase();
            let length: Option<usize> =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let Some(length) = length else { return };
            break (head, end + 4 + length);
        }
    };
    while received.len() < length {
        let Ok(count @ 1..) = stream.read(&mut part).await else { return };
        received.extend_from_slice(&part[..count]);
    }
    let body = received.split_off(head.len());
    shared.requests.lock().expect("no panic").push((head, body));
    let manner = *shared.manner.lock().expect("no panic");
    let status = match manner {
        Manner::Takes => "200 OK",
        Manner::Refuses(status) => status,
        Manner::Hangs => std::future::pending().await,
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}
