//! Register, log in, refresh, log out: black-box, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[path = "../support/mod.rs"]
mod support;

mod main_job;
