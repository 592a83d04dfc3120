//! A remote issuer: an authorization server of somebody else, such as Okta, believed through the keys it publishes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use tokio::sync::watch;
use url::Url;

use super::claims::Claims;
use super::clock::Clock;
use super::fetch::{self, FETCH_TIMEOUT, FetchError, WrongCertificate};
use super::issuer_url::{WrongIssuer, check_issuer_url};
use super::jwks::KeySet;
use super::jws::Compact;
use super::local::{check_times, is_access_token_type};
use super::rejection::Rejection;
use super::required_claim::RequiredClaim;

/// An unknown `kid` may have the keys fetched so many times ...
const UNKNOWN_KID_FETCHES: usize = 5;
/// ... in such a time, for the whole process, however many tokens arrive.
const UNKNOWN_KID_PERIOD: Duration = Duration::from_mins(1);

/// Keys are fetched anew within these bounds, whatever Cache-Control says: a removed key is not believed for longer than the second.
const MIN_KEY_AGE: Duration = Duration::from_mins(1);
const MAX_KEY_AGE: Duration = Duration::from_hours(1);

/// After a failure, the wait doubles from the first to the second.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// How often the background task looks whether a fetch is due.
const TICK: Duration = Duration::from_millis(250);

/// What to believe of a remote issuer.
///
/// ```
/// use tokenhouse::token::RemoteSettings;
///
/// let okta = RemoteSettings::new("https://dev-123456.okta.com/oauth2/default", "api://default")?;
/// assert!(RemoteSettings::new("https://dev-123456-admin.okta.com/oauth2/default", "api://default").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoteSettings {
    pub(super) issuer: Url,
    issuer_text: String,
    audience: String,
    /// When set, the client that tokens must have been given to.
    pub client_id: Option<String>,
    /// Signature algorithms it may use; RS256 alone at first. An HMAC among them is never used.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are; found by discovery when `None`.
    pub jwks_uri: Option<Url>,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Claims that its tokens must carry.
    pub required_claims: Vec<RequiredClaim>,
}

impl RemoteSettings {
    /// Tokens of `issuer` (to the letter as in their `iss`) for `audience`, signed with RS256.
    ///
    /// # Errors
    /// The first thing that is wrong with the issuer's address; [`check_issuer_url`] tells them all.
    pub fn new(issuer: &str, audience: impl Into<String>) -> Result<Self, WrongIssuer> {
        Ok(Self {
            issuer: check_issuer_url(issuer)
                .map_err(|wrong| wrong.into_iter().next().unwrap_or(WrongIssuer::NotAUrl))?,
            issuer_text: issuer.to_owned(),
            audience: audience.into(),
            client_id: None,
            algorithms: vec![Algorithm::RS256],
            jwks_uri: None,
            ca_certificate: None,
            required_claims: Vec::new(),
        })
    }

    pub(super) fn issuer_text(&self) -> &str {
        &self.issuer_text
    }
}

/// How a remote issuer is doing, for health checks and metrics.
#[derive(Debug, Clone)]
pub struct RemoteStatus {
    /// The issuer.
    pub issuer: String,
    /// How many usable keys there are; with none, no token of it is believed.
    pub keys: usize,
    /// When keys last came.
    pub fetched_at: Option<DateTime<Utc>>,
    /// What went wrong at the last try, when something did.
    pub last_error: Option<String>,
}

