//! The authorization server, black-box, on SQLite and on PostgreSQL. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/program.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod program;

mod admin;
mod assertions;
mod authentication;
mod code;
mod device;
mod grants;
mod house;
mod id_tokens;
mod introspection;
mod keys;
mod metadata;
mod nodes;
mod pages;
mod people;
mod redirects;
mod secrets;
mod signing_out;
mod user_tokens;
