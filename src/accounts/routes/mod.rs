//! The acts over HTTP, below `/api`.
//!
//! | file | routes |
//! |---|---|
//! | `entry` | `/register`, `/login`, `/refresh`, `/logout` |
//! | `factors` | `/totp` and what is below it |
//! | `letters` | `/password/forgot`, `/password/reset`, `/email` and what is below it |
//! | `passkeys` | `/passkeys` and what is below it, `/login/passkey` |
//! | `own` | `/me`, `/sessions`, `/password`: what the owner of an account does with it |

mod entry;
mod factors;
mod letters;
mod own;
mod passkeys;

use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::ServiceConfig;
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::{OpenApi as _, ToSchema};

/// First segments of the paths that only a server with accounts of its own has; all of `/me` but GET is such a path too.
pub const LOCAL_PATHS: [&str; 11] = [
    "register",
    "login",
    "refresh",
    "logout",
    "sessions",
    "password",
    "email",
    "totp",
    "passkeys",
    "me/export",
    "admin",
];

/// The routes of a server with accounts of its own.
pub fn local(cfg: &mut ServiceConfig) {
    cfg.configure(entry::routes)
        .configure(own::routes)
        .configure(letters::routes)
        .configure(factors::routes)
        .configure(passkeys::routes);
}

/// The same in the OpenAPI document.
pub(crate) fn documented() -> OpenApi {
    entry::Documented::openapi()
        .merge_from(own::Documented::openapi())
        .merge_from(letters::Documented::openapi())
        .merge_from(factors::Documented::openapi())
        .merge_from(passkeys::Documented::openapi())
}

/// What there is of it where there are no accounts.
pub(crate) fn documented_remote() -> OpenApi {
    own::DocumentedRemote::openapi()
}

/// `GET /api/me` for any accepted token, where there are no accounts.
pub fn remote(cfg: &mut ServiceConfig) {
    cfg.configure(own::whoever);
}

/// In words, that it was begun.
#[derive(Serialize, ToSchema)]
struct Notice {
    #[schema(value_type = String, examples("If there is an account to write to, a letter is on its way."))]
    detail: &'static str,
}

/// For answers that carry a token or a secret (RFC 6749, section 5.1).
fn no_store() -> (HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
