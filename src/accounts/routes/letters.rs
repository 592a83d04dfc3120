//! What letters are for: `/api/password/forgot` and `/reset`, `/api/email` and what is below it.

use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Payload, ServiceConfig, to};
use actix_web::{Error, FromRequest as _, HttpRequest, HttpResponse};
use serde_json::json;

use crate::accounts::Accounts;
use crate::accounts::email_change::EmailChange;
use crate::accounts::email_verification::{Resend, Verification};
use crate::accounts::owner::Owner;
use crate::accounts::password_reset::{Forgot, Reset};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::methods::{post, resource};
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/password/forgot", [post(to(forgot))]).wrap(from_fn(in_span)))
        .service(resource("/password/reset", [post(to(reset))]).wrap(from_fn(in_span)))
        .service(resource("/email", [post(to(change))]).wrap(from_fn(in_span)))
        .service(resource("/email/verify", [post(to(verify))]).wrap(from_fn(in_span)))
        .service(resource("/email/resend", [post(to(resend))]).wrap(from_fn(in_span)));
}

/// 202: a letter goes out, if there is anybody to write to.
pub(super) fn a_letter_goes_out() -> HttpResponse {
    HttpResponse::Accepted().json(json!({ "detail": "If there is an account to write to, a letter is on its way." }))
}

async fn forgot(caller: Caller, accounts: Data<Accounts>, body: Json<Forgot>) -> Result<HttpResponse, Problem> {
    accounts.forgot_password(&caller, &body.0).await?;
    Ok(a_letter_goes_out())
}

async fn reset(caller: Caller, accounts: Data<Accounts>, body: Json<Reset>) -> Result<HttpResponse, Problem> {
    accounts.reset_password(&caller, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn change(owner: Owner, accounts: Data<Accounts>, body: Json<EmailChange>) -> Result<HttpResponse, Problem> {
    accounts.request_email_change(&owner, body.0).await?;
    Ok(a_letter_goes_out())
}

async fn verify(caller: Caller, accounts: Data<Accounts>, body: Json<Verification>) -> Result<HttpResponse, Problem> {
    accounts.verify_email(&caller, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// With a token for the owner's address, whatever the body; without one for the address in the body.
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
