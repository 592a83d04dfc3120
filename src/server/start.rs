//! From settings to a listening server, and its orderly end.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use tokio::task::JoinHandle;

use super::app::{self, State};
use super::edge::{Edge, Worker};
use super::health::Draining;
use super::https;
use super::listener::{DISCONNECT_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE, listen};
use super::metrics::{MetricsServer, Sources};
use crate::accounts::letters::Postman;
use crate::accounts::{self, Accounts};
use crate::metrics::{Metrics, OfWorker};
use crate::oauth::clients::Clients;
use crate::oauth::id_tokens::IdTokens;
use crate::oauth::registry::Registry;
use crate::oauth::standing::OfUsersAndClients;
use crate::oauth::{Addresses, OAuth, upkeep};
use crate::sealing::Sealing;
use crate::settings::logo::WrongLogo;
use crate::settings::{Remote, Settings, Tokens};
use crate::signing_keys::SigningKeys;
use crate::store::{OpenError, Store, StoreError};
use crate::tls::TlsError;
use crate::tls::live::Live;
use crate::token::{
    BuildError, Clock, HmacSecret, KeyFileError, KeyFolder, KeyRules, LocalIssuer, LocalSettings, RemoteSettings,
    SecretTooShort, Verifier, WrongIssuer,
};
use crate::traces::{Traces, TracesError};
use crate::web::look::Look;

/// The database must close so soon after the last request.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings that say where to listen.
const LISTEN: &str = "server.listen";
const METRICS_LISTEN: &str = "metrics.listen";

