//! The two routes of the article: one for anyone, one for the bearer of a good token.

use actix_web::middleware::Condition;
use actix_web::web::{ServiceConfig, to};
use utoipa::OpenApi;

use crate::guard::Bearer;
use crate::http::cors::cors;
use crate::http::documented::Answers;
use crate::http::methods::{get, resource};

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(public_info, profile))]
pub(crate) struct Documented;

/// `/api/publicInfo` and `/api/profile`, for pages of these origins too.
pub(crate) fn routes(cfg: &mut ServiceConfig, cors_origins: &[String]) {
    let for_pages = || Condition::new(!cors_origins.is_empty(), cors(cors_origins));
    cfg.service(resource("/api/publicInfo", [get(to(public_info))]).wrap(for_pages()))
        .service(resource("/api/profile", [get(to(profile))]).wrap(for_pages()));
}

/// For anyone.
#[utoipa::path(
    get,
    path = "/api/publicInfo",
    operation_id = "showPublicInfo",
    tag = "Protected routes",
    responses(
        (status = 200, description = "A text.", body = String, content_type = "text/plain", example = json!("You are viewing public info")),
    ),
    security(()),
)]
async fn public_info() -> &'static str {
    "You are viewing public info"
}

/// For the bearer of a good token.
#[utoipa::path(
    get,
    path = "/api/profile",
    operation_id = "showProfile",
    tag = "Protected routes",
    responses(
        (status = 200, description = "A text.", body = String, content_type = "text/plain", example = json!("You are viewing private profile info")),
        Answers<Bearer>,
    ),
    security(("access_token" = [])),
)]
async fn profile(_: Bearer) -> &'static str {
    "You are viewing private profile info"
}
