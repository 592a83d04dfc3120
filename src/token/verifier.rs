//! The verifier: choose the issuer, check, remember.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::claims::Claims;
use super::clock::Clock;
use super::fetch::WrongCertificate;
use super::jws::Compact;
use super::local::LocalIssuer;
use super::memory::{Memory, Remembered};
use super::rejection::Rejection;
use super::remote::{RemoteIssuer, RemoteSettings, RemoteStatus};
use super::standing::{Known, Standing};

/// How far clocks may differ, unless told otherwise.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Decides whether to believe a token.
///
/// The issuer is chosen by the token's `iss` from a fixed table; which key and which algorithm then count is that issuer's matter and never
/// the token's. Cloning is cheap, and all clones are one verifier.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tokenhouse::token::{RemoteSettings, Verifier};
///
/// let okta = RemoteSettings::new("https://dev-123456.okta.com/oauth2/default", "api://default")?;
/// let verifier = Verifier::builder().remote(okta).build()?;
///
/// match verifier.authenticate("eyJraWQiOiJ…").await {
///     Ok(claims) => println!("{} may {}", claims.subject, claims.scopes),
///     Err(rejection) => println!("no: {rejection}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuers: Vec<Issuer>,
    memory: Memory,
    clock: Clock,
    /// In seconds.
    leeway: i64,
    standing: Option<Arc<dyn Standing>>,
    realm: String,
}

enum Issuer {
    Local(Arc<LocalIssuer>),
    Remote(Arc<RemoteIssuer>),
}

/// A token as far as memory goes, and what is still to be asked.
pub(crate) enum Verdict {
    Good(Arc<Claims>),
    Bad(Rejection),
    /// Only asking can tell: hand it to [`Verifier::authenticate`].
    Ask,
}

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
}

impl Verifier {
    /// A builder that believes nobody yet.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            local: None,
            standing: None,
            remotes: Vec::new(),
            leeway: DEFAULT_LEEWAY,
            clock: Clock::system(),
            realm: "tokenhouse".to_owned(),
        }
    }

    /// Checks `token` with what is in memory: no I/O, no waiting.
    ///
    /// A server should call [`authenticate`](Verifier::authenticate) instead, which also asks where memory does not tell.
    ///
    /// # Errors
    /// Why the token is not believed. With [`Rejection::UnknownKey`] and [`Rejection::SessionNotInMemory`], asking could have told.
    pub fn verify(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        self.check(token).map_err(|failed| failed.rejection)
    }

    /// Checks `token`, and asks where memory does not tell: the remote issuer about a key it has not shown yet (bounded for the whole process),
    /// the store about a session seen for the first time.
    ///
    /// # Errors
    /// Why the token is not believed.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        let failed = match self.check(token) {
            Ok(claims) => return Ok(claims),
            Err(failed) => failed,
        };
        let inner = &*self.0;
        match (failed.rejection, failed.issuer.and_then(|index| inner.issuers.get(index))) {
            (Rejection::UnknownKey, Some(Issuer::Remote(issuer))) if issuer.fetch_for_unknown_kid().await => {
                self.verify(token)
            }
            (Rejection::KeysUnavailable, Some(Issuer::Remote(issuer))) if issuer.wait_for_first_fetch().await => {
                self.verify(token)
            }
            (Rejection::SessionNotInMemory, _) => {
                let (Some(standing), Some(claims)) = (&inner.standing, failed.claims) else {
                    return Err(failed.rejection);
                };
                match standing.look_up(&claims).await {
                    Ok(Known::Stands) => Ok(claims),
                    Ok(Known::Ended | Known::No) => Err(Rejection::Ended),
                    Err(_) => Err(Rejection::StoreUnavailable),
                }
            }
            (rejection, _) => Err(rejection),
        }
    }

    /// What memory says, for the extractor: most requests end here, without a future on the heap.
    pub(crate) fn verdict(&self, token: &str) -> Verdict {
        match self.check(token) {
            Ok(claims) => Verdict::Good(claims),
            Err(failed) => match failed.rejection {
                Rejection::UnknownKey | Rejection::KeysUnavailable | Rejection::SessionNotInMemory => Verdict::Ask,
                rejection => Verdict::Bad(rejection),
            },
        }
    }

    /// How each remote issuer is doing.
    #[must_use]
    pub fn remotes(&self) -> Vec<RemoteStatus> {
        let remotes = self.0.issuers.iter().filter_map(|issuer| match issuer {
            Issuer::Remote(remote) => Some(remote.status()),
            Issuer::Local(_) => None,
        });
        remotes.collect()
    }

    /// Whether `claims` are of this server's own issuer.
    #[must_use]
    pub fn is_local(&self, claims: &Claims) -> bool {
        self.0.issuers.iter().any(|issuer| matches!(issuer, Issuer::Local(local) if local.issuer() == claims.issuer))
    }

    /// The realm of its challenges (RFC 6750, section 3).
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.0.realm
    }

    /// Whether both are one verifier.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn check(&self, token: &str) -> Result<Arc<Claims>, Failed> {
        let inner = &*self.0;
        if let Some(remembered) = inner.memory.get(token) {
            if let Some(verdict) = inner.recheck(&remembered) {
                if matches!(verdict, Err(Rejection::Expired | Rejection::Ended)) {
                    inner.memory.forget(token);
                }
                return verdict.map(|()| Arc::clone(&remembered.claims)).map_err(|rejection| Failed {
                    rejection,
                    issuer: Some(remembered.issuer),
                    claims: Some(remembered.claims),
                });
            }
            inner.memory.forget(token);
        }
        let failed = |rejection, issuer| Failed { rejection, issuer, claims: None };
        let compact = Compact::parse(token).map_err(|rejection| failed(rejection, None))?;
        let (index, issuer) = inner
            .issuers
            .iter()
            .enumerate()
            .find(|(_, issuer)| issuer.name() == compact.claims.issuer)
            .ok_or(failed(Rejection::Issuer, None))?;
        // Read before the check: should the keys change during it, the entry is stale at once, not good for ever.
        let generation = issuer.generation();
        let checked = match issuer {
            Issuer::Local(local) => local.check(&compact, inner.leeway),
            Issuer::Remote(remote) => remote.check(&compact, inner.leeway).map(|()| None),
        };
        let key_until = checked.map_err(|rejection| failed(rejection, Some(index)))?;
        let claims = Arc::new(compact.claims);
        let until = claims.expires_at.saturating_add(inner.leeway).min(key_until.unwrap_or(i64::MAX));
        inner.memory.insert(token, Remembered { claims: Arc::clone(&claims), issuer: index, generation, until });
        match inner.stands(issuer, &claims) {
            Ok(()) => Ok(claims),
            Err(rejection) => Err(Failed { rejection, issuer: Some(index), claims: Some(claims) }),
        }
    }
}

