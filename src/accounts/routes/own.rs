//! What the owner of an account does with it: `/api/me`, `/api/sessions`, `/api/password`.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;
use uuid::Uuid;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::error::Unavailable;
use crate::accounts::export::{Export, NotExported};
use crate::accounts::me::{Me, RemoteSubject};
use crate::accounts::own_sessions::NotEnded;
use crate::accounts::own_sessions::SessionOverview;
use crate::accounts::owner::NotOwner;
use crate::accounts::owner::Owner;
use crate::accounts::password_change::NotChanged;
use crate::accounts::password_change::PasswordChange;
use crate::accounts::profile::NotSaved;
use crate::accounts::profile::{Leave, NotLeft, ProfileChange};
use crate::accounts::reauthentication::Gone;
use crate::accounts::reauthentication::gone;
use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::request_id::in_span;
use crate::store::StoreError;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(me, change_profile, leave, export, sessions, end_session, end_others, change_password))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let own = [get(to(me)), patch(to(change_profile)), delete(to(leave))];
    cfg.service(resource("/me/export", [get(to(export))]).wrap(from_fn(in_span)))
        .service(resource("/me", own).wrap(from_fn(in_span)))
        .service(resource("/sessions", [get(to(sessions)), delete(to(end_others))]).wrap(from_fn(in_span)))
        .service(resource("/sessions/{id}", [delete(to(end_session))]).wrap(from_fn(in_span)))
        .service(resource("/password", [post(to(change_password))]).wrap(from_fn(in_span)));
}

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(me))]
pub(super) struct DocumentedRemote;

/// Where there are no accounts.
pub(super) fn whoever(cfg: &mut ServiceConfig) {
    cfg.service(resource("/me", [get(to(me))]));
}

/// Who am I?
///
/// For any accepted token. A client that acts for a user is told what its scopes open.
#[utoipa::path(
    get,
    path = "/api/me",
    operation_id = "showMe",
    tag = "Accounts",
    responses(
        (status = 200, description = "The account of a local token; else what the token says.", body = Me, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Bearer, Unavailable, Gone)>,
    ),
    security(("access_token" = [])),
)]
async fn me(request: HttpRequest, bearer: Bearer) -> Result<HttpResponse, Problem> {
    let me = match request.app_data::<Data<Accounts>>() {
        Some(accounts) if bearer.is_local() && bearer.user_id.is_some() => accounts.me(&bearer).await?,
        _ => Some(Me::Remote(RemoteSubject::from(&**bearer.claims()))),
    };
    Ok(HttpResponse::Ok().insert_header(no_store()).json(me.ok_or_else(gone)?))
}

/// Another name.
#[utoipa::path(
    patch,
    path = "/api/me",
    operation_id = "changeMe",
    tag = "Accounts",
    request_body = ProfileChange,
    responses(
        (status = 200, description = "The account, as it is now.", body = Me, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Owner, Json<ProfileChange>, (NotSaved, Gone))>,
    ),
    security(("session" = [])),
)]
async fn change_profile(
    request: HttpRequest,
    owner: Owner,
    bearer: Bearer,
    accounts: Data<Accounts>,
    change: Json<ProfileChange>,
) -> Result<HttpResponse, Problem> {
    accounts.change_profile(&owner, change.0).await?;
    me(request, bearer).await
}

/// Delete the account.
#[utoipa::path(
    delete,
    path = "/api/me",
    operation_id = "deleteMe",
    tag = "Accounts",
    request_body = Leave,
    responses(
        (status = 204, description = "The account is gone, and all its sessions."),
        Answers<(Owner, Json<Leave>, NotLeft)>,
    ),
    security(("session" = [])),
)]
async fn leave(owner: Owner, accounts: Data<Accounts>, body: Json<Leave>) -> Result<HttpResponse, Problem> {
    accounts.leave(&owner, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Every row that is stored about the account.
#[utoipa::path(
    get,
    path = "/api/me/export",
    operation_id = "exportMe",
    tag = "Accounts",
    responses(
        (status = 200, description = "A file.", body = Export, headers(("Cache-Control" = String, description = "`no-store`"), ("Content-Disposition" = String, description = "The file’s name."))),
        Answers<(Owner, NotExported)>,
    ),
    security(("session" = [])),
)]
async fn export(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let export = accounts.export(&owner).await?;
    let file = (CONTENT_DISPOSITION, "attachment; filename=\"tokenhouse-export.json\"");
    Ok(HttpResponse::Ok().insert_header(no_store()).insert_header(file).json(export))
}

/// The sessions of the account.
#[utoipa::path(
    get,
    path = "/api/sessions",
    operation_id = "listSessions",
    tag = "Sessions",
    responses(
        (status = 200, description = "Those that have not ended.", body = Vec<SessionOverview>),
        Answers<(Owner, StoreError)>,
    ),
    security(("session" = [])),
)]
async fn sessions(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.sessions_of(&owner).await?))
}

/// End one session.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}",
    operation_id = "endSession",
    tag = "Sessions",
    params(("id" = String, Path, description = "The session’s id.", format = "uuid")),
    responses(
        (status = 204, description = "Its tokens are dead."),
        Answers<(Owner, NotEnded)>,
    ),
    security(("session" = [])),
)]
async fn end_session(owner: Owner, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    // What is no UUID is no session either.
    let id: Uuid = id.parse().map_err(|_| NotEnded::Unknown)?;
    accounts.end_session(&owner, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all sessions but this one.
#[utoipa::path(
    delete,
    path = "/api/sessions",
    operation_id = "endOtherSessions",
    tag = "Sessions",
    responses(
        (status = 204, description = "Their tokens are dead."),
        Answers<(Owner, NotOwner)>,
    ),
    security(("session" = [])),
)]
async fn end_others(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.end_other_sessions(&owner).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Another password.
#[utoipa::path(
    post,
    path = "/api/password",
    operation_id = "changePassword",
    tag = "Accounts",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "The password is changed, and all other sessions have ended."),
        Answers<(Owner, Json<PasswordChange>, NotChanged)>,
    ),
    security(("session" = [])),
)]
async fn change_password(
    owner: Owner,
    accounts: Data<Accounts>,
    change: Json<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    accounts.change_password(&owner, change.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
