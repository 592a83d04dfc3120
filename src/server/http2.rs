//! HTTP/2 (RFC 9113): streams of one connection become requests to the application.
//!
//! Everything a client may pile up has a bound: streams, heads, bodies that nobody reads yet, small and empty DATA frames, resets, time.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, Payload, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, Version};
use actix_web::web::Bytes;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::listener::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE, SEND_TIMEOUT};
use crate::token::Clock;

/// So many requests at once on one connection.
const STREAMS: u32 = 100;

/// Names and values of a request's head, with 32 bytes for each field (RFC 9113, section 6.5.2).
const HEAD_BYTES: u32 = 64 << 10;

/// So much of all bodies of a connection waits to be read, and of one of them.
const CONNECTION_WINDOW: u32 = 1 << 20;
const STREAM_WINDOW: u32 = 64 << 10;

/// So much of one answer waits to be sent.
const SEND_BUFFER: usize = 64 << 10;

/// Requests that a client may take back before they are answered, beyond the number of those that it let be answered. Opening and resetting without
/// end costs the client nothing and us a request each time (CVE-2023-44487).
const TAKEN_BACK: u32 = 100;

/// Fields that are about a connection of HTTP/1.1 and have no place in HTTP/2 (RFC 9113, section 8.2.2).
const OF_CONNECTIONS: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// What the connections of one worker share.
pub(super) struct Protocol<S> {
    pub app: S,
    pub shutdown: GracefulShutdownSignal,
    pub clock: Clock,
}

/// How a request ended.
enum Outcome {
    Answered,
    /// The client reset the stream or hung up before it had the answer.
    TakenBack,
}

impl<S> Protocol<S>
where
    S: Service<Request>,
    S::Error: Into<Response<BoxBody>>,
{
    /// Serves one connection to its end.
    pub async fn serve<T, B>(&self, io: T, peer: Option<SocketAddr>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        if let Err(error) = self.run(io, peer).await {
            tracing::debug!(%error, "a connection of HTTP/2 ended");
        }
    }

    async fn run<T, B>(&self, io: T, peer: Option<SocketAddr>) -> Result<(), h2::Error>
    where
        T: AsyncRead + AsyncWrite + Unpin,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        // Small and empty DATA frames and the errors that a client may cause are bounded by the library's defaults.
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER);
        let Ok(connection) = tokio::time::timeout(HEAD_TIMEOUT, builder.handshake(io)).await else { return Ok(()) };
        let mut connection = connection?;
        let mut shutdown = pin!(self.shutdown.notified());
        // Runs while no request is under way.
        let mut idle = pin!(tokio::time::sleep(KEEP_ALIVE));
        let mut open = FuturesUnordered::new();
        // The client was told to open no more.
        let mut ending = false;
        let (mut answered, mut taken_back) = (0_u32, 0_u32);
        loop {
            tokio::select! {
                accepted = connection.accept() => match accepted.transpose()? {
                    Some((request, respond)) => open.push(self.answer(request, respond, peer)),
                    None => return Ok(()),
                },
                Some(outcome) = open.next(), if !open.is_empty() => {
                    match outcome {
                        Outcome::Answered => answered = answered.saturating_add(1),
                        Outcome::TakenBack => taken_back = taken_back.saturating_add(1),
                    }
                    if taken_back > answered.saturating_add(TAKEN_BACK) {
                        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                        ending = true;
                    }
                    idle.set(tokio::time::sleep(if ending { DISCONNECT_TIMEOUT } else { KEEP_ALIVE }));
                }
                () = &mut shutdown, if !ending => {
                    connection.graceful_shutdown();
                    ending = true;
                    idle.set(tokio::time::sleep(DISCONNECT_TIMEOUT));
                }
                () = &mut idle, if open.is_empty() => {
                    if ending {
                        return Ok(());
                    }
                    connection.graceful_shutdown();
                    ending = true;
                    idle.set(tokio::time::sleep(DISCONNECT_TIMEOUT));
                }
            }
        }
    }

    /// Has the application answer one request. When the client resets the stream or hangs up, the application is told by being dropped.
    async fn answer<B>(
        &self,
        request: http::Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        peer: Option<SocketAddr>,
    ) -> Outcome
    where
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        let head_only = request.method() == http::Method::HEAD;
        let response = match translate(request, peer) {
            None => Response::bad_request(),
            Some(request) => tokio::select! {
                // The reset first: the application may answer that the body broke off, and nobody waits for that.
                biased;
                _ = poll_fn(|context| respond.poll_reset(context)) => return Outcome::TakenBack,
                response = self.app.call(request) => match response {
                    Ok(response) => response.into().map_into_boxed_body(),
                    Err(error) => error.into(),
                },
            },
        };
        let date = self.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        match send(response, respond, head_only, &date).await {
            Ok(()) => Outcome::Answered,
            Err(error) => {
                tracing::debug!(%error, "an answer was not sent to its end");
                Outcome::TakenBack
            }
        }
    }
}

