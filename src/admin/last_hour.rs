//! `/api/admin/last-hour`: what this node did, minute by minute.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::Admin;
use crate::accounts::Accounts;
use crate::http::documented::Answers;
use crate::http::methods::{get, resource};
use crate::http::request_id::in_span;
use crate::metrics::{Metrics, Minute};

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(show))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/last-hour", [get(to(show))]).wrap(from_fn(in_span)));
}

#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "minutes": [{
        "start": "2026-11-24T04:56:00Z",
        "logins": 12,
        "logins_refused": 1,
        "tokens_refused": 3,
        "registrations": 0,
        "hash_queue": 2,
    }],
    "hash_queue_limit": 64,
})))]
struct LastHour {
    /// Sixty, the oldest first; the last is under way.
    minutes: Vec<Minute>,
    /// So many hashes may wait.
    hash_queue_limit: usize,
}

/// The last hour of this node.
///
/// Logins, refusals, registrations and the queue of hashes, minute by minute.
#[utoipa::path(
    get,
    path = "/api/admin/last-hour",
    operation_id = "showLastHour",
    tag = "Administration",
    responses((status = 200, description = "Its sixty minutes.", body = LastHour), Answers<Admin>),
    security(("session" = ["admin"])),
)]
async fn show(_: Admin, accounts: Data<Accounts>, metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().json(LastHour { minutes: metrics.last_hour(), hash_queue_limit: accounts.hashing.room() })
}
