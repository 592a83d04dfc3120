//! `/activate`: a user lets a device in that shows him a code (RFC 8628, section 3.3).

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
use super::{ACTIVATE, see_other, sign_in_at};
use crate::accounts::new_session::Opened;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::device::{shown, user_code};
use crate::oauth::{OAuth, unavailable};
use crate::store::StoreError;
use crate::token::Scopes;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/activate", [get(to(show)), post(to(decide))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
struct ShowQuery {
    #[serde(default)]
    user_code: String,
}

#[derive(Template)]
#[template(path = "activate.html")]
struct ActivatePage<'p> {
    user: &'p str,
    user_code: &'p str,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

#[derive(Template)]
#[template(path = "activate_confirm.html")]
struct ConfirmPage<'p> {
    client: &'p str,
    user: &'p str,
    user_code: &'p str,
    asked: Vec<String>,
    form_token: &'p str,
}

/// With a code in the address, as in a QR code, it is filled in; the user still sends it himself, and so sees what it is he lets in (section 5.4).
async fn show(browser: Browser, oauth: Data<OAuth>, query: Query<ShowQuery>) -> HttpResponse {
    let filled = user_code(&query.0.user_code).map(|code| shown(&code)).unwrap_or_default();
    match oauth.signed_in(&browser).await {
        Ok(Some(opened)) => ask(StatusCode::OK, &browser, &opened, &filled, None),
        Ok(None) => {
            let back = if filled.is_empty() { ACTIVATE.to_owned() } else { format!("{ACTIVATE}?user_code={filled}") };
            see_other(&sign_in_at(&back, None))
        }
        Err(error) => unavailable(&browser.look, &error),
    }
}

fn ask(status: StatusCode, browser: &Browser, opened: &Opened, code: &str, error: Option<&Complaint>) -> HttpResponse {
    let form_token = browser.form_token();
    let page = ActivatePage { user: &opened.user.email, user_code: code, error, form_token };
    page::page(status, &page, browser, None)
}

async fn decide(caller: Caller, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    decided(&caller, &oauth, &form).await.unwrap_or_else(|error| unavailable(&form.browser.look, &error))
}

async fn decided(caller: &Caller, oauth: &OAuth, form: &OwnForm) -> Result<HttpResponse, StoreError> {
    let browser = &form.browser;
    let Some(opened) = oauth.signed_in(browser).await? else { return Ok(see_other(&sign_in_at(ACTIVATE, None))) };
    let typed = form.get("user_code").unwrap_or_default();
    // Each code counts as a guess, when it is typed; there is no way to tell one from a slip (section 5.1).
    if form.get("decision").is_none()
        && let Err(too_many) = oauth.accounts.limits.device_code_of(&opened.user.id)
    {
        let problem = Problem::from(too_many);
        return Ok(page::of_problem(&problem, |status, why| ask(status, browser, &opened, "", Some(why))));
    }
    let unknown = || {
        let why = "No device waits with this code. Codes are good for ten minutes; the device can show you another.";
        let complaint = Complaint::new(why).on(&["user_code"]);
        Ok(ask(StatusCode::BAD_REQUEST, browser, &opened, "", Some(&complaint)))
    };
    let Some(code) = user_code(typed) else { return unknown() };
    let Some((device, client)) = oauth.waiting_device(&code).await? else { return unknown() };
    let is_allowed = match form.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => {
            let page = ConfirmPage {
                client: client.name(),
                user: &opened.user.email,
                user_code: &shown(&code),
                asked: oauth.in_words(&Scopes::from(device.scopes.as_str())),
                form_token: browser.form_token(),
            };
            return Ok(page::page(StatusCode::OK, &page, browser, None));
        }
    };
    // Somebody else has signed in in another tab since the page was shown.
    if form.get("user") != Some(opened.user.email.as_str()) {
        return Ok(ask(StatusCode::OK, browser, &opened, &shown(&code), None));
    }
    if !oauth.decide_device(&code, is_allowed, &opened, caller).await? {
        return unknown();
    }
    Ok(page::message(
        &browser.look,
        StatusCode::OK,
        &if is_allowed {
            Message::new("The device is let in", "You can go back to it now; this page may be closed.")
        } else {
            Message::new("The device is not let in", "It gets nothing of yours; this page may be closed.")
        },
    ))
}
