//! Refresh tokens: one use each, a short grace, and the end of a session whose token was copied: O1, O2, O6.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::app::{TestApp, Tokens, on_both, problem};
use crate::support::tokens::Findings;

async fn successor(app: &TestApp, token: &str) -> Tokens {
    let response = app.refresh(token).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.json().await.unwrap()
}

async fn refused(app: &TestApp, token: &str) {
    assert_eq!(problem(app.refresh(token).await).await, (401, "refresh-token-not-good".to_owned()));
}

const PAST_GRACE: Duration = Duration::from_secs(11);

on_both!(each_token_gives_the_next_and_the_session_goes_on, |app| {
    let first = app.tokens().await;
    let mut tokens = first.clone();
    let mut seen = HashSet::from([first.refresh_token.clone()]);
    for _ in 0..5 {
        app.hands.advance(Duration::from_mins(30));
        tokens = successor(&app, &tokens.refresh_token).await;
        assert!(seen.insert(tokens.refresh_token.clone()));
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200);
    }
    let (old, new) = (TestApp::claims(&first.access_token), TestApp::claims(&tokens.access_token));
    assert_eq!((&old["sid"], &old["sub"]), (&new["sid"], &new["sub"]));
    assert_ne!(old["jti"], new["jti"]);
    // The first access token has expired by itself.
    assert_eq!(app.get_as("/api/profile", &first.access_token).await.status(), 401);
});

on_both!(a_spent_token_ends_the_session_for_thief_and_owner, |app| {
    let first = app.tokens().await;
    let bystander = app.log_in("ada@example.com").await;
    let second = successor(&app, &first.refresh_token).await;
    app.hands.advance(PAST_GRACE);
    refused(&app, &first.refresh_token).await;
    refused(&app, &second.refresh_token).await;
    for token in [&first.access_token, &second.access_token] {
        assert_eq!(app.get_as("/api/profile", token).await.status(), 401, "O1");
    }
    // Other sessions of the same person go on, and so it is after a restart.
    assert_eq!(app.get_as("/api/profile", &bystander.access_token).await.status(), 200);
    app.restart().await;
    refused(&app, &second.refresh_token).await;
    assert_eq!(app.get_as("/api/profile", &second.access_token).await.status(), 401, "O1");
    assert_eq!(app.get_as("/api/profile", &bystander.access_token).await.status(), 200);
});

on_both!(a_token_two_steps_back_ends_the_session_also_within_the_grace, |app| {
    let first = app.tokens().await;
    let second = successor(&app, &first.refresh_token).await;
    let third = successor(&app, &second.refresh_token).await;
    refused(&app, &first.refresh_token).await;
    refused(&app, &third.refresh_token).await;
});

on_both!(tabs_that_refresh_at_once_get_the_same_successor, |app| {
    let first = app.tokens().await;
    let answers = join_all((0..50).map(|_| app.refresh(&first.refresh_token))).await;
    let mut successors = HashSet::new();
    for answer in answers {
        assert_eq!(answer.status(), 200, "O2");
        let tokens: Tokens = answer.json().await.unwrap();
        assert_eq!(app.get_as("/api/profile", &tokens.access_token).await.status(), 200);
        successors.insert(tokens.refresh_token);
    }
    assert_eq!(successors.len(), 1, "O2: one family");
    app.hands.advance(Duration::from_secs(9));
    let again = successor(&app, &first.refresh_token).await;
    assert!(successors.contains(&again.refresh_token));
    // Over to the second: the grace is ten seconds.
    app.hands.advance(Duration::from_secs(1));
    refused(&app, &first.refresh_token).await;
});

on_both!(the_grace_ends_when_the_successor_is_used, |app| {
    let first = app.tokens().await;
    let second = successor(&app, &first.refresh_token).await;
    successor(&app, &second.refresh_token).await;
    refused(&app, &first.refresh_token).await;
});

