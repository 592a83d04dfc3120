//! `/admin/clients/ID`: one client.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use askama::Template;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::administrator::{Acting, Administrator};
use super::client_form::Fields;
use super::clients::{CLIENTS, SecretPage, method_words};
use super::confirm::{CHOICE, Choice, Question, ask};
use super::frame::{Frame, Here, answer, done, minute, nothing_here, refused, unavailable};
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::client::{AuthMethod, Client};

/// How long the last secret stays good beside a new one.
const OVERLAPS: [(Choice, Duration); 4] = [
    (choice("none", "Not at all", "The client gets no more tokens until it has the new secret."), Duration::ZERO),
    (choice("hour", "For an hour", "Time to put the new secret into the client."), Duration::from_hours(1)),
    (choice("day", "For a day", ""), Duration::from_hours(24)),
    (choice("week", "For a week", "Where many installations must be changed."), Duration::from_hours(24 * 7)),
];

const fn choice(value: &'static str, words: &'static str, more: &'static str) -> Choice {
    Choice { value, words, more }
}

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/clients/{id}", [get(to(show)), post(to(change))]).wrap(from_fn(in_span)))
        .service(
            resource("/admin/clients/{id}/rotate", [get(to(confirm_rotation)), post(to(rotate))])
                .wrap(from_fn(in_span)),
        )
        .service(
            resource("/admin/clients/{id}/remove", [get(to(confirm_removal)), post(to(remove))]).wrap(from_fn(in_span)),
        );
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
    has_secret: bool,
    /// Since when, and until when, each is good.
    secrets: Vec<(String, String)>,
    fields: &'p Fields,
}

fn page(
    status: StatusCode,
    admin: &Administrator,
    oauth: &OAuth,
    client: &Client,
    fields: &Fields,
    told: (&str, Option<&str>),
) -> HttpResponse {
    let now = oauth.accounts.clock.unix_micros();
    let times = client.secret_times(now);
    let page = ClientPage {
        frame: Frame::of(admin, Here::Clients).done(admin, told.0).error(told.1),
        id: client.id(),
        name: client.name(),
        method: method_words(client.auth_method()),
        since: minute(client.created_at()),
        has_secret: client.auth_method().is_none_or(AuthMethod::has_secret),
        secrets: times.map(|(since, until)| (minute(since), until.map(minute).unwrap_or_default())).collect(),
        fields,
    };
    answer(status, admin, &page)
}

/// The client of an id in an address; or the answer, where there is none.
async fn find(admin: &Administrator, oauth: &OAuth, id: &str) -> Result<Arc<Client>, HttpResponse> {
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
    match oauth.changing(async move { clients.change(&id, change, author).await }).await {
        Ok(()) => done(&back, "changed"),
        Err(not) => refused(&back, &Problem::from(not), |status, why| {
            page(status, admin, &oauth, &client, &fields, ("", Some(why)))
        }),
    }
}

fn ask_rotation(status: StatusCode, admin: &Administrator, client: &Client, error: Option<&str>) -> HttpResponse {
    let back = format!("{CLIENTS}/{}", client.id());
    let question = Question {
        here: Here::Clients,
        title: &format!("Give {} another secret?", client.name()),
        text: &[
            "The new secret is shown once. How long shall the last one stay good beside it?",
            "Where two are good already, the older one ends now.",
        ],
        action: &format!("{back}/rotate"),
        button: "Make a new secret",
        back: &back,
        choices: &OVERLAPS.map(|(choice, _)| choice),
    };
    ask(status, admin, &question, error)
}

async fn confirm_rotation(admin: Administrator, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    match find(&admin, &oauth, &id).await {
        Ok(client) => ask_rotation(StatusCode::OK, &admin, &client, None),
        Err(not_found) => not_found,
    }
}

async fn rotate(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    let client = match find(&acting.admin, &oauth, &id).await {
        Ok(client) => client,
        Err(not_found) => return not_found,
    };
    let admin = &acting.admin;
    let chosen = acting.form.get(CHOICE).and_then(|value| OVERLAPS.iter().find(|(choice, _)| choice.value == value));
    let Some((choice, overlap)) = chosen else {
        let why = "Please choose how long the last secret stays good.";
        return ask_rotation(StatusCode::BAD_REQUEST, admin, &client, Some(why));
    };
    let (clients, author) = (oauth.clients.clone(), Author::Administrator(admin.owner.clone()));
    let (rotated, overlap) = (id.into_inner(), *overlap);
    match oauth.changing(async move { clients.rotate(&rotated, overlap, author).await }).await {
        Ok(secret) => {
            let page = SecretPage {
                frame: Frame::of(admin, Here::Clients),
                name: client.name(),
                id: client.id(),
                secret: Some(secret.expose_secret()),
                more: match choice.value {
                    "none" => "The last secret is good no more.",
                    "hour" => "The last secret stays good for an hour.",
                    "day" => "The last secret stays good for a day.",
                    _ => "The last secret stays good for a week.",
                },
            };
            answer(StatusCode::OK, admin, &page)
        }
        Err(not) => refused(&format!("{CLIENTS}/{}", client.id()), &Problem::from(not), |status, why| {
            ask_rotation(status, admin, &client, Some(why))
        }),
    }
}

fn ask_removal(status: StatusCode, admin: &Administrator, client: &Client, error: Option<&str>) -> HttpResponse {
    let back = format!("{CLIENTS}/{}", client.id());
    let question = Question {
        here: Here::Clients,
        title: &format!("Remove {}?", client.name()),
        text: &[
            "Its tokens are dead at once, its users are signed out of it, and it gets no more. This cannot be undone: another client has another id.",
            "To stop it for a while, disable it instead.",
        ],
        action: &format!("{back}/remove"),
        button: "Remove the client for good",
        back: &back,
        choices: &[],
    };
    ask(status, admin, &question, error)
}

async fn confirm_removal(admin: Administrator, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    match find(&admin, &oauth, &id).await {
        Ok(client) => ask_removal(StatusCode::OK, &admin, &client, None),
        Err(not_found) => not_found,
    }
}

async fn remove(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    let client = match find(&acting.admin, &oauth, &id).await {
        Ok(client) => client,
        Err(not_found) => return not_found,
    };
    let admin = &acting.admin;
    let (clients, author) = (oauth.clients.clone(), Author::Administrator(admin.owner.clone()));
    match oauth.changing(async move { clients.remove(&id, author).await }).await {
        Ok(()) => done(CLIENTS, "removed"),
        Err(not) => refused(&format!("{CLIENTS}/{}", client.id()), &Problem::from(not), |status, why| {
            ask_removal(status, admin, &client, Some(why))
        }),
    }
}
