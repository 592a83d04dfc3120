//! The real server on a random port, with a fresh store and a clock that the test moves.

use std::net::SocketAddr;
use std::path::Path;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokenhouse::server::Server;
use tokenhouse::settings::{Settings, Sources};
use tokenhouse::token::{Clock, Hands, Verifier};

use super::documented::Watch;
use super::postgres;

/// When every test begins.
pub const START: &str = "2026-06-01T12:00:00Z";

/// A password that is hard to guess.
pub const PASSWORD: &str = "correct horse battery staple";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A running server.
pub struct TestApp {
    pub url: String,
    pub address: SocketAddr,
    pub hands: Hands,
    pub clock: Clock,
    pub client: reqwest::Client,
    /// The `database.url` it runs on.
    pub database: String,
    /// Its folder, with keys and, on SQLite, the database `tokenhouse.db`.
    pub folder: TempDir,
    server: Option<Server>,
    settings: Settings,
    /// The settings it was given, besides those every test has.
    given: Vec<(String, String)>,
    _watch: Watch,
}

/// What login and refresh answer.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
    pub token_type: String,
    pub expires_in: u64,
    pub scope: String,
}

impl TestApp {
    /// With the default settings, but no limits.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, &[("limits.enabled", "false")]).await
    }

    /// With `settings` laid over the defaults, each as a dotted key and its text.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = match engine {
            Engine::Sqlite => format!("sqlite://{}", folder.path().join("tokenhouse.db").display()),
            Engine::Postgres => postgres::fresh_database(),
        };
        Self::on(folder, database, settings).await
    }

    /// On a given database and folder, for nodes that share one and for restarts.
    pub async fn on(folder: TempDir, database: String, settings: &[(&str, &str)]) -> Self {
        let given = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let settings = read_settings(folder.path(), &database, settings);
        let (clock, hands) = Clock::manual(START.parse().expect("a time"));
        let server = Server::start(&settings, clock.clone()).await.expect("the server starts");
        let address = server.address();
        // No proxy of the environment, no redirects: what the server itself says.
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            url: format!("http://{address}"),
            address,
            hands,
            clock,
            client: client.expect("an HTTP client"),
            database,
            folder,
            server: Some(server),
            settings,
            given,
            _watch: Watch::begin(),
        }
    }

    /// Stops the server in good order and starts it again on the same data; the clock goes on.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.expect("the server stops");
        }
        let server = Server::start(&self.settings, self.clock.clone()).await.expect("the server starts again");
        self.address = server.address();
        self.url = format!("http://{}", self.address);
        self.server = Some(server);
    }

    /// The same with `changes` laid over its settings.
    pub async fn restart_with(&mut self, changes: &[(&str, &str)]) {
        self.given.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        self.given.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let given: Vec<(&str, &str)> = self.given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.settings = read_settings(self.folder.path(), &self.database, &given);
        self.restart().await;
    }

    /// Stops the server in good order.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.expect("the server stops");
        }
    }

    /// Where `/metrics` is, when the settings ask for it.
    pub fn metrics_url(&self) -> String {
        let address = self.server.as_ref().and_then(Server::metrics_address).expect("a listener for metrics");
        format!("http://{address}/metrics")
    }

    /// Whom the server believes.
    pub fn verifier(&self) -> &Verifier {
        self.server.as_ref().expect("a running server").verifier()
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    /// GET with a bearer token.
    pub async fn get_as(&self, path: &str, token: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(token).send().await.expect("an answer")
    }

    /// The status of the protected route for `token`, asked for three times: a good token is remembered the second time.
    pub async fn status_of(&self, token: &str) -> u16 {
        for _ in 0..2 {
            let status = self.get_as("/api/profile", token).await.status();
            if status != 200 {
                return status.as_u16();
            }
        }
        self.get_as("/api/profile", token).await.status().as_u16()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await.expect("an answer")
    }

    /// A request with a bearer token and a body.
    pub async fn send_as(&self, method: Method, path: &str, token: &str, body: Value) -> Response {
        self.request(method, path).bearer_auth(token).json(&body).send().await.expect("an answer")
    }

    pub async fn post_as(&self, path: &str, token: &str) -> Response {
        self.request(Method::POST, path).bearer_auth(token).send().await.expect("an answer")
    }

    /// Registers an account with [`PASSWORD`], and answers its id.
    pub async fn register(&self, email: &str) -> String {
        let response = self.post("/api/register", json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let body: Value = response.json().await.expect("JSON");
        body["id"].as_str().expect("an id").to_owned()
    }

    /// Registers an account with [`PASSWORD`] and opens the link of its letter, and answers its id.
    pub async fn register_verified(&self, email: &str) -> String {
        let id = self.register(email).await;
        let token = super::letters::newest(self, email, super::letters::VERIFY).await.token();
        let response = self.post("/api/email/verify", json!({ "token": token })).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        id
    }

    /// Logs in with [`PASSWORD`].
    pub async fn log_in(&self, email: &str) -> Tokens {
        let response = self.post("/api/login", json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.expect("tokens")
    }

    /// A new account's tokens.
    pub async fn tokens(&self) -> Tokens {
        self.register("ada@example.com").await;
        self.log_in("ada@example.com").await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Response {
        self.post("/api/refresh", json!({ "refresh_token": refresh_token })).await
    }

    /// Runs a statement on the database behind the server's back.
    pub async fn sql(&self, statement: &str) {
        use sqlx::{AssertSqlSafe, Connection as _};
        let statement = AssertSqlSafe(statement.to_owned());
        if self.database.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.database).await.expect("the database");
            sqlx::query(statement).execute(&mut connection).await.expect("the statement runs");
            connection.close().await.expect("the connection closes");
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.database).await.expect("the database");
            sqlx::query(statement).execute(&mut connection).await.expect("the statement runs");
            connection.close().await.expect("the connection closes");
        }
    }

    /// The texts that a query finds, one a row.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        use sqlx::{AssertSqlSafe, Connection as _};
        let query = AssertSqlSafe(query.to_owned());
        if self.database.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.database).await.expect("the database");
            sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("the query runs")
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.database).await.expect("the database");
            sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("the query runs")
        }
    }

    /// The `sub` and all other claims of a token, unverified.
    pub fn claims(token: &str) -> Value {
        use base64::Engine as _;
        let payload = token.split('.').nth(1).expect("a payload");
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        serde_json::from_slice(&payload).expect("JSON")
    }
}

