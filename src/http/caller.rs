//! Who makes a request, as far as the request tells.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpRequest};

use super::client_address::client_address;

/// Longest text that is kept of a User-Agent header, in bytes: browsers send some 150.
const MAX_USER_AGENT: usize = 400;

/// The address that a request is counted for, and the browser that it says it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// See [`client_address`].
    pub address: IpAddr,
    /// As it was sent, at most 400 bytes of it; `None` when there was none that is text.
    pub user_agent: Option<String>,
}

impl FromRequest for Caller {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // `to_str` lets visible ASCII through only, so cutting it at any byte is safe.
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        let user_agent = user_agent.map(|text| text.get(..MAX_USER_AGENT).unwrap_or(text).to_owned());
        ready(Ok(Self {
            address: client_address(request),
            user_agent: user_agent.filter(|text| !text.trim().is_empty()),
        }))
    }
}
