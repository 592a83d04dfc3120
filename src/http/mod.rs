//! What all routes share: problems, JSON bodies, methods, and the address of the client.

#[cfg(feature = "server")]
pub mod caller;
#[cfg(feature = "server")]
pub mod client_address;
#[cfg(feature = "server")]
pub(crate) mod cors;
#[cfg(feature = "server")]
pub(crate) mod documented;
#[cfg(feature = "server")]
pub(crate) mod etag;
#[cfg(test)]
#[cfg(feature = "server")]
mod hostile_input;
#[cfg(feature = "server")]
pub mod json;
#[cfg(feature = "server")]
pub mod methods;
pub mod problem;
#[cfg(feature = "server")]
pub mod query;
#[cfg(feature = "server")]
pub mod request_id;

pub use problem::Problem;
