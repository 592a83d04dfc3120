//! Token authentication for APIs: a login server in one binary, and a library that guards Actix routes.
//!
//! # Guard your own routes
//!
//! Give the application a [`Verifier`] that knows whom to believe, and write [`Bearer`] where a handler wants a good token:
//!
//! ```no_run
//! use actix_web::{App, HttpServer, get};
//! use tokenhouse::{Bearer, Refusal, RemoteSettings, Verifier};
//!
//! #[get("/invoices")]
//! async fn invoices(user: Bearer) -> Result<String, Refusal> {
//!     user.require_scope("invoices.read")?;
//!     Ok(format!("invoices of {}", user.subject))
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let okta = RemoteSettings::new("https://dev-123456.okta.com/oauth2/default", "api://default")?;
//!     let verifier = Verifier::builder().remote(okta).build()?;
//!     HttpServer::new(move || App::new().app_data(verifier.clone()).service(invoices))
//!         .bind("127.0.0.1:8080")?
//!         .run()
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! Everybody else gets the answer that RFC 6750 has for him: 401 with a challenge, 403 for a missing scope, 503 while the issuer's keys are not
//! to be had. The repository's `examples` folder has a whole application on tokens of its own, and one on Okta's.
//!
//! # Where what is
//!
//! | module | what lives there |
//! |---|---|
//! | [`token`] | what a token is and whether to believe it; signing; issuers and their keys |
//! | [`guard`] | tokens meet Actix: the extractor, the middleware, the answers |
//! | [`http`] | problems (RFC 9457) |
#![cfg_attr(
    feature = "server",
    doc = "| [`accounts`] | people: register, log in, sessions, hashing, limits |\n\
           | [`audit`] | the record of what happened |\n\
           | [`store`] | SQLite or PostgreSQL behind one SQL text |\n\
           | [`server`] | puts the application together and runs it |\n\
           | [`settings`] | TOML and environment, and what is wrong with them |\n\
           | [`tls`] | the certificate and its key, taken anew when they change |\n\
           | [`cli`] | the command line |"
)]
//!
//! # Features
//!
//! `server`, on by default, is the login server with its accounts and its store. An application that only believes tokens builds without it
//! (`default-features = false`) and has `token`, `guard` and `http`: no SQL, no password hashing.

#[cfg(feature = "server")]
pub mod accounts;
#[cfg(feature = "server")]
mod admin;
#[cfg(feature = "server")]
pub mod audit;
#[cfg(feature = "server")]
pub mod cli;
pub mod guard;
#[cfg(test)]
#[cfg(feature = "server")]
mod hostile_input;
pub mod http;
#[cfg(feature = "server")]
pub mod mail;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "server")]
mod oauth;
mod private_files;
#[cfg(feature = "server")]
mod sealing;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod settings;
mod shell;
#[cfg(feature = "server")]
mod signing_keys;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod tls;
pub mod token;
mod traces;
#[cfg(feature = "server")]
mod web;

pub use guard::{Bearer, Protect, Refusal};
pub use token::{Claims, Clock, Explanation, LocalIssuer, LocalSettings, Rejection, RemoteSettings, Scopes, Verifier};

/// Compiles the examples of the documents.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/tutorial.md")]
#[doc = include_str!("../docs/protecting.md")]
struct Documents;
