//! Pages: signing in, allowing a device, and what lies around them. They work without JavaScript; passkeys and the playground need it.
//!
//! | file | what is in it |
//! |---|---|
//! | `page` | how a page is answered: its headers, messages |
//! | `look`, `contrast` | the operator's name, logo and colour |
//! | `complaint` | what is wrong with a form that was sent |
//! | `in_words` | sessions, as pages tell of them |
//! | `problem_page` | a page in place of a problem, for people |
//! | `browser`, `own_form` | the browser's cookies; forms, which only pages of this server may send |
//! | `sign_in` | `/sign-in` and what is below it |
//! | `registration` | `/register` |
//! | `letters` | where links in letters lead, and `/forgot-password` |
//! | `account` | `/account`: one's own account, for whoever is signed in (`signed_in`) |
//! | `admin` | `/admin`: everything, for administrators |
//! | `activate` | `/activate`: the user's side of the device flow |
//! | `playground` | `/`: trying tokens out |
//! | `assets` | style sheets, scripts, pictures |
//!
//! The pages of the authorization server itself, such as the one that asks for consent, are in `oauth`; all templates are in `pages`.

mod account;
mod activate;
mod admin;
mod assets;
pub(crate) mod browser;
pub(crate) mod complaint;
mod contrast;
mod in_words;
mod letters;
pub(crate) mod look;
pub(crate) mod own_form;
pub(crate) mod page;
mod playground;
pub(crate) mod problem_page;
mod registration;
mod sign_in;
mod signed_in;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{ServiceConfig, to};

use crate::http::methods::{get, resource};

pub(crate) use playground::Playground;

/// The pages' addresses.
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const FORGOT: &str = "/forgot-password";
pub(crate) const ACTIVATE: &str = "/activate";
pub(crate) const ACCOUNT: &str = "/account";
pub(crate) const ADMIN: &str = "/admin";

/// The routes, at the root, where there are accounts.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.configure(sign_in::routes)
        .configure(registration::routes)
        .configure(letters::routes)
        .configure(account::routes)
        .configure(admin::routes)
        .configure(activate::routes);
}

/// The routes, at the root, of pages that need no accounts.
pub(crate) fn common_routes(cfg: &mut ServiceConfig, playground: Option<&Playground>, has_accounts: bool) {
    cfg.configure(assets::routes);
    match playground {
        Some(playground) => playground::routes(cfg, playground),
        None if has_accounts => {
            cfg.service(resource("/", [get(to(async || see_other(ACCOUNT)))]));
        }
        None => {}
    }
}

/// 303: a GET comes next, whatever this was (RFC 9110, section 15.4.4).
pub(crate) fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// The address of the page to sign in at, which leads to `back` afterwards.
pub(crate) fn sign_in_at(back: &str, email: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs((!back.is_empty()).then_some(("return_to", back)));
    query.extend_pairs(email.map(|email| ("email", email)));
    let query = query.finish();
    if query.is_empty() { SIGN_IN.to_owned() } else { format!("{SIGN_IN}?{query}") }
}

/// The address of the page to ask for a letter at by whoever forgot his password, which leads to `back` afterwards.
pub(crate) fn forgot_at(back: &str) -> String {
    with_return_to(FORGOT, back)
}

/// The address of the page to register at, which leads to `back` afterwards.
pub(crate) fn register_at(back: &str) -> String {
    with_return_to("/register", back)
}

fn with_return_to(page: &str, back: &str) -> String {
    if back.is_empty() {
        return page.to_owned();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", back).finish();
    format!("{page}?{query}")
}
