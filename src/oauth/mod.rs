//! The authorization server at Okta's own paths, below `/oauth2/default`.
//!
//! | file | what is in it |
//! |---|---|
//! | `authorization`, `logout` | `/v1/authorize` and `/v1/logout`: a client sends its user here |
//! | `token` | `/v1/token`: which grant it is, and a client's token for itself |
//! | `code`, `refresh`, `device` | the grants for a user: by a code, once more, on another device |
//! | `user_tokens`, `id_tokens` | what a client gets that acts for a user |
//! | `userinfo` | `/v1/userinfo` |
//! | `introspection`, `revocation` | `/v1/introspect`, `/v1/revoke` |
//! | `metadata` | what the server says about itself |
//! | `authentication`, `basic` | which client it is |
//! | `clients`, `client_change`, `rules`, `redirect_uri`, `author` | what may be done with clients, and by whom |
//! | `client`, `registry`, `upkeep` | clients in memory |
//! | `standing` | whether a token of a client still stands |
//! | `form`, `error`, `secret` | forms, errors, secrets of clients |
//! | `documented` | what the OpenAPI document says of them |
//! | `keys` | `/v1/keys`: the public keys that tokens are checked with |
//! | `restored` | what a restored database must not bring back |
//! | `records` | the SQL |

mod authentication;
pub(crate) mod author;
mod authorization;
mod basic;
pub(crate) mod client;
mod client_change;
pub(crate) mod clients;
mod code;
pub(crate) mod device;
mod documented;
pub(crate) mod error;
pub(crate) mod form;
#[cfg(test)]
mod hostile_input;
pub(crate) mod id_tokens;
mod introspection;
mod keys;
mod logout;
mod metadata;
pub(crate) mod records;
pub(crate) mod redirect_uri;
mod refresh;
pub(crate) mod registry;
pub(crate) mod restored;
mod revocation;
mod rules;
mod secret;
pub(crate) mod standing;
mod token;
pub(crate) mod upkeep;
mod user_tokens;
mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head, Post};
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use serde::Serialize;

use crate::accounts::Accounts;
use crate::http::cors::cors;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::settings::show::Entry;
use crate::signing_keys::{SigningKeys, SignsNothing};
use crate::store::StoreError;
use crate::token::{SigningAlgorithm, Verifier};
use crate::web::ACTIVATE;

pub(crate) use authorization::{AUTHORIZE, unavailable};
use clients::Clients;
pub(crate) use documented::documented;
pub(crate) use error::OAuthError;
use id_tokens::IdTokens;
use registry::Registry;

/// All that the authorization server needs. One for the process, shared by its workers.
pub(crate) struct OAuth {
    pub accounts: Arc<Accounts>,
    pub registry: Arc<Registry>,
    pub clients: Clients,
    pub verifier: Verifier,
    pub id_tokens: Arc<IdTokens>,
    pub signing_keys: Result<SigningKeys, SignsNothing>,
    /// The settings, for administrators to see.
    pub in_force: Vec<Entry>,
    pub access_ttl: Duration,
    /// Of access tokens.
    pub algorithm: SigningAlgorithm,
    pub addresses: Addresses,
}

/// The issuer's name, and where the token endpoint and the page for devices are.
pub(crate) struct Addresses {
    issuer: String,
    token: String,
    activate: String,
}

impl Addresses {
    pub fn of(public_url: &str, issuer: String) -> Self {
        Self { token: format!("{issuer}/v1/token"), activate: format!("{public_url}{ACTIVATE}"), issuer }
    }
}

impl OAuth {
    /// Changes clients, and reads them again before it answers. It goes on when the caller hangs up: what was committed must be noted.
    pub async fn changing<T, E>(&self, change: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let registry = Arc::clone(&self.registry);
        let changing = tokio::spawn(async move {
            let done = change.await;
            registry.changed().await;
            done
        });
        changing.await.unwrap_or_else(|_| Err(StoreError::Interrupted.into()))
    }
}

/// The routes, below `/oauth2/default` and at the root. Pages of `origins` may call those that programs call.
pub(crate) fn routes(cfg: &mut ServiceConfig, origins: &[String]) {
    for path in metadata::AT_THE_ROOT {
        cfg.service(readable(path, web::to(metadata::metadata)));
    }
    let for_pages = || Condition::new(!origins.is_empty(), cors(origins));
    let userinfo = resource("/v1/userinfo", [get(web::to(userinfo::userinfo)), post(web::to(userinfo::userinfo))]);
    let below = web::scope("/oauth2/default")
        .service(readable("/v1/keys", web::to(keys::keys)))
        .service(callable("/v1/token", web::to(token::token)).wrap(for_pages()))
        .service(callable("/v1/introspect", web::to(introspection::introspect)))
        .service(callable("/v1/revoke", web::to(revocation::revoke)).wrap(for_pages()))
        .service(callable("/v1/device/authorize", web::to(device::authorize)).wrap(for_pages()))
        .service(userinfo.wrap(from_fn(in_span)).wrap(for_pages()))
        .service(both("/v1/authorize", web::to(authorization::authorize), web::to(authorization::authorize_by_form)))
        .service(callable("/v1/consent", web::to(authorization::decide)))
        .service(both("/v1/logout", web::to(logout::by_query), web::to(logout::by_form)));
    let below = metadata::BELOW
        .into_iter()
        .fold(below, |below, path| below.service(readable(path, web::to(metadata::metadata))));
    cfg.service(below.default_service(web::to(async || Err::<HttpResponse, _>(OAuthError::not_found()))));
}

/// Takes POST.
fn callable(
    path: &str,
    route: Route,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    only(path, [route.guard(Post())], "POST").wrap(from_fn(in_span))
}

/// Takes GET and POST, each in its own way.
fn both(
    path: &str,
    by_get: Route,
    by_post: Route,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    // Not HEAD, which must do nothing.
    only(path, [by_get.guard(Get()), by_post.guard(Post())], "GET, POST").wrap(from_fn(in_span))
}

/// Takes GET and HEAD.
fn readable(path: &str, route: Route) -> Resource {
    only(path, [route.guard(Any(Get()).or(Head()))], "GET, HEAD")
}

fn only<const N: usize>(path: &str, routes: [Route; N], allow: &'static str) -> Resource {
    let refuse = move || std::future::ready(Err::<HttpResponse, _>(OAuthError::method_not_allowed(allow)));
    routes.into_iter().fold(web::resource(path), Resource::route).default_service(web::to(refuse))
}

/// 200, as RFC 6749, section 5.1, has it.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .content_type("application/json;charset=UTF-8")
        .body(serde_json::to_string(body).unwrap_or_default())
}
