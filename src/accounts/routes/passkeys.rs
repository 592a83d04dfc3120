//! Passkeys: `/api/passkeys` and what is below it, `/api/login/passkey`.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use utoipa::OpenApi;
use uuid::Uuid;

use super::no_store;
use crate::accounts::Accounts;
use crate::accounts::new_session::TokenResponse;
use crate::accounts::owner::NotOwner;
use crate::accounts::owner::Owner;
use crate::accounts::passkey_login::NotLoggedIn;
use crate::accounts::passkey_login::PasskeyAnswer;
use crate::accounts::passkey_requirement::SecondFactorChange;
use crate::accounts::passkeys::PasskeyOverview;
use crate::accounts::passkeys::{NewPasskey, NotChanged, Rename};
use crate::accounts::relying_party::Challenge;
use crate::accounts::totp::RecoveryCodes;
use crate::accounts::totp::WithPassword;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::Answers;
use crate::http::json::Json;
use crate::http::methods::{delete, get, patch, post, resource};
use crate::http::request_id::in_span;

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, begin, add, rename, remove, require, begin_login, log_in))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/passkeys", [get(to(list)), post(to(begin))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/confirm", [post(to(add))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/second-factor", [post(to(require))]).wrap(from_fn(in_span)))
        .service(resource("/passkeys/{id}", [patch(to(rename)), delete(to(remove))]).wrap(from_fn(in_span)))
        .service(resource("/login/passkey", [post(to(begin_login))]).wrap(from_fn(in_span)))
        .service(resource("/login/passkey/confirm", [post(to(log_in))]).wrap(from_fn(in_span)));
}

/// The passkeys of the account.
#[utoipa::path(
    get,
    path = "/api/passkeys",
    operation_id = "listPasskeys",
    tag = "Second factors",
    responses(
        (status = 200, description = "All of them.", body = Vec<PasskeyOverview>),
        Answers<(Owner, NotOwner)>,
    ),
    security(("session" = [])),
)]
async fn list(owner: Owner, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.passkeys(&owner).await?))
}

/// A challenge for a new passkey.
#[utoipa::path(
    post,
    path = "/api/passkeys",
    operation_id = "beginPasskey",
    tag = "Second factors",
    request_body = WithPassword,
    responses(
        (status = 200, description = "For `navigator.credentials.create`.", body = Challenge, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Owner, Json<WithPassword>, NotChanged)>,
    ),
    security(("session" = [])),
)]
async fn begin(owner: Owner, accounts: Data<Accounts>, body: Json<WithPassword>) -> Result<HttpResponse, Problem> {
    let challenge = accounts.begin_passkey(&owner, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(challenge))
}

/// The answer to the challenge: a new passkey.
#[utoipa::path(
    post,
    path = "/api/passkeys/confirm",
    operation_id = "addPasskey",
    tag = "Second factors",
    request_body = NewPasskey,
    responses(
        (status = 201, description = "The passkey.", body = PasskeyOverview),
        Answers<(Owner, Json<NewPasskey>, NotChanged)>,
    ),
    security(("session" = [])),
)]
async fn add(owner: Owner, accounts: Data<Accounts>, body: Json<NewPasskey>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(accounts.add_passkey(&owner, body.0).await?))
}

/// Another name for a passkey.
#[utoipa::path(
    patch,
    path = "/api/passkeys/{id}",
    operation_id = "renamePasskey",
    tag = "Second factors",
    params(("id" = String, Path, description = "The passkey’s id.", format = "uuid")),
    request_body = Rename,
    responses(
        (status = 204, description = "It has the name."),
        Answers<(Owner, Json<Rename>, NotChanged)>,
    ),
    security(("session" = [])),
)]
async fn rename(
    owner: Owner,
    accounts: Data<Accounts>,
    id: Path<String>,
    body: Json<Rename>,
) -> Result<HttpResponse, Problem> {
    accounts.rename_passkey(&owner, passkey_id(&id)?, &body.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Remove a passkey.
#[utoipa::path(
    delete,
    path = "/api/passkeys/{id}",
    operation_id = "removePasskey",
    tag = "Second factors",
    params(("id" = String, Path, description = "The passkey’s id.", format = "uuid")),
    request_body = WithPassword,
    responses(
        (status = 204, description = "It opens the account no more."),
        Answers<(Owner, Json<WithPassword>, NotChanged)>,
    ),
    security(("session" = [])),
)]
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

/// Whether a passkey is asked for besides the password.
#[utoipa::path(
    post,
    path = "/api/passkeys/second-factor",
    operation_id = "requirePasskey",
    tag = "Second factors",
    request_body = SecondFactorChange,
    responses(
        (status = 200, description = "From now on, and these are codes to get in with when all passkeys are lost; nobody sees them again.", body = RecoveryCodes, headers(("Cache-Control" = String, description = "`no-store`"))),
        (status = 204, description = "It is as was asked for, and there are no new recovery codes."),
        Answers<(Owner, Json<SecondFactorChange>, NotChanged)>,
    ),
    security(("session" = [])),
)]
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

/// A challenge for logging in with a passkey alone.
#[utoipa::path(
    post,
    path = "/api/login/passkey",
    operation_id = "beginPasskeyLogin",
    tag = "Accounts",
    responses(
        (status = 200, description = "For `navigator.credentials.get`.", body = Challenge, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<NotLoggedIn>,
    ),
    security(()),
)]
async fn begin_login(caller: Caller, accounts: Data<Accounts>) -> Result<HttpResponse, Problem> {
    let challenge = accounts.begin_passkey_login(&caller).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(challenge))
}

/// Log in with a passkey: the answer to the challenge.
#[utoipa::path(
    post,
    path = "/api/login/passkey/confirm",
    operation_id = "logInWithPasskey",
    tag = "Accounts",
    request_body = PasskeyAnswer,
    responses(
        (status = 200, description = "The tokens of a new session.", body = TokenResponse, headers(("Cache-Control" = String, description = "`no-store`"))),
        Answers<(Json<PasskeyAnswer>, NotLoggedIn)>,
    ),
    security(()),
)]
async fn log_in(caller: Caller, accounts: Data<Accounts>, body: Json<PasskeyAnswer>) -> Result<HttpResponse, Problem> {
    let tokens = accounts.log_in_with_passkey(&caller, body.0).await?;
    Ok(HttpResponse::Ok().insert_header(no_store()).json(tokens))
}
