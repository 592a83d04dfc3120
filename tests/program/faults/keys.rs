//! Signing keys that change all the time, while tokens are shown: F14.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::load::rounds;
use crate::program::{Program, run, told};
use crate::support::app::eventually;

/// An access token and the next refresh token.
async fn refresh(program: &Program, token: &str) -> (String, String) {
    let answer = program.post("/api/refresh", json!({"refresh_token": token})).await.unwrap();
    assert_eq!(answer.status(), 200, "F14: a session outlives keys");
    let tokens: Value = answer.json().await.unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

fn kid(token: &str) -> String {
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn rotate(folder: &Path, variables: &[(&str, &str)], how: &str) {
    let (code, _, err) = tokio::task::block_in_place(|| told(&run(folder, &["key", "rotate", how], variables)));
    assert_eq!(code, 0, "F14 {err}");
}

/// Rotates while four show all the tokens that there are.
async fn rotated_under_load(algorithm: &str) {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("TOKENHOUSE__TOKENS__ALGORITHM", algorithm)];
    let program = Program::start(folder.path(), &variables);
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (known, done) = (std::sync::Mutex::new(vec![text("access_token")]), AtomicBool::new(false));
    let show = async || {
        let mut shown = 0_usize;
        while !done.load(Ordering::Relaxed) {
            let token = {
                let known = known.lock().unwrap();
                known[shown % known.len()].clone()
            };
            assert_eq!(program.get("/api/profile", &token).await, 200, "F14 {algorithm}: a token of {}", kid(&token));
            shown += 1;
        }
        shown
    };
    let rotating = async {
        let mut newest = text("refresh_token");
        for _ in 0..rounds(4) {
            let last = kid(known.lock().unwrap().last().unwrap());
            rotate(folder.path(), &variables, "--now");
            eventually("F14: the new key signs", async || {
                let (access, successor) = refresh(&program, &newest).await;
                newest = successor;
                let signed_by = kid(&access);
                known.lock().unwrap().push(access);
                signed_by != last
            })
            .await;
        }
        done.store(true, Ordering::Relaxed);
        newest
    };
    let (newest, a, b, c, d) = tokio::join!(rotating, show(), show(), show(), show());
    let known = known.into_inner().unwrap();
    let kids: HashSet<String> = known.iter().map(|token| kid(token)).collect();
    assert!(kids.len() > usize::try_from(rounds(4)).unwrap(), "F14 {algorithm}: {kids:?}");
    assert!(a + b + c + d > known.len(), "F14 {algorithm}: hardly anything was shown");

    // After a theft none of them is believed, though all were a moment ago.
    rotate(folder.path(), &variables, "--compromised");
    eventually("F14: the last key is believed no more", async || program.get("/api/profile", &known[0]).await == 401)
        .await;
    for token in &known {
        assert_eq!(program.get("/api/profile", token).await, 401, "F14 {algorithm}: a token of {}", kid(token));
    }
    let (access, _) = refresh(&program, &newest).await;
    assert_eq!(program.get("/api/profile", &access).await, 200, "F14 {algorithm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_under_load_hs256() {
    rotated_under_load("HS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_under_load_rs256() {
    rotated_under_load("RS256").await;
}
