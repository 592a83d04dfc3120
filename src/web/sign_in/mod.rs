//! Signing in: `/sign-in`, its second page, and the same with a passkey.
//!
//! | file | what is in it |
//! |---|---|
//! | `way` | the pages, and where they lead |
//! | `words` | what a person is told who did not get in |

mod way;
mod words;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use secrecy::SecretString;
use serde::Deserialize;

use super::browser::{Browser, SentFrom};
use super::complaint::Complaint;
use super::look::Look;
use super::own_form::OwnForm;
use super::page::{self, WRONG};
use crate::accounts::Accounts;
use crate::accounts::login::NotLoggedIn;
use crate::accounts::passkey_login::PasskeyAnswer;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;

pub(super) use way::{Way, on_this_server};
use words::{Told, told};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/sign-in", [get(to(show)), post(to(first))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/code", [post(to(second))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/done", [get(to(done))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/passkey", [post(to(passkey))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/passkey/challenge", [post(to(challenge))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
struct ShowQuery {
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    email: String,
}

async fn show(browser: Browser, oauth: Data<OAuth>, query: Query<ShowQuery>) -> HttpResponse {
    let Query(ShowQuery { return_to, email }) = query;
    Way::of(&browser, &oauth, Some(&return_to)).await.first(StatusCode::OK, &email, None)
}

async fn first(caller: Caller, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let way = Way::of(&form.browser, &oauth, form.get("return_to")).await;
    let accounts = &oauth.accounts;
    let (email, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    match accounts.sign_in(&caller, email, password).await {
        Ok(step) => way.step(step, &caller).await,
        Err(not) => {
            let Told { status, why, wait } = told(&not);
            with_wait(way.first(status, email, Some(&why)), wait)
        }
    }
}

async fn second(caller: Caller, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let way = Way::of(&form.browser, &oauth, form.get("return_to")).await;
    let accounts = &oauth.accounts;
    let state = form.get("state").unwrap_or_default();
    let otp = form.get("otp").map(|otp| SecretString::from(otp.to_owned()));
    let answer = form.get("passkey").and_then(|answer| serde_json::from_str::<PasskeyAnswer>(answer).ok());
    match accounts.sign_in_further(&caller, state, otp.as_ref(), answer.as_ref()).await {
        Ok(step) => way.step(step, &caller).await,
        Err(NotLoggedIn::WrongCredentials) => {
            let why = "That took too long, or your account was changed meanwhile. Please begin again.";
            way.first(WRONG, "", Some(&Complaint::new(why)))
        }
        Err(not) => {
            let Told { status, why, wait } = told(&not);
            // The same page again, with another challenge for a passkey.
            let page = match accounts.second_page_again(state).await {
                Ok(Some(second)) => way.second(status, second, Some(&why)),
                _ => way.first(status, "", Some(&why)),
            };
            with_wait(page, wait)
        }
    }
}

/// 303 leads here from a form with a password, and this page leads on.
async fn done(look: Look, query: Query<ShowQuery>) -> HttpResponse {
    page::onward(&look, way::on_this_server(&query.0.return_to).unwrap_or(super::ACCOUNT))
}

async fn passkey(caller: Caller, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let way = Way::of(&form.browser, &oauth, form.get("return_to")).await;
    let accounts = &oauth.accounts;
    let answer = form.get("passkey").and_then(|answer| serde_json::from_str::<PasskeyAnswer>(answer).ok());
    let Some(answer) = answer else {
        let why = Complaint::new("That was no answer of a passkey. Please try again.");
        return way.first(StatusCode::BAD_REQUEST, "", Some(&why));
    };
    match accounts.sign_in_with_passkey(&caller, answer).await {
        Ok(token) => way.on(&token, &caller).await,
        Err(not) => page::of_problem(&Problem::from(not), |status, why| way.first(status, "", Some(why))),
    }
}

/// For the script: a challenge for whoever has a passkey here.
async fn challenge(request: HttpRequest, caller: Caller, browser: Browser, accounts: Data<Accounts>) -> HttpResponse {
    if SentFrom::of(&request) == SentFrom::Elsewhere {
        return page::not_from_here(&browser.look);
    }
    match accounts.begin_passkey_login(&caller).await {
        Ok(challenge) => HttpResponse::Ok().json(challenge),
        Err(not) => Problem::from(not).error_response(),
    }
}

fn with_wait(mut response: HttpResponse, wait: Option<u64>) -> HttpResponse {
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
