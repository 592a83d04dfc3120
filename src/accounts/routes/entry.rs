//! The way in and out: `/api/register`, `/api/login`, `/api/refresh`, `/api/logout`.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};

use serde_json::json;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::login::Credentials;
use crate::accounts::owner::Owner;
use crate::accounts::refresh::Refresh;
use crate::accounts::register::{Outcome, Registration};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::methods::{post, resource};
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/register", [post(to(register))]).wrap(from_fn(in_span)))
        .service(resource("/login", [post(to(log_in))]).wrap(from_fn(in_span)))
        .service(resource("/refresh", [post(to(refresh))]).wrap(from_fn(in_span)))
        .service(resource("/logout", [post(to(log_out))]).wrap(from_fn(in_span)));
}

async fn register(
    caller: Caller,
    accounts: Data<Accounts>,
    registration: Json<Registration>,
) -> Result<HttpResponse, Problem> {
    Ok(match accounts.register(&caller, registration.0).await? {
        Outcome::Made(registered) => HttpResponse::Created().json(registered),
        Outcome::Asked => HttpResponse::Accepted()
            .json(json!({ "detail": "A letter is on its way to this address; open the link in it to go on." })),
    })
}

async fn log_in(
    caller: Caller,
    accounts: Data<Accounts>,
    credentials: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let tokens = accounts.log_in(&caller, credentials.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

async fn refresh(caller: Caller, accounts: Data<Accounts>, refresh: Json<Refresh>) -> Result<HttpResponse, Problem> {
    let tokens = accounts.refresh(&caller, refresh.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

async fn log_out(accounts: Data<Accounts>, owner: Owner) -> Result<HttpResponse, Problem> {
    accounts.log_out(&owner).await?;
    Ok(HttpResponse::NoContent().finish())
}
