//! Access tokens against attacks, and the verifier against its own rules. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]

#[path = "../support/mod.rs"]
mod support;

mod claims;
mod clients;
mod explained;
mod forged;
mod guarded;
mod headers;
mod key_files;
mod key_life;
mod properties;
mod rotation;
mod sessions;
mod signing;
mod table;
