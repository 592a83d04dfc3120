//! `/api/admin/last-hour`: what this node did, minute by minute.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use serde::Serialize;

use super::Admin;
use crate::accounts::Accounts;
use crate::http::methods::{get, resource};
use crate::http::request_id::in_span;
use crate::metrics::{Metrics, Minute};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/last-hour", [get(to(show))]).wrap(from_fn(in_span)));
}

#[derive(Serialize)]
struct LastHour {
    /// Sixty, the oldest first; the last is under way.
    minutes: Vec<Minute>,
    /// So many hashes may wait.
    hash_queue_limit: usize,
}

async fn show(_: Admin, accounts: Data<Accounts>, metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().json(LastHour { minutes: metrics.last_hour(), hash_queue_limit: accounts.hashing.room() })
}
