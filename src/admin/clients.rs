//! `/api/admin/clients`: OAuth clients.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::{Admin, MOST, Page, USUAL};
use crate::http::Problem;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::problem::FieldError;
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::clients::{ClientChange, NewClient, NotDone};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let one = [get(to(show)), patch(to(change)), delete(to(remove))];
    cfg.service(resource("/admin/clients", [get(to(list)), post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/admin/clients/{id}/rotate", [post(to(rotate))]).wrap(from_fn(in_span)))
        .service(resource("/admin/clients/{id}", one).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// How long the last secret stays good, such as `1h`; not at all when it is absent.
    overlap: Option<String>,
}

async fn list(_: Admin, oauth: Data<OAuth>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(ListQuery { limit, cursor }) = query;
    let limit = usize::try_from(limit.unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(usize::MAX);
    let clients = oauth.registry.refresh().await.map_err(NotDone::from)?;
    let now = oauth.clients.clock.unix_micros();
    let mut behind = clients.after(&cursor);
    let items: Vec<_> = behind.by_ref().take(limit).collect();
    let next_cursor = behind.next().and_then(|_| items.last()).map(|last| last.id().to_owned());
    Ok(HttpResponse::Ok().json(Page { items: items.iter().map(|client| client.to_json(now)).collect(), next_cursor }))
}

async fn add(admin: Admin, oauth: Data<OAuth>, new: Json<NewClient>) -> Result<HttpResponse, Problem> {
    let clients = oauth.clients.clone();
    let added = oauth.changing(async move { clients.add(new.0, Author::Administrator(admin.0)).await }).await?;
    let mut body = added.client.to_json(oauth.clients.clock.unix_micros());
    if let (Some(secret), Some(body)) = (&added.secret, body.as_object_mut()) {
        body.insert("client_secret".to_owned(), secret.expose_secret().into());
        body.remove("secrets");
    }
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((LOCATION, format!("/api/admin/clients/{}", added.client.id())))
        .json(body))
}

async fn show(_: Admin, oauth: Data<OAuth>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let clients = oauth.registry.refresh().await.map_err(NotDone::from)?;
    let client = clients.get(&id).ok_or(NotDone::Unknown)?;
    Ok(HttpResponse::Ok().json(client.to_json(oauth.clients.clock.unix_micros())))
}

async fn change(
    admin: Admin,
    oauth: Data<OAuth>,
    id: Path<String>,
    change: Json<ClientChange>,
) -> Result<HttpResponse, Problem> {
    let (clients, changed) = (oauth.clients.clone(), id.clone());
    let author = Author::Administrator(admin.0.clone());
    oauth.changing(async move { clients.change(&changed, change.0, author).await }).await?;
    show(admin, oauth, id).await
}

async fn remove(admin: Admin, oauth: Data<OAuth>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let clients = oauth.clients.clone();
    oauth.changing(async move { clients.remove(&id, Author::Administrator(admin.0)).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn rotate(
    admin: Admin,
    oauth: Data<OAuth>,
    id: Path<String>,
    request: HttpRequest,
    rotation: Result<Json<Rotation>, Problem>,
) -> Result<HttpResponse, Problem> {
    let overlap = match rotation {
        Ok(rotation) => rotation.0.overlap,
        // A body may be left out, but one that is wrong must not be taken for none: the last secret would end at once.
        Err(_) if has_no_body(&request) => None,
        Err(problem) => return Err(problem),
    };
    let overlap = match overlap {
        None => Duration::ZERO,
        Some(text) => humantime::parse_duration(&text).map_err(|_| {
            let message = "must be a duration, such as \"1h\"".into();
            Problem::invalid_fields(vec![FieldError { field: "overlap", message }])
        })?,
    };
    let (clients, rotated) = (oauth.clients.clone(), id.clone());
    let author = Author::Administrator(admin.0);
    let secret = oauth.changing(async move { clients.rotate(&rotated, overlap, author).await }).await?;
    let body = json!({ "client_id": *id, "client_secret": secret.expose_secret() });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

fn has_no_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is_empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
    is_empty && !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_TYPE)
}
