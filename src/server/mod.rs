//! Puts the application together and runs it.
//!
//! | file | what is in it |
//! |---|---|
//! | [`start`] | from settings to a listening server, and its orderly end |
//! | `app` | which route is where, and what lies around all of them |
//! | `edge` | request ids, security headers, request lines |
//! | `listener` | the sockets that connections come in through, and how long one may take for what |
//! | `https`, `http2` | connections over TLS; streams of HTTP/2 become requests |
//! | `metrics` | `/metrics`, on a listener of its own |
//! | `health` | `/health/live` and `/health/ready` |
//! | `openapi` | the routes told by themselves: `/openapi.json` and `/docs` |
//! | `info` | the article's two routes, public and protected |
//! | [`logs`] | how log lines look; `log_lines`: how they leave; `log_traces`: which trace each belongs to |

pub(crate) mod app;
pub(crate) mod edge;
pub(crate) mod health;
mod http2;
mod https;
pub(crate) mod info;
mod listener;
mod log_lines;
#[cfg(feature = "otel")]
mod log_traces;
pub mod logs;
mod metrics;
pub(crate) mod openapi;
pub mod start;

pub use start::{Server, StartError};