/// The settings of a test: the defaults, a free port, data in `folder`, and `settings` over all.
pub fn read_settings(folder: &Path, database: &str, settings: &[(&str, &str)]) -> Settings {
    let variable = |key: &str| format!("TOKENHOUSE__{}", key.replace('.', "__").to_uppercase());
    let key_dir = folder.join("keys").display().to_string();
    let outbox = folder.join("outbox").display().to_string();
    let own = [
        ("server.listen", "127.0.0.1:0"),
        ("database.url", database),
        ("tokens.key_dir", &key_dir),
        ("mail.outbox_dir", &outbox),
        // For what looks at them: support/documented.rs.
        ("log.requests", "all"),
    ];
    let all = own.iter().chain(settings).map(|(key, value)| (variable(key), (*value).to_owned()));
    let sources = Sources::default().with_environment(all);
    Settings::read(&sources).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The problem of an answer: its status, and its `type` behind the last colon.
pub async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("a problem");
    assert_eq!(body["status"], status);
    let kind = body["type"].as_str().expect("a type");
    (status, kind.rsplit(':').next().unwrap_or_default().to_owned())
}

/// Tries until `attempt` says yes, for what another thread does soon; fails after some minutes, which is long on any machine.
pub async fn eventually(what: &str, mut attempt: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(3);
    while tokio::time::Instant::now() < deadline {
        if attempt().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}

/// The same test on SQLite and on PostgreSQL, each with a server of its own: `on_both!(name, |app| { … });`, or with settings
/// `on_both!(name, [("limits.enabled", "true")], |app| { … });`.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, |$app:ident| $body:block) => {
        on_both!($(#[$meta])* $name, [("limits.enabled", "false")], |$app| $body);
    };
    ($(#[$meta:meta])* $name:ident, $settings:expr, |$app:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every case needs all")]
            use super::*;

            #[allow(unused_mut, reason = "some cases restart it")]
            async fn case(mut $app: $crate::support::app::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                case($crate::support::app::TestApp::with($crate::support::app::Engine::Sqlite, &$settings).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if !$crate::support::postgres::available() {
                    eprintln!("SKIPPED: no PostgreSQL for this test");
                    return;
                }
                case($crate::support::app::TestApp::with($crate::support::app::Engine::Postgres, &$settings).await).await;
            }
        }
    };
}
pub(crate) use on_both;
