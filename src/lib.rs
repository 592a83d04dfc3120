//! Token authentication for APIs.

#[cfg(feature = "server")]
pub mod accounts;
#[cfg(feature = "server")]
pub mod cli;
pub mod guard;
pub mod http;
mod private_files;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod settings;
#[cfg(feature = "server")]
pub mod store;
pub mod token;
