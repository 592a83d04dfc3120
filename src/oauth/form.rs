//! The bodies of the token endpoint and its neighbours: `application/x-www-form-urlencoded` (RFC 6749, appendix B).

use std::collections::BTreeMap;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::error::OAuthError;
use crate::http::json::read_body;

/// The parameters of a request. Some are secrets, so it has no `Debug`.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// A parameter; one without a value is as if it had been left out (RFC 6749, section 3.2).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            // The name is not repeated in the answer: it is the client's text.
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(OAuthError::invalid_request("A parameter is there more than once."));
            }
        }
        Ok(Self(parameters))
    }
}

impl FromRequest for Form {
    type Error = OAuthError;
    type Future = LocalBoxFuture<'static, Result<Self, OAuthError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_head(request);
        let body = read_body(request, payload);
        Box::pin(async move {
            checked?;
            Self::parse(&body.await?)
        })
    }
}

fn check_head(request: &HttpRequest) -> Result<(), OAuthError> {
    if !request.query_string().is_empty() {
        return Err(OAuthError::in_query());
    }
    let mut types = request.headers().get_all(CONTENT_TYPE);
    let is_form = types.next().and_then(|value| value.to_str().ok()).is_some_and(is_form) && types.next().is_none();
    if !is_form {
        return Err(OAuthError::not_a_form());
    }
    Ok(())
}

/// With nothing but a charset of UTF-8 behind it.
fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    essence
        && parts.all(|parameter| {
            let charset = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
            charset.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_left_out_and_twice_is_refused() {
        let form = Form::parse(b"a=1&b=&c=x+%26%C3%A9&=").ok().unwrap();
        assert_eq!([form.get("a"), form.get("b"), form.get("c"), form.get("d")], [Some("1"), None, Some("x &é"), None]);
        for twice in [&b"a=1&a=1"[..], b"a=&a=1", b"a&%61=1"] {
            assert!(Form::parse(twice).is_err());
        }
    }
}