on_both!(a_tab_whose_time_was_read_first_is_no_thief, |app| {
    // Of two requests at once, the one whose time was read first may spend the token last; and clocks of nodes differ.
    let first = app.tokens().await;
    let second = successor(&app, &first.refresh_token).await;
    let spent = app.clock.now();
    for earlier in [1, 9_999] {
        app.hands.set_wall(spent - TimeDelta::milliseconds(earlier));
        let again = successor(&app, &first.refresh_token).await;
        assert_eq!(again.refresh_token, second.refresh_token, "O2: {earlier} ms earlier");
    }
    // A clock that was set back makes no grace for ever.
    app.hands.set_wall(spent - TimeDelta::seconds(10));
    refused(&app, &first.refresh_token).await;
    refused(&app, &second.refresh_token).await;
});

on_both!(without_a_grace_the_second_use_ends_the_session, [("accounts.refresh_grace", "0s")], |app| {
    let first = app.tokens().await;
    let second = successor(&app, &first.refresh_token).await;
    refused(&app, &first.refresh_token).await;
    refused(&app, &second.refresh_token).await;
});

on_both!(a_session_ends_when_it_is_idle_or_old, |app| {
    let day = Duration::from_hours(24);
    let idle = app.tokens().await;
    app.hands.advance(30 * day);
    refused(&app, &idle.refresh_token).await;

    let mut busy = app.log_in("ada@example.com").await;
    for _ in 0..3 {
        app.hands.advance(29 * day);
        busy = successor(&app, &busy.refresh_token).await;
    }
    // 87 days old. The access token does not outlive the session.
    app.hands.advance(2 * day + Duration::from_mins(24 * 60 - 10));
    busy = successor(&app, &busy.refresh_token).await;
    assert_eq!(busy.expires_in, 600);
    app.hands.advance(Duration::from_mins(10));
    refused(&app, &busy.refresh_token).await;
    app.hands.advance(Duration::from_secs(29));
    assert_eq!(app.get_as("/api/profile", &busy.access_token).await.status(), 401);
});

on_both!(texts_that_are_no_refresh_token_harm_no_session, |app| {
    let tokens = app.tokens().await;
    let good = &tokens.refresh_token;
    let mut findings = Findings::default();
    let mut texts = vec![String::new(), "x".to_owned(), format!("{good}="), format!(" {good}"), "A".repeat(good.len())];
    texts.push("x".repeat(10_000));
    texts.push(tokens.access_token.clone());
    texts.extend((1..good.len()).step_by(7).map(|length| good[..length].to_owned()));
    texts.extend((1..9).map(|more| format!("{good}{}", "A".repeat(more))));
    // A letter changed anywhere: mistyped, and not taken for a spent one.
    texts.extend((0..good.len()).step_by(5).map(|place| {
        let other = if &good[place..=place] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &good[..place], &good[place + 1..])
    }));
    for text in texts {
        let found = problem(app.refresh(&text).await).await;
        findings.expect(&format!("{text:.20} of {}", text.len()), found, (401, "refresh-token-not-good".to_owned()));
    }
    for body in
        [json!({}), json!({"refresh_token": 1}), json!({"refresh_token": [good]}), json!({"refresh_token": null})]
    {
        findings.expect(&body.to_string(), problem(app.post("/api/refresh", body.clone()).await).await.0, 400);
    }
    findings.none();
    successor(&app, good).await;
});

on_both!(a_disabled_account_has_no_successors, |app| {
    let tokens = app.tokens().await;
    app.sql("UPDATE users SET disabled_at = 1").await;
    refused(&app, &tokens.refresh_token).await;
});

on_both!(what_a_role_gives_comes_and_goes_with_the_refresh, |app| {
    let tokens = app.tokens().await;
    app.sql("UPDATE users SET roles = 'admin'").await;
    let tokens = successor(&app, &tokens.refresh_token).await;
    assert_eq!(tokens.scope, "openid profile email admin");
    app.sql("UPDATE users SET roles = ''").await;
    let tokens = successor(&app, &tokens.refresh_token).await;
    assert_eq!(tokens.scope, "openid profile email");
});