/// Why a check ended, with what was found out on the way.
struct Failed {
    rejection: Rejection,
    issuer: Option<usize>,
    claims: Option<Arc<Claims>>,
}

impl Inner {
    /// What of a remembered token can have changed; `None` when its issuer's keys did, and all must be checked anew.
    fn recheck(&self, remembered: &Remembered) -> Option<Result<(), Rejection>> {
        let issuer = self.issuers.get(remembered.issuer)?;
        if issuer.generation() != remembered.generation {
            return None;
        }
        let now = self.clock.unix_seconds();
        if now >= remembered.until {
            return Some(Err(Rejection::Expired));
        }
        // The wall clock may have been set back.
        if remembered.claims.not_before.is_some_and(|nbf| nbf > now.saturating_add(self.leeway)) {
            return Some(Err(Rejection::NotYetValid));
        }
        Some(self.stands(issuer, &remembered.claims))
    }

    fn stands(&self, issuer: &Issuer, claims: &Claims) -> Result<(), Rejection> {
        let (Issuer::Local(_), Some(standing)) = (issuer, &self.standing) else { return Ok(()) };
        match standing.known(claims) {
            Known::Stands => Ok(()),
            Known::Ended => Err(Rejection::Ended),
            Known::No => Err(Rejection::SessionNotInMemory),
        }
    }
}

impl Issuer {
    fn name(&self) -> &str {
        match self {
            Self::Local(local) => local.issuer(),
            Self::Remote(remote) => remote.issuer(),
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Local(local) => local.generation(),
            Self::Remote(remote) => remote.generation(),
        }
    }
}

impl Builder {
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

    /// Builds the verifier, and begins to fetch the keys of remote issuers in the background.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Verifier, BuildError> {
        let mut issuers = Vec::new();
        issuers.extend(self.local.map(Issuer::Local));
        for settings in self.remotes {
            let runtime = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
            let remote = Arc::new(RemoteIssuer::new(settings, self.clock.clone(), runtime)?);
            if issuers.iter().any(|issuer: &Issuer| issuer.name() == remote.issuer()) {
                return Err(BuildError::SameIssuerTwice(remote.issuer().to_owned()));
            }
            RemoteIssuer::keep_fresh(&remote);
            issuers.push(Issuer::Remote(remote));
        }
        if issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        Ok(Verifier(Arc::new(Inner {
            issuers,
            memory: Memory::new(),
            clock: self.clock,
            leeway: i64::try_from(self.leeway.as_secs()).unwrap_or(i64::MAX),
            standing: self.standing,
            realm: self.realm,
        })))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.0.issuers.iter().map(Issuer::name).collect();
        f.debug_struct("Verifier").field("issuers", &issuers).finish_non_exhaustive()
    }
}
