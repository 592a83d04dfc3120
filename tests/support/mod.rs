//! What the black-box tests share: a real server, a throw-away PostgreSQL, a stand-in for Okta, forged tokens.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(missing_docs, clippy::missing_panics_doc, clippy::must_use_candidate, reason = "for tests only")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

pub mod admin;
pub mod app;
pub mod browser;
pub mod certificates;
pub mod collector;
pub mod documented;
pub mod letters;
pub mod okta;
pub mod ports;
pub mod postgres;
pub mod python;
pub mod raw;
pub mod smtp;
pub mod stolen;
pub mod tokens;
pub mod totp;
