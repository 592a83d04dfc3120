//! Accounts and sessions, black-box, on SQLite and on PostgreSQL. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/mod.rs"]
mod support;

mod address_change;
mod administration;
mod browser;
mod clock;
mod faults;
mod hashing;
mod hostile_factors;
mod letters;
mod limits;
mod login;
mod main_job;
mod model;
mod nodes;
mod own_sessions;
mod passkeys;
mod password_change;
mod profile;
mod refresh;
mod register;
mod reset;
mod secrets;
mod smtp;
mod totp;
mod verification;
