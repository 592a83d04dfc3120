//! The sockets that connections come in through, and how long one may take for what.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpSocket;

use super::start::StartError;

/// A connection must send the head of its request within so long ...
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// ... and be gone so long after it was told to go.
pub(super) const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A client must take the next part of an answer within so long.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// So many connections may wait to be accepted; the standard library's 128 are full in a moment.
const BACKLOG: u32 = 2048;

/// Listens on `address`, which the setting `key` names; and on which address in fact, should it ask for any port.
pub(super) fn listen(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait until the connections of the last run are forgotten.
        socket.set_reuseaddr(true)?;
        let_go_of_slow_readers(&socket)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listener().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address, key },
        _ => StartError::Listen { address, key, source },
    })
}

/// The operating system closes the connections of whoever takes nothing of what is sent for [`SEND_TIMEOUT`] (RFC 5482, section 3), or so little that his
/// window does not open: Actix would keep them, and what waits to be sent, for good. A connection has this from its listener.
#[cfg(target_os = "linux")]
fn let_go_of_slow_readers(socket: &TcpSocket) -> io::Result<()> {
    let milliseconds = u32::try_from(SEND_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(socket, milliseconds)?)
}

/// Other systems have no such thing.
#[cfg(not(target_os = "linux"))]
fn let_go_of_slow_readers(_socket: &TcpSocket) -> io::Result<()> {
    Ok(())
}
