//! The token that a request brings (RFC 6750, section 2.1).

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest as _, HttpRequest};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use actix_web_httpauth::headers::authorization::Bearer as OtherSpelling;

use super::refusal::Refusal;

/// The one token of a request, and nothing but a token.
pub(crate) enum Credentials {
    /// As actix-web-httpauth reads them.
    Extracted(BearerAuth),
    /// It wants the scheme in exactly the letters `Bearer`; RFC 9110, section 11.1, in any case.
    OtherSpelling(OtherSpelling),
}

impl Credentials {
    /// Those of a request.
    ///
    /// # Errors
    /// The answer to a request that has none, or not one token.
    pub fn of(request: &HttpRequest, realm: &str) -> Result<Self, Refusal> {
        let mut headers = request.headers().get_all(AUTHORIZATION);
        let header = headers.next().ok_or_else(|| Refusal::no_credentials(realm))?;
        // The crate takes the first of two.
        if headers.next().is_some() {
            return Err(Refusal::invalid_request(realm, "The request has more than one Authorization header"));
        }
        let credentials = Self::read(request, header).map_err(|wrong| match wrong {
            Wrong::NoBearer => Refusal::no_credentials(realm),
            Wrong::NoToken => Refusal::invalid_request(realm, "The Authorization header is not `Bearer` and one token"),
        })?;
        // RFC 6750, section 2: a client must not use more than one way in one request. This server takes the header only.
        if is_in_query(request) {
            return Err(Refusal::invalid_request(realm, "The request has a token in the header and in the query"));
        }
        Ok(credentials)
    }

    /// What is behind `Bearer ` in a request's only Authorization header: enough to know again a token that was read before, as most are, without
    /// looking at each letter once more. What is not known is still to be read.
    pub fn unread(request: &HttpRequest) -> Option<&[u8]> {
        let mut headers = request.headers().get_all(AUTHORIZATION);
        let header = headers.next()?;
        if headers.next().is_some() || is_in_query(request) {
            return None;
        }
        header.as_bytes().strip_prefix(b"Bearer ")
    }

    /// The token.
    pub fn token(&self) -> &str {
        match self {
            Self::Extracted(extracted) => extracted.token(),
            Self::OtherSpelling(other) => other.token(),
        }
    }

    fn read(request: &HttpRequest, header: &HeaderValue) -> Result<Self, Wrong> {
        let credentials = match BearerAuth::from_request(request, &mut Payload::None).into_inner() {
            Ok(extracted) => Self::Extracted(extracted),
            Err(_) => Self::OtherSpelling(OtherSpelling::new(behind_other_spelling(header)?.to_owned())),
        };
        // The crate takes everything behind the blank.
        if is_b64token(credentials.token().as_bytes()) { Ok(credentials) } else { Err(Wrong::NoToken) }
    }
}

/// Whether there is a token in the query (RFC 6750, section 2.3).
fn is_in_query(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair.split('=').next() == Some("access_token"))
}

enum Wrong {
    NoBearer,
    NoToken,
}

/// What is behind `bearer ` in any case.
fn behind_other_spelling(header: &HeaderValue) -> Result<&str, Wrong> {
    let value = header.as_bytes();
    let (scheme, rest) = value.split_at(value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count());
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Wrong::NoBearer);
    }
    match rest {
        // A bare `Bearer` brings no credentials.
        [] | [b' '] => Err(Wrong::NoBearer),
        [b' ', token @ ..] => std::str::from_utf8(token).map_err(|_| Wrong::NoToken),
        _ => Err(Wrong::NoToken),
    }
}

/// Looks at every byte, also behind one that is wrong: so the compiler makes it a loop over many at a time, and a token is long.
#[expect(clippy::needless_bitwise_bool, reason = "what may be left out cannot be done for many bytes at a time")]
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let token = text.get(..text.len() - padding).unwrap_or_default();
    let is_token = |byte: u8| {
        byte.is_ascii_alphanumeric()
            | (byte == b'-')
            | (byte == b'.')
            | (byte == b'_')
            | (byte == b'~')
            | (byte == b'+')
            | (byte == b'/')
    };
    !token.is_empty() && token.iter().fold(true, |all, byte| all & is_token(*byte))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn takes_the_token_of_a_bearer_header_only() {
        for (value, expected) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("BEARER abc==", Some("abc==")),
            ("Bearer  abc", None),
            ("Bearer\tabc", None),
            ("Bearer a b", None),
            ("Bearer,abc", None),
            ("Bearer=abc", None),
            ("Bearer =abc", None),
            ("Bearer a=b", None),
            ("Bearer a~b_c-d+e/f0", Some("a~b_c-d+e/f0")),
            ("Bearer a@b", None),
            ("Bearer a\u{e9}", None),
            ("Bearerabc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic dTpw", None),
            ("", None),
        ] {
            let header = HeaderValue::from_str(value).unwrap();
            let request = TestRequest::default().insert_header((AUTHORIZATION, header)).to_http_request();
            let credentials = Credentials::of(&request, "tokenhouse").ok();
            assert_eq!(credentials.as_ref().map(Credentials::token), expected, "{value:?}");
        }
    }
}