/// The request as the application knows it from HTTP/1.1; `None` when it is malformed.
fn translate(request: http::Request<RecvStream>, peer: Option<SocketAddr>) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let payload = if body.is_end_stream() { Payload::None } else { Payload::Stream { payload: chunks(body) } };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.version = Version::HTTP_2;
    head.peer_addr = peer;
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    // The path alone, for so it comes in HTTP/1.1. Scheme and authority are what the client makes of them.
    head.uri = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse().ok()?;
    // Cookies may come in parts, each a field (section 8.2.3).
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        if name == http::header::COOKIE {
            if !cookies.is_empty() {
                cookies.extend_from_slice(b"; ");
            }
            cookies.extend_from_slice(value.as_bytes());
            continue;
        }
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    if !cookies.is_empty() {
        head.headers.insert(header::COOKIE, HeaderValue::from_bytes(&cookies).ok()?);
    }
    // One host, whichever way it is said (section 8.3.1).
    let mut hosts = head.headers.get_all(header::HOST);
    match (parts.uri.authority(), hosts.next(), hosts.next()) {
        (_, Some(_), Some(_)) | (None, None, _) => return None,
        (Some(authority), Some(host), None) if authority.as_str().as_bytes() != host.as_bytes() => return None,
        (Some(authority), None, None) => {
            let host = HeaderValue::from_str(authority.as_str()).ok()?;
            head.headers.insert(header::HOST, host);
        }
        _ => {}
    }
    Some(request)
}

/// The body of a request. What the application read makes room for more.
fn chunks(body: RecvStream) -> BoxedPayloadStream {
    Box::pin(stream::unfold(body, |mut body| async move {
        let chunk = body.data().await?;
        let chunk = chunk.and_then(|chunk| body.flow_control().release_capacity(chunk.len()).map(|()| chunk));
        Some((chunk.map_err(|error| PayloadError::Io(io::Error::other(error))), body))
    }))
}

/// Sends an answer to its end, or until the client does not want it any more.
async fn send(
    response: Response<BoxBody>,
    mut respond: SendResponse<Bytes>,
    head_only: bool,
    date: &str,
) -> Result<(), h2::Error> {
    let (response, body) = response.into_parts();
    let (head, size) = head_of(&response, body.size(), date);
    let ends = head_only || size.is_eof();
    let mut stream = respond.send_response(head, ends)?;
    if ends {
        return Ok(());
    }
    let mut body = pin!(body);
    while let Some(chunk) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let Ok(mut chunk) = chunk else {
            stream.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        };
        while !chunk.is_empty() {
            stream.reserve_capacity(chunk.len());
            match tokio::time::timeout(SEND_TIMEOUT, poll_fn(|context| stream.poll_capacity(context))).await {
                Ok(Some(capacity)) => stream.send_data(chunk.split_to(capacity?.min(chunk.len())), false)?,
                Ok(None) => return Ok(()),
                Err(_) => {
                    stream.send_reset(Reason::CANCEL);
                    return Ok(());
                }
            }
        }
    }
    stream.send_data(Bytes::new(), true)
}

/// The head of an answer, and the size of the body that follows.
fn head_of(response: &Response<()>, size: BodySize, date: &str) -> (http::Response<()>, BodySize) {
    let mut answer = http::Response::new(());
    *answer.status_mut() = http::StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    let bodiless = matches!(response.status().as_u16(), 100..200 | 204 | 304);
    let size = if bodiless { BodySize::None } else { size };
    let headers = answer.headers_mut();
    for (name, value) in response.headers() {
        let name = name.as_str();
        if OF_CONNECTIONS.contains(&name) || (name == "content-length" && size != BodySize::Stream) {
            continue;
        }
        let field = http::HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some((name, value)) = field.zip(http::HeaderValue::from_bytes(value.as_bytes()).ok()) {
            headers.append(name, value);
        }
    }
    if let BodySize::Sized(bytes) = size {
        headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(bytes));
    }
    if let Ok(date) = http::HeaderValue::from_str(date) {
        headers.entry(http::header::DATE).or_insert(date);
    }
    (answer, size)
}
