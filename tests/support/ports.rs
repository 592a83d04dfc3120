//! Ports that the system gives nobody by itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the ports begin that are tried.
const FIRST: u32 = 10_000;

/// A port on which nobody listens, on either loopback address.
///
/// It lies below those that the system hands out to connections and to whoever asks for any, so it is still free a while later, whatever else runs.
pub fn closed_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let handed_out = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    let room = u32::min(handed_out, 32_768).saturating_sub(FIRST).max(1_000);
    // Programs of tests that run beside each other begin at different places.
    let begin = std::process::id().wrapping_mul(2_654_435_761);
    for _ in 0..1_000 {
        let number = FIRST + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % room;
        let port = u16::try_from(number).expect("a port");
        if is_free(Ipv4Addr::LOCALHOST.into(), port) && is_free(Ipv6Addr::LOCALHOST.into(), port) {
            return port;
        }
    }
    panic!("no port is free");
}

/// Whether nobody listens there; also where there is no such address.
fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind((address, port)).map_or_else(|error| error.kind() != std::io::ErrorKind::AddrInUse, |_| true)
}
