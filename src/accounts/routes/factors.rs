//! Second factors: `/api/totp` and what is below it.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::owner::Owner;
use crate::accounts::totp::{Confirmation, WithPassword};
use crate::http::Problem;
use crate::http::json::Json;
use crate::http::methods::{delete, get, post, resource};
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let totp = [get(to(state)), post(to(begin)), delete(to(disable))];
    cfg.service(resource("/totp", totp).wrap(from_fn(in_span)))
        .service(resource("/totp/confirm", [post(to(confirm))]).wrap(from_fn(in_span)))
        .service(resource("/totp/recovery-codes", [post(to(renew_codes))]).wrap(from_fn(in_span)));
}

async fn state(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.totp_state(&owner).await?))
}

async fn begin(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let new = accounts.begin_totp(&owner).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(new))
}

async fn confirm(owner: Owner, accounts: Data<Accounts>, body: Json<Confirmation>) -> Result<HttpResponse, Problem> {
    let codes = accounts.confirm_totp(&owner, &body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(codes))
}

async fn disable(owner: Owner, accounts: Data<Accounts>, body: Json<WithPassword>) -> Result<HttpResponse, Problem> {
    accounts.disable_totp(&owner, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn renew_codes(
    owner: Owner,
    accounts: Data<Accounts>,
    body: Json<WithPassword>,
) -> Result<HttpResponse, Problem> {
    let codes = accounts.renew_recovery_codes(&owner, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(codes))
}
