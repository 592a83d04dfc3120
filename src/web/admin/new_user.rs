//! `/admin/users/new`: another account, with a password or an invitation.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use secrecy::SecretString;

use super::administrator::{Acting, Administrator};
use super::frame::{Frame, Here, answer, done, refused};
use super::users::USERS;
use crate::accounts::Accounts;
use crate::accounts::administration::NewUser;
use crate::accounts::password::Password;
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::web::complaint::Complaint;

const NEW: &str = "/admin/users/new";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(NEW, [get(to(show)), post(to(add))]).wrap(from_fn(in_span)));
}

/// What was filled in.
#[derive(Default)]
struct Filled<'f> {
    email: &'f str,
    name: &'f str,
    roles: &'f str,
    by_password: bool,
    is_verified: bool,
}

#[derive(Template)]
#[template(path = "admin/new_user.html")]
struct NewUserPage<'p> {
    frame: Frame<'p>,
    filled: &'p Filled<'p>,
    shortest: usize,
}

fn form(
    status: StatusCode,
    admin: &Administrator,
    accounts: &Accounts,
    filled: &Filled<'_>,
    error: Option<&Complaint>,
) -> HttpResponse {
    let frame = Frame::of(admin, Here::Users).error(error);
    answer(status, admin, &NewUserPage { frame, filled, shortest: *accounts.rules.password_length.start() })
}

async fn show(admin: Administrator, accounts: Data<Accounts>) -> HttpResponse {
    form(StatusCode::OK, &admin, &accounts, &Filled::default(), None)
}

async fn add(acting: Acting, accounts: Data<Accounts>) -> HttpResponse {
    let field = |name: &str| acting.form.get(name).unwrap_or_default();
    let filled = Filled {
        email: field("email"),
        name: field("name"),
        roles: field("roles"),
        by_password: field("how") == "password",
        is_verified: field("verified") == "yes",
    };
    let password = filled.by_password.then(|| Password::from(SecretString::from(field("password").to_owned())));
    let is_invited = password.is_none();
    let new = NewUser {
        email: filled.email.to_owned(),
        name: Some(filled.name.to_owned()),
        password,
        roles: words(filled.roles),
        verified: filled.is_verified,
    };
    match accounts.administration(acting.admin.owner.clone()).add(new).await {
        Ok(user) => {
            accounts.letters_wait.notify_one();
            done(&format!("{USERS}/{}", user.id), if is_invited { "invited" } else { "added" })
        }
        Err(not) => {
            refused(NEW, &Problem::from(not), |status, why| form(status, &acting.admin, &accounts, &filled, Some(why)))
        }
    }
}

/// Words with blanks or commas between them.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split([' ', ',', '\r', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
