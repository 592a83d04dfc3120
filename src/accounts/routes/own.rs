//! What the owner of an account does with it: `/api/me`, `/api/sessions`, `/api/password`.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::me::{Me, RemoteSubject};
use crate::accounts::own_sessions::NotEnded;
use crate::accounts::owner::Owner;
use crate::accounts::password_change::PasswordChange;
use crate::accounts::profile::{Leave, ProfileChange};
use crate::accounts::reauthentication::gone;
use crate::guard::Bearer;
use crate::http::Problem;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let own = [get(to(me)), patch(to(change_profile)), delete(to(leave))];
    cfg.service(resource("/me/export", [get(to(export))]).wrap(from_fn(in_span)))
        .service(resource("/me", own).wrap(from_fn(in_span)))
        .service(resource("/sessions", [get(to(sessions)), delete(to(end_others))]).wrap(from_fn(in_span)))
        .service(resource("/sessions/{id}", [delete(to(end_session))]).wrap(from_fn(in_span)))
        .service(resource("/password", [post(to(change_password))]).wrap(from_fn(in_span)));
}

/// Where there are no accounts.
pub(super) fn whoever(cfg: &mut ServiceConfig) {
    cfg.service(resource("/me", [get(to(me))]));
}

/// `GET /api/me`, for local and remote tokens. A client of this server has no account either.
async fn me(request: HttpRequest, bearer: Bearer) -> Result<HttpResponse, Problem> {
    let me = match request.app_data::<Data<Accounts>>() {
        Some(accounts) if bearer.is_local() && bearer.user_id.is_some() => accounts.me(&bearer).await?,
        _ => Some(Me::Remote(RemoteSubject::from(&**bearer.claims()))),
    };
    Ok(HttpResponse::Ok().insert_header(no_store()).json(me.ok_or_else(gone)?))
}

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

async fn leave(owner: Owner, accounts: Data<Accounts>, body: Json<Leave>) -> Result<HttpResponse, Problem> {
    accounts.leave(&owner, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn export(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let export = accounts.export(&owner).await?;
    let file = (CONTENT_DISPOSITION, "attachment; filename=\"tokenhouse-export.json\"");
    Ok(HttpResponse::Ok().insert_header(no_store()).insert_header(file).json(export))
}

async fn sessions(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.sessions_of(&owner).await?))
}

async fn end_session(owner: Owner, accounts: Data<Accounts>, id: Path<String>) -> Result<HttpResponse, Problem> {
    // What is no UUID is no session either.
    let id: Uuid = id.parse().map_err(|_| NotEnded::Unknown)?;
    accounts.end_session(&owner, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn end_others(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.end_other_sessions(&owner).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn change_password(
    owner: Owner,
    accounts: Data<Accounts>,
    change: Json<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    accounts.change_password(&owner, change.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
