//! The picture of the last hour at `/admin`.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{PASSWORD, on_both};
use crate::support::browser::Browser;

on_both!(shows_logins_and_refusals, |app| {
    app.register("root@example.com").await;
    app.register("ada@example.com").await;
    app.sql("UPDATE users SET roles = 'admin' WHERE email = 'root@example.com'").await;
    app.log_in("ada@example.com").await;
    app.post("/api/login", json!({"email": "ada@example.com", "password": "another password"})).await;
    app.get_as("/api/profile", "garbage").await;
    app.hands.advance(Duration::from_mins(7));
    let browser = Browser::default();
    browser.sign_in(&app, "/sign-in", "root@example.com").await;

    let page = browser.get(&app, "/admin").await;
    assert_eq!(page.status, 200, "{}", page.html);
    let words = "In the last hour: 2 logins, 2 refusals, and at most ";
    assert!(page.html.contains(words), "{}", page.html);
    // One bar of logins in each of the two minutes, the refusals on top of the first.
    let bars = |kind: &str| {
        let bars = page.html.split("<rect x=\"").skip(1).filter_map(|bar| bar.split_once("/>"));
        let of_kind = bars.filter(|(bar, _)| bar.contains(&format!("class=\"{kind}\"")));
        of_kind.map(|(bar, _)| bar.split('"').next().unwrap().parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bars("logins"), [521, 591]);
    assert_eq!(bars("refused"), [521]);
    // The same in the table, in steps of five minutes: twelve rows.
    assert_eq!(page.html.matches("data-label=\"Refusals\"").count(), 12);
    let row = "11:58 to 12:02</th><td role=\"cell\" data-label=\"Logins\">1</td><td role=\"cell\" data-label=\"Refusals\">2</td><td role=\"cell\" data-label=\"Registrations\">2</td>";
    assert!(page.html.contains(row), "{}", page.html);
    assert!(!page.html.contains("style=\"") && !page.html.contains("<script>"), "{}", page.html);

    // An hour later it is over.
    app.hands.advance(Duration::from_mins(61));
    let page = browser.get(&app, "/admin").await;
    assert!(page.html.contains("In the last hour: 0 logins, 0 refusals, "), "{}", page.html);

    // Nobody else sees it.
    let ada = Browser::default();
    ada.sign_in(&app, "/sign-in", "ada@example.com").await;
    let page = ada.get(&app, "/admin").await;
    assert_eq!(page.status, 403);
    assert!(!page.html.contains("In the last hour") && !page.html.contains(PASSWORD), "{}", page.html);
});
