//! Second factors: `/api/totp` and what is below it.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use utoipa::OpenApi;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::owner::Owner;
use crate::accounts::totp::{Confirmation, WithPassword};
use crate::accounts::totp::{NotSetUp, RecoveryCodes, TotpState};
use crate::accounts::totp_generator::NewTotp;
use crate::http::Problem;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{delete, get, post, resource};
use crate::http::request_id::in_span;
use crate::store::StoreError;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(state, begin, confirm, disable, renew_codes))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let totp = [get(to(state)), post(to(begin)), delete(to(disable))];
    cfg.service(resource("/totp", totp).wrap(from_fn(in_span)))
        .service(resource("/totp/confirm", [post(to(confirm))]).wrap(from_fn(in_span)))
        .service(resource("/totp/recovery-codes", [post(to(renew_codes))]).wrap(from_fn(in_span)));
}

/// How things stand with codes of an authenticator app.
#[utoipa::path(
    get,
    path = "/api/totp",
    operation_id = "showTotp",
    tag = "Second factors",
    responses(
        (status = 200, description = "How things stand.", body = TotpState),
        Answers<(Owner, StoreError)>,
    ),
    security(("session" = [])),
)]
async fn state(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.totp_state(&owner).await?))
}

/// Begin with codes of an authenticator app.
#[utoipa::path(
    post,
    path = "/api/totp",
    operation_id = "beginTotp",
    tag = "Second factors",
    responses(
        (status = 200, description = "A generator for the app, which counts once a code of it was sent to `/api/totp/confirm`.", body = NewTotp, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Owner, NotSetUp)>,
    ),
    security(("session" = [])),
)]
async fn begin(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let new = accounts.begin_totp(&owner).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(new))
}

/// Show a code of the app: from now on one is asked for.
#[utoipa::path(
    post,
    path = "/api/totp/confirm",
    operation_id = "confirmTotp",
    tag = "Second factors",
    request_body = Confirmation,
    responses(
        (status = 200, description = "Codes to get in with when the app is lost; nobody sees them again.", body = RecoveryCodes, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Owner, Json<Confirmation>, NotSetUp)>,
    ),
    security(("session" = [])),
)]
async fn confirm(owner: Owner, accounts: Data<Accounts>, body: Json<Confirmation>) -> Result<HttpResponse, Problem> {
    let codes = accounts.confirm_totp(&owner, &body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(codes))
}

/// No codes any more.
#[utoipa::path(
    delete,
    path = "/api/totp",
    operation_id = "disableTotp",
    tag = "Second factors",
    request_body = WithPassword,
    responses(
        (status = 204, description = "No code is asked for any more."),
        Answers<(Owner, Json<WithPassword>, NotSetUp)>,
    ),
    security(("session" = [])),
)]
async fn disable(owner: Owner, accounts: Data<Accounts>, body: Json<WithPassword>) -> Result<HttpResponse, Problem> {
    accounts.disable_totp(&owner, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// New recovery codes; the old ones are good no more.
#[utoipa::path(
    post,
    path = "/api/totp/recovery-codes",
    operation_id = "renewRecoveryCodes",
    tag = "Second factors",
    request_body = WithPassword,
    responses(
        (status = 200, description = "The new ones; nobody sees them again.", body = RecoveryCodes, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Owner, Json<WithPassword>, NotSetUp)>,
    ),
    security(("session" = [])),
)]
async fn renew_codes(
    owner: Owner,
    accounts: Data<Accounts>,
    body: Json<WithPassword>,
) -> Result<HttpResponse, Problem> {
    let codes = accounts.renew_recovery_codes(&owner, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(codes))
}
