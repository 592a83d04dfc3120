//! What the owner of an account does with it: `/api/me`.

use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::me::{Me, RemoteSubject};
use crate::accounts::reauthentication::gone;
use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::methods::{get, resource};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/me", [get(to(me))]));
}

/// Where there are no accounts.
pub(super) fn whoever(cfg: &mut ServiceConfig) {
    cfg.service(resource("/me", [get(to(me))]));
}

/// `GET /api/me`, for local and remote tokens.
async fn me(request: HttpRequest, bearer: Bearer) -> Result<HttpResponse, Problem> {
    let me = match request.app_data::<Data<Accounts>>() {
        Some(accounts) if bearer.is_local() => accounts.me(&bearer).await?,
        _ => Some(Me::Remote(RemoteSubject::from(&**bearer.claims()))),
    };
    Ok(HttpResponse::Ok().insert_header(no_store()).json(me.ok_or_else(gone)?))
}
