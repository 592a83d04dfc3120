//! How often who may try: L15 to L19.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Response;
use serde_json::json;

use crate::support::app::{PASSWORD, TestApp, on_both, problem};
use crate::support::tokens::Findings;

const ON: [(&str, &str); 2] = [("limits.enabled", "true"), ("server.trusted_proxies", "127.0.0.1/32")];

/// A login that a trusted proxy says comes from `address`.
async fn log_in_from(app: &TestApp, address: &str, email: &str, password: &str) -> Response {
    let body = json!({"email": email, "password": password});
    let request = app.request(reqwest::Method::POST, "/api/login").header("x-forwarded-for", address);
    request.json(&body).send().await.unwrap()
}

async fn register_from(app: &TestApp, address: &str, email: &str) -> u16 {
    let body = json!({"email": email, "password": PASSWORD});
    let request = app.request(reqwest::Method::POST, "/api/register").header("x-forwarded-for", address);
    request.json(&body).send().await.unwrap().status().as_u16()
}

fn retry_after(response: &Response) -> u64 {
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

on_both!(ten_failures_of_an_account_from_anywhere, ON, |app| {
    app.register("ada@example.com").await;
    // L15, L18: from ten addresses, in several spellings; one counter.
    for n in 0..10 {
        let email = ["ada@example.com", " ADA@example.com", "Ada@EXAMPLE.com\n"][n % 3];
        let response = log_in_from(&app, &format!("192.0.2.{n}"), email, "wrong password").await;
        assert_eq!(response.status(), 401, "{n}");
    }
    let wrong = log_in_from(&app, "192.0.2.77", "ada@example.com", "wrong password").await;
    let right = log_in_from(&app, "192.0.2.78", "ada@example.com", PASSWORD).await;
    assert_eq!((wrong.status(), right.status()), (429.try_into().unwrap(), 429.try_into().unwrap()), "L19");
    let wait = retry_after(&right);
    assert_eq!(retry_after(&wrong), wait, "L19");
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(wrong.text().await.unwrap(), right.text().await.unwrap(), "L19");
    // Another account is not touched, and after the wait the owner gets in.
    app.register("eve@example.com").await;
    assert_eq!(log_in_from(&app, "192.0.2.1", "eve@example.com", PASSWORD).await.status(), 200);
    app.hands.advance(Duration::from_secs(wait));
    assert_eq!(log_in_from(&app, "192.0.2.78", "ada@example.com", PASSWORD).await.status(), 200);
});

on_both!(an_unknown_account_is_limited_like_a_known_one, ON, |app| {
    for n in 0..11 {
        let response = log_in_from(&app, &format!("192.0.2.{n}"), "nobody@example.com", "wrong password").await;
        assert_eq!(response.status(), if n < 10 { 401 } else { 429 }, "{n}");
    }
});

on_both!(a_good_login_forgets_the_failures, ON, |app| {
    app.register("ada@example.com").await;
    for round in 0..3 {
        for n in 0..9 {
            let response = log_in_from(&app, &format!("192.0.{round}.{n}"), "ada@example.com", "wrong password").await;
            assert_eq!(response.status(), 401, "{round} {n}");
        }
        assert_eq!(log_in_from(&app, "192.0.2.99", "ada@example.com", PASSWORD).await.status(), 200);
    }
});

on_both!(guesses_made_at_once_do_not_all_get_through, ON, |app| {
    app.register("ada@example.com").await;
    let answers = join_all((0..40).map(|n| {
        let app = &app;
        async move {
            let response = log_in_from(app, &format!("192.0.2.{n}"), "ada@example.com", "wrong password").await;
            response.status().as_u16()
        }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 10, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 30, "{answers:?}");
});

on_both!(sixty_logins_a_minute_from_an_address, ON, |app| {
    // L16: one password, many accounts.
    for n in 0..60 {
        let response = log_in_from(&app, "192.0.2.1", &format!("a{n}@example.com"), "wrong password").await;
        assert_eq!(response.status(), 401, "{n}");
    }
    let response = log_in_from(&app, "192.0.2.1", "a61@example.com", "wrong password").await;
    assert!((1..=60).contains(&retry_after(&response)));
    assert_eq!(problem(response).await, (429, "too-many-requests".to_owned()), "L16");
    assert_eq!(log_in_from(&app, "192.0.2.2", "a61@example.com", "wrong password").await.status(), 401);
    app.hands.advance(Duration::from_secs(1));
    assert_eq!(log_in_from(&app, "192.0.2.1", "a62@example.com", "wrong password").await.status(), 401);
    assert_eq!(log_in_from(&app, "192.0.2.1", "a63@example.com", "wrong password").await.status(), 429);
});

on_both!(a_household_of_ipv6_is_one_address, ON, |app| {
    for n in 0..60 {
        let response =
            log_in_from(&app, &format!("2001:db8:1:2::{n:x}"), &format!("b{n}@x.io"), "wrong password").await;
        assert_eq!(response.status(), 401, "{n}");
    }
    assert_eq!(log_in_from(&app, "2001:db8:1:2:ffff::1", "b61@x.io", "wrong password").await.status(), 429);
    assert_eq!(log_in_from(&app, "2001:db8:1:3::1", "b61@x.io", "wrong password").await.status(), 401);
    // IPv4 in IPv6's clothes is IPv4.
    for n in 0..60 {
        let address = if n % 2 == 0 { "192.0.2.9" } else { "::ffff:192.0.2.9" };
        assert_eq!(log_in_from(&app, address, &format!("c{n}@x.io"), "wrong password").await.status(), 401, "{n}");
    }
    assert_eq!(log_in_from(&app, "::ffff:c000:209", "c61@x.io", "wrong password").await.status(), 429);
});

on_both!(twenty_registrations_an_hour_from_an_address, ON, |app| {
    for n in 0..20 {
        assert_eq!(register_from(&app, "192.0.2.1", &format!("r{n}@example.com")).await, 201, "{n}");
    }
    assert_eq!(register_from(&app, "192.0.2.1", "r21@example.com").await, 429);
    // L3: nor may he go on asking which addresses are taken.
    assert_eq!(register_from(&app, "192.0.2.1", "r1@example.com").await, 429);
    assert_eq!(register_from(&app, "192.0.2.2", "r21@example.com").await, 201);
    app.hands.advance(Duration::from_mins(3));
    assert_eq!(register_from(&app, "192.0.2.1", "r22@example.com").await, 201);
});

on_both!(
    headers_of_strangers_are_not_believed,
    [("limits.enabled", "true"), ("limits.login_attempts_per_ip", "5/1m")],
    |app| {
        let mut findings = Findings::default();
        let headers = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.2"),
            ("x-real-ip", "192.0.2.3"),
            ("true-client-ip", "192.0.2.4"),
            ("x-forwarded-for", "a"),
            ("x-forwarded-for", ""),
            ("forwarded", "for=\"[::1\""),
            ("cf-connecting-ip", "192.0.2.5"),
        ];
        for (n, (name, value)) in headers.into_iter().enumerate() {
            let body = json!({"email": format!("d{n}@example.com"), "password": "wrong password"});
            let request = app.request(reqwest::Method::POST, "/api/login").header(name, value);
            let status = request.json(&body).send().await.unwrap().status().as_u16();
            findings.expect(&format!("L17 {name}: {value}"), status, if n < 5 { 401 } else { 429 });
        }
        findings.none();
    }
);

on_both!(
    junk_from_a_trusted_proxy_is_no_way_round,
    [("limits.enabled", "true"), ("limits.login_attempts_per_ip", "5/1m"), ("server.trusted_proxies", "127.0.0.1/32")],
    |app| {
        let mut findings = Findings::default();
        // Nothing that names an address: all count for the proxy itself.
        let junk = ["a", "", "unknown", "300.1.1.1", "1.2.3", "_hidden", ",,,", "127.0.0.1, x"];
        for (n, value) in junk.into_iter().enumerate() {
            let response = log_in_from(&app, value, &format!("e{n}@example.com"), "wrong password").await;
            findings.expect(&format!("L17 {value:?}"), response.status().as_u16(), if n < 5 { 401 } else { 429 });
        }
        // What the client itself put in front is not what the proxy saw.
        for n in 0..6 {
            let value = format!("203.0.113.{n}, 198.51.100.1");
            let response = log_in_from(&app, &value, &format!("f{n}@example.com"), "wrong password").await;
            findings.expect(&format!("L17 {value:?}"), response.status().as_u16(), if n < 5 { 401 } else { 429 });
        }
        findings.none();
    }
);

on_both!(without_limits_nobody_waits, |app| {
    app.register("ada@example.com").await;
    for _ in 0..12 {
        assert_eq!(log_in_from(&app, "192.0.2.1", "ada@example.com", "wrong password").await.status(), 401);
    }
    assert_eq!(log_in_from(&app, "192.0.2.1", "ada@example.com", PASSWORD).await.status(), 200);
});
