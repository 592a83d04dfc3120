//! Very many accounts, in the hands of an administrator: deep in the list, a page has what is due, and no more than that is read for it.

use serde_json::Value;

use crate::admin_search::addresses;
use crate::support::admin::{ROOT, administrator};
use crate::support::app::on_both;
use crate::support::browser::unescaped;
use crate::support::tokens::Findings;

const MANY: usize = 100_000;

/// What a page shows.
const PAGE: usize = 50;

/// The accounts `user000000@example.com` and so on.
fn email(number: usize) -> String {
    format!("user{number:06}@example.com")
}

fn emails(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(email).collect()
}

on_both!(pages_among_very_many_accounts, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    app.sql(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT {MANY} UNION ALL SELECT n + 1 FROM numbers WHERE n < 2 * {MANY} - 1)
         INSERT INTO users (id, email, name, name_key, password_hash, created_at)
         SELECT '00000000-0000-4000-8000-000000' || CAST(n AS TEXT), 'user' || substr(CAST(n + 900000 AS TEXT), 2) || '@example.com',
                'Number ' || CAST(n AS TEXT), 'number ' || CAST(n AS TEXT), '-', 0
         FROM numbers"
    ))
    .await;
    let page = async |path: &str| {
        let page = root.get(&app, path).await;
        assert_eq!(page.status, 200, "{path}");
        let link = page.html.split("\">Next page").next().filter(|before| before.len() < page.html.len());
        let next = link.and_then(|before| before.rsplit("href=\"").next()).map(unescaped);
        (addresses(&page.html), next)
    };

    // From the first page on; the administrator's own address stands before all others.
    let (shown, next) = page("/admin/users").await;
    findings.expect("the first page", shown, [vec![ROOT.to_owned()], emails(0..PAGE - 1)].concat());
    let (shown, _) = page(&next.unwrap()).await;
    findings.expect("the second page", shown, emails(PAGE - 1..2 * PAGE - 1));
    // Deep in the list, each page leads to the next.
    let mut path = format!("/admin/users?cursor={}", email(MANY / 2 - 1));
    for number in 0..3 {
        let (shown, next) = page(&path).await;
        let first = MANY / 2 + number * PAGE;
        findings.expect(&path, shown, emails(first..first + PAGE));
        path = next.unwrap();
    }
    let (shown, next) = page(&format!("/admin/users?cursor={}", email(MANY - 11))).await;
    findings.expect("the last page", (shown, next), (emails(MANY - 10..MANY), None));

    // A hundred thousand found by their names: the last are as near as the first.
    let (shown, next) = page("/admin/users?search=number%201").await;
    findings.expect("by name", shown, emails(0..PAGE));
    findings.expect("by name, next", next.is_some(), true);
    let last = MANY * 2 - 11;
    let cursor = format!("name:00000000-0000-4000-8000-000000{last}:number%20{last}");
    let (shown, next) = page(&format!("/admin/users?search=number%201&cursor={cursor}")).await;
    findings.expect("by name, the last", (shown, next), (emails(MANY - 10..MANY), None));
    let (shown, next) = page("/admin/users?search=user09999").await;
    findings.expect("by address", (shown, next), (emails(MANY - 10..MANY), None));
    let (shown, _) = page("/admin/users?search=ber%20199999&anywhere=yes").await;
    findings.expect("anywhere", shown, emails(MANY - 1..MANY));

    // The same for programs, in the largest pages there are.
    let token = app.log_in(ROOT).await.access_token;
    let path = format!("/api/admin/users?limit=500&cursor={}", email(MANY - 501));
    let answer: Value = app.get_as(&path, &token).await.json().await.unwrap();
    let users = answer["items"].as_array().unwrap().iter();
    let found: Vec<String> = users.map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    findings.expect("for programs", found, emails(MANY - 500..MANY));
    findings.none();
});
