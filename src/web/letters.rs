//! The pages that links in letters lead to, and the one that asks for a letter: `/verify-email`, `/confirm-email`, `/forgot-password`,
//! `/reset-password`.
//!
//! Opening a link does nothing by itself: programs that look into letters open links too. It shows a form.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use serde::Deserialize;

use super::browser::Browser;
use super::complaint::Complaint;
use super::own_form::OwnForm;
use super::page::{self, Message};
use super::sign_in::on_this_server;
use super::{ACCOUNT, FORGOT, sign_in_at};
use crate::accounts::Accounts;
use crate::accounts::email_verification::Verification;
use crate::accounts::password_reset::{Forgot, Reset};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    for path in ["/verify-email", "/confirm-email"] {
        cfg.service(resource(path, [get(to(show_verify)), post(to(verify))]).wrap(from_fn(in_span)));
    }
    cfg.service(resource(FORGOT, [get(to(show_forgot)), post(to(forgot))]).wrap(from_fn(in_span)))
        .service(resource("/reset-password", [get(to(show_reset)), post(to(reset))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
struct TokenQuery {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct ForgotQuery {
    #[serde(default)]
    return_to: String,
}

#[derive(Template)]
#[template(path = "verify_email.html")]
struct VerifyPage<'p> {
    token: &'p str,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

#[derive(Template)]
#[template(path = "forgot_password.html")]
struct ForgotPage<'p> {
    email: &'p str,
    return_to: &'p str,
    sign_in: String,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPage<'p> {
    token: &'p str,
    shortest: usize,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

fn verify_page(status: StatusCode, browser: &Browser, token: &str, error: Option<&Complaint>) -> HttpResponse {
    page::page(status, &VerifyPage { token, error, form_token: browser.form_token() }, browser, None)
}

async fn show_verify(browser: Browser, query: Query<TokenQuery>) -> HttpResponse {
    verify_page(StatusCode::OK, &browser, &query.0.token, None)
}

async fn verify(caller: Caller, accounts: Data<Accounts>, form: OwnForm) -> HttpResponse {
    let token = form.get("token").unwrap_or_default();
    match accounts.verify_email(&caller, Verification::new(token)).await {
        Ok(()) => {
            let message = Message::new("Thank you", "It is shown that this email address is yours.");
            page::message(&form.browser.look, StatusCode::OK, &message.leading_to(ACCOUNT, "To your account"))
        }
        Err(not) => {
            page::of_problem(&Problem::from(not), |status, why| verify_page(status, &form.browser, token, Some(why)))
        }
    }
}

fn forgot_page(
    status: StatusCode,
    browser: &Browser,
    email: &str,
    return_to: &str,
    error: Option<&Complaint>,
) -> HttpResponse {
    let sign_in = sign_in_at(return_to, None);
    let page = ForgotPage { email, return_to, sign_in, error, form_token: browser.form_token() };
    page::page(status, &page, browser, None)
}

async fn show_forgot(browser: Browser, query: Query<ForgotQuery>) -> HttpResponse {
    let return_to = on_this_server(&query.0.return_to).unwrap_or_default();
    forgot_page(StatusCode::OK, &browser, "", return_to, None)
}

/// Where he was going is kept with the token and not in the link, which would be long, and is seen by whoever sees the letter.
async fn forgot(caller: Caller, accounts: Data<Accounts>, form: OwnForm) -> HttpResponse {
    let email = form.get("email").unwrap_or_default();
    let return_to = form.get("return_to").and_then(on_this_server).unwrap_or_default();
    match accounts.forgot_password(&caller, &Forgot::new(email, return_to)).await {
        Ok(()) => {
            let text = "If there is an account with this address, a letter is on its way. The link in it is good for a while, and once.";
            page::message(&form.browser.look, StatusCode::ACCEPTED, &Message::new("Look into your letters", text))
        }
        Err(not) => page::of_problem(&Problem::from(not), |status, why| {
            forgot_page(status, &form.browser, email, return_to, Some(why))
        }),
    }
}

fn reset_page(
    status: StatusCode,
    browser: &Browser,
    accounts: &Accounts,
    token: &str,
    error: Option<&Complaint>,
) -> HttpResponse {
    let shortest = *accounts.rules.password_length.start();
    page::page(status, &ResetPage { token, shortest, error, form_token: browser.form_token() }, browser, None)
}

async fn show_reset(browser: Browser, accounts: Data<Accounts>, query: Query<TokenQuery>) -> HttpResponse {
    reset_page(StatusCode::OK, &browser, &accounts, &query.0.token, None)
}

async fn reset(caller: Caller, accounts: Data<Accounts>, form: OwnForm) -> HttpResponse {
    let (token, password) = (form.get("token").unwrap_or_default(), form.get("new_password").unwrap_or_default());
    match accounts.reset_password(&caller, Reset::new(token, password)).await {
        Ok(return_to) => {
            let text = "Your new password is set, and all your sessions have ended. You can sign in with it now.";
            let sign_in = sign_in_at(return_to.as_deref().and_then(on_this_server).unwrap_or_default(), None);
            let message = Message::new("Done", text).leading_to(&sign_in, "Sign in");
            let mut response = page::message(&form.browser.look, StatusCode::OK, &message);
            form.browser.forget_session(&mut response);
            response
        }
        Err(not) => page::of_problem(&Problem::from(not), |status, why| {
            reset_page(status, &form.browser, &accounts, token, Some(why))
        }),
    }
}
