//! Programs that nobody here wrote, and the server: Okta's verifiers, OAuth clients, HTTPie, a browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]
#![allow(clippy::disallowed_methods, reason = "waiting for other programs takes real time")]

#[path = "../support/program.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod program;
#[path = "../support/mod.rs"]
mod support;

mod admin;
mod article;
mod authlib;
mod browser;
mod house;
mod httpie;
mod node;
mod oauth2_crate;
mod okta_verifier;
mod openapi;
mod openid_client;
mod openid_client_user;
mod others;
mod pages;
mod people;
mod playground;
