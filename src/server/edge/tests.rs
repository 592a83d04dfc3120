use std::net::SocketAddr;
use std::sync::Mutex;

use actix_web::http::header::{ACCEPT, CONTENT_TYPE};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, test, web};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::metrics::Metrics;
use crate::settings::Sources;
use crate::token::Clock;

async fn panics(lock: web::Data<Mutex<u32>>) -> HttpResponse {
    let _held = lock.lock();
    panic!("on purpose");
}

fn edge() -> Edge {
    edge_with(Traces::off())
}

fn edge_with(traces: Traces) -> Edge {
    let settings = Settings::read(&Sources::default()).unwrap();
    Edge::new(&settings, Look::default(), traces)
}

/// The application around handlers that panic, counting for `metrics`.
macro_rules! app {
    ($edge:expr, $lock:expr, $metrics:expr) => {{
        let worker = Rc::new(Worker::new($edge, $metrics.map(OfWorker::new)));
        App::new()
            .app_data($lock)
            .route("/well", web::get().to(|| async { "well" }))
            .route("/account/{what}", web::to(panics))
            .service(web::scope("/api").route("/panics/{id}", web::to(panics)))
            .service(web::scope("/oauth2/default").route("/panics/{id}", web::to(panics)))
            .wrap(from_fn(move |request, next| Rc::clone(&worker).around(request, next)))
    }};
}

/// One worker, so that all requests are on it.
fn serve() -> SocketAddr {
    let (edge, lock) = (edge(), web::Data::new(Mutex::new(0_u32)));
    let server = HttpServer::new(move || app!(edge.clone(), lock.clone(), None::<Arc<Metrics>>));
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
            let body = client.post(format!("{url}/{path}/panics/1")).body("x".repeat(1000));
            // For programs, whoever asks.
            let body = body.header("accept", "text/html");
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

/// F19.
#[actix_web::test]
async fn a_page_that_panics_is_a_page() {
    let url = format!("http://{}/account/x", serve());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client.get(&url).header(ACCEPT.as_str(), "text/html,*/*;q=0.8").send().await.unwrap();
    assert_eq!(
        (page.status().as_u16(), &page.headers()[CONTENT_TYPE.as_str()]),
        (500, &"text/html; charset=utf-8".parse().unwrap())
    );
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("style-src 'self'") && page.headers().contains_key("x-request-id"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(page.contains("Something went wrong on this side") && page.contains("To your account"), "{page}");
    assert!(!page.contains("on purpose"), "{page}");
    let problem = client.get(&url).send().await.unwrap();
    assert_eq!(problem.headers()[CONTENT_TYPE.as_str()], "application/problem+json");
}

/// What is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// F19.
#[actix_web::test]
async fn a_panic_is_counted_and_logged_under_its_route() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    // Where there is but one subscriber, tracing asks that of the thread that comes to an event first, for good: another test's has none.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let metrics = Arc::new(Metrics::new(Clock::system(), Vec::new()));
    let app = test::init_service(app!(edge(), web::Data::new(Mutex::new(0_u32)), Some(Arc::clone(&metrics)))).await;
    let request =
        test::TestRequest::delete().uri("/api/panics/secret?token=secret").insert_header(("x-request-id", "mine"));
    let error = test::try_call_service(&app, request.to_request()).await.map(drop).unwrap_err();
    assert_eq!(error.as_response_error().status_code(), 500);

    let answered = metrics.requests.answered();
    let told: Vec<_> =
        answered.iter().map(|of| (of.route.as_str(), of.method, of.statuses.as_slice(), of.took.count)).collect();
    assert_eq!(told, [("/api/panics/{id}", "DELETE", &[(500, 1)][..], 1)]);

    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line =
        answered.iter().find(|line| line["fields"]["message"] == "answered").unwrap_or_else(|| panic!("{lines}"));
    let fields = &line["fields"];
    assert_eq!(
        (&fields["route"], &fields["method"], &fields["status"], &fields["request"]),
        (&"/api/panics/{id}".into(), &"DELETE".into(), &500.into(), &"mine".into())
    );
    assert!(!lines.contains("secret"), "{lines}");
}

#[cfg(feature = "otel")]
mod traced {
    use std::time::Duration;

    use opentelemetry::Context;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

    use super::*;

    /// The spans that have ended.
    #[derive(Debug, Clone, Default)]
    struct Ended(Arc<Mutex<Vec<SpanData>>>);

    impl SpanProcessor for Ended {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span);
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    /// F19.
    #[actix_web::test]
    async fn a_panic_is_in_the_traces_under_its_route() {
        let ended = Ended::default();
        let traces = Traces::told_to(ended.clone(), &Settings::read(&Sources::default()).unwrap());
        let app = test::init_service(app!(edge_with(traces), web::Data::new(Mutex::new(0_u32)), None::<Arc<Metrics>>));
        let app = app.await;
        for uri in ["/api/panics/secret?token=secret", "/oauth2/default/panics/secret"] {
            let request = test::TestRequest::delete().uri(uri).to_request();
            assert!(test::try_call_service(&app, request).await.is_err(), "{uri}");
        }
        let ended = ended.0.lock().unwrap();
        let names: Vec<&str> = ended.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["DELETE /api/panics/{id}", "DELETE /oauth2/default/panics/{id}"]);
        let Some(first) = ended.first() else { panic!("no span") };
        let fact = |key: &str| {
            let found = first.attributes.iter().find(|fact| fact.key.as_str() == key);
            found.map(|fact| fact.value.to_string()).unwrap_or_default()
        };
        assert_eq!(
            ["http.route", "url.path", "http.response.status_code", "error.type"].map(fact),
            ["/api/panics/{id}", "/api/panics/{id}", "500", "500"]
        );
        assert!(!format!("{ended:?}").contains("secret"), "{ended:?}");
    }
}