/// A running server.
pub struct Server {
    address: SocketAddr,
    metrics: Option<MetricsServer>,
    verifier: Verifier,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
    draining: Draining,
    store: Option<Store>,
    postman: Option<Postman>,
    traces: Traces,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The clients could not be read from it.
    #[error("cannot read the clients: {0}")]
    Clients(#[source] StoreError),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The secret from the environment.
    #[error("TOKENHOUSE__TOKENS__SECRET: {0}")]
    Secret(#[from] SecretTooShort),
    /// The address of a remote issuer.
    #[error("the issuer of [remote.{name}]: {wrong}")]
    Remote {
        /// Its name in the settings.
        name: String,
        /// What is wrong.
        wrong: WrongIssuer,
    },
    /// The verifier.
    #[error(transparent)]
    Verifier(#[from] BuildError),
    /// The accounts: hashing threads, letters.
    #[error(transparent)]
    Accounts(#[from] accounts::StartError),
    /// The certificate and its key.
    #[error("server.tls_certificate and server.tls_key: {0}")]
    Tls(#[from] TlsError),
    /// The logo of the pages.
    #[error("pages.logo: {0}")]
    Logo(#[from] WrongLogo),
    /// The way of traces to their collector.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Another program listens there.
    #[error("cannot listen on {address}: another program does already; stop that one, or set {key} to another port")]
    AddressInUse {
        /// Where.
        address: SocketAddr,
        /// The setting that names it.
        key: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; set {key} to an address of this machine")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The setting that names it.
        key: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Server {
    /// Opens the store, makes or reads the keys, and listens.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        // First of all, so that a port in use is told before anything is made.
        let (listener, address) = listen(settings.server.listen, LISTEN)?;
        let for_metrics = settings.metrics.listen.map(|address| listen(address, METRICS_LISTEN)).transpose()?;

        let look = Look::of(&settings.pages)?;
        let open = |tls| Live::open(tls, &settings.server.public_url, &https::PROTOCOLS, clock.clone());
        let tls = settings.server.tls.as_ref().map(open).transpose()?.map(Arc::new);

        let traces = Traces::start(settings)?;
        let metrics = Arc::new(Metrics::new(clock.clone(), issuer_names(settings)));
        let mut verifier =
            Verifier::builder().clock(clock.clone()).leeway(settings.tokens.leeway).observer(Arc::clone(&metrics) as _);
        let mut accounts = None;
        if settings.auth.local {
            let store = Store::open(&settings.database.url).await?;
            let issuer = Arc::new(local_issuer(settings, clock.clone())?);
            let sealing = Sealing::open(&settings.tokens)?;
            let counting = Arc::clone(&metrics);
            let opened = Accounts::new(settings, store, Arc::clone(&issuer), sealing, counting, clock.clone())?;
            let opened = Arc::new(opened);
            let registry = Registry::open(opened.store().clone(), clock.clone()).await.map_err(StartError::Clients)?;
            let registry = Arc::new(registry);
            let id_tokens = Arc::new(IdTokens::open(&settings.tokens, Arc::clone(&issuer), clock.clone())?);
            let standing = OfUsersAndClients { sessions: opened.sessions(), registry: Arc::clone(&registry) };
            verifier = verifier.local_with_standing(issuer, Arc::new(standing));
            accounts = Some((opened, (registry, id_tokens)));
        }
        for name in &settings.auth.remotes {
            if let Some(remote) = settings.remotes.get(name) {
                verifier = verifier.remote(remote_settings(name, remote)?);
            }
        }
        let verifier = traces.within(|| verifier.build())?;
        let mut postman = None;
        let (accounts, beside) = accounts.unzip();
        if let Some(accounts) = &accounts {
            accounts.keep_up();
            postman = Some(traces.within(|| accounts.send_letters()));
        }
        let oauth = accounts.clone().zip(beside).map(|(accounts, (registry, id_tokens))| {
            upkeep::keep_up(&registry, &id_tokens);
            Data::new(OAuth {
                clients: Clients {
                    store: accounts.store().clone(),
                    clock: clock.clone(),
                    scopes: settings.oauth.scopes.clone(),
                },
                accounts,
                registry,
                verifier: verifier.clone(),
                id_tokens,
                signing_keys: SigningKeys::of(settings),
                in_force: settings.in_force.clone(),
                access_ttl: settings.tokens.access_ttl,
                algorithm: settings.tokens.algorithm,
                addresses: Addresses::of(&settings.server.public_url, issuer_name(settings)),
            })
        });

        let store = accounts.as_ref().map(|accounts| accounts.store().clone());
        let for_metrics = for_metrics.map(|(listener, address)| {
            let (metrics, verifier, accounts) = (Arc::clone(&metrics), verifier.clone(), accounts.clone());
            let sources = Sources { metrics, verifier, accounts, clock: clock.clone() };
            let failed = |source| StartError::Listen { address, key: METRICS_LISTEN, source };
            MetricsServer::start(sources, listener, address).map_err(failed)
        });
        let metrics_server = for_metrics.transpose()?;
        // Requests are counted where somebody can see it.
        let counting = metrics_server.is_some().then(|| Arc::clone(&metrics));
        let state = State::new(settings, verifier.clone(), Data::from(metrics), accounts.map(Data::from), oauth, look);
        let draining = state.draining.clone();
        let edge = Edge::new(settings, state.look.clone(), traces.clone());
        let app = move || {
            let worker = Rc::new(Worker::new(edge.clone(), counting.clone().map(OfWorker::new)));
            App::new()
                .configure(|cfg| app::routes(cfg, &state))
                .wrap(from_fn(move |request, next| Rc::clone(&worker).around(request, next)))
        };
        let shutdown_timeout = settings.server.shutdown_grace.as_secs().max(1);
        let server = if let Some(tls) = tls {
            tls.keep_up();
            https::serve(app, listener, tls, shutdown_timeout, clock)
        } else {
            HttpServer::new(app)
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                .keep_alive(KEEP_ALIVE)
                // A client that hung up is not worked for.
                .h1_allow_half_closed(false)
                .shutdown_timeout(shutdown_timeout)
                .disable_signals()
                .listen(listener)
                .map(HttpServer::run)
        }
        .map_err(|source| StartError::Listen { address, key: LISTEN, source })?;
        let handle = server.handle();
        let running = tokio::spawn(server);
        Ok(Self { address, metrics: metrics_server, verifier, handle, running, draining, store, postman, traces })
    }

    /// Whom it believes: for an application that runs a server inside itself and has protected routes of its own.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Where it listens: the port is known even when the settings asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// Runs until `first` is done, then lets requests under way come to their end, for at most `server.shutdown_grace`; should `second` be done
    /// meanwhile, it ends at once.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn run_until(
        mut self,
        first: impl Future<Output = ()>,
        second: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let ended = 'ended: {
            tokio::select! {
                // By itself; what is beside it has its end all the same.
                ended = &mut self.running => break 'ended ended,
                () = first => {}
            }
            tracing::info!("shutting down: requests under way come to their end");
            self.draining.begin();
            tokio::select! {
                () = self.handle.stop(true) => {}
                () = second => {
                    tracing::warn!("shutting down at once");
                    // The server takes no further command while it waits for requests, so it is not waited for.
                    self.running.abort();
                }
            }
            self.running.await
        };
        let ended = match ended {
            Err(error) if error.is_cancelled() => Ok(()),
            ended => ended.unwrap_or_else(|panicked| Err(io::Error::other(panicked))),
        };
        // Last, so that the end is seen too.
        if let Some(metrics) = self.metrics.take() {
            metrics.stop().await;
        }
        if let Some(postman) = self.postman.take() {
            postman.stop().await;
        }
        // While the database is still there for what goes on at its own pace, such as looking for changes of clients.
        self.traces.stop().await;
        // Writes under way come to their end in any case.
        if let Some(store) = &self.store
            && tokio::time::timeout(STORE_TIMEOUT, store.close()).await.is_err()
        {
            tracing::warn!("the database did not close in time; what was answered is in it");
        }
        ended
    }

    /// Lets requests under way come to their end, and stops.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn stop(self) -> io::Result<()> {
        self.run_until(std::future::ready(()), std::future::pending()).await
    }
}

/// The name of the local issuer: Okta's path below the public address, so that clients written for Okta find it.
#[must_use]
pub fn issuer_name(settings: &Settings) -> String {
    format!("{}/oauth2/default", settings.server.public_url)
}

/// The folder of the signing keys, and what they are for.
#[must_use]
pub fn key_folder(tokens: &Tokens) -> KeyFolder {
    let secret_signs = tokens.secret.is_some() && !tokens.algorithm.is_asymmetric();
    let rules = KeyRules {
        algorithm: (!secret_signs).then_some(tokens.algorithm),
        rotate_every: tokens.rotate_every,
        token_life: tokens.access_ttl + tokens.leeway,
    };
    KeyFolder::new(&tokens.key_dir, rules)
}

/// What metrics call the issuers whose tokens are believed, in the verifier's order: the remote ones by their sections.
fn issuer_names(settings: &Settings) -> Vec<String> {
    let local = settings.auth.local.then(|| "local".to_owned());
    let remotes = settings.auth.remotes.iter().filter(|name| settings.remotes.contains_key(*name)).cloned();
    local.into_iter().chain(remotes).collect()
}

fn local_issuer(settings: &Settings, clock: Clock) -> Result<LocalIssuer, StartError> {
    let secret = settings.tokens.secret.as_ref().map(HmacSecret::new).transpose()?;
    Ok(LocalIssuer::with_key_folder(local_settings(settings), key_folder(&settings.tokens), secret, clock)?)
}

/// The issuer of a server with these settings, for commands beside it: nothing is written, no key is made. `None` when there is none yet.
pub(crate) fn issuer_as_it_is(settings: &Settings, clock: Clock) -> Result<Option<LocalIssuer>, StartError> {
    let secret = settings.tokens.secret.as_ref().map(HmacSecret::new).transpose()?;
    Ok(LocalIssuer::as_it_is(local_settings(settings), &key_folder(&settings.tokens), secret.as_ref(), clock)?)
}

fn local_settings(settings: &Settings) -> LocalSettings {
    LocalSettings {
        issuer: issuer_name(settings),
        audience: settings.tokens.audience.clone(),
        access_ttl: settings.tokens.access_ttl,
    }
}

/// What to believe of the remote issuer `name`.
pub(crate) fn remote_settings(name: &str, remote: &Remote) -> Result<RemoteSettings, StartError> {
    let wrong = |wrong| StartError::Remote { name: name.to_owned(), wrong };
    let mut settings = RemoteSettings::new(&remote.issuer, remote.audience.clone()).map_err(wrong)?;
    settings.client_id.clone_from(&remote.client_id);
    settings.algorithms.clone_from(&remote.algorithms);
    settings.jwks_uri.clone_from(&remote.jwks_uri);
    settings.ca_certificate.clone_from(&remote.ca_certificate);
    settings.required_claims.clone_from(&remote.required_claims);
    Ok(settings)
}

#[cfg(test)]
mod tests;
