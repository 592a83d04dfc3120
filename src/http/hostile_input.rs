//! Headers of proxies that somebody made up.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderValue, X_FORWARDED_FOR};
use actix_web::test::TestRequest;

use super::client_address::{TrustedProxies, client_address};
use crate::hostile_input::Hostile;

/// X-Forwarded-For on the first line of an input, Forwarded behind it.
#[test]
fn forwarded_headers() {
    let trusted: ipnet::IpNet = "10.0.0.0/8".parse().unwrap();
    let address = |peer: &str, input: &[u8]| {
        let mut lines = input.splitn(2, |byte| *byte == b'\n');
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let mut request = TestRequest::default().peer_addr(peer).app_data(TrustedProxies(vec![trusted]));
        for name in [X_FORWARDED_FOR, FORWARDED] {
            match lines.next() {
                Some(value) if !value.is_empty() => {
                    request = request.append_header((name, HeaderValue::from_bytes(value).ok()?));
                }
                _ => {}
            }
        }
        Some(client_address(&request.to_http_request()))
    };
    Hostile::to("forwarded").every(|input| {
        let stranger: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(address("192.0.2.1", input).is_none_or(|address| address == stranger));
        let behind = address("10.0.0.1", input)?;
        let is_told = !trusted.contains(&behind);
        // What a client put in front of what a proxy wrote changes nothing.
        if is_told && !input.contains(&b'\n') {
            assert_eq!(address("10.0.0.1", &[b"6.6.6.6, ", input].concat()), Some(behind));
        }
        is_told.then_some(behind)
    });
}
