//! The OpenAPI document and its page.

use reqwest::Method;
use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::app::{Engine, TestApp};
use crate::support::tokens::Findings;

fn header<'r>(response: &'r reqwest::Response, name: &reqwest::header::HeaderName) -> &'r str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_public_and_may_be_kept() {
    let app = TestApp::with(Engine::Sqlite, &[("server.public_url", "https://login.example.com")]).await;
    let first = app.get("/openapi.json").await;
    assert_eq!(first.status(), 200);
    assert_eq!(header(&first, &CONTENT_TYPE), "application/json");
    assert_eq!(header(&first, &CACHE_CONTROL), "public, max-age=600");
    let tag = header(&first, &ETAG).to_owned();
    let document: Value = first.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{"url": "https://login.example.com"}]));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let flows = &document["components"]["securitySchemes"]["oauth2"]["flows"];
    assert_eq!(flows["clientCredentials"]["tokenUrl"], "https://login.example.com/oauth2/default/v1/token");

    let again = app.request(Method::GET, "/openapi.json").header(IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_is_answered() {
    let app = TestApp::start(Engine::Sqlite).await;
    let document: Value = app.get("/openapi.json").await.json().await.unwrap();
    let mut findings = Findings::default();
    let kinds = |pointer: &str| {
        let schema = document.pointer(&format!("/paths/{pointer}/content/application~1problem+json/schema/allOf/1"));
        schema.map_or(Value::Null, |schema| schema["properties"]["type"]["enum"].clone())
    };
    let problem =
        |names: &[&str]| json!(names.iter().map(|name| format!("urn:tokenhouse:problem:{name}")).collect::<Vec<_>>());
    for (pointer, names) in [
        ("~1api~1login/post/responses/401", &["wrong-credentials", "wrong-otp", "otp-required"][..]),
        ("~1api~1login/post/responses/429", &["too-many-requests"]),
        ("~1api~1register/post/responses/422", &["invalid-fields"]),
        ("~1api~1profile/get/responses/401", &["no-credentials", "invalid-token"]),
        ("~1api~1admin~1users/get/responses/403", &["insufficient-scope", "not-a-session-of-this-server"]),
    ] {
        findings.expect(pointer, kinds(pointer), problem(names));
    }
    let headers = |pointer: &str| {
        let headers = document.pointer(&format!("/paths/{pointer}/headers")).and_then(Value::as_object);
        headers.map(|headers| headers.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    for (pointer, right) in [
        ("~1api~1login/post/responses/429", "retry-after"),
        ("~1api~1login/post/responses/503", "retry-after"),
        ("~1api~1login/post/responses/401", "www-authenticate"),
        ("~1oauth2~1default~1v1~1token/post/responses/401", "www-authenticate"),
        ("~1oauth2~1default~1v1~1token/post/responses/429", "retry-after"),
    ] {
        findings.expect(pointer, headers(pointer), right.to_owned());
    }
    let grants = document.pointer(
        "/paths/~1oauth2~1default~1v1~1token/post/responses/400/content/application~1json/schema/allOf/1/properties/error/enum",
    );
    for code in ["invalid_grant", "unsupported_grant_type", "authorization_pending", "slow_down"] {
        findings.expect(code, grants.unwrap().as_array().unwrap().contains(&json!(code)), true);
    }
    let of_devices = "/paths/~1oauth2~1default~1v1~1device~1authorize/post/responses/400/content/application~1json/schema/allOf/1/properties/error/enum";
    let right = ["invalid_request", "unauthorized_client", "invalid_scope"];
    findings.expect(of_devices, document.pointer(of_devices), Some(&json!(right)));
    each_value_once(&document, "", &mut findings);
    findings.none();
}

/// JSON Schema Validation, section 6.1.2: the values of an `enum` should differ.
fn each_value_once(part: &Value, place: &str, findings: &mut Findings) {
    let mut below = |name: &str, value: &Value| each_value_once(value, &format!("{place}/{name}"), findings);
    match part {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| below(&n.to_string(), item)),
        _ => {}
    }
    if let Some(values) = part.get("enum").and_then(Value::as_array) {
        let twice = values.iter().enumerate().find(|(n, value)| values.iter().take(*n).any(|before| before == *value));
        findings.expect(place, twice, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_nothing_from_elsewhere() {
    let app = TestApp::start(Engine::Sqlite).await;
    let answer = app.get("/docs").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, &CONTENT_TYPE), "text/html; charset=utf-8");
    let policy = header(&answer, &CONTENT_SECURITY_POLICY).to_owned();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    let page = answer.text().await.unwrap();
    for word in ["/api/login", "/oauth2/default/v1/token", "wrong-credentials", "curl ", "SessionTokens"] {
        assert!(page.contains(word), "{word} is not on the page");
    }
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<style"), "something inline");
    for asset in ["/assets/docs.css", "/assets/docs.js"] {
        assert!(page.contains(asset));
        assert_eq!(app.get(asset).await.status(), 200, "{asset}");
    }
    // Each link within the page leads somewhere.
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&target), "#{target} leads nowhere");
    }
}

/// Each example of a body is sent, and has the form that its route wants.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_bodies_are_taken() {
    let app = TestApp::with(Engine::Sqlite, &[("limits.enabled", "false")]).await;
    let document: Value = app.get("/openapi.json").await.json().await.unwrap();
    app.register("root@example.com").await;
    app.sql("UPDATE users SET roles = 'admin' WHERE email = 'root@example.com'").await;
    let token = app.log_in("root@example.com").await.access_token;
    let items = document["paths"].as_object().unwrap().iter();
    let mut operations: Vec<_> = items
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        })
        .collect();
    // The account of all the examples is there before it logs in.
    operations.sort_by_key(|(.., operation)| operation["operationId"] != "register");
    let mut findings = Findings::default();
    let mut sent = 0;
    for (path, method, operation) in operations {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        let name = schema["$ref"].as_str().unwrap_or_else(|| panic!("{path}: {schema}"));
        let example = document.pointer(&format!("{}/examples/0", name.trim_start_matches('#')));
        let example = example.unwrap_or_else(|| panic!("{name} has no example"));
        let method: Method = method.to_uppercase().parse().unwrap();
        let address = path.replace("{id}", "07e5093d-dc28-4f30-9e6d-d789a50e0bc7");
        let (right, example) = match operation["operationId"].as_str().unwrap() {
            "register" | "addUser" | "addClient" => (Some(201), example.clone()),
            "logIn" | "changeMe" | "rotateKeys" => (Some(200), example.clone()),
            "forgotPassword" | "changeEmail" => (Some(202), example.clone()),
            // What would end the administrator's own session is asked with another password.
            "deleteMe" => (Some(403), json!({ "password": "x" })),
            "changePassword" => (Some(403), json!({ "current_password": "x", "new_password": "seven green bottles" })),
            _ => (None, example.clone()),
        };
        let answer = app.send_as(method.clone(), &address, &token, example).await;
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        let is_taken = status < 500 && status != 415 && !body.contains("bad-json");
        let is_right = is_taken && right.is_none_or(|right| right == status);
        findings.expect(&format!("{method} {path}: {status} {body}"), is_right, true);
        sent += 1;
    }
    findings.none();
    assert!(sent > 25, "{sent}");
}
