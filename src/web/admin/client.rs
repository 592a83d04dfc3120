//! `/admin/clients/ID`: one client.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use askama::Template;
use serde::Deserialize;

use super::administrator::{Acting, Administrator};
use super::client_form::Fields;
use super::clients::{CLIENTS, method_words};
use super::frame::{Frame, Here, answer, done, minute, nothing_here, refused, unavailable};
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::client::{AuthMethod, Client};
use crate::oauth::clients::NotDone;
use crate::web::complaint::Complaint;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/clients/{id}", [get(to(show)), post(to(change))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "admin/client.html")]
struct ClientPage<'p> {
    frame: Frame<'p>,
    id: &'p str,
    name: &'p str,
    method: &'static str,
    since: String,
    is_disabled: bool,
    has_secret: bool,
    /// Since when, and until when, each is good.
    secrets: Vec<(String, String)>,
    fields: &'p Fields,
}

pub(super) fn page(
    status: StatusCode,
    admin: &Administrator,
    oauth: &OAuth,
    client: &Client,
    fields: &Fields,
    told: (&str, Option<&Complaint>),
) -> HttpResponse {
    let now = oauth.accounts.clock.unix_micros();
    let times = client.secret_times(now);
    let page = ClientPage {
        frame: Frame::of(admin, Here::Clients).done(admin, told.0).error(told.1),
        id: client.id(),
        name: client.name(),
        method: method_words(client.auth_method()),
        since: minute(client.created_at()),
        is_disabled: !client.is_enabled(),
        has_secret: client.auth_method().is_none_or(AuthMethod::has_secret),
        secrets: times.map(|(since, until)| (minute(since), until.map(minute).unwrap_or_default())).collect(),
        fields,
    };
    answer(status, admin, &page)
}

/// The client of an id in an address; or the answer, where there is none.
pub(super) async fn find(admin: &Administrator, oauth: &OAuth, id: &str) -> Result<Arc<Client>, HttpResponse> {
    let clients = oauth.registry.refresh().await.map_err(|error| unavailable(admin, &error))?;
    let unknown = || nothing_here(admin, "There is no client with this id, or it is gone.", CLIENTS, "All clients");
    clients.get(id).cloned().ok_or_else(unknown)
}

async fn show(admin: Administrator, oauth: Data<OAuth>, id: Path<String>, query: Query<ShowQuery>) -> HttpResponse {
    match find(&admin, &oauth, &id).await {
        Ok(client) => {
            let fields = Fields::of_client(&client, &oauth.clients.scopes);
            page(StatusCode::OK, &admin, &oauth, &client, &fields, (&query.0.done, None))
        }
        Err(not_found) => not_found,
    }
}

async fn change(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    let client = match find(&acting.admin, &oauth, &id).await {
        Ok(client) => client,
        Err(not_found) => return not_found,
    };
    let admin = &acting.admin;
    let fields = Fields::of_form(&acting.form, &oauth.clients.scopes);
    let (clients, author, change) =
        (oauth.clients.clone(), Author::Administrator(admin.owner.clone()), fields.to_change());
    let (back, id) = (format!("{CLIENTS}/{id}"), id.into_inner());
    let changed = id.clone();
    match oauth.changing(async move { clients.change(&changed, change, author).await }).await {
        Ok(()) => done(&back, "changed"),
        // As it is now, and not as it was sent: that would undo what somebody else did.
        Err(not @ NotDone::ChangedMeanwhile) => match find(admin, &oauth, &id).await {
            Ok(client) => refused(&back, &Problem::from(not), |status, why| {
                let fields = Fields::of_client(&client, &oauth.clients.scopes);
                page(status, admin, &oauth, &client, &fields, ("", Some(why)))
            }),
            Err(not_found) => not_found,
        },
        Err(not) => refused(&back, &Problem::from(not), |status, why| {
            page(status, admin, &oauth, &client, &fields, ("", Some(why)))
        }),
    }
}
