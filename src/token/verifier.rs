//! The verifier: choose the issuer, check, remember.

use std::fmt;
use std::sync::Arc;

use super::builder::Builder;
use super::checks::{CheckName, StopAtFirst, Witness};
use super::claims::Claims;
use super::clock::Clock;
use super::jws::{Compact, KnownHeaders};
use super::local::{Audience, LocalIssuer};
use super::memory::{Memory, Remembered};
use super::observer::Observer;
use super::rejection::Rejection;
use super::remote::{RemoteIssuer, RemoteStatus};
use super::standing::{Known, Standing};

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
pub struct Verifier(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub issuers: Vec<Issuer>,
    pub memory: Memory,
    pub headers: KnownHeaders,
    pub clock: Clock,
    /// In seconds.
    pub leeway: i64,
    pub standing: Option<Arc<dyn Standing>>,
    pub realm: String,
    pub observer: Option<Arc<dyn Observer>>,
}

pub(super) enum Issuer {
    Local(Arc<LocalIssuer>),
    Remote(RemoteIssuer),
}

impl Verifier {
    /// A builder that believes nobody yet.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Checks `token` with what is in memory: no I/O, no waiting.
    ///
    /// A server should call [`authenticate`](Verifier::authenticate) instead, which also asks where memory does not tell.
    ///
    /// # Errors
    /// Why the token is not believed. With [`Rejection::UnknownKey`] and [`Rejection::SessionNotInMemory`], asking could have told.
    pub fn verify(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        self.observed(self.check(token))
    }

