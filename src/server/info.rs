//! The two routes of the article: one for anyone, one for the bearer of a good token.

use actix_web::web::{ServiceConfig, to};

use crate::guard::Bearer;
use crate::http::methods::{get, resource};

/// `/api/publicInfo` and `/api/profile`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/publicInfo", [get(to(public_info))])).service(resource("/profile", [get(to(profile))]));
}

async fn public_info() -> &'static str {
    "You are viewing public info"
}

async fn profile(_: Bearer) -> &'static str {
    "You are viewing private profile info"
}
