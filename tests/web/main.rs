//! What every answer has, and what a hostile client may try. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/mod.rs"]
mod support;

mod account;
mod admin_clients;
mod admin_last;
mod admin_many;
mod admin_pages;
mod admin_record;
mod admin_search;
mod admin_two;
mod admin_users;
mod answers;
mod cors;
mod framing;
mod health;
mod http2;
mod keys;
mod look;
mod metrics;
mod metrics_files;
mod openapi;
mod pages;
mod picture;
mod playground;
mod slow_clients;
mod tls;
#[cfg(feature = "otel")]
mod traces;
