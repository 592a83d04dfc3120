//! What every test's server answers is held against the OpenAPI document: an answer whose status is not in it fails the test, in whatever suite.

use std::collections::HashMap;
use std::fmt::Debug;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, registry};

/// Who writes the line of a request, which is where answers are looked at: `log.requests` must be `all`.
const EDGE: &str = "tokenhouse::server::edge";

/// The statuses of each route, such as `GET /api/me`.
static DOCUMENTED: LazyLock<HashMap<String, Vec<u16>>> = LazyLock::new(|| {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenhouse"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKENHOUSE")) {
        command.env_remove(name);
    }
    let output = command.arg("openapi").current_dir(std::env::temp_dir()).output().expect("the program runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("the document");
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().expect("operations").iter().map(move |(method, operation)| {
            let statuses = operation["responses"].as_object().expect("answers").keys();
            (format!("{} {path}", method.to_uppercase()), statuses.filter_map(|status| status.parse().ok()).collect())
        })
    });
    operations.collect()
});

static UNDOCUMENTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Looks at answers until it is dropped, and fails then if one was not documented.
pub struct Watch(());

impl Watch {
    pub fn begin() -> Self {
        let lines = Targets::new().with_target(EDGE, LevelFilter::INFO);
        // Of many tests in one process, the first does it.
        let _ = registry().with(Lines.with_filter(lines)).try_init();
        Self(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let undocumented = std::mem::take(&mut *UNDOCUMENTED.lock().expect("the list"));
        if !std::thread::panicking() {
            assert!(undocumented.is_empty(), "not in the OpenAPI document: {undocumented:?}");
        }
    }
}

struct Lines;

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        // HEAD is answered as GET is. A wrong method is no matter of a route.
        let method = if line.method == "HEAD" { "GET" } else { &line.method };
        let route = format!("{method} {}", line.route);
        let statuses = DOCUMENTED.get(&route);
        if statuses.is_some_and(|statuses| line.status != 405 && !statuses.contains(&line.status)) {
            UNDOCUMENTED.lock().expect("the list").push(format!("{route}: {}", line.status));
        }
    }
}

#[derive(Default)]
struct Line {
    method: String,
    route: String,
    status: u16,
}

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        match field.name() {
            "method" => value.clone_into(&mut self.method),
            "route" => value.clone_into(&mut self.route),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        if field.name() == "status" {
            self.status = u16::try_from(value).unwrap_or_default();
        }
    }
}
