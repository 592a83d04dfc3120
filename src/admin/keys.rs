//! `/api/admin/keys`: the signing keys, and rotating them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;
use utoipa::ToSchema;

use super::{Admin, Page};
use crate::accounts::Accounts;
use crate::accounts::owner::{NotOwner, Owner};
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Answers, Problems, and};
use crate::http::json::Json;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::signing_keys::{KeyOverview, RotationOverview};
use crate::signing_keys::{Listed, NotRotated, Rotated, SignsNothing};
use crate::store::StoreError;
use crate::token::{KeyFileError, Rotation};

/// The same in the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, rotate))]
pub(super) struct Documented;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/keys", [get(to(list))]).wrap(from_fn(in_span)))
        .service(resource("/admin/keys/rotate", [post(to(rotate))]).wrap(from_fn(in_span)));
}

/// How a key is had at once that signs.
const NOW: &str = "send {\"now\": true}";

/// As on the command line: without either, a new key of RS256, ES256 or `EdDSA` is published ahead, and one of HS256 signs at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotation, examples(json!({ "now": true })))]
pub(super) struct Rotate {
    /// The new key signs at once.
    #[serde(default)]
    now: bool,
    /// The new key signs at once, and no other is believed any more.
    #[serde(default)]
    compromised: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error(transparent)]
    SignsNothing(#[from] SignsNothing),
    #[error(transparent)]
    NotRotated(#[from] NotRotated),
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl From<KeyFileError> for NotDone {
    fn from(error: KeyFileError) -> Self {
        NotRotated::from(error).into()
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl From<NotDone> for Problem {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::SignsNothing(nothing) => {
                Self::new(StatusCode::CONFLICT, "no-key-to-rotate").detail(nothing.to_string())
            }
            NotDone::NotRotated(secret @ NotRotated::Secret) => {
                Self::new(StatusCode::CONFLICT, "no-key-to-rotate").detail(secret.to_string())
            }
            NotDone::NotRotated(waiting @ NotRotated::Waiting { .. }) => {
                Self::new(StatusCode::CONFLICT, "key-is-waiting").detail(waiting.to_string())
            }
            NotDone::NotRotated(NotRotated::Keys(error)) => {
                tracing::error!(%error, "the key folder failed");
                no_keys()
            }
            NotDone::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotDone {
    fn problems() -> Vec<Problem> {
        let waiting = NotRotated::Waiting {
            kid: "b3V0OfCkpZrRT0tG".to_owned(),
            from: "2026-11-25T04:56:15Z".to_owned(),
            instead: NOW,
        };
        let own = [Self::NotRotated(NotRotated::Secret), waiting.into()].map(Problem::from);
        and::<NotOwner>(own.into_iter().chain([no_keys()]))
    }
}

fn no_keys() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        .detail("The server cannot reach its keys at this moment; the log says why.")
        .retry_after(std::time::Duration::from_secs(5))
}

/// The signing keys.
#[utoipa::path(
    get,
    path = "/api/admin/keys",
    operation_id = "listKeys",
    tag = "Administration",
    responses(
        (status = 200, description = "All that are not over.", body = Page<KeyOverview>),
        Answers<(Admin, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn list(_: Admin, oauth: Data<OAuth>) -> Result<HttpResponse, Problem> {
    let listed = keys_of(&oauth).await?;
    Ok(HttpResponse::Ok().json(Page { items: listed.iter().map(Listed::overview).collect(), next_cursor: None }))
}

/// A new signing key.
///
/// Tokens of the last key stay good until they expire, unless it is compromised.
#[utoipa::path(
    post,
    path = "/api/admin/keys/rotate",
    operation_id = "rotateKeys",
    tag = "Administration",
    request_body = Rotate,
    responses(
        (status = 200, description = "The new key.", body = RotationOverview),
        Answers<(Admin, Json<Rotate>, NotDone)>,
    ),
    security(("session" = ["admin"])),
)]
async fn rotate(admin: Admin, oauth: Data<OAuth>, rotate: Json<Rotate>) -> Result<HttpResponse, Problem> {
    let rotation = match (rotate.0.now, rotate.0.compromised) {
        (_, true) => Rotation::Compromised,
        (true, false) => Rotation::AtOnce,
        (false, false) => Rotation::Usual,
    };
    let rotated = rotate_keys(&oauth, admin.0, rotation, NOW).await?;
    Ok(HttpResponse::Ok().json(rotated.overview()))
}

/// The signing keys that are not over.
pub(crate) async fn keys_of(oauth: &OAuth) -> Result<Vec<Listed>, Problem> {
    let keys = oauth.signing_keys.clone().map_err(NotDone::from)?;
    let now = oauth.accounts.clock.now();
    Ok(on_thread(move || keys.list(now).map_err(NotDone::from)).await?)
}

/// Rotates the signing keys for an administrator; `instead` says how a new one is had at once, where this was asked for.
pub(crate) async fn rotate_keys(
    oauth: &OAuth,
    owner: Owner,
    rotation: Rotation,
    instead: &'static str,
) -> Result<Rotated, Problem> {
    let accounts = &oauth.accounts;
    let keys = oauth.signing_keys.clone().map_err(NotDone::from)?;
    let (looking, now) = (keys.clone(), accounts.clock.now());
    on_thread(move || Ok(looking.check(rotation, now, instead)?)).await?;
    record(accounts, owner, rotation).await?;
    let (clock, issuer) = (accounts.clock.clone(), accounts.issuer.clone());
    let id_tokens = oauth.id_tokens.clone();
    let rotated: Rotated = on_thread(move || {
        let rotated = keys.rotate(rotation, clock.now(), instead)?;
        // Here at once; other nodes see it within seconds.
        issuer.tend_keys()?;
        id_tokens.tend(false)?;
        Ok(rotated)
    })
    .await?;
    tracing::info!(kid = rotated.key.kid, "an administrator rotated the signing keys");
    Ok(rotated)
}

/// Before it is done: a folder has no transaction with the database, and a rotation that was recorded and failed harms less than the other way round.
async fn record(accounts: &Accounts, owner: Owner, rotation: Rotation) -> Result<(), NotDone> {
    let now = accounts.clock.unix_micros();
    let how = match rotation {
        Rotation::Usual => "published ahead where it can be",
        Rotation::AtOnce => "at once",
        Rotation::Compromised => "at once, and no other is believed",
    };
    accounts
        .store
        .write(move |mut connection| {
            Box::pin(async move {
                owner.enter(connection.reborrow(), None, now).await?;
                let event = owner.did(Act::KeyRotate, now).by_admin(&owner.user_id);
                event.with(&json!({ "signs": how })).record(connection).await?;
                Ok::<_, NotOwner>(())
            })
        })
        .await?;
    Ok(())
}

/// On a thread that may wait: files are read and written, and a key of RSA takes a good part of a second.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotDone> + Send + 'static,
) -> Result<T, NotDone> {
    let working = tokio::task::spawn_blocking(work);
    working.await.unwrap_or_else(|_| Err(StoreError::Interrupted.into()))
}
