//! The page that asks before what cannot be undone.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::administrator::Administrator;
use super::frame::{Frame, Here, answer};
use crate::web::complaint::Complaint;

/// What is asked.
pub(super) struct Question<'q> {
    pub here: Here,
    pub title: &'q str,
    /// What happens, a paragraph each.
    pub text: &'q [&'q str],
    /// Where the form goes.
    pub action: &'q str,
    pub button: &'q str,
    /// Back to where nothing is done.
    pub back: &'q str,
    /// One of these is chosen, the first unless another is.
    pub choices: &'q [Choice],
    /// A new password is asked for, of at least so many characters.
    pub new_password: Option<usize>,
}

/// One of several ways.
pub(super) struct Choice {
    pub value: &'static str,
    pub words: &'static str,
    pub more: &'static str,
}

/// The field that a choice is sent in.
pub(super) const CHOICE: &str = "choice";

#[derive(Template)]
#[template(path = "admin/confirm.html")]
struct ConfirmPage<'p> {
    frame: Frame<'p>,
    asked: &'p Question<'p>,
    field: &'static str,
}

pub(super) fn ask(
    status: StatusCode,
    admin: &Administrator,
    asked: &Question<'_>,
    error: Option<&Complaint>,
) -> HttpResponse {
    let frame = Frame::of(admin, asked.here).error(error);
    answer(status, admin, &ConfirmPage { frame, asked, field: CHOICE })
}
