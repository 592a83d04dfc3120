//! Is it alive, and is it ready for requests?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::OpenApi;
use utoipa::ToSchema;

use crate::accounts::Accounts;
use crate::http::methods::{get, resource};
use crate::token::Verifier;

/// The database must answer so soon.
const PATIENCE: Duration = Duration::from_secs(2);

/// Set when the server begins to shut down: from then on it is alive but not ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Health, examples(json!({ "status": "ready", "checks": [{ "name": "database", "ready": true }] })))]
struct Report {
    #[schema(value_type = String)]
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HealthCheck, examples(json!({ "name": "database", "ready": true })))]
struct Check {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(live, ready))]
pub(crate) struct Documented;

/// `/health/live` and `/health/ready`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/live", [get(to(live))])).service(resource("/ready", [get(to(ready))]));
}

/// Is it alive?
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "showLive",
    tag = "Health",
    responses(
        (status = 200, description = "It is.", body = Report),
    ),
    security(()),
)]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Report { status: "alive", checks: Vec::new() })
}

/// Is it ready for requests?
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "showReady",
    tag = "Health",
    responses(
        (status = 200, description = "It is.", body = Report),
        (status = 503, description = "Not now; `checks` says what is not ready.", body = Report),
    ),
    security(()),
)]
async fn ready(request: HttpRequest) -> HttpResponse {
    let mut checks = Vec::new();
    if request.app_data::<Draining>().is_some_and(Draining::has_begun) {
        checks.push(Check { name: "server".to_owned(), ready: false, detail: Some("shutting down".to_owned()) });
    }
    if let Some(accounts) = request.app_data::<Data<Accounts>>() {
        checks.push(database(accounts).await);
    }
    if let Some(verifier) = request.app_data::<Verifier>() {
        checks.extend(verifier.remotes().into_iter().map(|remote| Check {
            name: format!("keys of {}", remote.issuer),
            // Old keys that cannot be renewed still verify; the detail tells of the failure.
            ready: remote.keys > 0,
            detail: remote.last_error,
        }));
    }
    let is_ready = checks.iter().all(|check| check.ready);
    let (status, text) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    HttpResponse::build(status).json(Report { status: text, checks })
}

async fn database(accounts: &Accounts) -> Check {
    // What exactly is wrong is for the log, not for whoever asks.
    let detail = match tokio::time::timeout(PATIENCE, accounts.store().ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database is not ready");
            Some("it does not answer as it should")
        }
        Err(_) => Some("it does not answer in time"),
    };
    Check { name: "database".to_owned(), ready: detail.is_none(), detail: detail.map(str::to_owned) }
}
