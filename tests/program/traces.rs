//! Traces of the program: the log beside them, its environment, and its end.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::program::Program;
use crate::support::app::eventually;
use crate::support::collector::{Collector, Manner, hex};
use crate::support::ports::closed_port;

const ENDPOINT: &str = "TOKENHOUSE__TRACES__ENDPOINT";

fn lines(program: &Program) -> Vec<Value> {
    program.log().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_of_a_request_name_its_trace() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes).await);
    let variables = [
        (ENDPOINT, &*collector.endpoint()),
        ("TOKENHOUSE__LOG__REQUESTS", "all"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging"),
        // What the settings say is not asked for.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_SERVICE_NAME", "another"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
    ];
    let mut program = Program::start_beside(folder.path(), &variables).await;
    assert_eq!(program.register("ada@example.com").await, 201);
    assert_eq!(program.get("/api/profile", "garbage").await, 401);
    program.signal("TERM");
    assert!(program.ended(Duration::from_mins(1)).await.success());

    let lines = lines(&program);
    let of = |message: &str| -> Vec<&Value> { lines.iter().filter(|line| line["message"] == message).collect() };
    let (registered, answered) = (of("registered"), of("answered"));
    assert_eq!((registered.len(), answered.len()), (1, 2), "{lines:#?}");
    assert_eq!(registered[0]["trace_id"], answered[0]["trace_id"]);
    assert!(registered[0]["span"]["id"].is_string(), "{}", registered[0]);
    let told: BTreeSet<&str> = answered.iter().map(|line| line["trace_id"].as_str().unwrap()).collect();
    let spans = collector.spans();
    let requests = spans.iter().filter(|span| span.name.contains(" /api/"));
    let traces: Vec<String> = requests.map(|span| hex(&span.trace_id)).collect();
    assert_eq!(told, traces.iter().map(String::as_str).collect());
    let ending = of("shutting down: requests under way come to their end");
    assert!(ending[0]["trace_id"].is_null(), "{}", ending[0]);

    assert_eq!(collector.resource()["service.name"], "tokenhouse");
    assert_eq!(collector.resource()["deployment.environment.name"], "staging");
    assert!(collector.heads().iter().all(|head| head.contains("authorization: bearer hunter2\r\n")));
    assert!(!program.log().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_people_name_it_too() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Takes).await);
    let variables = [
        (ENDPOINT, &*collector.endpoint()),
        ("TOKENHOUSE__LOG__REQUESTS", "all"),
        ("TOKENHOUSE__LOG__FORMAT", "pretty"),
    ];
    let mut program = Program::start_beside(folder.path(), &variables).await;
    assert_eq!(program.get("/api/profile", "garbage").await, 401);
    program.signal("TERM");
    assert!(program.ended(Duration::from_mins(1)).await.success());
    let trace = hex(&collector.the("GET /api/profile").trace_id);
    let log = program.log();
    let named: Vec<&str> = log.lines().filter(|line| line.starts_with(&format!("trace_id={trace} "))).collect();
    assert!(named.len() == 1 && named[0].contains("answered"), "{log}");
    assert_eq!(log.matches("trace_id=").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_nothing_is_told_of_once() {
    let (folder, collector) =
        (tempfile::tempdir().unwrap(), Collector::start(Manner::Refuses("400 Bad Request")).await);
    let mut program = Program::start_beside(folder.path(), &[(ENDPOINT, &*collector.endpoint())]).await;
    eventually("it was tried several times", async || {
        program.get("/api/profile", "garbage").await;
        collector.heads().len() >= 4
    })
    .await;
    let about = |words: &str| program.log().matches(words).count();
    assert_eq!(about("traces are lost until the collector takes them"), 1, "{}", program.log());
    assert_eq!(about("HTTP export failed with status code: 400"), 1, "{}", program.log());
    collector.set(Manner::Takes);
    eventually("it is told of", async || {
        program.get("/api/profile", "garbage").await;
        program.log().contains("the collector takes traces again")
    })
    .await;
    collector.set(Manner::Hangs);
    assert_eq!(program.get("/api/profile", "garbage").await, 401);
    program.signal("TERM");
    assert!(program.ended(Duration::from_mins(1)).await.success());
    assert!(program.log().contains("did not take the last traces in time"), "{}", program.log());
    assert_eq!(program.log().matches("WARN").count(), 2, "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_collector_is_not_reached_is_told() {
    let (folder, port) = (tempfile::tempdir().unwrap(), closed_port());
    let endpoint = format!("http://127.0.0.1:{port}/key-in-the-path");
    let variables = [(ENDPOINT, &*endpoint), ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2")];
    let program = Program::start_beside(folder.path(), &variables).await;
    eventually("it is told of", async || {
        program.get("/api/profile", "garbage").await;
        program.log().contains("traces are lost")
    })
    .await;
    let lines = lines(&program);
    let warnings: Vec<&Value> = lines.iter().filter(|line| line["level"] == "WARN").collect();
    let [warning] = warnings[..] else { panic!("{}", program.log()) };
    let error = warning["error"].as_str().unwrap();
    assert!(error.contains("Connection refused"), "{error}");
    for secret in ["hunter2", "key-in-the-path"] {
        assert!(!program.log().contains(secret), "{secret}: {}", program.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_collector_takes_is_told_of_once() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start(Manner::Hangs).await);
    let mut program = Program::start_beside(folder.path(), &[(ENDPOINT, &*collector.endpoint())]).await;
    let many = (0..8).map(|_| async {
        for _ in 0..1000 {
            assert_eq!(program.get("/api/publicInfo", "").await, 200);
        }
    });
    futures_util::future::join_all(many).await;
    eventually("it is told of", async || program.log().contains("traces are lost")).await;
    program.signal("TERM");
    assert!(program.ended(Duration::from_mins(1)).await.success());
    assert_eq!(program.log().matches("traces are lost").count(), 1, "{}", program.log());
}
