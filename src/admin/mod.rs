//! What an administrator may do over HTTP: whoever has the scope `admin`, which the role `admin` gives.
//!
//! | file | routes below `/api/admin` |
//! |---|---|
//! | `users` | `/users`: other people's accounts |
//! | `clients` | `/clients`: OAuth clients |
//! | `keys` | `/keys`: the signing keys |
//! | `audit` | `/audit`: what happened |
//! | `last_hour` | `/last-hour`: logins, refusals and the queue of hashes of the last hour |
//!
//! The rules are the accounts' own: `accounts/administration/`; those of clients are in `oauth/clients.rs`, those of keys in `signing_keys.rs`.

mod audit;
mod clients;
#[cfg(test)]
mod hostile_input;
pub(crate) mod keys;
mod last_hour;
mod users;

use actix_web::dev::Payload;
use actix_web::web::ServiceConfig;
use actix_web::{Error, FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::{OpenApi as _, ToSchema};

use crate::accounts::new_session::ADMIN;
use crate::accounts::owner::Owner;
use crate::guard::Bearer;
use crate::guard::Refusal;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::token::DEFAULT_REALM;

/// The routes, below `/api`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.configure(users::routes).configure(clients::routes).configure(keys::routes).configure(audit::routes);
    cfg.configure(last_hour::routes);
}

/// The same in the OpenAPI document.
pub(crate) fn documented() -> OpenApi {
    users::Documented::openapi()
        .merge_from(clients::Documented::openapi())
        .merge_from(keys::Documented::openapi())
        .merge_from(audit::Documented::openapi())
        .merge_from(last_hour::Documented::openapi())
}

/// An administrator: the owner of an account of this server, with a token that has the scope `admin`. Another issuer's scope of that name is no
/// administrator's here.
pub(crate) struct Admin(pub Owner);

impl FromRequest for Admin {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (bearer, request) = (Bearer::from_request(request, payload), request.clone());
        Box::pin(async move {
            bearer.await?.require_scope(ADMIN)?;
            // Only now, for it takes the bearer that was let in: begun before, it would look at the token by itself.
            Ok(Self(Owner::extract(&request).await?))
        })
    }
}

impl Problems for Admin {
    fn problems() -> Vec<Problem> {
        and::<Owner>([Refusal::insufficient_scope(DEFAULT_REALM, ADMIN)])
    }
}

/// A part of a long list.
#[derive(Serialize, ToSchema)]
struct Page<T> {
    items: Vec<T>,
    /// What to ask with for the next part; `null` at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A cursor that no list gave.
fn bad_cursor() -> Problem {
    Problem::invalid_fields(vec![FieldError { field: "cursor", message: "must be the next_cursor of a list".into() }])
}

/// So many items are in a part when nobody says how many, and at most.
const USUAL: u32 = 50;
const MOST: u32 = 500;
