//! What a verifier is made of.

use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::fetch::WrongCertificate;
use super::jws::KnownHeaders;
use super::local::LocalIssuer;
use super::memory::Memory;
use super::observer::Observer;
use super::remote::{RemoteIssuer, RemoteSettings};
use super::standing::Standing;
use super::verifier::{Inner, Issuer, Verifier};

/// The realm of challenges where none is set.
pub(crate) const DEFAULT_REALM: &str = "tokenhouse";

/// How far clocks may differ, unless told otherwise.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Why a verifier could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// With no issuer, no token could ever be good.
    #[error("a verifier needs at least one issuer: give it `local` or `remote`")]
    NoIssuer,
    /// Two issuers of one name: a token's `iss` could not tell them apart.
    #[error("two issuers are called {0:?}")]
    SameIssuerTwice(String),
    /// Remote keys are fetched in the background, by tokio.
    #[error("a verifier with a remote issuer must be built within a tokio runtime, such as that of #[actix_web::main]")]
    NoRuntime,
    /// The file of certificate authorities cannot be used.
    #[error(transparent)]
    Certificate(#[from] WrongCertificate),
}

/// Collects what a [`Verifier`] believes.
pub struct Builder {
    local: Option<Arc<LocalIssuer>>,
    standing: Option<Arc<dyn Standing>>,
    remotes: Vec<RemoteSettings>,
    leeway: Duration,
    clock: Clock,
    realm: String,
    observer: Option<Arc<dyn Observer>>,
}

impl Builder {
    /// Of a verifier that believes nobody yet.
    pub(super) fn new() -> Self {
        Self {
            local: None,
            standing: None,
            remotes: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            clock: Clock::system(),
            realm: DEFAULT_REALM.to_owned(),
            observer: None,
        }
    }

    /// Believes the tokens of `issuer`, which are made by this very process or by another with the same key.
    ///
    /// By their signature alone: a token then stays good until it expires, also after a logout. The server itself uses
    /// [`local_with_standing`](Builder::local_with_standing).
    #[must_use]
    pub fn local(mut self, issuer: Arc<LocalIssuer>) -> Self {
        self.local = Some(issuer);
        self.standing = None;
        self
    }

    /// Believes the tokens of `issuer` as long as `standing` says that their session stands.
    #[must_use]
    pub fn local_with_standing(mut self, issuer: Arc<LocalIssuer>, standing: Arc<dyn Standing>) -> Self {
        self.local = Some(issuer);
        self.standing = Some(standing);
        self
    }

    /// Believes the tokens of a remote issuer, such as Okta. May be called for several.
    #[must_use]
    pub fn remote(mut self, settings: RemoteSettings) -> Self {
        self.remotes.push(settings);
        self
    }

    /// How far clocks may differ when `exp`, `nbf` and `iat` are checked; 30 seconds unless set.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The clock to go by; the system's unless set.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The realm of challenges (RFC 9110, section 11.5); "tokenhouse" unless set.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Tells `observer` of every decision.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the verifier, and begins to fetch the keys of remote issuers in the background.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Verifier, BuildError> {
        let mut issuers = Vec::new();
        issuers.extend(self.local.map(Issuer::Local));
        for settings in self.remotes {
            let runtime = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
            let remote = RemoteIssuer::new(settings, self.clock.clone(), runtime)?;
            if issuers.iter().any(|issuer: &Issuer| issuer.name() == remote.issuer()) {
                return Err(BuildError::SameIssuerTwice(remote.issuer().to_owned()));
            }
            issuers.push(Issuer::Remote(remote));
        }
        if issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        Ok(Verifier(Arc::new(Inner {
            issuers,
            memory: Memory::new(),
            headers: KnownHeaders::new(),
            clock: self.clock,
            leeway: i64::try_from(self.leeway.as_secs()).unwrap_or(i64::MAX),
            standing: self.standing,
            realm: self.realm,
            observer: self.observer,
        })))
    }
}
