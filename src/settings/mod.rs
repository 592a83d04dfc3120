//! The settings of the server: what there is to set, with its type and unit.
//!
//! Reading them from TOML and the environment, and every message about a wrong one, is in [`read`]; the printed form of
//! `tokenhouse config show` in [`show`]. Nothing else in the crate looks at a file or an environment variable for a setting.

mod claims;
mod hidden;
#[cfg(test)]
mod hostile_input;
mod issuers;
mod layers;
pub mod logo;
mod mail;
mod mistake;
mod oauth;
mod pages;
pub mod read;
mod reader;
mod secret;
mod sections;
pub mod show;
mod sources;
mod table;
mod tls;
mod traces;
mod units;
mod unknown;
mod web_origin;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use url::Url;

use crate::tls::PairFiles;
use crate::token::SigningAlgorithm;
use crate::token::required_claim::RequiredClaim;

pub use claims::{ClaimSource, CustomClaim};
pub use mail::{Mail, MailTransport, Smtp, SmtpSecurity};
pub use oauth::{DeclaredScope, OAuth};
pub(crate) use pages::USUAL_NAME;
pub use pages::{Color, Pages};
pub use read::{Mistake, Place, Sources, WrongSettings};

/// The sections whose names are fixed, in the order in which they are documented.
const SECTIONS: [&str; 16] = [
    "server",
    "cors",
    "log",
    "metrics",
    "traces",
    "database",
    "auth",
    "tokens",
    "passwords",
    "registration",
    "accounts",
    "mail",
    "limits",
    "audit",
    "oauth",
    "pages",
];

/// Everything the server can be told. See `config/default.toml`, which explains each key and holds its default.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[server]`
    pub server: Server,
    /// `[cors]`
    pub cors: Cors,
    /// `[log]`
    pub log: Log,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[traces]`
    pub traces: Traces,
    /// `[database]`
    pub database: Database,
    /// `[auth]`
    pub auth: Auth,
    /// `[tokens]`
    pub tokens: Tokens,
    /// `[passwords]`
    pub passwords: Passwords,
    /// `[registration]`
    pub registration: Registration,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `[mail]`
    pub mail: Mail,
    /// `[limits]`
    pub limits: Limits,
    /// `[audit]`
    pub audit: Audit,
    /// `[oauth]`.
    pub oauth: OAuth,
    /// `[pages]`
    pub pages: Pages,
    /// `[remote.NAME]`, by name
    pub remotes: BTreeMap<String, Remote>,
    /// All of them for people, as `tokenhouse config show` has them.
    pub(crate) in_force: Vec<show::Entry>,
}

/// `[server]`: where it listens and how it treats connections.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address people and clients use, an origin without a trailing slash: the only source of the issuer's name.
    pub public_url: String,
    /// Networks whose `X-Forwarded-For` and `Forwarded` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// How long a shutdown waits for requests under way.
    pub shutdown_grace: Duration,
    /// The server speaks TLS with these; without them it is plain HTTP.
    pub tls: Option<PairFiles>,
}

/// `[cors]`: which pages of other origins may call.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Exact origins, such as `https://app.example.com`.
    pub origins: Vec<String>,
}

/// `[log]`
#[derive(Debug, Clone)]
pub struct Log {
    /// A `tracing` filter, such as `info` or `info,tokenhouse=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
    /// Which requests get a line.
    pub requests: LogRequests,
}

/// `[metrics]`: what is counted and measured, for Prometheus.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Address and port of `/metrics`, which are its own; `None` is nowhere. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
}

