//! The keys of a remote issuer, fetched ahead of need and kept when a fetch fails.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::clock::Clock;
use super::fetch::{self, FETCH_TIMEOUT, FetchError, WrongCertificate};
use super::jwks::KeySet;
use super::remote::{RemoteSettings, RemoteStatus};
use crate::traces::{self, Kind};

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

/// The keys that a remote issuer published, and when to ask for them again.
pub(super) struct PublishedKeys {
    settings: Arc<RemoteSettings>,
    client: reqwest::Client,
    clock: Clock,
    keys: ArcSwapOption<KeySet>,
    generation: AtomicU64,
    state: Mutex<State>,
    /// Where fetches run: not in the request that caused one, which its client may break off.
    runtime: tokio::runtime::Handle,
    /// How many fetches have ended; counted up while `state` is locked.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// Whether a fetch is under way: one serves all who wait.
    fetching: bool,
    /// When an unknown kid last had the keys fetched.
    unknown_kid_fetches: VecDeque<Duration>,
    due: Duration,
    failures: u32,
    /// How often keys came, and how often they did not, since the start.
    fetches: u64,
    failed_fetches: u64,
    fetched_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl PublishedKeys {
    pub fn new(
        settings: Arc<RemoteSettings>,
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
            runtime,
            ended: watch::Sender::new(0),
        })
    }

    /// The keys there are; `None` before the first came.
    pub fn current(&self) -> Guard<Option<Arc<KeySet>>> {
        self.keys.load()
    }

    /// Counts up when the keys change.
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
            fetches: state.fetches,
            failed_fetches: state.failed_fetches,
        }
    }

    fn issuer(&self) -> &str {
        self.settings.issuer_text()
    }

    /// For a token whose `kid` is unknown: fetches the keys, if that was not done too often. Whether looking again makes sense.
    pub async fn fetch_for_unknown_kid(self: &Arc<Self>) -> bool {
        let before = {
            let mut state = self.state();
            // When somebody is fetching already, that fetch brings what there is.
            if !state.fetching {
                if !state.take_unknown_kid_fetch(self.clock.monotonic()) {
                    return false;
                }
                let fetch = self.begin_fetch(&mut state);
                self.runtime.spawn(traces::carried(fetch.run()));
            }
            *self.ended.borrow()
        };
        self.wait_for_fetch(before).await
    }

    /// A fetch that nobody else may begin until it is over.
    fn begin_fetch(self: &Arc<Self>, state: &mut State) -> Fetch {
        state.fetching = true;
        Fetch(Arc::clone(self))
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

    /// Fetches the keys as long as anybody holds them: at once, then whenever they are due.
    pub fn keep_fresh(keys: &Arc<Self>) {
        let runtime = keys.runtime.clone();
        let keys: Weak<Self> = Arc::downgrade(keys);
        let keep_fresh = async move {
            while let Some(keys) = keys.upgrade() {
                let due = {
                    let mut state = keys.state();
                    let is_due = !state.fetching && keys.clock.monotonic() >= state.due;
                    is_due.then(|| keys.begin_fetch(&mut state))
                };
                if let Some(fetch) = due {
                    fetch.run().await;
                }
                drop(keys);
                tokio::time::sleep(TICK).await;
            }
        };
        runtime.spawn(traces::carried(keep_fresh));
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
        state.fetches += 1;
        state.fetched_at = Some(self.clock.now());
        state.last_error = None;
    }

    fn note_failure(&self, error: &FetchError) {
        traces::here().failed(error.name());
        let have_keys = self.keys.load().is_some();
        tracing::warn!(issuer = self.issuer(), %error, have_keys, "could not fetch the keys of the remote issuer");
        let now = self.clock.monotonic();
        let mut state = self.state();
        let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(state.failures)).min(LAST_RETRY);
        // Up to a quarter more, so that nodes that failed together do not come back together.
        let [jitter] = super::random::bytes::<1>();
        state.due = now.saturating_add(wait + wait.mul_f64(f64::from(jitter) / 1024.0));
        state.failures = state.failures.saturating_add(1);
        state.failed_fetches += 1;
        state.last_error = Some(error.to_string());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_unknown_kid_fetch(&mut self, now: Duration) -> bool {
        self.unknown_kid_fetches.retain(|at| now.saturating_sub(*at) < UNKNOWN_KID_PERIOD);
        let allowed = self.unknown_kid_fetches.len() < UNKNOWN_KID_FETCHES;
        if allowed {
            self.unknown_kid_fetches.push_back(now);
        }
        allowed
    }
}

/// A fetch that is under way until this is dropped, however it ends.
struct Fetch(Arc<PublishedKeys>);

impl Fetch {
    async fn run(self) {
        let span = traces::begin("fetch keys", Kind::Client)
            .with("server.address", self.0.settings.issuer.host_str().unwrap_or_default());
        span.around(self.0.fetch()).await;
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        // Both at once, so that whoever comes next either waits for this end or begins anew, and never waits for what is over.
        let mut state = self.0.state();
        state.fetching = false;
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}