/// A remote issuer with the keys it published.
pub(super) struct RemoteIssuer {
    settings: RemoteSettings,
    client: reqwest::Client,
    clock: Clock,
    keys: ArcSwapOption<KeySet>,
    generation: AtomicU64,
    state: Mutex<State>,
    /// Held while keys are fetched, so that one fetch serves all who wait.
    single_flight: Arc<tokio::sync::Mutex<()>>,
    /// Where fetches run: not in the request that caused one, which its client may break off.
    runtime: tokio::runtime::Handle,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// When an unknown kid last had the keys fetched.
    unknown_kid_fetches: VecDeque<Duration>,
    due: Duration,
    failures: u32,
    fetched_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl RemoteIssuer {
    pub fn new(
        settings: RemoteSettings,
        clock: Clock,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, WrongCertificate> {
        Ok(Self {
            client: fetch::client(&settings)?,
            settings,
            clock,
            keys: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            state: Mutex::default(),
            single_flight: Arc::default(),
            runtime,
            ended: watch::Sender::new(0),
        })
    }

    pub fn issuer(&self) -> &str {
        self.settings.issuer_text()
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn status(&self) -> RemoteStatus {
        let state = self.state();
        RemoteStatus {
            issuer: self.issuer().to_owned(),
            keys: self.keys.load().as_ref().map_or(0, |keys| keys.len()),
            fetched_at: state.fetched_at,
            last_error: state.last_error.clone(),
        }
    }

    /// Every check on a token that says it is from this issuer.
    pub fn check(&self, token: &Compact<'_>, leeway: i64) -> Result<(), Rejection> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Rejection::KeysUnavailable)?;
        let kid = token.header.kid.as_deref().ok_or(Rejection::UnknownKey)?;
        // Before the kid is looked for: a token that could never be good must not have keys fetched for it.
        let algorithm = token.header.alg.parse::<Algorithm>().map_err(|_| Rejection::Algorithm)?;
        if !self.settings.algorithms.contains(&algorithm) {
            return Err(Rejection::Algorithm);
        }
        let key = keys.get(kid).ok_or(Rejection::UnknownKey)?;
        key.check(&token.header.alg, token.signed, token.signature)?;
        check_kind(token)?;
        self.check_claims(&token.claims, leeway)
    }

    fn check_claims(&self, claims: &Claims, leeway: i64) -> Result<(), Rejection> {
        check_times(claims, self.clock.unix_seconds(), leeway)?;
        if !claims.audience.contains(&self.settings.audience) {
            return Err(Rejection::Audience);
        }
        if self.settings.client_id.is_some() && claims.client_id != self.settings.client_id {
            return Err(Rejection::Client);
        }
        if claims.subject.is_empty() {
            return Err(Rejection::Subject);
        }
        if !self.settings.required_claims.is_empty() {
            let all = claims.to_json();
            if !self.settings.required_claims.iter().all(|required| required.is_met_by(&all)) {
                return Err(Rejection::RequiredClaim);
            }
        }
        Ok(())
    }

    /// For a token whose `kid` is unknown: fetches the keys, if that was not done too often. Whether looking again makes sense.
    pub async fn fetch_for_unknown_kid(self: &Arc<Self>) -> bool {
        let before = *self.ended.borrow();
        // When somebody is fetching already, that fetch brings what there is.
        if let Ok(in_flight) = Arc::clone(&self.single_flight).try_lock_owned() {
            if !self.take_unknown_kid_fetch() {
                return false;
            }
            let issuer = Arc::clone(self);
            self.runtime.spawn(async move {
                issuer.fetch().await;
                drop(in_flight);
            });
        }
        self.wait_for_fetch(before).await
    }

    /// For a token that came before the first keys: waits for the first fetch, if that is still under way.
    pub async fn wait_for_first_fetch(&self) -> bool {
        let ended = *self.ended.borrow();
        ended == 0 && self.wait_for_fetch(0).await
    }

    async fn wait_for_fetch(&self, before: u64) -> bool {
        let mut ended = self.ended.subscribe();
        tokio::time::timeout(FETCH_TIMEOUT, ended.wait_for(|now| *now > before)).await.is_ok()
    }

    fn take_unknown_kid_fetch(&self) -> bool {
        let now = self.clock.monotonic();
        let mut state = self.state();
        state.unknown_kid_fetches.retain(|at| now.saturating_sub(*at) < UNKNOWN_KID_PERIOD);
        let allowed = state.unknown_kid_fetches.len() < UNKNOWN_KID_FETCHES;
        if allowed {
            state.unknown_kid_fetches.push_back(now);
        }
        allowed
    }

    /// Fetches the keys as long as anybody holds the issuer: at once, then whenever they are due.
    pub fn keep_fresh(issuer: &Arc<Self>) {
        let runtime = issuer.runtime.clone();
        let issuer: Weak<Self> = Arc::downgrade(issuer);
        runtime.spawn(async move {
            while let Some(issuer) = issuer.upgrade() {
                if issuer.clock.monotonic() >= issuer.state().due {
                    let _in_flight = issuer.single_flight.lock().await;
                    issuer.fetch().await;
                }
                drop(issuer);
                tokio::time::sleep(TICK).await;
            }
        });
    }

    /// One fetch, whose outcome is kept. A failure leaves the keys there are.
    async fn fetch(&self) {
        let outcome = match fetch::keys(&self.client, &self.settings).await {
            Ok(fetched) => KeySet::parse(&fetched.body, &self.settings.algorithms)
                .map(|(keys, ignored)| (keys, ignored, fetched.max_age))
                .map_err(|e| FetchError::NotKeys(fetched.url, e)),
            Err(e) => Err(e),
        };
        match outcome {
            Ok((keys, ignored, max_age)) => {
                for key in ignored {
                    tracing::warn!(
                        issuer = self.issuer(),
                        kid = key.kid,
                        why = key.why,
                        "left out a key of the remote issuer"
                    );
                }
                self.take_over(keys, max_age.unwrap_or(MAX_KEY_AGE));
            }
            Err(error) => self.note_failure(&error),
        }
        self.ended.send_modify(|ended| *ended += 1);
    }

    fn take_over(&self, keys: KeySet, max_age: Duration) {
        let is_new = self.keys.load().as_ref().is_none_or(|old| !old.is_same_as(&keys));
        if is_new {
            tracing::info!(issuer = self.issuer(), keys = keys.len(), "took over the keys of the remote issuer");
            self.keys.store(Some(Arc::new(keys)));
            self.generation.fetch_add(1, Ordering::Release);
        }
        let now = self.clock.monotonic();
        let mut state = self.state();
        state.due = now.saturating_add(max_age.clamp(MIN_KEY_AGE, MAX_KEY_AGE));
        state.failures = 0;
        state.fetched_at = Some(self.clock.now());
        state.last_error = None;
    }

    fn note_failure(&self, error: &FetchError) {
        let have_keys = self.keys.load().is_some();
        tracing::warn!(issuer = self.issuer(), %error, have_keys, "could not fetch the keys of the remote issuer");
        let now = self.clock.monotonic();
        let mut state = self.state();
        let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(state.failures)).min(LAST_RETRY);
        // Up to a quarter more, so that nodes that failed together do not come back together.
        let [jitter] = super::random::bytes::<1>();
        state.due = now.saturating_add(wait + wait.mul_f64(f64::from(jitter) / 1024.0));
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(error.to_string());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That the token is an access token and nothing else that the same key signs.
///
/// Issuers differ in `typ`: RFC 9068 wants `at+jwt`, Okta writes none, others `JWT`. Without the first, the claims must look like an access
/// token's (a scope or a client) and not like an ID token's (OpenID Connect Core, sections 2 and 3.1.3.6).
fn check_kind(token: &Compact<'_>) -> Result<(), Rejection> {
    let typ = token.header.typ.as_deref();
    if is_access_token_type(typ) {
        return Ok(());
    }
    if typ.is_some_and(|typ| {
        !typ.eq_ignore_ascii_case("jwt") && !typ.eq_ignore_ascii_case("application/okta-internal-at+jwt")
    }) {
        return Err(Rejection::Type);
    }
    let claims = &token.claims;
    let marks = ["nonce", "at_hash", "c_hash", "s_hash", "events"];
    let says_id_token = |name: &str| {
        claims.other.get(name).and_then(|kind| kind.as_str()).is_some_and(|kind| kind.eq_ignore_ascii_case("id"))
    };
    if marks.iter().any(|mark| claims.other.contains_key(*mark)) || says_id_token("token_use") || says_id_token("typ") {
        return Err(Rejection::IdToken);
    }
    if !claims.present.scopes && !claims.present.client {
        return Err(Rejection::IdToken);
    }
    Ok(())
}
