//! What letters are for: `/api/password/forgot` and `/reset`, `/api/email` and what is below it.

use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Payload, ServiceConfig, to};
use actix_web::{Error, FromRequest as _, HttpRequest, HttpResponse};
use utoipa::OpenApi;

use super::Notice;
use crate::accounts::Accounts;
use crate::accounts::email_change::EmailChange;
use crate::accounts::email_change::NotRequested;
use crate::accounts::email_verification::{NotAsked, NotVerified};
use crate::accounts::email_verification::{Resend, Verification};
use crate::accounts::owner::Owner;
use crate::accounts::password_reset::NotReset;
use crate::accounts::password_reset::{Forgot, Reset};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{post, resource};
use crate::http::request_id::in_span;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(forgot, reset, change, verify, resend))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/password/forgot", [post(to(forgot))]).wrap(from_fn(in_span)))
        .service(resource("/password/reset", [post(to(reset))]).wrap(from_fn(in_span)))
        .service(resource("/email", [post(to(change))]).wrap(from_fn(in_span)))
        .service(resource("/email/verify", [post(to(verify))]).wrap(from_fn(in_span)))
        .service(resource("/email/resend", [post(to(resend))]).wrap(from_fn(in_span)));
}

/// 202: a letter goes out, if there is anybody to write to.
pub(super) fn a_letter_goes_out() -> HttpResponse {
    HttpResponse::Accepted().json(Notice { detail: "If there is an account to write to, a letter is on its way." })
}

/// A letter with a link that sets another password.
#[utoipa::path(
    post,
    path = "/api/password/forgot",
    operation_id = "forgotPassword",
    tag = "Accounts",
    request_body = Forgot,
    responses(
        (status = 202, description = "A letter goes out, if there is an account of this address: the answer is the same.", body = Notice),
        Answers<(Json<Forgot>, NotAsked)>,
    ),
    security(()),
)]
async fn forgot(caller: Caller, accounts: Data<Accounts>, body: Json<Forgot>) -> Result<HttpResponse, Problem> {
    accounts.forgot_password(&caller, &body.0).await?;
    Ok(a_letter_goes_out())
}

/// Set another password with the token of a letter.
#[utoipa::path(
    post,
    path = "/api/password/reset",
    operation_id = "resetPassword",
    tag = "Accounts",
    request_body = Reset,
    responses(
        (status = 204, description = "The password is set, and all sessions have ended."),
        Answers<(Json<Reset>, NotReset)>,
    ),
    security(()),
)]
async fn reset(caller: Caller, accounts: Data<Accounts>, body: Json<Reset>) -> Result<HttpResponse, Problem> {
    accounts.reset_password(&caller, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for another email address.
#[utoipa::path(
    post,
    path = "/api/email",
    operation_id = "changeEmail",
    tag = "Accounts",
    request_body = EmailChange,
    responses(
        (status = 202, description = "A letter goes to the new address; the account has it once the link in it was opened.", body = Notice),
        Answers<(Owner, Json<EmailChange>, NotRequested)>,
    ),
    security(("session" = [])),
)]
async fn change(owner: Owner, accounts: Data<Accounts>, body: Json<EmailChange>) -> Result<HttpResponse, Problem> {
    accounts.request_email_change(&owner, body.0).await?;
    Ok(a_letter_goes_out())
}

/// Show by the token of a letter that its address is one’s own.
#[utoipa::path(
    post,
    path = "/api/email/verify",
    operation_id = "verifyEmail",
    tag = "Accounts",
    request_body = Verification,
    responses(
        (status = 204, description = "The address is verified."),
        Answers<(Json<Verification>, NotVerified)>,
    ),
    security(()),
)]
async fn verify(caller: Caller, accounts: Data<Accounts>, body: Json<Verification>) -> Result<HttpResponse, Problem> {
    accounts.verify_email(&caller, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The letter with the link again.
///
/// With a token for the address of its owner, whatever the body; without one for the address in the body.
#[utoipa::path(
    post,
    path = "/api/email/resend",
    operation_id = "resendVerification",
    tag = "Accounts",
    request_body = Option<Resend>,
    responses(
        (status = 202, description = "A letter goes out, if there is anybody to write to.", body = Notice),
        Answers<(Owner, Json<Resend>, NotAsked)>,
    ),
    security((), ("session" = [])),
)]
async fn resend(
    request: HttpRequest,
    caller: Caller,
    accounts: Data<Accounts>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut payload = payload.into_inner();
    if request.headers().contains_key(AUTHORIZATION) {
        let owner = Owner::from_request(&request, &mut payload).await?;
        accounts.resend_own_verification(&owner).await.map_err(Problem::from)?;
    } else {
        let body = Json::<Resend>::from_request(&request, &mut payload).await?;
        accounts.resend_verification(&caller, &body.0).await.map_err(Problem::from)?;
    }
    Ok(a_letter_goes_out())
}
