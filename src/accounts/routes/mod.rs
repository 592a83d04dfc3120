//! The acts over HTTP, below `/api`.
//!
//! | file | routes |
//! |---|---|
//! | `entry` | `/register`, `/login`, `/refresh`, `/logout` |
//! | `factors` | `/totp` and what is below it |
//! | `letters` | `/password/forgot`, `/password/reset`, `/email` and what is below it |
//! | `own` | `/me`, `/sessions`, `/password`: what the owner of an account does with it |

mod entry;
mod factors;
mod letters;
mod own;

use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::ServiceConfig;

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
    cfg.configure(entry::routes).configure(own::routes).configure(letters::routes).configure(factors::routes);
}

/// `GET /api/me` for any accepted token, where there are no accounts.
pub fn remote(cfg: &mut ServiceConfig) {
    cfg.configure(own::whoever);
}

/// For answers that carry a token or a secret (RFC 6749, section 5.1).
fn no_store() -> (HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
