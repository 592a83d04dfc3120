//! A page in place of a problem, for people: a browser that was led to an address shows what it is answered.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::look::Look;
use super::page::{self, Message};
use super::{ACCOUNT, SIGN_IN};
use crate::http::problem::MEDIA_TYPE;

/// What is below these is for programs, whoever asks.
const OF_PROGRAMS: [&str; 2] = ["/api", "/oauth2"];

/// What of a problem is told.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    detail: Option<String>,
}

/// The same answer, but a page where it is a problem and [`is_for_people`].
pub(crate) fn for_people<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    is_for_people: bool,
) -> ServiceResponse<BoxBody> {
    let is_problem = || response.headers().get(CONTENT_TYPE).is_some_and(|found| found == MEDIA_TYPE);
    if !is_for_people || !is_problem() {
        return response.map_into_boxed_body();
    }
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let told = body.try_into_bytes().ok().and_then(|body| serde_json::from_slice(&body).ok());
    let mut page = page_of(request.path(), &Look::at(&request), response.status(), told.as_ref());
    for name in [ALLOW, RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    ServiceResponse::new(request, page)
}

/// The page of a request to `path` whose handler came to grief.
pub(crate) fn internal(path: &str, look: &Look) -> HttpResponse {
    page_of(path, look, StatusCode::INTERNAL_SERVER_ERROR, None)
}

/// Whether a browser shows what is answered to a request to `path` with these headers.
pub(crate) fn is_for_people(path: &str, headers: &HeaderMap) -> bool {
    let is_for_programs = OF_PROGRAMS.iter().any(|programs| {
        let below = path.strip_prefix(programs);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    });
    let accepts = || headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    !is_for_programs && accepts().contains("text/html")
}

fn page_of(path: &str, look: &Look, status: StatusCode, told: Option<&Told>) -> HttpResponse {
    let kind = told.and_then(|told| told.kind.rsplit(':').next()).unwrap_or_default();
    let detail = told.and_then(|told| told.detail.as_deref());
    let start = match path {
        path if path.starts_with(ACCOUNT) => Some((ACCOUNT, "To your account")),
        path if path.starts_with(SIGN_IN) => Some((SIGN_IN, "To the sign-in page")),
        _ => None,
    };
    let message = match (status, kind) {
        (_, "no-accounts-here") => Message::new("There are no accounts here", detail.unwrap_or_default()),
        (StatusCode::NOT_FOUND, _) => Message::new(
            "There is nothing here",
            "No page has this address. If you typed it, look for a slip; if a link led here, it is too old, or wrong.",
        ),
        (StatusCode::METHOD_NOT_ALLOWED, _) => Message::new(
            "There is nothing to see here",
            "This address only takes a form that was filled in. Please go to the page that has the form.",
        ),
        (StatusCode::BAD_REQUEST, _) => Message::new(
            "This address is wrong",
            "Something behind its question mark is there twice, or is not what belongs there. Please begin anew.",
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, _) => Message::new(
            "That did not work",
            "Something went wrong on this side, and it was written down. Please try again shortly.",
        ),
        _ => Message::new("That did not work", detail.unwrap_or("Please try again shortly.")),
    };
    let message = match start {
        Some((address, words)) => message.leading_to(address, words),
        None => message,
    };
    page::message(look, status, &message)
}
