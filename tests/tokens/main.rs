//! Access tokens against attacks, and the verifier against its own rules. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[path = "../support/mod.rs"]
mod support;

mod claims;
mod forged;
mod guarded;
mod headers;
mod properties;
mod sessions;
mod table;
