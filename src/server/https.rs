//! Connections over TLS: the handshake, and then HTTP/1.1 or HTTP/2, as the client chose in it.
//!
//! Actix's own server for TLS is not used: its HTTP/2 is that of an h2 before 0.4, with an open advisory and without bounds
//! (docs/decisions/0016). HTTP/1.1 is Actix's own, as without TLS.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::http2;
use super::listener::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE};
use crate::tls::live::Live;
use crate::token::Clock;

/// What is spoken over TLS, the best first (ALPN).
pub(super) const PROTOCOLS: [&[u8]; 2] = [H2, b"http/1.1"];
const H2: &[u8] = b"h2";

/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = HEAD_TIMEOUT;

/// Serves the applications that `app` makes, one for each worker and protocol, to whoever connects to `listener`.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn serve<F, I, S, B>(
    app: F,
    listener: TcpListener,
    live: Arc<Live>,
    shutdown_timeout: u64,
    clock: Clock,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let builder = Server::build().shutdown_timeout(shutdown_timeout).disable_signals();
    let shutdown = builder.graceful_shutdown_signal();
    let builder = builder.listen("https", listener, move || {
        // Nothing of ours asks the application for its own address; links are made from server.public_url.
        let application = {
            let app = app.clone();
            move || {
                let factory = app().into_factory().map_err(|error| error.into().error_response());
                map_config(factory, |()| AppConfig::default())
            }
        };
        let (live, clock, shutdown) = (Arc::clone(&live), clock.clone(), shutdown.clone());
        fn_factory(move || {
            let signal = shutdown.clone();
            let http1 = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let signal = signal.clone();
                    async move { signal.notified().await }
                })
                .secure()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                // A client that hung up is not worked for.
                .h1_allow_half_closed(false)
                .local_addr(address)
                .h1(application());
            let http2 = application();
            let (live, clock, shutdown) = (Arc::clone(&live), clock.clone(), shutdown.clone());
            async move {
                let http1 = Rc::new(http1.new_service(()).await?);
                let app = http2
                    .new_service(())
                    .await
                    .map_err(|error| tracing::error!(?error, "cannot make the application"))?;
                let http2 = Rc::new(http2::Protocol { app, shutdown, clock });
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let (live, http1, http2) = (Arc::clone(&live), Rc::clone(&http1), Rc::clone(&http2));
                    async move {
                        let Some((stream, peer)) = shake_hands(stream, &live).await else { return Ok::<_, ()>(()) };
                        if stream.get_ref().1.alpn_protocol() == Some(H2) {
                            http2.serve::<_, B>(stream, peer).await;
                        } else if let Err(error) = http1.call((stream, peer)).await {
                            tracing::debug!(%error, "a connection ended");
                        }
                        Ok(())
                    }
                }))
            }
        })
    })?;
    Ok(builder.run())
}

/// Whoever speaks something else than TLS, or too slowly, is let go without an answer: there is none that he could read.
async fn shake_hands(stream: TcpStream, live: &Live) -> Option<(TlsStream<TcpStream>, Option<SocketAddr>)> {
    let peer = stream.peer_addr().ok();
    // A handshake is several small writes, and so is an answer of HTTP/2.
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(live.configuration());
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((stream, peer)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS handshake");
            None
        }
        Err(_) => {
            tracing::debug!("no TLS handshake in time");
            None
        }
    }
}
