//! Sessions against a model: whatever is done in whatever order, a refresh token works as it should or not at all.

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::app::{Engine, TestApp, Tokens};

#[derive(Debug, Clone)]
enum Act {
    LogIn,
    /// Of the nth session, counted round, its token of so many steps ago.
    Refresh(usize, usize),
    /// Of the nth session.
    LogOut(usize),
    /// Seconds.
    Advance(u64),
    Restart,
}

/// What is known of a session from outside.
struct Session {
    /// All its tokens, the newest last.
    chain: Vec<Tokens>,
    /// When the newest was given out, in seconds of the test.
    rotated_at: u64,
    ended: bool,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        1 => Just(Act::LogIn),
        6 => (0..4_usize, prop_oneof![4 => Just(0_usize), 2 => Just(1), 1 => Just(2)]).prop_map(|(s, b)| Act::Refresh(s, b)),
        1 => (0..4_usize).prop_map(Act::LogOut),
        3 => prop_oneof![Just(1_u64), Just(5), Just(11), Just(300)].prop_map(Act::Advance),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 4..30)
}

async fn play(acts: &[Act]) {
    let mut app = TestApp::start(Engine::Sqlite).await;
    app.register("ada@example.com").await;
    let mut now = 0;
    let mut sessions: Vec<Session> = Vec::new();
    for act in acts {
        match act {
            Act::LogIn if sessions.len() < 4 => {
                let chain = vec![app.log_in("ada@example.com").await];
                sessions.push(Session { chain, rotated_at: now, ended: false });
            }
            Act::Refresh(which, back) => {
                let count = sessions.len();
                let Some(session) = sessions.get_mut(which % count.max(1)) else { continue };
                let back = (*back).min(session.chain.len() - 1);
                let shown = &session.chain[session.chain.len() - 1 - back];
                let response = app.refresh(&shown.refresh_token).await;
                let within_grace = back == 1 && now - session.rotated_at < 10;
                let right = !session.ended && (back == 0 || within_grace);
                assert_eq!(response.status().as_u16(), if right { 200 } else { 401 }, "{act:?} of {acts:?}");
                if right {
                    let tokens: Tokens = response.json().await.unwrap();
                    if back == 0 {
                        session.chain.push(tokens);
                        session.rotated_at = now;
                    } else {
                        assert_eq!(tokens.refresh_token, session.chain.last().unwrap().refresh_token, "two families");
                    }
                } else {
                    session.ended = true;
                }
            }
            Act::LogOut(which) => {
                let count = sessions.len();
                let Some(session) = sessions.get_mut(which % count.max(1)) else { continue };
                let newest = session.chain.last().unwrap();
                let status = app.post_as("/api/logout", &newest.access_token).await.status().as_u16();
                assert_eq!(status, if session.ended { 401 } else { 204 }, "{act:?} of {acts:?}");
                session.ended = true;
            }
            Act::LogIn => {}
            Act::Advance(seconds) => {
                app.hands.advance(Duration::from_secs(*seconds));
                now += seconds;
            }
            Act::Restart => app.restart().await,
        }
        // Access tokens follow their session; none has expired in so short a time.
        for session in &sessions {
            for tokens in &session.chain {
                let status = app.get_as("/api/profile", &tokens.access_token).await.status().as_u16();
                assert_eq!(status, if session.ended { 401 } else { 200 }, "after {act:?} of {acts:?}");
            }
        }
    }
    app.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn sessions_follow_the_model(acts in acts()) {
        // Within the hour that an access token lives: its expiry is not what this is about.
        let total: u64 = acts.iter().map(|act| if let Act::Advance(seconds) = act { *seconds } else { 0 }).sum();
        prop_assume!(total < 3000);
        Runtime::new().unwrap().block_on(play(&acts));
    }
}