    /// Checks `token`, and asks where memory does not tell: the remote issuer about a key it has not shown yet (bounded for the whole process),
    /// the store about a session seen for the first time.
    ///
    /// # Errors
    /// Why the token is not believed.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        let checked = match self.check(token) {
            Err(failed) => self.ask(token, failed).await,
            good => good,
        };
        self.observed(checked)
    }

    /// Asks whoever could tell what memory did not.
    async fn ask(&self, token: &str, failed: Failed) -> Result<Good, Failed> {
        if let Failed { rejection: Rejection::SessionNotInMemory, issuer: Some(issuer), claims: Some(claims) } = failed
        {
            return match self.0.look_up(&claims).await {
                Ok(()) => Ok(Good { claims, issuer }),
                Err(rejection) => Err(Failed { rejection, issuer: Some(issuer), claims: Some(claims) }),
            };
        }
        if self.0.keys_came(failed.rejection, failed.issuer).await {
            return self.check(token);
        }
        Err(failed)
    }

    /// Tells the observer of a decision.
    fn observed(&self, checked: Result<Good, Failed>) -> Result<Arc<Claims>, Rejection> {
        let observer = self.0.observer.as_deref();
        match checked {
            Ok(good) => {
                observer.inspect(|observer| observer.accepted(good.issuer));
                Ok(good.claims)
            }
            Err(failed) => {
                observer.inspect(|observer| observer.refused(failed.issuer, failed.rejection));
                Err(failed.rejection)
            }
        }
    }

    /// Checks a token of the local issuer, for whatever audience it is: for who asks about it, not for who is let in by it.
    #[cfg(feature = "server")]
    pub(crate) async fn look_into(&self, token: &str) -> Result<Claims, Rejection> {
        let inner = &*self.0;
        let compact = Compact::parse(token)?;
        let local = inner.issuers.iter().find_map(|issuer| match issuer {
            Issuer::Local(local) if local.issuer() == compact.claims.issuer => Some(local),
            _ => None,
        });
        local.ok_or(Rejection::Issuer)?.check(&compact, Audience::Any, inner.leeway, &mut StopAtFirst)?;
        let claims = compact.claims;
        match inner.stands(&claims) {
            Err(Rejection::SessionNotInMemory) => inner.look_up(&claims).await?,
            known => known?,
        }
        Ok(claims)
    }

    /// What memory says, for the extractor: most requests end here, without a future on the heap. `None` when only asking can tell: hand it to
    /// [`authenticate`](Self::authenticate).
    pub(crate) fn verdict(&self, token: &str) -> Option<Result<Arc<Claims>, Rejection>> {
        self.decided(self.check(token))
    }

    /// The same without looking whether it is remembered, for who has looked.
    pub(crate) fn verdict_on_new(&self, token: &str) -> Option<Result<Arc<Claims>, Rejection>> {
        self.decided(self.check_new(token))
    }

    /// The same of a token that is remembered; `None` also when it is not.
    pub(crate) fn verdict_on_remembered(&self, token: &[u8]) -> Option<Result<Arc<Claims>, Rejection>> {
        self.decided(self.check_remembered(token)?)
    }

    fn decided(&self, checked: Result<Good, Failed>) -> Option<Result<Arc<Claims>, Rejection>> {
        if let Err(Failed {
            rejection: Rejection::UnknownKey | Rejection::KeysUnavailable | Rejection::SessionNotInMemory,
            ..
        }) = checked
        {
            return None;
        }
        Some(self.observed(checked))
    }

    /// How each remote issuer is doing.
    #[must_use]
    pub fn remotes(&self) -> Vec<RemoteStatus> {
        let remotes = self.0.issuers.iter().filter_map(|issuer| match issuer {
            Issuer::Remote(remote) => Some(remote.keys.status()),
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

    /// What of a remembered token can have changed. `None` when it is not remembered, or all must be checked anew.
    fn check_remembered(&self, token: &[u8]) -> Option<Result<Good, Failed>> {
        let inner = &*self.0;
        let remembered = inner.memory.get(token)?;
        let verdict = inner.recheck(&remembered);
        if matches!(verdict, None | Some(Err(Rejection::Ended))) {
            inner.memory.forget(token);
        }
        let Remembered { claims, issuer, .. } = remembered;
        Some(match verdict? {
            Ok(()) => Ok(Good { claims, issuer }),
            Err(rejection) => Err(Failed { rejection, issuer: Some(issuer), claims: Some(claims) }),
        })
    }

    fn check(&self, token: &str) -> Result<Good, Failed> {
        self.check_remembered(token.as_bytes()).unwrap_or_else(|| self.check_new(token))
    }

    fn check_new(&self, token: &str) -> Result<Good, Failed> {
        let inner = &*self.0;
        let failed = |rejection, issuer| Failed { rejection, issuer, claims: None };
        let witness = &mut StopAtFirst;
        let compact = Compact::parse_knowing(token, Some(&inner.headers), witness);
        let compact = compact.map_err(|rejection| failed(rejection, None))?;
        let (index, issuer) = inner.issuer_of(&compact, witness).map_err(|rejection| failed(rejection, None))?;
        // Read before the check: should the keys change during it, the entry is stale at once, not good for ever.
        let generation = issuer.generation();
        let checked = issuer.check(&compact, inner.leeway, witness);
        let key_until = checked.map_err(|rejection| failed(rejection, Some(index)))?;
        inner.headers.keep(&compact);
        let claims = Arc::new(compact.claims);
        let until = claims.expires_at.saturating_add(inner.leeway).min(key_until.unwrap_or(i64::MAX));
        let remembered = || Remembered { claims: Arc::clone(&claims), issuer: index, generation, until };
        inner.memory.offer(token.as_bytes(), remembered);
        match inner.standing_of(issuer, &claims) {
            Ok(()) => Ok(Good { claims, issuer: index }),
            Err(rejection) => Err(Failed { rejection, issuer: Some(index), claims: Some(claims) }),
        }
    }
}

/// A token that is believed, and the place of its issuer in the table.
struct Good {
    claims: Arc<Claims>,
    issuer: usize,
}

/// Why a check ended, with what was found out on the way.
struct Failed {
    rejection: Rejection,
    issuer: Option<usize>,
    claims: Option<Arc<Claims>>,
}

impl Inner {
    /// The issuer that a token says it is from.
    pub fn issuer_of(&self, token: &Compact<'_>, witness: &mut impl Witness) -> Result<(usize, &Issuer), Rejection> {
        let mut issuers = self.issuers.iter().enumerate();
        let found = issuers.find(|(_, issuer)| issuer.name() == token.claims.issuer);
        witness.need(CheckName::Issuer, found.ok_or(Rejection::Issuer))
    }

    /// What of a remembered token can have changed; `None` when all must be checked anew, for its issuer's keys changed or its time is over.
    fn recheck(&self, remembered: &Remembered) -> Option<Result<(), Rejection>> {
        let issuer = self.issuers.get(remembered.issuer)?;
        if issuer.generation() != remembered.generation {
            return None;
        }
        let now = self.clock.unix_seconds();
        if now >= remembered.until {
            return None;
        }
        // The wall clock may have been set back.
        if remembered.claims.not_before.is_some_and(|nbf| nbf > now.saturating_add(self.leeway)) {
            return Some(Err(Rejection::NotYetValid));
        }
        Some(self.standing_of(issuer, &remembered.claims))
    }

    /// What memory tells of whether a token of `issuer` still stands; those of remote issuers always do.
    pub fn standing_of(&self, issuer: &Issuer, claims: &Claims) -> Result<(), Rejection> {
        match issuer {
            Issuer::Local(_) => self.stands(claims),
            Issuer::Remote(_) => Ok(()),
        }
    }

    fn stands(&self, claims: &Claims) -> Result<(), Rejection> {
        match self.standing.as_ref().map_or(Known::Stands, |standing| standing.known(claims)) {
            Known::Stands => Ok(()),
            Known::Ended => Err(Rejection::Ended),
            Known::No => Err(Rejection::SessionNotInMemory),
        }
    }

    /// What the store tells of it.
    pub async fn look_up(&self, claims: &Claims) -> Result<(), Rejection> {
        let Some(standing) = &self.standing else { return Ok(()) };
        match standing.look_up(claims).await {
            Ok(Known::Stands) => Ok(()),
            Ok(Known::Ended | Known::No) => Err(Rejection::Ended),
            Err(_) => Err(Rejection::StoreUnavailable),
        }
    }

    /// Asks a remote issuer for its keys when `rejection` says that they were missing. Whether checking anew makes sense.
    pub async fn keys_came(&self, rejection: Rejection, issuer: Option<usize>) -> bool {
        let Some(Issuer::Remote(issuer)) = issuer.and_then(|index| self.issuers.get(index)) else { return false };
        match rejection {
            Rejection::UnknownKey => issuer.keys.fetch_for_unknown_kid().await,
            Rejection::KeysUnavailable => issuer.keys.wait_for_first_fetch().await,
            _ => false,
        }
    }
}

impl Issuer {
    pub fn name(&self) -> &str {
        match self {
            Self::Local(local) => local.issuer(),
            Self::Remote(remote) => remote.issuer(),
        }
    }

    /// Every check on a token that says it is from this issuer, except whether its session stands. Gives the second since 1970 from which its
    /// key is not believed any more, when there is one.
    pub fn check(
        &self,
        token: &Compact<'_>,
        leeway: i64,
        witness: &mut impl Witness,
    ) -> Result<Option<i64>, Rejection> {
        match self {
            Self::Local(local) => local.check(token, Audience::Own, leeway, witness),
            Self::Remote(remote) => remote.check(token, leeway, witness).map(|()| None),
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Local(local) => local.generation(),
            Self::Remote(remote) => remote.keys.generation(),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.0.issuers.iter().map(Issuer::name).collect();
        f.debug_struct("Verifier").field("issuers", &issuers).finish_non_exhaustive()
    }
}
