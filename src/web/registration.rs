//! `/register`: making an account.

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
use super::sign_in::Way;
use crate::accounts::Accounts;
use crate::accounts::register::{NotRegistered, Outcome, Registration};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/register", [get(to(show)), post(to(register))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
struct ShowQuery {
    #[serde(default)]
    return_to: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage<'p> {
    return_to: &'p str,
    name: &'p str,
    email: &'p str,
    shortest: usize,
    error: Option<&'p Complaint>,
    form_token: &'p str,
    sign_in: String,
}

/// What was filled in.
#[derive(Default)]
struct Filled<'f> {
    name: &'f str,
    email: &'f str,
}

fn form(
    status: StatusCode,
    browser: &Browser,
    accounts: &Accounts,
    return_to: &str,
    filled: &Filled<'_>,
    error: Option<&Complaint>,
) -> HttpResponse {
    let page = RegisterPage {
        return_to,
        name: filled.name,
        email: filled.email,
        shortest: *accounts.rules.password_length.start(),
        error,
        form_token: browser.form_token(),
        sign_in: super::sign_in_at(return_to, None),
    };
    page::page(status, &page, browser, None)
}

async fn show(browser: Browser, oauth: Data<OAuth>, query: Query<ShowQuery>) -> HttpResponse {
    let accounts = &oauth.accounts;
    if !accounts.rules.registration_open {
        return closed(&browser);
    }
    let way = Way::of(&browser, &oauth, Some(&query.0.return_to)).await;
    form(StatusCode::OK, &browser, accounts, way.return_to(), &Filled::default(), None)
}

fn closed(browser: &Browser) -> HttpResponse {
    let text = "New accounts are not made here by registering. Please ask whoever runs this server.";
    page::message(&browser.look, StatusCode::FORBIDDEN, &Message::new("Registration is closed", text))
}

/// Who has registered is signed in at once, where his address need not be verified first.
async fn register(caller: Caller, oauth: Data<OAuth>, sent: OwnForm) -> HttpResponse {
    let accounts = &oauth.accounts;
    let way = Way::of(&sent.browser, &oauth, sent.get("return_to")).await;
    let field = |name: &str| sent.get(name).unwrap_or_default();
    let (name, email, password) = (field("name"), field("email"), field("password"));
    let registration = Registration::new(email, password, Some(name).filter(|name| !name.is_empty()));
    match accounts.register(&caller, registration).await {
        Ok(Outcome::Made(_)) => match accounts.sign_in(&caller, email, password).await {
            Ok(step) => way.step(step, &caller).await,
            // The account is there; whatever kept him out is told when he signs in.
            Err(_) => super::see_other(&super::sign_in_at(way.return_to(), Some(email))),
        },
        Ok(Outcome::Asked) => {
            let text = "A letter is on its way to this address. Please open the link in it, and then sign in.";
            page::message(&sent.browser.look, StatusCode::ACCEPTED, &Message::new("Nearly there", text))
        }
        Err(NotRegistered::Closed) => closed(&sent.browser),
        Err(not) => page::of_problem(&Problem::from(not), |status, why| {
            form(status, &sent.browser, accounts, way.return_to(), &Filled { name, email }, Some(why))
        }),
    }
}
