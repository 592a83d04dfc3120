//! `/metrics`, on a listener of its own: what is counted, as Prometheus reads it.
//!
//! | file | what is in it |
//! |---|---|
//! | `page` | everything that is told, with its names and what they mean |
//! | `writer` | families, samples and labels |

mod page;
mod writer;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use prometheus_client::encoding::prometheus_text;
use tokio::task::JoinHandle;

use super::app::not_found;
use super::listener::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT};
use crate::accounts::Accounts;
use crate::http::methods::{get, resource};
use crate::mail::queue;
use crate::metrics::Metrics;
use crate::token::{Clock, Verifier};
use page::Page;

/// So many scrapers at once; one is usual.
const CONNECTIONS: usize = 32;

/// What the database does not tell so soon is left out: a scraper waits for ten seconds, and the rest matters most when the database is slow.
const PATIENCE: Duration = Duration::from_secs(2);

/// Letters that wait are counted so far.
const MOST_LETTERS: i64 = 10_000;

/// Those who know what is told.
#[derive(Clone)]
pub(super) struct Sources {
    pub metrics: Arc<Metrics>,
    pub verifier: Verifier,
    /// Where there are accounts.
    pub accounts: Option<Arc<Accounts>>,
    pub clock: Clock,
}

/// Serves `/metrics`.
pub(super) struct MetricsServer {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
}

impl MetricsServer {
    /// Serves whoever connects to `listener`, which is at `address`, over plain HTTP.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn start(sources: Sources, listener: TcpListener, address: SocketAddr) -> io::Result<Self> {
        let server = serve(sources, listener)?;
        Ok(Self { address, handle: server.handle(), running: tokio::spawn(server) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once: a scraper comes back.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        let _ = self.running.await;
    }
}

fn serve(sources: Sources, listener: TcpListener) -> io::Result<Server> {
    let sources = Data::new(sources);
    let app = move || {
        App::new()
            .app_data(sources.clone())
            .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")).add((CACHE_CONTROL, "no-store")))
            .service(resource("/metrics", [get(web::to(show))]))
            .default_service(web::to(not_found))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        // A scraper comes every few seconds, and none may hold a place meanwhile.
        .keep_alive(KeepAlive::Disabled)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

async fn show(sources: Data<Sources>) -> HttpResponse {
    match sources.page().await.text() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, prometheus_text::CONTENT_TYPE)).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

impl Sources {
    /// All there is to tell at this moment.
    async fn page(&self) -> Page {
        Page {
            metrics: Arc::clone(&self.metrics),
            remotes: self.verifier.remotes(),
            letters_waiting: self.letters_waiting().await,
            accounts: self.accounts.clone(),
            now: self.clock.now(),
        }
    }

    async fn letters_waiting(&self) -> Option<i64> {
        let store = self.accounts.as_ref()?.store();
        let count = async { queue::waiting(store.read().await?.connection(), MOST_LETTERS).await };
        match tokio::time::timeout(PATIENCE, count).await {
            Ok(Ok(waiting)) => Some(waiting),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot count the letters that wait");
                None
            }
            Err(_) => None,
        }
    }
}
