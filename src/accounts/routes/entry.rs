//! The way in and out: `/api/register`, `/api/login`, `/api/refresh`, `/api/logout`.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use utoipa::OpenApi;

use super::Notice;
use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::login::Credentials;
use crate::accounts::login::NotLoggedIn;
use crate::accounts::new_session::TokenResponse;
use crate::accounts::owner::NotOwner;
use crate::accounts::owner::Owner;
use crate::accounts::refresh::NotRefreshed;
use crate::accounts::refresh::Refresh;
use crate::accounts::register::{NotRegistered, Registered};
use crate::accounts::register::{Outcome, Registration};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{post, resource};
use crate::http::request_id::in_span;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(register, log_in, refresh, log_out))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/register", [post(to(register))]).wrap(from_fn(in_span)))
        .service(resource("/login", [post(to(log_in))]).wrap(from_fn(in_span)))
        .service(resource("/refresh", [post(to(refresh))]).wrap(from_fn(in_span)))
        .service(resource("/logout", [post(to(log_out))]).wrap(from_fn(in_span)));
}

/// Register: a new account.
#[utoipa::path(
    post,
    path = "/api/register",
    operation_id = "register",
    tag = "Accounts",
    request_body = Registration,
    responses(
        (status = 201, description = "There is an account.", body = Registered),
        (status = 202, description = "With `accounts.email_verification = \"required\"`: a letter is on its way, whether or not the address is taken.", body = Notice),
        Answers<(Json<Registration>, NotRegistered)>,
    ),
    security(()),
)]
async fn register(
    caller: Caller,
    accounts: Data<Accounts>,
    registration: Json<Registration>,
) -> Result<HttpResponse, Problem> {
    Ok(match accounts.register(&caller, registration.0).await? {
        Outcome::Made(registered) => HttpResponse::Created().json(registered),
        Outcome::Asked => HttpResponse::Accepted()
            .json(Notice { detail: "A letter is on its way to this address; open the link in it to go on." }),
    })
}

/// Log in with email and password.
///
/// Whoever has set up a second factor is answered 401 `otp-required` first, and sends the same again with a code or with a passkey’s answer.
#[utoipa::path(
    post,
    path = "/api/login",
    operation_id = "logIn",
    tag = "Accounts",
    request_body = Credentials,
    responses(
        (status = 200, description = "The tokens of a new session.", body = TokenResponse, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Json<Credentials>, NotLoggedIn)>,
    ),
    security(()),
)]
async fn log_in(
    caller: Caller,
    accounts: Data<Accounts>,
    credentials: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let tokens = accounts.log_in(&caller, credentials.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

/// New tokens for a refresh token.
///
/// A refresh token is good once. A copy that is used later ends its session.
#[utoipa::path(
    post,
    path = "/api/refresh",
    operation_id = "refresh",
    tag = "Accounts",
    request_body = Refresh,
    responses(
        (status = 200, description = "New tokens; the refresh token that was sent is used up.", body = TokenResponse, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Json<Refresh>, NotRefreshed)>,
    ),
    security(()),
)]
async fn refresh(caller: Caller, accounts: Data<Accounts>, refresh: Json<Refresh>) -> Result<HttpResponse, Problem> {
    let tokens = accounts.refresh(&caller, refresh.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}

/// End the session of the token.
#[utoipa::path(
    post,
    path = "/api/logout",
    operation_id = "logOut",
    tag = "Accounts",
    responses(
        (status = 204, description = "Its access and refresh tokens are dead from now on."),
        Answers<(Owner, NotOwner)>,
    ),
    security(("session" = [])),
)]
async fn log_out(accounts: Data<Accounts>, owner: Owner) -> Result<HttpResponse, Problem> {
    accounts.log_out(&owner).await?;
    Ok(HttpResponse::NoContent().finish())
}
