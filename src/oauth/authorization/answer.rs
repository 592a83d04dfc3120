//! What a client is told through its user's browser (RFC 6749, section 4.1.2; RFC 9207).

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};

use super::request::{Answerable, Error};

/// Sends the browser back with a code.
pub(super) fn code(to: &Answerable, issuer: &str, code: &str) -> HttpResponse {
    redirect(to, issuer, &[("code", code)])
}

/// Sends the browser back with an error.
pub(super) fn error(to: &Answerable, issuer: &str, error: &Error) -> HttpResponse {
    redirect(to, issuer, &[("error", error.code), ("error_description", &error.description)])
}

/// 303, so that no browser sends a form with a password further (RFC 9700, section 4.12).
fn redirect(to: &Answerable, issuer: &str, parameters: &[(&str, &str)]) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    query.extend_pairs(to.state.iter().map(|state| ("state", state)));
    query.append_pair("iss", issuer);
    let parted = if to.redirect_uri.contains('?') { '&' } else { '?' };
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{}{parted}{}", to.redirect_uri, query.finish())))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}
