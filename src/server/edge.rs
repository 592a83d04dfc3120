//! What every request and every answer gets: a request id, security headers, a line in the log where asked for.

use std::cell::{Cell, OnceCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceMap, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError as _};
use futures_util::FutureExt as _;

use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::request_id::REQUEST_ID;
use crate::metrics::{OfWorker, Stopwatch};
use crate::oauth::error::OAuthError;
use crate::settings::{LogRequests, Settings};
use crate::token::random;
use crate::traces::{Span, Traces};
use crate::web::look::Look;
use crate::web::problem_page;

/// Answers here are data, not pages: nothing in them may run, load, or be framed.
const NO_CONTENT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Two years, as browsers' preload lists ask for.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// What lies around all routes. One for the process.
#[derive(Clone)]
pub(crate) struct Edge {
    headers: Arc<[(HeaderName, HeaderValue)]>,
    log: LogRequests,
    look: Look,
    traces: Traces,
}

/// The same of one worker, which shares nothing that a request changes: processors would have to hand it to each other.
pub(crate) struct Worker {
    edge: Edge,
    ids: Ids,
    /// Where requests are counted, if anywhere.
    counts: Option<OfWorker>,
    /// The routes, for the sake of a request that is gone: known from the first request on.
    routes: OnceCell<ResourceMap>,
}

/// What is kept of a request, which its handler takes along when it panics.
struct Kept {
    id: HeaderValue,
    method: Method,
    uri: Uri,
    is_for_people: bool,
    /// Since it came; where it is counted, or may get a line.
    since: Option<Stopwatch>,
}

/// Ids that are unique among all workers, nodes and restarts: a random start, then counting.
struct Ids {
    start: String,
    next: Cell<u64>,
}

impl Edge {
    pub fn new(settings: &Settings, look: Look, traces: Traces) -> Self {
        let mut headers = vec![
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(NO_CONTENT)),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        if settings.server.public_url.starts_with("https:") {
            headers.push((STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS)));
        }
        Self { headers: headers.into(), log: settings.log.requests, look, traces }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        // Names are compared faster than looked up, and most answers have one.
        let is_ours = |name: &HeaderName| self.headers.iter().any(|(ours, _)| ours == name);
        let has_own = headers.keys().any(is_ours);
        for (name, value) in self.headers.iter() {
            if !(has_own && headers.contains_key(name)) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}

impl Worker {
    /// Which has seen no request yet.
    pub fn new(edge: Edge, counts: Option<OfWorker>) -> Self {
        Self { edge, ids: Ids::new(), counts, routes: OnceCell::new() }
    }

    /// Has `next` answer.
    pub async fn around<B: MessageBody + 'static>(
        self: Rc<Self>,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let kept = Kept {
            id: self.id_of(&mut request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            is_for_people: problem_page::is_for_people(request.path(), request.headers()),
            since: (self.counts.is_some() || self.edge.log != LogRequests::Off).then(Stopwatch::start),
        };
        self.routes.get_or_init(|| request.resource_map().clone());
        let span = self.edge.traces.request(&request);
        // A handler that panics shall not leave its client without an answer.
        let answered = span.around(AssertUnwindSafe(next.call(request)).catch_unwind()).await;
        let answered = answered.unwrap_or_else(|_| Err(span.enter(|| self.panicked(&kept))));
        self.tell(&kept, &span, &answered);
        let mut response = problem_page::for_people(answered?, kept.is_for_people);
        self.edge.add_headers(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, kept.id);
        Ok(response)
    }

    /// Notes in the span of a request how it was answered, counts it and writes its line, each where that is wanted.
    fn tell<B>(&self, kept: &Kept, span: &Span, answered: &Result<ServiceResponse<B>, Error>) {
        let (status, request) = match answered {
            Ok(response) => (response.status(), Some(response.request())),
            // Which is gone.
            Err(error) => (error.as_response_error().status_code(), None),
        };
        let counted = self.counts.as_ref().zip(kept.since);
        let is_logged = match self.edge.log {
            LogRequests::All => true,
            LogRequests::Errors => status.is_server_error(),
            LogRequests::Off => false,
        };
        let logged = kept.since.filter(|_| is_logged);
        if counted.is_none() && logged.is_none() && !span.is_recorded() {
            return;
        }
        let route = match request {
            Some(request) => request.match_pattern(),
            None => self.routes.get().and_then(|routes| routes.match_pattern(kept.uri.path())),
        };
        span.answered(&kept.method, route.as_deref(), status);
        if let Some((counts, since)) = counted {
            counts.answered(route.as_deref(), &kept.method, status, since.elapsed());
        }
        if let Some(since) = logged {
            let extensions = request.map(HttpMessage::extensions);
            let bearer = extensions.as_ref().and_then(|extensions| extensions.get::<Bearer>());
            let micros = since.elapsed().as_micros();
            let line = || {
                // The pattern and not the path: a path may carry what does not belong into a log.
                tracing::info!(
                    method = kept.method.as_str(),
                    route = route.as_deref().unwrap_or("-"),
                    status = status.as_u16(),
                    micros = u64::try_from(micros).unwrap_or(u64::MAX),
                    request = kept.id.to_str().unwrap_or("-"),
                    subject = bearer.map(|bearer| bearer.subject.as_str()),
                    "answered"
                );
            };
            span.enter(line);
        }
    }

    /// The answer to a request that panicked.
    fn panicked(&self, kept: &Kept) -> Error {
        tracing::error!(request = kept.id.to_str().unwrap_or("-"), "a request panicked, and others go on");
        let mut response = if kept.uri.path().starts_with("/oauth2/") {
            OAuthError::server_error().error_response()
        } else if kept.is_for_people {
            problem_page::internal(kept.uri.path(), &self.edge.look)
        } else {
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
            problem.detail("Something went wrong on this side; the log says what.").error_response()
        };
        self.edge.add_headers(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, kept.id.clone());
        InternalError::from_response("a request panicked", response).into()
    }

    /// The id that came with a request, when it is a harmless one, else a new one, which the request has from now on.
    fn id_of(&self, request: &mut ServiceRequest) -> HeaderValue {
        let is_harmless = |id: &&HeaderValue| {
            let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            !id.is_empty() && id.len() <= 64 && id.as_bytes().iter().all(harmless)
        };
        if let Some(id) = request.headers().get(REQUEST_ID).filter(is_harmless) {
            return id.clone();
        }
        let id = self.ids.next();
        request.headers_mut().insert(REQUEST_ID, id.clone());
        id
    }
}

impl Ids {
    fn new() -> Self {
        Self { start: random::base64url(&random::bytes::<6>()), next: Cell::new(1) }
    }

    fn next(&self) -> HeaderValue {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        HeaderValue::try_from(format!("{}-{number:x}", self.start)).unwrap_or(HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests;
