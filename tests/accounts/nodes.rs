//! Several servers over one database.

use std::collections::HashSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Engine, PASSWORD, TestApp, Tokens, eventually};
use crate::support::{letters, postgres};

/// The same key for all: the operator hands it in.
const SETTINGS: [(&str, &str); 2] =
    [("limits.enabled", "false"), ("tokens.secret", "5c0f2a9be14d7736a8e19b04cc2d61f0")];

/// So many servers that start at the same moment over one new database. The first folder holds SQLite's file.
async fn nodes(engine: Engine, count: usize) -> Vec<TestApp> {
    let folders: Vec<_> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
    let database = match engine {
        Engine::Sqlite => format!("sqlite://{}", folders[0].path().join("tokenhouse.db").display()),
        Engine::Postgres => postgres::fresh_database(),
    };
    let starting = folders.into_iter().map(|folder| tokio::spawn(TestApp::on(folder, database.clone(), &SETTINGS)));
    join_all(starting).await.into_iter().map(|node| node.expect("it starts")).collect()
}

/// The same test on both engines.
macro_rules! on_nodes {
    ($name:ident, $count:expr, |$nodes:ident| $body:block) => {
        mod $name {
            use super::*;

            async fn case($nodes: Vec<TestApp>) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                case(nodes(Engine::Sqlite, $count).await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                if !postgres::available() {
                    eprintln!("SKIPPED: no PostgreSQL for this test");
                    return;
                }
                case(nodes(Engine::Postgres, $count).await).await;
            }
        }
    };
}

on_nodes!(what_one_does_the_others_know, 2, |nodes| {
    let [a, b] = &nodes[..] else { unreachable!() };
    a.register("ada@example.com").await;
    let tokens = b.log_in("ada@example.com").await;
    let other = a.log_in("ada@example.com").await;
    for node in &nodes {
        assert_eq!(node.get_as("/api/profile", &tokens.access_token).await.status(), 200);
        assert_eq!(node.get_as("/api/profile", &other.access_token).await.status(), 200);
    }
    assert_eq!(a.post_as("/api/logout", &tokens.access_token).await.status(), 204);
    assert_eq!(a.get_as("/api/profile", &tokens.access_token).await.status(), 401);
    eventually("the other node hears of the logout", async || {
        b.get_as("/api/profile", &tokens.access_token).await.status() == 401
    })
    .await;
    assert_eq!(b.refresh(&tokens.refresh_token).await.status(), 401);
    assert_eq!(b.get_as("/api/profile", &other.access_token).await.status(), 200);
});

on_nodes!(sessions_ended_in_any_way_end_everywhere, 2, |nodes| {
    let [a, b] = &nodes[..] else { unreachable!() };
    a.register("ada@example.com").await;
    let is_out = async |tokens: &Tokens| b.get_as("/api/profile", &tokens.access_token).await.status() == 401;
    let body = json!({"current_password": PASSWORD, "new_password": "a wholly different sentence"});
    let (here, others) = (a.log_in("ada@example.com").await, [0; 4].map(|_| a.log_in("ada@example.com")));
    let [one, two, three, four] = <[Tokens; 4]>::try_from(join_all(others).await).unwrap();
    for tokens in [&here, &one, &two, &three, &four] {
        assert!(!is_out(tokens).await);
    }
    let sid = TestApp::claims(&one.access_token)["sid"].as_str().unwrap().to_owned();
    let end = a.request(Method::DELETE, &format!("/api/sessions/{sid}")).bearer_auth(&here.access_token).send();
    assert_eq!(end.await.unwrap().status(), 204);
    eventually("one session ended", async || is_out(&one).await).await;
    assert!(!is_out(&two).await);

    assert_eq!(a.send_as(Method::POST, "/api/password", &two.access_token, body).await.status(), 204);
    eventually("the password was changed", async || is_out(&three).await && is_out(&here).await).await;
    assert!(is_out(&four).await && !is_out(&two).await);

    let body = json!({"password": "a wholly different sentence"});
    assert_eq!(a.send_as(Method::DELETE, "/api/me", &two.access_token, body).await.status(), 204);
    eventually("the account was deleted", async || is_out(&two).await).await;
});

on_nodes!(one_successor_whichever_node_is_asked, 3, |nodes| {
    nodes[0].register("ada@example.com").await;
    let tokens = nodes[1].log_in("ada@example.com").await;
    let answers = join_all((0..30).map(|n| nodes[n % 3].refresh(&tokens.refresh_token))).await;
    let mut successors = HashSet::new();
    for answer in answers {
        assert_eq!(answer.status(), 200, "O2");
        let tokens: Tokens = answer.json().await.unwrap();
        successors.insert(tokens.refresh_token);
    }
    assert_eq!(successors.len(), 1, "O2: one family");
});

on_nodes!(one_account_whichever_node_is_asked, 4, |nodes| {
    let body = json!({"email": "race@example.com", "password": PASSWORD});
    let answers = join_all((0..24).map(|n| nodes[n % 4].post("/api/register", body.clone()))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "O3: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 23, "O3: {statuses:?}");
    let me = nodes[2].log_in("race@example.com").await;
    let me: Value = nodes[3].get_as("/api/me", &me.access_token).await.json().await.unwrap();
    assert_eq!(me["email"], "race@example.com");
});

on_nodes!(one_letter_whichever_node_sends_it, 3, |nodes| {
    let emails: Vec<String> = (0..30).map(|n| format!("u{n}@example.com")).collect();
    let registering = emails.iter().enumerate().map(|(n, email)| nodes[n % 3].register(email));
    join_all(registering).await;
    let mut received: Vec<String> = Vec::new();
    for node in &nodes {
        received.extend(letters::all(node).await.into_iter().map(|letter| letter.to));
    }
    received.sort_unstable();
    let mut right = emails.clone();
    right.sort_unstable();
    assert_eq!(received, right, "each once, from any node");
});
