//! What is done to one client, at addresses below its page.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use secrecy::ExposeSecret as _;

use super::administrator::{Acting, Administrator};
use super::client::{find, page};
use super::client_form::Fields;
use super::clients::{CLIENTS, SecretPage};
use super::confirm::{CHOICE, Choice, Question, ask};
use super::frame::{Frame, Here, answer, done, refused};
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::client::Client;
use crate::oauth::clients::ClientChange;
use crate::web::complaint::Complaint;
use crate::web::see_other;

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
    let below = |act: &str, routes| resource(&format!("/admin/clients/{{id}}/{act}"), routes).wrap(from_fn(in_span));
    let asking = |ask: Ask| get(to(move |admin, oauth, id| confirm(ask, admin, oauth, id)));
    cfg.service(below("rotate", [asking(ask_rotation), post(to(rotate))]))
        .service(below("disable", [asking(ask_disabling), post(to(disable))]))
        .service(below("enable", [get(to(back_to_client)), post(to(enable))]))
        .service(below("remove", [asking(ask_removal), post(to(remove))]));
}

/// Makes the page that asks before something is done to a client.
type Ask = fn(StatusCode, &Administrator, &Client, Option<&Complaint>) -> HttpResponse;

async fn confirm(ask: Ask, admin: Administrator, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    match find(&admin, &oauth, &id).await {
        Ok(client) => ask(StatusCode::OK, &admin, &client, None),
        Err(not_found) => not_found,
    }
}

fn ask_rotation(status: StatusCode, admin: &Administrator, client: &Client, error: Option<&Complaint>) -> HttpResponse {
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
        new_password: None,
    };
    ask(status, admin, &question, error)
}

async fn rotate(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    let client = match find(&acting.admin, &oauth, &id).await {
        Ok(client) => client,
        Err(not_found) => return not_found,
    };
    let admin = &acting.admin;
    let chosen = acting.form.get(CHOICE).and_then(|value| OVERLAPS.iter().find(|(choice, _)| choice.value == value));
    let Some((choice, overlap)) = chosen else {
        let why = Complaint::new("Please choose how long the last secret stays good.");
        return ask_rotation(StatusCode::BAD_REQUEST, admin, &client, Some(&why));
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

fn ask_disabling(
    status: StatusCode,
    admin: &Administrator,
    client: &Client,
    error: Option<&Complaint>,
) -> HttpResponse {
    let back = format!("{CLIENTS}/{}", client.id());
    let question = Question {
        here: Here::Clients,
        title: &format!("Disable {}?", client.name()),
        text: &[
            "It gets no token until it is enabled again, and those it has are dead meanwhile: whoever uses it is out at once.",
        ],
        action: &format!("{back}/disable"),
        button: "Disable the client",
        back: &back,
        choices: &[],
        new_password: None,
    };
    ask(status, admin, &question, error)
}

async fn disable(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    set_disabled(&acting.admin, &oauth, &id, true).await
}

async fn enable(acting: Acting, oauth: Data<OAuth>, id: Path<String>) -> HttpResponse {
    set_disabled(&acting.admin, &oauth, &id, false).await
}

/// Nothing is asked before it is enabled.
async fn back_to_client(_: Administrator, id: Path<String>) -> HttpResponse {
    see_other(&format!("{CLIENTS}/{id}"))
}

async fn set_disabled(admin: &Administrator, oauth: &OAuth, id: &str, disabled: bool) -> HttpResponse {
    let client = match find(admin, oauth, id).await {
        Ok(client) => client,
        Err(not_found) => return not_found,
    };
    let (clients, author) = (oauth.clients.clone(), Author::Administrator(admin.owner.clone()));
    let (changed, back) = (client.id().to_owned(), format!("{CLIENTS}/{}", client.id()));
    let change = ClientChange { disabled: Some(disabled), ..ClientChange::default() };
    match oauth.changing(async move { clients.change(&changed, change, author).await }).await {
        Ok(()) => done(&back, if disabled { "client-disabled" } else { "client-enabled" }),
        Err(not) => refused(&back, &Problem::from(not), |status, why| {
            if disabled {
                return ask_disabling(status, admin, &client, Some(why));
            }
            page(status, admin, oauth, &client, &Fields::of_client(&client, &oauth.clients.scopes), ("", Some(why)))
        }),
    }
}

fn ask_removal(status: StatusCode, admin: &Administrator, client: &Client, error: Option<&Complaint>) -> HttpResponse {
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
        new_password: None,
    };
    ask(status, admin, &question, error)
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
