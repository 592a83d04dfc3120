//! Tokens meet Actix: the [`Bearer`] extractor, the [`Protect`] middleware for a whole scope, and the answers of RFC 6750.
//!
//! Give the application a [`Verifier`](crate::token::Verifier) with `app_data`; then a handler is protected by naming what it wants:
//!
//! ```
//! use actix_web::{get, web, App};
//! use tokenhouse::guard::{Bearer, Refusal};
//! use tokenhouse::token::Verifier;
//!
//! #[get("/invoices")]
//! async fn invoices(user: Bearer) -> Result<String, Refusal> {
//!     user.require_scope("invoices.read")?;
//!     Ok(format!("invoices of {}", user.subject))
//! }
//!
//! fn app(verifier: Verifier, cfg: &mut web::ServiceConfig) {
//!     cfg.app_data(verifier).service(invoices);
//! }
//! ```

mod bearer;
mod credentials;
#[cfg(test)]
#[cfg(feature = "server")]
mod hostile_input;
mod protect;
mod refusal;

pub use bearer::Bearer;
#[cfg(feature = "server")]
pub(crate) use credentials::Credentials;
pub use protect::Protect;
pub use refusal::Refusal;