/// `[traces]`: how long each part of a request took, for a collector of OpenTelemetry. Only a program with the feature `otel` takes an endpoint.
#[derive(Debug, Clone)]
pub struct Traces {
    /// The base address of the collector, which speaks OTLP over HTTP; `None` is no traces.
    pub endpoint: Option<Url>,
    /// The share of the traces that begin here which is kept, from 0 to 1.
    pub sample: f64,
    /// What the traces call this server.
    pub service_name: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Which requests get a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRequests {
    /// Every one.
    All,
    /// Those answered with a status of 500 and above.
    Errors,
    /// None.
    Off,
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct Database {
    /// Which engine, and where.
    pub url: DatabaseUrl,
}

/// Which engine keeps the accounts, and where.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A file of SQLite, made when it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the whole URL is kept secret because it may carry a password.
    Postgres(SecretString),
}

/// `[auth]`
#[derive(Debug, Clone)]
pub struct Auth {
    /// Whether tokens of this server's own accounts are believed. When not, no database is opened and no key is made.
    pub local: bool,
    /// Names of the remote issuers whose tokens are believed; each is a key of [`Settings::remotes`].
    pub remotes: Vec<String>,
}

/// `[tokens]`: the local issuer.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// How access tokens are signed.
    pub algorithm: SigningAlgorithm,
    /// How long a key signs before the next one does; `None` for as long as nobody rotates it.
    pub rotate_every: Option<Duration>,
    /// The `aud` of access tokens.
    pub audience: String,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good when nobody uses it.
    pub refresh_ttl: Duration,
    /// The folder with the signing keys.
    pub key_dir: PathBuf,
    /// An HMAC secret that replaces the HS256 keys of `key_dir`: only from the environment.
    pub secret: Option<SecretString>,
    /// How far clocks may differ when `exp`, `nbf` and `iat` are checked.
    pub leeway: Duration,
    /// Claims that are added to users' tokens.
    pub claims: Vec<CustomClaim>,
}

/// `[passwords]`: argon2id parameters and the rules of NIST SP 800-63B.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Shortest password, in characters.
    pub min_length: usize,
    /// Longest password, in characters.
    pub max_length: usize,
    /// Threads that hash; `None` is one per core.
    pub hashing_threads: Option<usize>,
    /// How many hashes may wait for a thread before the answer is 503.
    pub hashing_queue: usize,
}

/// `[registration]`
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whether anyone may register.
    pub open: bool,
}

/// `[accounts]`
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Whether people must show that an address is theirs.
    pub email_verification: EmailVerification,
    /// How long the link of a letter that verifies an address is good.
    pub verification_ttl: Duration,
    /// How long the link of a letter that resets a password is good.
    pub reset_ttl: Duration,
    /// How long the link of a letter that invites somebody is good.
    pub invitation_ttl: Duration,
    /// A session unused for this long ends.
    pub session_idle_ttl: Duration,
    /// A session this old ends.
    pub session_absolute_ttl: Duration,
    /// How long a spent refresh token still yields its one successor.
    pub refresh_grace: Duration,
}

/// Whether people must show that an address is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailVerification {
    /// Nobody is asked to.
    Off,
    /// Asked at registration; logging in does not wait for it.
    Optional,
    /// No login before it.
    Required,
}

/// `[audit]`
#[derive(Debug, Clone)]
pub struct Audit {
    /// How long events are kept.
    pub keep: Duration,
}

/// `[limits]`: how often, per account and per address.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Whether any limit is kept.
    pub enabled: bool,
    /// Failed logins of one account.
    pub login_failures_per_account: Quota,
    /// Login attempts from one address.
    pub login_attempts_per_ip: Quota,
    /// Registrations from one address.
    pub register_per_ip: Quota,
    /// Wrong codes of a second factor, of one account.
    pub otp_failures_per_account: Quota,
    /// Codes of devices that one account types.
    pub device_codes_per_account: Quota,
    /// Devices that one address asks to let in.
    pub device_requests_per_ip: Quota,
    /// Codes for clients that one account gives out.
    pub authorizations_per_account: Quota,
    /// Exports of one account.
    pub exports_per_account: Quota,
    /// Letters that are asked for to one address.
    pub mail_per_account: Quota,
    /// Letters that are asked for from one address.
    pub mail_per_ip: Quota,
}

/// So many in such a time, written `10/15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: NonZeroU32,
    /// In what time.
    pub period: Duration,
}

/// `[remote.NAME]`: an authorization server of somebody else, such as Okta.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its issuer, byte for byte as in the `iss` of its tokens.
    pub issuer: String,
    /// The `aud` its tokens must have.
    pub audience: String,
    /// When set, the `cid` (or `client_id`, or `azp`) its tokens must have.
    pub client_id: Option<String>,
    /// Signature algorithms it may use: never an HMAC.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are; found by discovery when `None`.
    pub jwks_uri: Option<Url>,
    /// A PEM file of certificate authorities to trust for it besides the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Claims its tokens must have.
    pub required_claims: Vec<RequiredClaim>,
}
