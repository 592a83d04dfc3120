//! `/account`: one's own account, as far as the API has acts for it. Every form goes to an address below it and leads back.
//!
//! | file | what is in it |
//! |---|---|
//! | `overview` | the page itself |
//! | `factors` | authenticator app, recovery codes, passkeys |

mod factors;
mod overview;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};

use super::own_form::OwnForm;
use super::page::{self, Message};
use super::signed_in::SignedIn;
use super::{ACCOUNT, see_other, sign_in_at};
use crate::accounts::Accounts;
use crate::accounts::email_change::EmailChange;
use crate::accounts::own_sessions::NotEnded;
use crate::accounts::profile::ProfileChange;
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;

use overview::{Done, show};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let acts = [
        ("name", post(to(change_name))),
        ("email", post(to(change_email))),
        ("password", post(to(change_password))),
        ("sessions/end", post(to(end_session))),
        ("sessions/end-others", post(to(end_others))),
        ("export", post(to(export))),
        ("delete", post(to(leave))),
        ("sign-out", post(to(sign_out))),
    ];
    cfg.service(resource(ACCOUNT, [get(to(overview::overview))]).wrap(from_fn(in_span)));
    for (path, act) in acts {
        cfg.service(resource(&format!("{ACCOUNT}/{path}"), [act]).wrap(from_fn(in_span)));
    }
    factors::routes(cfg);
}

/// Back to the page: with what was done, or with why not.
async fn back(signed_in: &SignedIn, oauth: &OAuth, done: Done, outcome: Result<(), Problem>) -> HttpResponse {
    match outcome {
        Ok(()) => see_other(&format!("{ACCOUNT}?done={}", done.name())),
        Err(problem) => refused(signed_in, oauth, done.form(), &problem).await,
    }
}

/// The page again, with what went wrong on it, in the form that is named.
async fn refused(signed_in: &SignedIn, oauth: &OAuth, form: &'static str, problem: &Problem) -> HttpResponse {
    if problem.is("invalid-token") {
        // The session ended while this was under way.
        return see_other(&sign_in_at(ACCOUNT, None));
    }
    match show(signed_in, oauth, None).await {
        Ok(page) => {
            page::of_problem(problem, |status, why| page.render(status, signed_in, Some(&why.clone().in_form(form))))
        }
        Err(unavailable) => crate::oauth::unavailable(&signed_in.browser.look, &unavailable.of_store()),
    }
}

async fn change_name(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let change = ProfileChange::name(form.get("name").unwrap_or_default());
    let changed = accounts.change_profile(&signed_in.owner, change).await.map_err(Problem::from);
    back(&signed_in, &oauth, Done::Name, changed).await
}

async fn change_email(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let asked = async {
        let change: EmailChange = form.read()?;
        Ok(accounts.request_email_change(&signed_in.owner, change).await?)
    };
    back(&signed_in, &oauth, Done::Email, asked.await).await
}

async fn change_password(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let changed = async { Ok(accounts.change_password(&signed_in.owner, form.read()?).await?) };
    back(&signed_in, &oauth, Done::Password, changed.await).await
}

async fn end_session(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let ended = async {
        let id = form.get("id").and_then(|id| id.parse().ok()).ok_or(NotEnded::Unknown)?;
        accounts.end_session(&signed_in.owner, id).await
    };
    back(&signed_in, &oauth, Done::Session, ended.await.map_err(Problem::from)).await
}

async fn end_others(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, _: OwnForm) -> HttpResponse {
    let ended = accounts.end_other_sessions(&signed_in.owner).await.map_err(Problem::from);
    back(&signed_in, &oauth, Done::Others, ended).await
}

async fn export(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, _: OwnForm) -> HttpResponse {
    match accounts.export(&signed_in.owner).await {
        Ok(export) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"tokenhouse-export.json\""))
            .json(export),
        Err(not) => refused(&signed_in, &oauth, "", &Problem::from(not)).await,
    }
}

async fn leave(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let left = async { Ok::<_, Problem>(accounts.leave(&signed_in.owner, form.read()?).await?) };
    match left.await {
        Ok(()) => {
            let message =
                Message::new("Your account is gone", "Nothing of it is kept but the record of what happened.");
            let mut response = page::message(&signed_in.browser.look, StatusCode::OK, &message);
            signed_in.browser.forget_session(&mut response);
            response
        }
        Err(problem) => refused(&signed_in, &oauth, "delete", &problem).await,
    }
}

async fn sign_out(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, _: OwnForm) -> HttpResponse {
    match accounts.end_browser_session(&signed_in.opened, &signed_in.owner.caller).await {
        Ok(()) => {
            let message = Message::new("You are signed out", "This page may be closed.")
                .leading_to(super::SIGN_IN, "Sign in again");
            let mut response = page::message(&signed_in.browser.look, StatusCode::OK, &message);
            signed_in.browser.forget_session(&mut response);
            response
        }
        Err(not) => refused(&signed_in, &oauth, "", &Problem::from(not)).await,
    }
}
