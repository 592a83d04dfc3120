//! `/api/admin/users`: other people's accounts.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::OpenApi;
use utoipa::ToSchema;

use super::{Admin, MOST, Page, USUAL, bad_cursor};
use crate::accounts::Accounts;
use crate::accounts::administration::{NewUser, NotDone, RoleChange, Update, check_length, is_address};
use crate::accounts::name::display_name;
use crate::accounts::password::Password;
use crate::accounts::records::UserRecord;
use crate::accounts::roles::Roles;
use crate::http::Problem;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::token::clock::rfc3339;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, add, show, change, remove, log_out))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let one = [get(to(show)), patch(to(change)), delete(to(remove))];
    cfg.service(resource("/admin/users", [get(to(list)), post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/admin/users/{id}", one).wrap(from_fn(in_span)))
        .service(resource("/admin/users/{id}/logout", [post(to(log_out))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// A part of the address or of the name, of at most 254 characters.
    search: Option<String>,
    /// How many at most: 50 unless given, 500 at most.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, examples(json!({ "email": "grace@example.com", "password": "correct horse battery staple", "name": "Grace Hopper", "roles": ["admin"], "email_verified": true })))]
pub(super) struct NewUserBody {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
    name: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    email_verified: bool,
}

/// Absent: as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
#[schema(as = UserChange, examples(json!({ "disabled": true })))]
pub(super) struct ChangeBody {
    #[serde(default, deserialize_with = "crate::http::json::present")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    disabled: Option<bool>,
    roles: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "id": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "email": "ada@example.com", "name": "Ada Lovelace", "email_verified": true, "disabled": false, "roles": [], "created_at": "2026-11-24T04:56:15.818932Z" })))]
struct User {
    #[schema(format = "uuid")]
    id: String,
    email: String,
    #[schema(required)]
    name: Option<String>,
    email_verified: bool,
    disabled: bool,
    roles: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<UserRecord> for User {
    fn from(user: UserRecord) -> Self {
        Self {
            email_verified: user.email_verified_at.is_some(),
            disabled: user.disabled_at.is_some(),
            roles: user.roles.split_whitespace().map(str::to_owned).collect(),
            created_at: rfc3339(user.created_at),
            id: user.id,
            email: user.email,
            name: user.name,
        }
    }
}

/// Accounts, by address.
#[utoipa::path(
    get,
    path = "/api/admin/users",
    operation_id = "listUsers",
    tag = "Administration",
    params(ListQuery),
    responses(
        (status = 200, description = "A part of them.", body = Page<User>),
        Answers<(Admin, Query<ListQuery>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn list(admin: Admin, accounts: Data<Accounts>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(ListQuery { search, limit, cursor }) = query;
    let limit = usize::try_from(limit.unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(usize::MAX);
    let search = search.filter(|text| !text.is_empty());
    search.as_deref().map_or(Ok(()), check_length).map_err(|error| NotDone::Invalid(vec![error]))?;
    let administration = accounts.administration(admin.0);
    let cursor = cursor.unwrap_or_default();
    if !cursor.is_empty() && !is_address(&cursor) {
        return Err(bad_cursor());
    }
    let page = administration.page(search.as_deref(), &cursor, limit).await.map_err(NotDone::from)?;
    let next_cursor = page.next;
    Ok(HttpResponse::Ok().json(Page { items: page.users.into_iter().map(User::from).collect(), next_cursor }))
}

/// A new account.
#[utoipa::path(
    post,
    path = "/api/admin/users",
    operation_id = "addUser",
    tag = "Administration",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "The account.", body = User, headers(("Location" = String, description = "The account’s address."))),
        Answers<(Admin, Json<NewUserBody>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn add(admin: Admin, accounts: Data<Accounts>, body: Json<NewUserBody>) -> Result<HttpResponse, Problem> {
    let NewUserBody { email, password, name, roles, email_verified } = body.0;
    let new = NewUser { email, name, password: Some(password), roles, verified: email_verified };
    let user = accounts.administration(admin.0).add(new).await?;
    let location = (LOCATION, format!("/api/admin/users/{}", user.id));
    Ok(HttpResponse::Created().insert_header(location).json(User::from(user)))
}

/// One account.
#[utoipa::path(
    get,
    path = "/api/admin/users/{id}",
    operation_id = "showUser",
    tag = "Administration",
    params(("id" = String, Path, description = "The account’s id.", format = "uuid")),
    responses(
        (status = 200, description = "The account.", body = User),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn show(admin: Admin, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = find(&accounts, &admin, &id).await?;
    Ok(HttpResponse::Ok().json(User::from(user)))
}

/// Change an account: name, roles, whether it is disabled.
#[utoipa::path(
    patch,
    path = "/api/admin/users/{id}",
    operation_id = "changeUser",
    tag = "Administration",
    params(("id" = String, Path, description = "The account’s id.", format = "uuid")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The account, as it is now. One that was disabled is out at once.", body = User),
        Answers<(Admin, Json<ChangeBody>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn change(
    admin: Admin,
    accounts: Data<Accounts>,
    id: Path<String>,
    body: Json<ChangeBody>,
) -> Result<HttpResponse, Problem> {
    let ChangeBody { name, disabled, roles } = body.0;
    let invalid = |error| NotDone::Invalid(vec![error]);
    let name = name.map(|name| display_name(name.as_deref())).transpose().map_err(invalid)?;
    let roles = roles.map(|roles| Roles::of(roles.iter().map(String::as_str))).transpose().map_err(invalid)?;
    let update = Update { name, disabled, roles: roles.map(RoleChange::Set), ..Update::default() };
    let user = find(&accounts, &admin, &id).await?;
    let changed = user.id.clone();
    accounts.administer(&admin.0, async move |administration| administration.update(&user, update).await).await?;
    let user = find(&accounts, &admin, &changed).await?;
    Ok(HttpResponse::Ok().json(User::from(user)))
}

/// Delete an account.
#[utoipa::path(
    delete,
    path = "/api/admin/users/{id}",
    operation_id = "removeUser",
    tag = "Administration",
    params(("id" = String, Path, description = "The account’s id.", format = "uuid")),
    responses(
        (status = 204, description = "It is gone, and all its sessions."),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn remove(admin: Admin, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = find(&accounts, &admin, &id).await?;
    accounts.administer(&admin.0, async move |administration| administration.remove(&user).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all sessions of an account.
#[utoipa::path(
    post,
    path = "/api/admin/users/{id}/logout",
    operation_id = "logOutUser",
    tag = "Administration",
    params(("id" = String, Path, description = "The account’s id.", format = "uuid")),
    responses(
        (status = 204, description = "Its tokens are dead."),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn log_out(admin: Admin, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = find(&accounts, &admin, &id).await?;
    accounts.administer(&admin.0, async move |administration| administration.log_out(&user).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// By its id alone: an address in a path would stand in the logs of proxies.
async fn find(accounts: &Accounts, admin: &Admin, id: &str) -> Result<UserRecord, NotDone> {
    if id.parse::<uuid::Uuid>().is_err() {
        return Err(NotDone::Unknown);
    }
    accounts.administration(admin.0.clone()).find(id).await
}
