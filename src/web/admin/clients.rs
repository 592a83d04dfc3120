//! `/admin/clients`: the clients, and another one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::administrator::{Acting, Administrator};
use super::client_form::{Fields, MayNot, Tick};
use super::frame::{Frame, Here, answer, minute, refused, unavailable, with_query};
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::client::{AuthMethod, Client, is_client_id};
use crate::web::complaint::Complaint;
use crate::web::page;

pub(super) const CLIENTS: &str = "/admin/clients";
const NEW: &str = "/admin/clients/new";

/// So many are on a page.
const PAGE: usize = 50;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(CLIENTS, [get(to(list))]).wrap(from_fn(in_span)))
        .service(resource(NEW, [get(to(show)), post(to(add))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

/// A client, in a row.
struct Row {
    id: String,
    name: String,
    grants: String,
    method: &'static str,
    state: &'static str,
    since: String,
}

impl From<&Client> for Row {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id().to_owned(),
            name: client.name().to_owned(),
            grants: Tick::grants_of(client).join(", "),
            method: method_words(client.auth_method()),
            state: if client.is_enabled() { "" } else { "disabled" },
            since: minute(client.created_at()),
        }
    }
}

/// How a client proves who it is.
pub(super) fn method_words(method: Option<AuthMethod>) -> &'static str {
    match method {
        None => "a secret",
        Some(AuthMethod::ClientSecretBasic) => "a secret, in the header",
        Some(AuthMethod::ClientSecretPost) => "a secret, in the body",
        Some(AuthMethod::PrivateKeyJwt) => "keys of its own",
        Some(AuthMethod::None) => "nothing: it is public",
    }
}

#[derive(Template)]
#[template(path = "admin/clients.html")]
struct ClientsPage<'p> {
    frame: Frame<'p>,
    rows: Vec<Row>,
    goes_on: bool,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/new_client.html")]
struct NewClientPage<'p> {
    frame: Frame<'p>,
    fields: &'p Fields,
}

#[derive(Template)]
#[template(path = "admin/secret.html")]
pub(super) struct SecretPage<'p> {
    pub frame: Frame<'p>,
    pub name: &'p str,
    pub id: &'p str,
    /// None, where it has keys or can keep none.
    pub secret: Option<&'p str>,
    /// What else there is to know.
    pub more: &'p str,
}

async fn list(admin: Administrator, oauth: Data<OAuth>, query: Query<ListQuery>) -> HttpResponse {
    let ListQuery { cursor, done } = &query.0;
    let clients = match oauth.registry.refresh().await {
        Ok(clients) => clients,
        Err(error) => return unavailable(&admin, &error),
    };
    let is_broken = !cursor.is_empty() && !is_client_id(cursor);
    let why = is_broken.then(|| Complaint::new(page::BROKEN_LINK));
    let mut behind = clients.after(cursor);
    let shown: Vec<_> = behind.by_ref().take(if is_broken { 0 } else { PAGE }).collect();
    let next = behind.next().and_then(|_| shown.last()).map(|last| with_query(CLIENTS, &[("cursor", last.id())]));
    let shown = ClientsPage {
        frame: Frame::of(&admin, Here::Clients).done(&admin, done).error(why.as_ref()),
        rows: shown.iter().map(|client| Row::from(client.as_ref())).collect(),
        goes_on: !cursor.is_empty(),
        next,
    };
    answer(if is_broken { page::WRONG } else { StatusCode::OK }, &admin, &shown)
}

fn form(status: StatusCode, admin: &Administrator, fields: &Fields, error: Option<&Complaint>) -> HttpResponse {
    let frame = Frame::of(admin, Here::Clients).error(error);
    answer(status, admin, &NewClientPage { frame, fields })
}

async fn show(admin: Administrator, oauth: Data<OAuth>) -> HttpResponse {
    form(StatusCode::OK, &admin, &Fields::empty(&oauth.clients.scopes), None)
}

async fn add(acting: Acting, oauth: Data<OAuth>) -> HttpResponse {
    let admin = &acting.admin;
    let fields = Fields::of_form(&acting.form, &oauth.clients.scopes);
    let new = match fields.to_new() {
        Ok(new) => new,
        Err(MayNot(why)) => return form(StatusCode::UNPROCESSABLE_ENTITY, admin, &fields, Some(&why)),
    };
    let (clients, author) = (oauth.clients.clone(), Author::Administrator(admin.owner.clone()));
    match oauth.changing(async move { clients.add(new, author).await }).await {
        Ok(added) => {
            let page = SecretPage {
                frame: Frame::of(admin, Here::Clients),
                name: added.client.name(),
                id: added.client.id(),
                secret: added.secret.as_ref().map(ExposeSecret::expose_secret),
                more: "",
            };
            answer(StatusCode::CREATED, admin, &page)
        }
        Err(not) => refused(NEW, &Problem::from(not), |status, why| form(status, admin, &fields, Some(why))),
    }
}
