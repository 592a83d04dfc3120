//! The acts over HTTP: `/api/register`, `/api/login`, `/api/refresh`, `/api/logout` and `/api/me`.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};

use super::Accounts;
use super::login::Credentials;
use super::me::{Me, RemoteSubject};
use super::owner::Owner;
use super::reauthentication::gone;
use super::refresh::Refresh;
use super::register::Registration;
use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;

/// The routes of a server with accounts of its own.
pub fn local(cfg: &mut ServiceConfig) {
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
    let registered = accounts.register(&caller, registration.0).await?;
    Ok(HttpResponse::Created().json(registered))
}

async fn log_in(
    caller: Caller,
    accounts: Data<Accounts>,
    credentials: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let tokens = accounts.log_in(&caller, credentials.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

async fn refresh(
    caller: Caller,
    accounts: Data<Accounts>,
    refresh: Json<Refresh>,
) -> Result<HttpResponse, Problem> {
    let tokens = accounts.refresh(&caller, refresh.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

async fn log_out(accounts: Data<Accounts>, owner: Owner) -> Result<HttpResponse, Problem> {
    accounts.log_out(&owner).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/me`, for local and remote tokens.
pub async fn me(request: HttpRequest, bearer: Bearer) -> Result<HttpResponse, Problem> {
    let me = match request.app_data::<Data<Accounts>>() {
        Some(accounts) if bearer.is_local() => accounts.me(&bearer).await?,
        _ => Some(Me::Remote(RemoteSubject::from(&**bearer.claims()))),
    };
    Ok(HttpResponse::Ok().insert_header(no_store()).json(me.ok_or_else(gone)?))
}

/// `GET /api/me` for any accepted token, whether or not there are accounts here.
pub fn whoever(cfg: &mut ServiceConfig) {
    cfg.service(resource("/me", [get(to(me))]));
}

fn no_store() -> (actix_web::http::header::HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
