//! How a page is answered.

use std::any::Any;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::browser::Browser;
use super::complaint::Complaint;
use super::look::Look;
use super::see_other;
use crate::http::Problem;
use crate::oauth::redirect_uri::is_of_the_web;

const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct Message<'m> {
    title: &'m str,
    text: &'m str,
    /// An address, and what the link to it says.
    link: Option<(&'m str, &'m str)>,
}

impl<'m> Message<'m> {
    pub fn new(title: &'m str, text: &'m str) -> Self {
        Self { title, text, link: None }
    }

    /// With a link to where one goes on.
    pub fn leading_to(self, address: &'m str, words: &'m str) -> Self {
        Self { link: Some((address, words)), ..self }
    }
}

/// A page that leads on at once, with a link for browsers that do not follow.
#[derive(Template)]
#[template(path = "onward.html")]
struct Onward<'o> {
    to: &'o str,
}

/// After a form, on to `to`, which may be on another server: by a page in between, for some browsers hold all redirects after a form to the policy, also
/// those of the other server. An app's own scheme is led to by a redirect, which it needs the user's click for.
pub(crate) fn onward(look: &Look, to: &str) -> HttpResponse {
    if to.starts_with('/') || is_of_the_web(to) {
        plain(look, StatusCode::OK, &Onward { to }, None)
    } else {
        see_other(to)
    }
}

/// A page with forms, which may lead to `elsewhere` besides this server.
pub(crate) fn page(
    status: StatusCode,
    template: &impl Template,
    browser: &Browser,
    elsewhere: Option<&str>,
) -> HttpResponse {
    let mut response = plain(&browser.look, status, template, elsewhere);
    browser.keep_form_token(&mut response);
    response
}

/// A page with nothing to fill in.
pub(crate) fn message(look: &Look, status: StatusCode, message: &Message<'_>) -> HttpResponse {
    plain(look, status, message, None)
}

/// A form that was filled in wrongly. Not 401, which must name a scheme that browsers would then ask for themselves (RFC 9110, section 15.5.2).
pub(crate) const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// What is told of a link to another page of a list that leads nowhere.
pub(crate) const BROKEN_LINK: &str = "This link is broken; please begin anew.";

/// A form again, with a problem of the API told on it.
pub(crate) fn of_problem(
    problem: &Problem,
    again: impl FnOnce(StatusCode, &Complaint) -> HttpResponse,
) -> HttpResponse {
    let (status, complaint) = Complaint::of_problem(problem);
    let mut page = again(status, &complaint);
    if let Some(wait) = problem.error_response().headers().get(RETRY_AFTER) {
        page.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    page
}

/// A form that no page of this server sent, or one that is too old.
pub(crate) fn not_from_here(look: &Look) -> HttpResponse {
    let text =
        "This form is too old, or it is not from a page of this server. Please go back, reload the page and try again.";
    message(look, StatusCode::FORBIDDEN, &Message::new("Please try again", text))
}

/// A page without a form.
pub(super) fn plain(
    look: &Look,
    status: StatusCode,
    template: &impl Template,
    elsewhere: Option<&str>,
) -> HttpResponse {
    // What the layout around every page shows.
    let values: [(&str, &dyn Any); 1] = [("look", look)];
    let body = match template.render_with_values(&values) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            return HttpResponse::InternalServerError().finish();
        }
    };
    let elsewhere = elsewhere.map(|source| format!(" {source}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'{elsewhere}"
    );
    HttpResponse::build(status)
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((COOP, "same-origin"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(ContentType::html())
        .body(body)
}
