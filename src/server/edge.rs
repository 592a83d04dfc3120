//! What every request and every answer gets: a request id, security headers, a line in the log where asked for.

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use futures_util::FutureExt as _;

use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::request_id::RequestId;
use crate::metrics::{OfWorker, Stopwatch};
use crate::oauth::error::OAuthError;
use crate::settings::{LogRequests, Settings};
use crate::token::{Clock, random};
use crate::traces::Traces;
use crate::web;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers here are data, not pages: nothing in them may run, load, or be framed.
const NO_CONTENT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Two years, as browsers' preload lists ask for.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// What lies around all routes. One for the process.
#[derive(Clone)]
pub(crate) struct Edge {
    headers: Arc<[(HeaderName, HeaderValue)]>,
    log: LogRequests,
    clock: Clock,
    ids: Arc<Ids>,
    traces: Traces,
}

/// Ids that are unique among all nodes and restarts: a random start, then counting.
struct Ids {
    start: String,
    next: AtomicU64,
}

impl Edge {
    pub fn new(settings: &Settings, clock: Clock, traces: Traces) -> Self {
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
        let ids = Ids { start: random::base64url(&random::bytes::<6>()), next: AtomicU64::new(1) };
        Self { headers: headers.into(), log: settings.log.requests, clock, ids: Arc::new(ids), traces }
    }

    /// Has `next` answer. `worker` counts the request, where metrics are shown.
    pub async fn around<B: MessageBody + 'static>(
        self,
        worker: Option<Rc<OfWorker>>,
        request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let id = self.request_id(request.headers());
        let started = (self.log != LogRequests::Off).then(|| self.clock.monotonic());
        request.extensions_mut().insert(RequestId(id.clone()));
        let counting = worker.map(|worker| (worker, Stopwatch::start(), request.method().clone()));
        let span = self.traces.request(&request);
        let of_oauth = request.path().starts_with("/oauth2/");
        // A handler that panics shall not leave its client without an answer.
        let answered = span.around(AssertUnwindSafe(next.call(request)).catch_unwind()).await;
        let answered = answered.unwrap_or_else(|_| Err(span.enter(|| self.panicked(of_oauth, id.clone()))));
        span.answered(&answered);
        if let Some((worker, since, method)) = counting {
            let (pattern, status) = match &answered {
                Ok(response) => (response.request().match_pattern(), response.status()),
                Err(error) => (None, error.as_response_error().status_code()),
            };
            worker.answered(pattern.as_deref(), &method, status, since.elapsed());
        }
        let mut response = web::problem_page::for_people(answered?);
        self.add_headers(response.headers_mut());
        if let Some(started) = started
            && (self.log == LogRequests::All || response.status().is_server_error())
        {
            span.enter(|| self.log(&response, started, &id));
        }
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in self.headers.iter() {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    /// The answer to a request that panicked.
    fn panicked(&self, of_oauth: bool, id: HeaderValue) -> Error {
        tracing::error!(request = id.to_str().unwrap_or("-"), "a request panicked, and others go on");
        let mut response = if of_oauth {
            OAuthError::server_error().error_response()
        } else {
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
            problem.detail("Something went wrong on this side; the log says what.").error_response()
        };
        self.add_headers(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, id);
        InternalError::from_response("a request panicked", response).into()
    }

    /// The id that came with the request, when it is a harmless one, else a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let is_harmless = |id: &&HeaderValue| {
            let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            !id.is_empty() && id.len() <= 64 && id.as_bytes().iter().all(harmless)
        };
        if let Some(id) = headers.get(REQUEST_ID).filter(is_harmless) {
            return id.clone();
        }
        let mut id = String::with_capacity(24);
        let number = self.ids.next.fetch_add(1, Ordering::Relaxed);
        let _ = write!(id, "{}-{number:x}", self.ids.start);
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
    }

    fn log<B>(&self, response: &ServiceResponse<B>, started: std::time::Duration, id: &HeaderValue) {
        let request = response.request();
        let micros = u64::try_from((self.clock.monotonic().saturating_sub(started)).as_micros()).unwrap_or(u64::MAX);
        let extensions = request.extensions();
        // The pattern and not the path: a path may carry what does not belong into a log.
        tracing::info!(
            method = request.method().as_str(),
            route = request.match_pattern().as_deref().unwrap_or("-"),
            status = response.status().as_u16(),
            micros,
            request = id.to_str().unwrap_or("-"),
            subject = extensions.get::<Bearer>().map(|bearer| bearer.subject.as_str()),
            "answered"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, HttpServer, web};
    use serde_json::Value;

    use super::*;
    use crate::settings::Sources;

    async fn panics(lock: web::Data<Mutex<u32>>) -> HttpResponse {
        let _held = lock.lock();
        panic!("on purpose");
    }

    /// One worker, so that all requests are on it.
    fn serve() -> SocketAddr {
        let settings = Settings::read(&Sources::default()).unwrap();
        let edge = Edge::new(&settings, Clock::system(), Traces::off());
        let lock = web::Data::new(Mutex::new(0_u32));
        let server = HttpServer::new(move || {
            let edge = edge.clone();
            App::new()
                .app_data(lock.clone())
                .route("/well", web::get().to(|| async { "well" }))
                .service(web::scope("/api").route("/panics", web::to(panics)))
                .service(web::scope("/oauth2/default").route("/panics", web::to(panics)))
                .wrap(from_fn(move |request, next| edge.clone().around(None, request, next)))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        address
    }

    /// F19.
    #[actix_web::test]
    async fn a_handler_that_panics_is_answered_and_others_go_on() {
        let url = format!("http://{}", serve());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for _ in 0..3 {
            let others: Vec<_> = (0..8).map(|_| client.get(format!("{url}/well")).send()).collect();
            for (path, member, right) in
                [("api", "type", "urn:tokenhouse:problem:internal"), ("oauth2/default", "error", "server_error")]
            {
                let body = client.post(format!("{url}/{path}/panics")).body("x".repeat(1000));
                let answer = body.header("x-request-id", "mine").send().await.unwrap();
                assert_eq!(answer.status(), 500, "{path}");
                assert_eq!(answer.headers()["x-request-id"], "mine");
                assert_eq!(answer.headers()["x-frame-options"], "DENY");
                assert_eq!(answer.headers()["cache-control"], "no-store");
                let text = answer.text().await.unwrap();
                let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
                assert_eq!(body[member], right, "{body}");
                assert!(!body.to_string().contains("on purpose"), "{body}");
            }
            for other in futures_util::future::join_all(others).await {
                assert_eq!(other.unwrap().text().await.unwrap(), "well");
            }
        }
    }
}
