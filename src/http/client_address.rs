//! Whose request it is: the peer's address, or the one that a trusted proxy tells.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use ipnet::IpNet;

/// The proxies whose word is believed, as application data.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The address that a request is counted for.
///
/// It is the peer's, unless the peer is a trusted proxy: then it is the last address of `X-Forwarded-For` or of `Forwarded` (RFC 7239)
/// that is not a trusted proxy itself. What a client puts in front of that it could have made up. A part that is no address ends the search at the
/// last trusted hop, so junk never gives a fresh address. actix's own `realip_remote_addr` believes anybody.
#[must_use]
pub fn client_address(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    match request.app_data::<TrustedProxies>() {
        Some(proxies) => proxies.client_behind(peer, request.headers()),
        None => peer,
    }
}

impl TrustedProxies {
    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let told = |name| headers.contains_key(&name).then(|| self.nearest_untrusted(peer, &hops(headers, &name)));
        match (told(X_FORWARDED_FOR), told(FORWARDED)) {
            // A proxy writes one of them, and lets through what a client put into the other.
            (Some(one), Some(other)) if one != other => peer,
            (told, None) | (_, told) => told.unwrap_or(peer),
        }
    }

    fn nearest_untrusted(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut hop = peer;
        for told in hops.iter().rev() {
            if !self.trusts(hop) {
                break;
            }
            match told {
                Some(address) => hop = *address,
                None => break,
            }
        }
        hop
    }

    /// Whether `address` is one of them.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The hops that a header tells, the nearest last; `None` for what is no address.
fn hops(headers: &HeaderMap, name: &HeaderName) -> Vec<Option<IpAddr>> {
    let list = headers.get_all(name).flat_map(|value| value.to_str().unwrap_or("?").split(','));
    if *name == X_FORWARDED_FOR {
        return list.map(parse).collect();
    }
    let node = |element: &str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).and_then(|(_, node)| parse(node))
    };
    list.map(node).collect()
}

/// An address, perhaps with a port, quotes or brackets around it.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = match text.strip_prefix('[') {
        Some(v6) => v6.split(']').next().and_then(|v6| v6.parse().ok()),
        None => text.parse().ok().or_else(|| text.split_once(':').and_then(|(v4, _)| v4.parse().ok())),
    };
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn client(peer: &str, headers: &[(&str, &str)]) -> String {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let request = headers.iter().fold(TestRequest::default(), |r, header| r.append_header(*header));
        proxies.client_behind(peer.parse().unwrap(), request.to_http_request().headers()).to_string()
    }

    #[test]
    fn believes_trusted_proxies_only() {
        let xff = |value| [("X-Forwarded-For", value)];
        for (peer, headers, expected) in [
            ("192.0.2.1", xff("198.51.100.7").as_slice(), "192.0.2.1"),
            ("10.0.0.1", &xff("198.51.100.7"), "198.51.100.7"),
            ("10.0.0.1", &xff("6.6.6.6, 198.51.100.7"), "198.51.100.7"),
            ("10.0.0.1", &xff("6.6.6.6, 198.51.100.7, 10.0.0.2"), "198.51.100.7"),
            ("10.0.0.1", &xff("6.6.6.6, a, 10.0.0.2"), "10.0.0.2"),
            ("10.0.0.1", &xff("a"), "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", &[("Forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:4711\";proto=https")], "2001:db8::1"),
            ("10.0.0.1", &[("Forwarded", "for=_hidden")], "10.0.0.1"),
            ("10.0.0.1", &[("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=198.51.100.7")], "10.0.0.1"),
            ("10.0.0.1", &[("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7")], "198.51.100.7"),
            ("10.0.0.1", &[("X-Real-IP", "6.6.6.6"), ("True-Client-IP", "6.6.6.6")], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, headers), expected, "{peer} {headers:?}");
        }
    }
}
