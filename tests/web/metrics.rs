//! `/metrics`: what is counted is told, and nothing of any person.
#![allow(clippy::float_cmp, reason = "they are whole numbers")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use tokenhouse::server::Server;
use tokenhouse::token::Clock;

use crate::support::app::{Engine, PASSWORD, START, TestApp, eventually, on_both, read_settings};
use crate::support::okta::{Answer, Okta};

/// One line of the page.
#[derive(Debug, Clone)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// The page, read as Prometheus reads it (text format 0.0.4).
pub struct Page {
    pub text: String,
    /// The names of all families, with their types.
    pub types: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

impl Page {
    pub async fn of(app: &TestApp) -> Self {
        let response = app.client.get(app.metrics_url()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self::read(response.text().await.unwrap())
    }

    fn read(text: String) -> Self {
        let mut page = Self { text: String::new(), types: BTreeMap::new(), samples: Vec::new() };
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(page.types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {name}");
            } else if !line.starts_with("# HELP ") {
                page.samples.push(sample(line));
            }
        }
        page.text = text;
        page
    }

    /// The sum of all samples of `name` that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        };
        let found: Vec<_> = self.samples.iter().filter(has).map(|sample| sample.value).collect();
        assert!(!found.is_empty(), "no {name} with {labels:?} in\n{}", self.text);
        found.iter().sum()
    }
}

fn sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').unwrap();
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, rest)) = head.split_once('{') else {
        return Sample { name: head.to_owned(), labels: BTreeMap::new(), value };
    };
    let mut labels = BTreeMap::new();
    let mut chars = rest.chars().peekable();
    while chars.peek().is_some_and(|c| *c != '}') {
        let label: String = chars.by_ref().take_while(|c| *c != '=').collect();
        assert_eq!(chars.next(), Some('"'), "{line}");
        let mut text = String::new();
        loop {
            match chars.next().unwrap_or_else(|| panic!("no end: {line}")) {
                '"' => break,
                '\\' => text.push(match chars.next() {
                    Some('n') => '\n',
                    other => other.unwrap(),
                }),
                c => text.push(c),
            }
        }
        labels.insert(label, text);
        chars.next_if_eq(&',');
    }
    assert_eq!(chars.collect::<String>(), "}", "{line}");
    Sample { name: name.to_owned(), labels, value }
}

pub const ON: [(&str, &str); 2] = [("limits.enabled", "false"), ("metrics.listen", "127.0.0.1:0")];

