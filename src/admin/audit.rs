//! `/api/admin/audit`: what happened, the newest first.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::OpenApi;
use uuid::Uuid;

use super::{Admin, MOST, Page, USUAL, bad_cursor};
use crate::accounts::Accounts;
use crate::accounts::error::Unavailable;
use crate::audit::EventOverview;
use crate::audit::{self, Act, Event, Filter};
use crate::http::Problem;
use crate::http::documented::{Answers, Problems, and};
use crate::http::methods::{get, resource};
use crate::http::problem::FieldError;
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::store::StoreError;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/audit", [get(to(list))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Of this account.
    user_id: Option<String>,
    /// Such as `login`.
    act: Option<String>,
    /// `success` or `failure`.
    outcome: Option<String>,
    /// From this address.
    ip: Option<String>,
    /// How many at most: 50 unless given, 500 at most.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What happened, the newest first.
#[utoipa::path(
    get,
    path = "/api/admin/audit",
    operation_id = "listEvents",
    tag = "Administration",
    params(AuditQuery),
    responses(
        (status = 200, description = "A part of it.", body = Page<EventOverview>),
        Answers<(Admin, Query<AuditQuery>, WrongFilter)>,
    ),
    security(("session" = ["admin"])),
)]
async fn list(_: Admin, accounts: Data<Accounts>, query: Query<AuditQuery>) -> Result<HttpResponse, Problem> {
    let Query(AuditQuery { user_id, act, outcome, ip, limit, cursor }) = query;
    let act = act.map(|name| Act::of_name(&name).ok_or_else(unknown_act)).transpose()?;
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let before = cursor.map(|cursor| audit::Cursor::parse(&cursor).ok_or_else(bad_cursor)).transpose()?;
    let user_id = user_id.map(|id| id.parse::<Uuid>().map_err(|_| bad_user_id())).transpose()?.map(|id| id.to_string());
    let filter =
        Filter { user_id, act, actor: None, outcome, ip, since: 0, until: i64::MAX, before, limit: i64::from(limit) };
    let filter = filter.checked().map_err(|error| Problem::invalid_fields(vec![error]))?;
    let mut reader = accounts.store().read().await.map_err(Unavailable::from)?;
    let (events, next) = audit::page(reader.connection(), &filter).await.map_err(Unavailable::from)?;
    let next_cursor = next.map(|cursor| cursor.to_string());
    Ok(HttpResponse::Ok().json(Page { items: events.iter().map(Event::overview).collect(), next_cursor }))
}

/// What a filter may be refused for, for the OpenAPI document.
struct WrongFilter;

impl Problems for WrongFilter {
    fn problems() -> Vec<Problem> {
        and::<StoreError>([unknown_act(), bad_user_id(), bad_cursor()])
    }
}

fn unknown_act() -> Problem {
    let known = Act::ALL.map(Act::name).join(", ");
    Problem::invalid_fields(vec![FieldError { field: "act", message: format!("must be one of {known}").into() }])
}

fn bad_user_id() -> Problem {
    Problem::invalid_fields(vec![FieldError { field: "user_id", message: "must be the id of an account".into() }])
}
