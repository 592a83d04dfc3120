//! `/api/admin/clients`: OAuth clients.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::OpenApi;
use utoipa::ToSchema;

use super::{Admin, MOST, Page, USUAL, bad_cursor};
use crate::http::Problem;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::problem::FieldError;
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::oauth::author::Author;
use crate::oauth::client::{ClientOverview, is_client_id};
use crate::oauth::clients::{ClientChange, NewClient, NotDone};

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, add, show, change, remove, rotate))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let one = [get(to(show)), patch(to(change)), delete(to(remove))];
    cfg.service(resource("/admin/clients", [get(to(list)), post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/admin/clients/{id}/rotate", [post(to(rotate))]).wrap(from_fn(in_span)))
        .service(resource("/admin/clients/{id}", one).wrap(from_fn(in_span)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// How many at most: 50 unless given, 500 at most.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecretRotation, examples(json!({ "overlap": "1h" })))]
pub(super) struct Rotation {
    /// How long the last secret stays good, such as `1h`; not at all when it is absent.
    overlap: Option<String>,
}

/// A new client, with the secret that nobody sees again.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientWithSecret)]
struct NewClientAnswer {
    #[serde(flatten)]
    client: ClientOverview,
    /// Not there for a client that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// The secret that nobody sees again.
#[derive(Serialize, ToSchema)]
#[schema(as = ClientSecret, examples(json!({ "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "client_secret": "nJ1oP5wQyX0cK9s8fV3bR7tL2mD4gH6a" })))]
struct NewSecret {
    client_id: String,
    client_secret: String,
}

/// OAuth clients, by id.
#[utoipa::path(
    get,
    path = "/api/admin/clients",
    operation_id = "listClients",
    tag = "Administration",
    params(ListQuery),
    responses(
        (status = 200, description = "A part of them.", body = Page<ClientOverview>),
        Answers<(Admin, Query<ListQuery>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn list(_: Admin, oauth: Data<OAuth>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(ListQuery { limit, cursor }) = query;
    let limit = usize::try_from(limit.unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(usize::MAX);
    if !cursor.is_empty() && !is_client_id(&cursor) {
        return Err(bad_cursor());
    }
    let clients = oauth.registry.refresh().await.map_err(NotDone::from)?;
    let now = oauth.clients.clock.unix_micros();
    let mut behind = clients.after(&cursor);
    let items: Vec<_> = behind.by_ref().take(limit).collect();
    let next_cursor = behind.next().and_then(|_| items.last()).map(|last| last.id().to_owned());
    Ok(HttpResponse::Ok().json(Page { items: items.iter().map(|client| client.overview(now)).collect(), next_cursor }))
}

/// A new client.
#[utoipa::path(
    post,
    path = "/api/admin/clients",
    operation_id = "addClient",
    tag = "Administration",
    request_body = NewClient,
    responses(
        (status = 201, description = "The client with its secret, which nobody sees again. One that signs with keys of its own, or that is public, has none.", body = NewClientAnswer, headers(("Cache-Control" = String, description = "`no-store`"), ("Location" = String, description = "The client’s address."))),
        Answers<(Admin, Json<NewClient>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn add(admin: Admin, oauth: Data<OAuth>, new: Json<NewClient>) -> Result<HttpResponse, Problem> {
    let clients = oauth.clients.clone();
    let added = oauth.changing(async move { clients.add(new.0, Author::Administrator(admin.0)).await }).await?;
    let client = added.client.overview(oauth.clients.clock.unix_micros());
    let client_secret = added.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let body = NewClientAnswer { client, client_secret };
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((LOCATION, format!("/api/admin/clients/{}", added.client.id())))
        .json(body))
}

/// One client.
#[utoipa::path(
    get,
    path = "/api/admin/clients/{id}",
    operation_id = "showClient",
    tag = "Administration",
    params(("id" = String, Path, description = "The client’s id.", example = "0oaGq3yLwK8o2Vt5Zr7d")),
    responses(
        (status = 200, description = "The client.", body = ClientOverview),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn show(_: Admin, oauth: Data<OAuth>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let clients = oauth.registry.refresh().await.map_err(NotDone::from)?;
    let client = clients.get(&id).ok_or(NotDone::Unknown)?;
    Ok(HttpResponse::Ok().json(client.overview(oauth.clients.clock.unix_micros())))
}

/// Change a client.
#[utoipa::path(
    patch,
    path = "/api/admin/clients/{id}",
    operation_id = "changeClient",
    tag = "Administration",
    params(("id" = String, Path, description = "The client’s id.", example = "0oaGq3yLwK8o2Vt5Zr7d")),
    request_body = ClientChange,
    responses(
        (status = 200, description = "The client, as it is now.", body = ClientOverview),
        Answers<(Admin, Json<ClientChange>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
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

/// Delete a client.
#[utoipa::path(
    delete,
    path = "/api/admin/clients/{id}",
    operation_id = "removeClient",
    tag = "Administration",
    params(("id" = String, Path, description = "The client’s id.", example = "0oaGq3yLwK8o2Vt5Zr7d")),
    responses(
        (status = 204, description = "It is gone, and its tokens are dead."),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn remove(admin: Admin, oauth: Data<OAuth>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let clients = oauth.clients.clone();
    oauth.changing(async move { clients.remove(&id, Author::Administrator(admin.0)).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A new secret for a client.
///
/// The body may be left out.
#[utoipa::path(
    post,
    path = "/api/admin/clients/{id}/rotate",
    operation_id = "rotateClientSecret",
    tag = "Administration",
    params(("id" = String, Path, description = "The client’s id.", example = "0oaGq3yLwK8o2Vt5Zr7d")),
    request_body = Option<Rotation>,
    responses(
        (status = 200, description = "The secret, which nobody sees again.", body = NewSecret, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Admin, Json<Rotation>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
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
    let body = NewSecret { client_id: id.into_inner(), client_secret: secret.expose_secret().to_owned() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

fn has_no_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is_empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
    is_empty && !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_TYPE)
}
