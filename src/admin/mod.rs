//! What an administrator may do over HTTP, below `/api/admin`.

mod clients;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};

use crate::guard::Protect;
use crate::http::Problem;

/// The routes, for tokens with the scope `admin`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::scope("/admin")
            .wrap(Protect::new().require_scope("admin"))
            .configure(clients::routes)
            .default_service(web::to(not_found)),
    );
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::NOT_FOUND, "not-found").detail("There is nothing at this address."))
}
