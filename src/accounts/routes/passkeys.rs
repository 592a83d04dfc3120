//! Passkeys: `/api/passkeys` and what is below it, `/api/login/passkey`.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use uuid::Uuid;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::owner::Owner;
use crate::accounts::passkey_login::PasskeyAnswer;
use crate::accounts::passkey_requirement::SecondFactorChange;
use crate::accounts::passkeys::{NewPasskey, NotChanged, Rename};
use crate::accounts::totp::WithPassword;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::request_id::in_span;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/passkeys", [get(to(list)), post(to(begin))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/confirm", [post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/second-factor", [post(to(require))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/{id}", [patch(to(rename)), delete(to(remove))]).wrap(from_fn(in_span)))
        .service(resource("/login/passkey", [post(to(begin_login))]).wrap(from_fn(in_span)))
        .service(resource("/login/passkey/confirm", [post(to(log_in))]).wrap(from_fn(in_span)));
}

async fn list(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.passkeys(&owner).await?))
}

async fn begin(owner: Owner, accounts: Data<Accounts>, body: Json<WithPassword>) -> Result<HttpResponse, Problem> {
    let challenge = accounts.begin_passkey(&owner, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(challenge))
}

async fn add(owner: Owner, accounts: Data<Accounts>, body: Json<NewPasskey>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(accounts.add_passkey(&owner, body.0).await?))
}

async fn rename(
    owner: Owner,
    accounts: Data<Accounts>,
    id: Path<String>,
    body: Json<Rename>,
) -> Result<HttpResponse, Problem> {
    accounts.rename_passkey(&owner, passkey_id(&id)?, &body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn remove(
    owner: Owner,
    accounts: Data<Accounts>,
    id: Path<String>,
    body: Json<WithPassword>,
) -> Result<HttpResponse, Problem> {
    accounts.remove_passkey(&owner, passkey_id(&id)?, body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is no UUID is no passkey either.
fn passkey_id(id: &str) -> Result<String, NotChanged> {
    Ok(id.parse::<Uuid>().map_err(|_| NotChanged::Unknown)?.to_string())
}

async fn require(
    owner: Owner,
    accounts: Data<Accounts>,
    body: Json<SecondFactorChange>,
) -> Result<HttpResponse, Problem> {
    Ok(match accounts.require_passkey(&owner, body.0).await? {
        Some(codes) => HttpResponse::Ok().insert_header(no_store()).json(codes),
        None => HttpResponse::NoContent().finish(),
    })
}

async fn begin_login(caller: Caller, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let challenge = accounts.begin_passkey_login(&caller).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(challenge))
}

async fn log_in(caller: Caller, accounts: Data<Accounts>, body: Json<PasskeyAnswer>) -> Result<HttpResponse, Problem> {
    let tokens = accounts.log_in_with_passkey(&caller, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}
