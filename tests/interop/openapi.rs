//! The OpenAPI document, as programs of others take it: a validator of the specification, and Schemathesis, which makes requests of it.

use std::process::Command;

use serde_json::{Value, json};

use crate::house::House;
use crate::others::{ask, program};
use crate::program::{run, told};
use crate::support::python::{available, python};

#[test]
fn the_document_is_valid_and_its_examples_too() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let okta = [
        ("TOKENHOUSE__AUTH__ACCEPT", "okta"),
        ("TOKENHOUSE__REMOTE__OKTA__ISSUER", "https://dev-123456.okta.com/oauth2/default"),
        ("TOKENHOUSE__REMOTE__OKTA__AUDIENCE", "api://default"),
    ];
    for (variables, least) in [(&[][..], 300), (&okta[..], 10)] {
        let (code, printed, errors) = told(&run(folder.path(), &["openapi", "--json"], variables));
        assert_eq!(code, 0, "{errors}");
        let document: Value = serde_json::from_str(&printed).unwrap();
        let seen = ask(program("openapi.py"), &document);
        assert_eq!(seen["findings"], json!([]));
        assert!(seen["examples"].as_u64().unwrap() >= least, "{seen}");
    }
}

/// What ends the session of whoever asks, or takes his role: it comes last.
const ENDS: [&str; 6] = ["logOut", "deleteMe", "endSession", "logOutUser", "changeUser", "removeUser"];

/// What is held against the document. Whether a request that has the right form must also be granted is left out: a password may be wrong.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance,ignored_auth";

/// Schemathesis with its own requests, the same in each run.
fn schemathesis(house: &House, token: Option<&str>, more: &[&str]) -> Command {
    let mut command = Command::new(python().with_file_name("schemathesis"));
    command.args(["run", &format!("{}/openapi.json", house.program.url), "--checks", CHECKS, "--max-examples", "4"]);
    // One worker: Python up to 3.12 counts how deep its parser is for all threads together, and fails when two are in it (python/cpython#106905).
    command.args(["--workers", "1", "--generation-deterministic", "--no-color", "--suppress-health-check", "all"]);
    command.args(["--request-timeout", "60", "--warnings", "off"]).args(more);
    // With a token, the address to write to is that of its owner, whatever the body.
    if let Some(token) = token {
        command.args(["-H", &format!("Authorization: Bearer {token}"), "--exclude-operation-id", "resendVerification"]);
    }
    command.env("no_proxy", "*").env("PYTHONIOENCODING", "utf-8");
    command
}

/// What it found, in its words; nothing, when all was well.
fn finds(house: &House, token: Option<&str>, more: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let output = schemathesis(house, token, more).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() && said.contains("Tested: ") {
        return None;
    }
    Some(format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    if !available() {
        return;
    }
    let house = House::without_limits();
    let token =
        async |email: &str| house.program.log_in(email).await.unwrap()["access_token"].as_str().unwrap().to_owned();
    house.register("ada@example.com").await;
    house.register("root@example.com").await;
    house.make_administrator("root@example.com");
    let (user, admin) = (token("ada@example.com").await, token("root@example.com").await);
    let all = ["--phases", "examples,coverage,fuzzing"];
    let but_ends: Vec<&str> = ENDS.iter().flat_map(|id| ["--exclude-operation-id", *id]).chain(all).collect();
    let ends: Vec<&str> = ENDS.iter().flat_map(|id| ["--include-operation-id", *id]).chain(all).collect();
    let of_admins = [&but_ends[..], &["--include-tag", "Administration"]].concat();
    for (who, token, more) in [
        ("nobody", None, &["--phases", "examples,fuzzing"][..]),
        ("a user", Some(&user), &but_ends),
        ("an administrator", Some(&admin), &of_admins),
        ("a user, at last", Some(&user), &ends),
        ("an administrator, at last", Some(&admin), &ends),
    ] {
        let found = finds(&house, token.map(String::as_str), more);
        assert!(found.is_none(), "{who}: {}", found.unwrap_or_default());
    }
}
