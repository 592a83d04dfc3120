//! The authorization server at Okta's own paths, below `/oauth2/default`.
//!
//! | file | what is in it |
//! |---|---|
//! | `token` | `/v1/token`: a client gets a token |
//! | `introspection`, `revocation` | `/v1/introspect`, `/v1/revoke` |
//! | `metadata` | what the server says about itself |
//! | `authentication`, `basic` | which client it is |
//! | `clients`, `rules`, `author` | what may be done with clients, and by whom |
//! | `client`, `registry`, `upkeep` | clients in memory |
//! | `standing` | whether a token of a client still stands |
//! | `form`, `error`, `secret` | forms, errors, secrets of clients |
//! | `keys` | `/v1/keys`: the public keys that tokens are checked with |
//! | `records` | the SQL |

mod authentication;
pub(crate) mod author;
mod basic;
pub(crate) mod client;
pub(crate) mod clients;
mod error;
mod form;
mod introspection;
mod keys;
mod metadata;
pub(crate) mod records;
pub(crate) mod registry;
mod revocation;
mod rules;
mod secret;
pub(crate) mod standing;
mod token;
pub(crate) mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use actix_web::guard::{Any, Get, Head, Post};
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use serde::Serialize;

use crate::accounts::Accounts;
use crate::http::request_id::in_span;
use crate::store::StoreError;
use crate::token::Verifier;

use clients::Clients;
use error::OAuthError;
use registry::Registry;

/// All that the authorization server needs. One for the process, shared by its workers.
pub(crate) struct OAuth {
    pub accounts: Arc<Accounts>,
    pub registry: Arc<Registry>,
    pub clients: Clients,
    pub verifier: Verifier,
    pub access_ttl: Duration,
    pub addresses: Addresses,
}

/// The issuer's name, and where its endpoints are.
pub(crate) struct Addresses {
    issuer: String,
    token: String,
    keys: String,
    introspection: String,
    revocation: String,
}

impl Addresses {
    pub fn of(issuer: String) -> Self {
        Self {
            token: format!("{issuer}/v1/token"),
            keys: format!("{issuer}/v1/keys"),
            introspection: format!("{issuer}/v1/introspect"),
            revocation: format!("{issuer}/v1/revoke"),
            issuer,
        }
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

/// The routes, below `/oauth2/default` and at the root.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    for path in metadata::AT_THE_ROOT {
        cfg.service(readable(path, web::to(metadata::metadata)));
    }
    let below = web::scope("/oauth2/default")
        .service(readable("/v1/keys", web::to(keys::keys)))
        .service(callable("/v1/token", web::to(token::token)))
        .service(callable("/v1/introspect", web::to(introspection::introspect)))
        .service(callable("/v1/revoke", web::to(revocation::revoke)));
    let below = metadata::BELOW
        .into_iter()
        .fold(below, |below, path| below.service(readable(path, web::to(metadata::metadata))));
    cfg.service(below.default_service(web::to(async || Err::<HttpResponse, _>(OAuthError::not_found()))));
}

/// Takes POST.
fn callable(path: &str, route: Route) -> impl actix_web::dev::HttpServiceFactory + 'static {
    only(path, route.guard(Post()), "POST").wrap(from_fn(in_span))
}

/// Takes GET and HEAD.
fn readable(path: &str, route: Route) -> Resource {
    only(path, route.guard(Any(Get()).or(Head())), "GET, HEAD")
}

fn only(path: &str, route: Route, allow: &'static str) -> Resource {
    let refuse = move || std::future::ready(Err::<HttpResponse, _>(OAuthError::method_not_allowed(allow)));
    web::resource(path).route(route).default_service(web::to(refuse))
}

/// 200, as RFC 6749, section 5.1, has it.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .content_type("application/json;charset=UTF-8")
        .body(serde_json::to_string(body).unwrap_or_default())
}
