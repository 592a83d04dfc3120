//! Authorization headers that somebody made up.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::test::TestRequest;

use super::Credentials;
use crate::hostile_input::Hostile;

#[test]
fn authorization_headers() {
    Hostile::to("authorization").every(|input| {
        let token_of = |value: HeaderValue| {
            let request = TestRequest::default().insert_header((AUTHORIZATION, value)).to_http_request();
            Credentials::of(&request, "tokenhouse").ok().map(|credentials| credentials.token().to_owned())
        };
        let token = token_of(HeaderValue::from_bytes(input).ok()?)?;
        assert!(input.ends_with(token.as_bytes()) && input.len() == token.len() + "Bearer ".len());
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
        let again = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        assert_eq!(token_of(again).as_ref(), Some(&token));
        Some(token)
    });
}
