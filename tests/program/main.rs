//! The program itself: its first minute, its command line, its start and its end. The ids of rows are those of docs/attacks.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/program.rs"]
mod program;
#[path = "../support/mod.rs"]
mod support;

mod backups;
mod command_line;
mod crashes;
mod every_command;
mod faults;
mod first_minute;
mod full_disk;
mod imports;
mod logs;
mod signals;
mod tls;
mod tokens;
#[cfg(feature = "otel")]
mod traces;
mod users;
mod wrong_starts;