on_both!(what_people_do_is_counted, ON, |app| {
    app.register("ada@example.com").await;
    app.post("/api/register", json!({"email": "ada@example.com", "password": PASSWORD})).await;
    let tokens = app.log_in("ada@example.com").await;
    app.post("/api/login", json!({"email": "ada@example.com", "password": "another password"})).await;
    app.post("/api/login", json!({"email": "eve@example.com", "password": PASSWORD})).await;
    for _ in 0..3 {
        app.get_as("/api/profile", &tokens.access_token).await;
    }
    app.get_as("/api/profile", "garbage").await;
    app.get("/api/profile").await;
    app.get("/api/sessions/8a6e0804-2bd0-4672-b79d-d97027f9071a").await;
    app.get("/no/such/path-of-a-stranger").await;
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 200);
    app.refresh("not a token").await;
    app.hands.advance(Duration::from_mins(1));
    assert_eq!(app.refresh(&tokens.refresh_token).await.status(), 401);
    app.post_as("/api/logout", &tokens.access_token).await;

    let page = Page::of(&app).await;
    let answered = |route: &str, method: &str, status: &str| {
        page.sum("tokenhouse_http_requests_total", &[("route", route), ("method", method), ("status", status)])
    };
    assert_eq!(answered("/api/profile", "GET", "200"), 3.0);
    assert_eq!(answered("/api/profile", "GET", "401"), 2.0);
    assert_eq!(answered("/api/login", "POST", "401"), 2.0);
    assert_eq!(answered("/api/sessions/{id}", "GET", "405"), 1.0);
    assert_eq!(answered("none", "GET", "404"), 1.0);
    let profile = [("route", "/api/profile"), ("method", "GET")];
    assert_eq!(page.sum("tokenhouse_http_request_duration_seconds_count", &profile), 5.0);
    let all = [("route", "/api/profile"), ("le", "+Inf")];
    assert_eq!(page.sum("tokenhouse_http_request_duration_seconds_bucket", &all), 5.0);

    let outcome = |name: &str, outcome: &str| page.sum(name, &[("outcome", outcome)]);
    assert_eq!(outcome("tokenhouse_registrations_total", "made"), 1.0);
    assert_eq!(outcome("tokenhouse_registrations_total", "taken"), 1.0);
    assert_eq!(outcome("tokenhouse_logins_total", "good"), 1.0);
    assert_eq!(outcome("tokenhouse_logins_total", "wrong_credentials"), 2.0);
    assert_eq!(outcome("tokenhouse_refreshes_total", "good"), 1.0);
    assert_eq!(outcome("tokenhouse_refreshes_total", "not_good"), 1.0);
    assert_eq!(outcome("tokenhouse_refreshes_total", "reused"), 1.0);
    let verified = |issuer: &str, outcome: &str| {
        page.sum("tokenhouse_token_verifications_total", &[("issuer", issuer), ("outcome", outcome)])
    };
    assert_eq!(verified("local", "accepted"), 3.0);
    assert_eq!(verified("local", "ended"), 1.0, "the reused token ended the session before the logout");
    assert_eq!(verified("none", "malformed"), 1.0);
    assert_eq!(page.sum("tokenhouse_tokens_minted_total", &[("grant", "login")]), 1.0);
    assert_eq!(page.sum("tokenhouse_tokens_minted_total", &[("grant", "refresh")]), 1.0);
    // One registration, for the other's address was taken; and three logins, of which each costs a hash.
    assert_eq!(page.sum("tokenhouse_hash_duration_seconds_count", &[]), 4.0);
    assert_eq!(page.sum("tokenhouse_hash_wait_seconds_count", &[]), 4.0);
    assert_eq!(page.sum("tokenhouse_hash_queue_length", &[]), 0.0);
    assert_eq!(page.sum("tokenhouse_hash_queue_limit", &[]), 256.0);
    assert!(page.sum("tokenhouse_store_write_seconds_count", &[]) >= 4.0);
    assert!(page.sum("tokenhouse_store_commit_seconds_count", &[]) >= 4.0);
    assert!(page.sum("tokenhouse_store_read_seconds_count", &[]) >= 1.0);
    assert!(page.sum("tokenhouse_store_connections_limit", &[]) >= 4.0);
    assert_eq!(page.sum("tokenhouse_store_failures_total", &[]), 0.0);

    let text = &page.text;
    for secret in ["ada@", "eve@", "stranger", "8a6e0804", &tokens.access_token, &tokens.refresh_token, PASSWORD] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
});

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_counted() {
    let app = TestApp::with(Engine::Sqlite, &ON).await;
    app.register_verified("ada@example.com").await;
    eventually("the letter is counted", async || {
        let page = Page::of(&app).await;
        page.sum("tokenhouse_letters_total", &[("outcome", "sent")]) >= 1.0
            && page.sum("tokenhouse_letters_waiting", &[]) == 0.0
    })
    .await;
}

on_both!(a_token_at_an_administrators_route_is_counted_once, ON, |app| {
    let tokens = app.tokens().await;
    for _ in 0..2 {
        assert_eq!(app.get_as("/api/admin/users", "garbage").await.status(), 401);
    }
    assert_eq!(app.get_as("/api/admin/users", &tokens.access_token).await.status(), 403);
    app.post_as("/api/logout", &tokens.access_token).await;
    assert_eq!(app.get_as("/api/admin/users", &tokens.access_token).await.status(), 401);
    let page = Page::of(&app).await;
    let verified = |issuer: &str, outcome: &str| {
        page.sum("tokenhouse_token_verifications_total", &[("issuer", issuer), ("outcome", outcome)])
    };
    assert_eq!(verified("none", "malformed"), 2.0);
    assert_eq!(verified("local", "ended"), 1.0);
    assert_eq!(verified("local", "accepted"), 2.0, "one of them is the logout's");
});

/// The upper bounds of histograms, in the order of the page. Who draws a graph or raises an alarm counts on each of them.
const TIMES: [&str; 16] = [
    "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5",
    "10", "+Inf",
];
const SIZES: [&str; 10] = ["1", "2", "4", "8", "16", "32", "64", "128", "256", "+Inf"];

