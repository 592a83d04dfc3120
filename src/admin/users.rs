//! `/api/admin/users`: other people's accounts.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use serde::{Deserialize, Serialize};

use super::{Admin, MOST, Page, USUAL};
use crate::accounts::Accounts;
use crate::accounts::administration::{NewUser, NotDone, RoleChange, Update};
use crate::accounts::name::display_name;
use crate::accounts::password::Password;
use crate::accounts::records::UserRecord;
use crate::accounts::roles::Roles;
use crate::http::Problem;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::token::clock::rfc3339;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let one = [get(to(show)), patch(to(change)), delete(to(remove))];
    cfg.service(resource("/admin/users", [get(to(list)), post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/admin/users/{id}", one).wrap(from_fn(in_span)))
        .service(resource("/admin/users/{id}/logout", [post(to(log_out))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    search: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserBody {
    email: String,
    password: Password,
    name: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    email_verified: bool,
}

/// Absent: as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct ChangeBody {
    #[serde(default, deserialize_with = "crate::http::json::present")]
    name: Option<Option<String>>,
    disabled: Option<bool>,
    roles: Option<Vec<String>>,
}

#[derive(Serialize)]
struct User {
    id: String,
    email: String,
    name: Option<String>,
    email_verified: bool,
    disabled: bool,
    roles: Vec<String>,
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

async fn list(admin: Admin, accounts: Data<Accounts>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let Query(ListQuery { search, limit, cursor }) = query;
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let search = search.filter(|text| !text.is_empty());
    let administration = accounts.administration(admin.0);
    let cursor = cursor.unwrap_or_default();
    let users = administration.list(search.as_deref(), &cursor, i64::from(limit)).await.map_err(NotDone::from)?;
    let is_full = u32::try_from(users.len()).is_ok_and(|count| count == limit);
    let next_cursor = users.last().filter(|_| is_full).map(|user| user.email.clone());
    Ok(HttpResponse::Ok().json(Page { items: users.into_iter().map(User::from).collect(), next_cursor }))
}

async fn add(admin: Admin, accounts: Data<Accounts>, body: Json<NewUserBody>) -> Result<HttpResponse, Problem> {
    let NewUserBody { email, password, name, roles, email_verified } = body.0;
    let new = NewUser { email, name, password: Some(password), roles, verified: email_verified };
    let user = accounts.administration(admin.0).add(new).await?;
    Ok(HttpResponse::Created().json(User::from(user)))
}

async fn show(admin: Admin, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = find(&accounts, &admin, &id).await?;
    Ok(HttpResponse::Ok().json(User::from(user)))
}

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
    let update = Update { name, disabled, roles: roles.map(RoleChange::Set) };
    let user = find(&accounts, &admin, &id).await?;
    let changed = user.id.clone();
    accounts.administer(&admin.0, async move |administration| administration.update(&user, update).await).await?;
    let user = find(&accounts, &admin, &changed).await?;
    Ok(HttpResponse::Ok().json(User::from(user)))
}

async fn remove(admin: Admin, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let user = find(&accounts, &admin, &id).await?;
    accounts.administer(&admin.0, async move |administration| administration.remove(&user).await).await?;
    Ok(HttpResponse::NoContent().finish())
}

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
