//! The document and the routes that are registered are the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use actix_web::App;
use actix_web::dev::Service as _;
use actix_web::http::header::ALLOW;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};

use super::document;
use crate::server::app::{Whose, paths};
use crate::settings::{Settings, Sources};

/// `GET /api/me`.
type Routes = BTreeSet<String>;

/// A page's own form, which is of no use to programs.
const NOT_FOR_PROGRAMS: [&str; 1] = ["POST /oauth2/default/v1/consent"];

fn documented(settings: &[(&str, &str)]) -> Routes {
    let variables = settings.iter().map(|(name, value)| (format!("TOKENHOUSE__{name}"), (*value).to_owned()));
    let settings = Settings::read(&Sources::default().with_environment(variables)).unwrap();
    let document = serde_json::to_value(document(&settings)).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

/// The paths of all resources, as actix writes its map of them down: a line for each pattern, farther to the right the deeper it is.
fn patterns(map: &str) -> Vec<String> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut all = Vec::new();
    let mut lines = map.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(pattern) = lines.peek().filter(|_| line.trim() == "patterns: Single(").map(|next| next.trim()) else {
            continue;
        };
        let depth = line.len() - line.trim_start().len();
        above.retain(|(other, _)| *other < depth);
        let pattern = pattern.trim_matches(|c| c == '"' || c == ',');
        let whole = format!("{}{pattern}", above.last().map(|(_, path)| path.as_str()).unwrap_or_default());
        above.push((depth, whole.clone()));
        // That of the app itself is empty.
        if !whole.is_empty() {
            all.push(whole);
        }
    }
    all
}

/// What is registered: each path with the methods that it says it takes when it is asked with another.
async fn registered(whose: Whose<'_>) -> Routes {
    let map = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&map);
    let app = App::new().configure(|cfg| paths(cfg, &whose, &[])).wrap_fn(move |request, service| {
        *seen.lock().unwrap() = format!("{:#?}", request.resource_map());
        service.call(request)
    });
    let app = init_service(app).await;
    call_service(&app, TestRequest::get().uri("/").to_request()).await;
    let map = map.lock().unwrap().clone();
    let mut all = Routes::new();
    for path in patterns(&map) {
        let address = path.replace(['{', '}'], "");
        let asked = call_service(&app, TestRequest::default().method(Method::TRACE).uri(&address).to_request()).await;
        if asked.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allow = asked.headers().get(ALLOW).unwrap().to_str().unwrap();
            all.extend(allow.split(", ").filter(|method| *method != "HEAD").map(|method| format!("{method} {path}")));
        }
    }
    all
}

fn is_for_programs(route: &str) -> bool {
    let path = route.split(' ').nth(1).unwrap();
    let belongs = ["/api/", "/oauth2/", "/.well-known/", "/health/", "/openapi.json"];
    belongs.iter().any(|start| path.starts_with(start)) && !NOT_FOR_PROGRAMS.contains(&route)
}

#[actix_web::test]
async fn every_route_is_documented_and_no_other() {
    let all = registered(Whose::Local).await;
    for known in ["POST /api/login", "DELETE /api/sessions/{id}", "GET /health/live", "POST /oauth2/default/v1/token"] {
        assert!(all.contains(known), "{known} was not found among {all:#?}");
    }
    assert!(all.contains("GET /docs") && all.contains(NOT_FOR_PROGRAMS[0]), "{all:#?}");
    let served: Routes = all.into_iter().filter(|route| is_for_programs(route)).collect();
    assert_eq!(documented(&[]), served);
}

#[actix_web::test]
async fn where_there_are_no_accounts_their_routes_are_not_in_it() {
    let served = registered(Whose::Remote("https://dev-1.okta.com")).await;
    let served: Routes = served.into_iter().filter(|route| is_for_programs(route)).collect();
    let okta = [
        ("AUTH__ACCEPT", "okta"),
        ("REMOTE__OKTA__ISSUER", "https://dev-1.okta.com/oauth2/default"),
        ("REMOTE__OKTA__AUDIENCE", "api://default"),
    ];
    assert_eq!(documented(&okta), served);
    let known = ["/api/me", "/api/profile", "/api/publicInfo", "/health/live", "/health/ready", "/openapi.json"];
    assert_eq!(served, known.iter().map(|path| format!("GET {path}")).collect());
}

#[test]
fn operations_are_told_apart() {
    let settings = Settings::read(&Sources::default()).unwrap();
    let document = serde_json::to_value(document(&settings)).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids = BTreeSet::new();
    for operation in operations {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        assert!(operation["security"].is_array(), "{id}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with(['2', '3'])), "{id}");
    }
    assert!(ids.len() > 60, "{}", ids.len());
}
