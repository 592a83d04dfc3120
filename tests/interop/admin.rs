//! The pages of administration in Chromium: what an administrator does acts at once in the browsers of others.

use serde_json::{Value, json};

use crate::browser::chromium;
use crate::house::House;
use crate::node::{self, Script};
use crate::others::ask;
use crate::people::{ADA, CALLBACK};
use crate::support::app::PASSWORD;
use crate::support::tokens::Findings;

const ROOT: &str = "root@example.com";

/// A server with an administrator and Ada, and what comes of an act in Chromium.
async fn seen(act: &str, more: impl AsyncFnOnce(&House)) -> Option<Value> {
    let chromium = if node::available() { chromium() } else { None }?;
    let house = House::at_localhost("http://localhost:1");
    house.register(ROOT).await;
    house.command(&["user", "role", ROOT, "add", "admin"]);
    house.register(ADA).await;
    more(&house).await;
    let pictures = std::env::var_os("TOKENHOUSE_TEST_SCREENSHOTS").map(|folder| std::path::absolute(folder).unwrap());
    let input = json!({
        "origin": house.public_url, "root": ROOT, "email": ADA, "password": PASSWORD, "pictures": pictures,
    });
    let script = Script::new("admin.js");
    let mut command = script.command();
    command.arg(act).env("CHROMIUM", chromium);
    let seen = ask(command, &input);
    assert_eq!(seen["wrong"], json!([]), "{seen}");
    Some(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_is_out_at_once() {
    let Some(seen) = seen("disables", async |_| {}).await else { return };
    let mut findings = Findings::default();
    for (pointer, right) in [
        ("/before", json!([200, "Your account"])),
        ("/disabled", json!([401, "Sign in"])),
        ("/refused", json!("No account has this email address and this password.")),
        ("/enabled", json!([200, "Your account"])),
        ("/signed_out", json!([401, "Sign in"])),
        (
            "/notices",
            json!([
                "The account is disabled: all its sessions have ended, and nobody signs in to it.",
                "Its owner may sign in again.",
                "All sessions have ended."
            ]),
        ),
        ("/ended_elsewhere", json!("Sign in")),
    ] {
        findings.expect(pointer, seen.pointer(pointer).cloned().unwrap_or_default(), right);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_administration_are_accessible() {
    let looks = seen("looks", async |house| {
        for n in 0..60 {
            let email = format!("person.number.{n:02}@a-rather-long-name.example.com");
            house.register(&email).await;
        }
        house.command(&[
            "user",
            "role",
            "person.number.03@a-rather-long-name.example.com",
            "add",
            "billing-and-support",
        ]);
        house.command(&["user", "disable", "person.number.04@a-rather-long-name.example.com"]);
        house.web_app(CALLBACK);
        house.device();
    });
    let Some(seen) = looks.await else { return };
    assert_eq!(seen["findings"], json!([]), "{:#}", seen["findings"]);
}