#[tokio::test(flavor = "multi_thread")]
async fn histograms_hold_together() {
    let app = TestApp::with(Engine::Sqlite, &ON).await;
    app.tokens().await;
    let page = Page::of(&app).await;
    let families: Vec<_> = page.types.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name).collect();
    assert!(families.len() >= 6, "{families:?}");
    for name in families {
        // One distribution for each set of labels.
        let mut all: BTreeMap<BTreeMap<String, String>, Vec<&Sample>> = BTreeMap::new();
        for bucket in page.samples.iter().filter(|sample| sample.name == format!("{name}_bucket")) {
            let mut labels = bucket.labels.clone();
            labels.remove("le");
            all.entry(labels).or_default().push(bucket);
        }
        assert!(!all.is_empty(), "{name}");
        for (labels, buckets) in all {
            let bounds: Vec<_> = buckets.iter().map(|bucket| bucket.labels["le"].as_str()).collect();
            let right: &[&str] = if name.ends_with("_seconds") { &TIMES } else { &SIZES };
            assert_eq!(bounds, right, "{name} {labels:?}");
            assert!(buckets.is_sorted_by_key(|bucket| bucket.value), "{buckets:?}");
            let of: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(page.sum(&format!("{name}_count"), &of), buckets.last().unwrap().value, "{name} {labels:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_remote_issuers_are_told_of() {
    let okta = Okta::start().await;
    let settings = [
        ("auth.accept", "okta"),
        ("remote.okta.issuer", okta.issuer.as_str()),
        ("remote.okta.audience", "api://default"),
        ("metrics.listen", "127.0.0.1:0"),
    ];
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    let token = okta.token(app.clock.unix_seconds());
    assert_eq!(app.get_as("/api/profile", &token).await.status(), 200);
    let of_okta = [("issuer", "okta")];
    let page = Page::of(&app).await;
    assert_eq!(page.sum("tokenhouse_jwks_keys", &of_okta), 1.0);
    assert_eq!(page.sum("tokenhouse_jwks_age_seconds", &of_okta), 0.0);
    assert_eq!(page.sum("tokenhouse_jwks_fetches_total", &[("issuer", "okta"), ("outcome", "good")]), 1.0);
    let accepted = [("issuer", "okta"), ("outcome", "accepted")];
    assert_eq!(page.sum("tokenhouse_token_verifications_total", &accepted), 1.0);
    // Where there are no accounts, there is nothing to tell of them.
    assert!(!page.text.contains("tokenhouse_logins") && !page.text.contains("tokenhouse_store"), "{}", page.text);

    okta.answer_keys(Answer::Reset);
    app.hands.advance(Duration::from_mins(61));
    eventually("the failure is counted", async || {
        let page = Page::of(&app).await;
        page.sum("tokenhouse_jwks_fetches_total", &[("issuer", "okta"), ("outcome", "failed")]) >= 1.0
            && page.sum("tokenhouse_jwks_age_seconds", &of_okta) == 3660.0
            && page.sum("tokenhouse_jwks_keys", &of_okta) == 1.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_nowhere_else() {
    let app = TestApp::with(Engine::Sqlite, &ON).await;
    assert_eq!(app.get("/metrics").await.status(), 404);
    let url = app.metrics_url();
    assert_eq!(app.client.head(&url).send().await.unwrap().status(), 200);
    assert_eq!(app.client.post(&url).send().await.unwrap().status(), 405);
    let login = url.replace("/metrics", "/api/login");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    assert_eq!(app.client.post(login).json(&body).send().await.unwrap().status(), 404);
    app.stop().await;
    assert!(reqwest::get(url).await.is_err(), "it ends with the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("tokenhouse.db").display());
    let settings = read_settings(folder.path(), &database, &[("metrics.listen", &address)]);
    let error = Server::start(&settings, Clock::system()).await.err().unwrap().to_string();
    assert_eq!(
        error,
        format!(
            "cannot listen on {address}: another program does already; stop that one, or set metrics.listen to another port"
        )
    );
    assert!(!folder.path().join("tokenhouse.db").exists(), "told before anything is made");
}

on_both!(administrators_see_the_last_hour, |app| {
    app.register("admin@example.com").await;
    app.sql("UPDATE users SET roles = 'admin'").await;
    app.post("/api/login", json!({"email": "admin@example.com", "password": "another password"})).await;
    app.hands.advance(Duration::from_mins(2));
    let token = app.log_in("admin@example.com").await.access_token;
    app.get_as("/api/profile", "garbage").await;
    let hour: Value = app.get_as("/api/admin/last-hour", &token).await.json().await.unwrap();
    let minutes = hour["minutes"].as_array().unwrap();
    assert_eq!(minutes.len(), 60);
    let start: chrono::DateTime<chrono::Utc> = START.parse().unwrap();
    let minute = |index: usize| {
        let minute = &minutes[index];
        let at: chrono::DateTime<chrono::Utc> = minute["start"].as_str().unwrap().parse().unwrap();
        assert_eq!(at, start + Duration::from_mins(2) - Duration::from_mins(59 - u64::try_from(index).unwrap()));
        let count = |name: &str| minute[name].as_u64().unwrap();
        ["registrations", "logins", "logins_refused", "tokens_refused"].map(count)
    };
    assert_eq!(minute(57), [1, 0, 1, 0]);
    assert_eq!(minute(58), [0, 0, 0, 0]);
    assert_eq!(minute(59), [0, 1, 0, 1]);
    assert_eq!(hour["hash_queue_limit"], 256);
});
