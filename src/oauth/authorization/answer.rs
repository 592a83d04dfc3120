//! What a client is told through its user's browser (RFC 6749, section 4.1.2; RFC 9207).

use super::request::{Answerable, Error};

/// Where the browser is sent with a code.
pub(super) fn code(to: &Answerable, issuer: &str, code: &str) -> String {
    address(to, issuer, &[("code", code)])
}

/// Where the browser is sent with an error.
pub(super) fn error(to: &Answerable, issuer: &str, error: &Error) -> String {
    address(to, issuer, &[("error", error.code), ("error_description", &error.description)])
}

fn address(to: &Answerable, issuer: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    query.extend_pairs(to.state.iter().map(|state| ("state", state)));
    query.append_pair("iss", issuer);
    let parted = if to.redirect_uri.contains('?') { '&' } else { '?' };
    format!("{}{parted}{}", to.redirect_uri, query.finish())
}
