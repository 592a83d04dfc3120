//! Gets the keys of a remote issuer over HTTP, and believes as little as possible on the way.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Certificate, Client, StatusCode, header, redirect};
use serde::Deserialize;
use url::Url;

use super::issuer_url::is_loopback;
use super::remote::RemoteSettings;

/// One fetch, discovery and keys together, takes no longer.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// No document of an issuer is longer.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

const MAX_REDIRECTS: usize = 3;

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Http(String),
    #[error("no answer within {} s", FETCH_TIMEOUT.as_secs())]
    Timeout,
    #[error("{url} answered {status}")]
    Status { url: Url, status: StatusCode },
    #[error("{0} answered more than 1 MiB")]
    TooLarge(Url),
    #[error("{0} did not answer a discovery document")]
    NotDiscovery(Url),
    #[error(
        "discovery says that the issuer is {found:?}, the settings say {configured:?}: they must be the same to the letter"
    )]
    OtherIssuer { configured: String, found: String },
    #[error(
        "discovery points to keys at {0}, another host or scheme than the issuer's; if that is right, set jwks_uri to it"
    )]
    ForeignKeys(String),
    #[error("the answer of {0} is no key set: {1}")]
    NotKeys(Url, super::jwks::NotAKeySet),
}

impl FetchError {
    /// Which of them it is, for traces.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Timeout => "timeout",
            Self::Status { .. } => "status",
            Self::TooLarge(_) => "too_large",
            Self::NotDiscovery(_) => "not_discovery",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::ForeignKeys(_) => "foreign_keys",
            Self::NotKeys(..) => "not_keys",
        }
    }
}

/// The CA file could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {path} cannot be used: {why}")]
pub struct WrongCertificate {
    path: PathBuf,
    why: String,
}

/// The document that a fetch brought, and how long its sender says that it stays good.
pub(super) struct Fetched {
    pub url: Url,
    pub body: Vec<u8>,
    pub max_age: Option<Duration>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// An HTTP client for one issuer.
pub(super) fn client(settings: &RemoteSettings) -> Result<Client, WrongCertificate> {
    // A redirect may tidy up a path. It may not send us to another host, or to no TLS.
    let same_origin = redirect::Policy::custom(|attempt| {
        let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
    });
    let mut builder = Client::builder()
        .redirect(same_origin)
        .timeout(FETCH_TIMEOUT)
        .user_agent(concat!("tokenhouse/", env!("CARGO_PKG_VERSION")));
    if is_loopback(&settings.issuer) {
        builder = builder.no_proxy();
    }
    let wrong = |why: String| WrongCertificate { path: settings.ca_certificate.clone().unwrap_or_default(), why };
    if let Some(path) = &settings.ca_certificate {
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| wrong(with_causes(&e)))?;
        if certificates.is_empty() {
            return Err(wrong("it has none in PEM form".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|e| wrong(with_causes(&e)))
}

/// Fetches the key document: from `jwks_uri` when that is set, else where discovery says, else from Okta's own place.
pub(super) async fn keys(client: &Client, settings: &RemoteSettings) -> Result<Fetched, FetchError> {
    let fetch = async {
        let url = match &settings.jwks_uri {
            Some(url) => url.clone(),
            None => discover(client, settings).await?,
        };
        get(client, url).await
    };
    tokio::time::timeout(FETCH_TIMEOUT, fetch).await.map_err(|_| FetchError::Timeout)?
}

/// OpenID Connect Discovery 1.0, section 4.
async fn discover(client: &Client, settings: &RemoteSettings) -> Result<Url, FetchError> {
    let issuer = &settings.issuer;
    let fetched = match get(client, below(issuer, ".well-known/openid-configuration")).await {
        Ok(fetched) => fetched,
        Err(FetchError::Status { status: StatusCode::NOT_FOUND, .. }) => return Ok(below(issuer, "v1/keys")),
        Err(e) => return Err(e),
    };
    let discovery: Discovery =
        serde_json::from_slice(&fetched.body).map_err(|_| FetchError::NotDiscovery(fetched.url))?;
    let configured = settings.issuer_text();
    if discovery.issuer != configured {
        return Err(FetchError::OtherIssuer { configured: configured.to_owned(), found: discovery.issuer });
    }
    match Url::parse(&discovery.jwks_uri) {
        Ok(keys) if keys.origin() == issuer.origin() => Ok(keys),
        _ => Err(FetchError::ForeignKeys(discovery.jwks_uri)),
    }
}

async fn get(client: &Client, url: Url) -> Result<Fetched, FetchError> {
    let response = client.get(url).header(header::ACCEPT, "application/json").send().await.map_err(http)?;
    let url = response.url().clone();
    if !response.status().is_success() {
        return Err(FetchError::Status { url, status: response.status() });
    }
    let max_age = max_age(response.headers());
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(http)?;
        if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(FetchError::TooLarge(url));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched { url, body, max_age })
}

/// `max-age` of Cache-Control (RFC 9111, section 5.2.2.1); nothing when it is missing or no number.
fn max_age(headers: &header::HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = directives.flat_map(|value| value.split(',')).map(str::trim);
    let seconds =
        directives.find_map(|directive| directive.to_ascii_lowercase().strip_prefix("max-age=")?.parse().ok());
    seconds.map(Duration::from_secs)
}

/// `issuer` with `path` behind it, with one slash between.
fn below(issuer: &Url, path: &str) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{}/{path}", issuer.path().trim_end_matches('/')));
    url
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn http(error: reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Timeout } else { FetchError::Http(with_causes(&error)) }
}

/// An error with its causes: reqwest's own text alone does not tell a refused connection from a wrong certificate.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
