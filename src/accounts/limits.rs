//! How often who may try, in bounded memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use quick_cache::sync::Cache;

use super::email::Email;
use crate::http::Problem;
use crate::http::documented::Problems;
use crate::settings;
use crate::token::Clock;

/// So many accounts, and so many addresses, are remembered; beyond, those that tried least and longest ago are forgotten.
const KEYS: usize = 100_000;

/// The limits of `[limits]`, each a token bucket (GCRA) per key.
pub struct Limits {
    login_failures: Limit<[u8; 32]>,
    login_attempts: Limit<IpAddr>,
    client_failures: Limit<IpAddr>,
    registrations: Limit<IpAddr>,
    reauthentications: Limit<[u8; 32]>,
    exports: Limit<[u8; 32]>,
    otp_failures: Limit<[u8; 32]>,
    device_codes: Limit<[u8; 32]>,
    device_requests: Limit<IpAddr>,
    authorizations: Limit<[u8; 32]>,
    letters_to: Limit<[u8; 32]>,
    letters_from: Limit<IpAddr>,
}

/// Too many tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tries")]
pub struct TooMany {
    /// When one more is allowed.
    pub retry_after: Duration,
}

/// `None` when there is no limit.
struct Limit<K: Hash + Eq + Clone>(Option<(Buckets<K>, States<K>)>);

type Buckets<K> = RateLimiter<K, States<K>, Monotonic, NoOpMiddleware<Duration>>;

impl Limits {
    /// Limits by `settings`; none when they are not enabled.
    #[must_use]
    pub fn new(settings: &settings::Limits, clock: &Clock) -> Self {
        let quota = |quota: settings::Quota| settings.enabled.then_some(quota);
        Self {
            login_failures: Limit::new(quota(settings.login_failures_per_account), clock),
            login_attempts: Limit::new(quota(settings.login_attempts_per_ip), clock),
            client_failures: Limit::new(quota(settings.login_attempts_per_ip), clock),
            registrations: Limit::new(quota(settings.register_per_ip), clock),
            reauthentications: Limit::new(quota(settings.login_failures_per_account), clock),
            exports: Limit::new(quota(settings.exports_per_account), clock),
            otp_failures: Limit::new(quota(settings.otp_failures_per_account), clock),
            device_codes: Limit::new(quota(settings.device_codes_per_account), clock),
            device_requests: Limit::new(quota(settings.device_requests_per_ip), clock),
            authorizations: Limit::new(quota(settings.authorizations_per_account), clock),
            letters_to: Limit::new(quota(settings.mail_per_account), clock),
            letters_from: Limit::new(quota(settings.mail_per_ip), clock),
        }
    }

    /// Counts a login from `address`.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn login_from(&self, address: IpAddr) -> Result<(), TooMany> {
        self.login_attempts.take(&network(address))
    }

    /// Counts a login to the account of `email` as failed, before it is known whether it is: guesses made at once must not all get through.
    /// It counts whether or not there is such an account.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn login_to(&self, email: &Email) -> Result<(), TooMany> {
        self.login_failures.take(&account(email.as_str()))
    }

    /// The login was good after all: forgets the failures of the account.
    pub fn logged_in(&self, email: &Email) {
        self.login_failures.reset(&account(email.as_str()));
    }

    /// Counts a password that the owner of an account gives once more. Right ones count too: each costs a hash. Apart from logins, so that whoever
    /// fails at logging in does not keep the owner from changing his password, nor the other way round.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn reauthentication_of(&self, user_id: &str) -> Result<(), TooMany> {
        self.reauthentications.take(&account(user_id))
    }

    /// Counts an export of an account.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn export_of(&self, user_id: &str) -> Result<(), TooMany> {
        self.exports.take(&account(user_id))
    }

    /// Counts a code of a second factor of this user as wrong, before it is known whether it is, as [`login_to`](Limits::login_to) does.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn otp_of(&self, user_id: &str) -> Result<(), TooMany> {
        self.otp_failures.take(&account(user_id))
    }

    /// The code was right after all: forgets the wrong ones. A right password does not, or guessing could begin anew with each.
    pub fn otp_was_right(&self, user_id: &str) {
        self.otp_failures.reset(&account(user_id));
    }

    /// Counts a code of a device that this user typed.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn device_code_of(&self, user_id: &str) -> Result<(), TooMany> {
        self.device_codes.take(&account(user_id))
    }

    /// Counts a device that asks to be let in, from `address`: each is a row that anybody can make.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn device_from(&self, address: IpAddr) -> Result<(), TooMany> {
        self.device_requests.take(&network(address))
    }

    /// Counts a code for a client that this user gives out.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn authorization_of(&self, user_id: &str) -> Result<(), TooMany> {
        self.authorizations.take(&account(user_id))
    }

    /// Counts a letter that `address` asks for, to `email`, whether or not one is sent.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn letter(&self, address: IpAddr, email: &Email) -> Result<(), TooMany> {
        self.letters_from.take(&network(address))?;
        self.letters_to.take(&account(email.as_str()))
    }

    /// Counts a failed authentication of an OAuth client from `address`: apart from people's logins, and good ones do not count.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn client_failure(&self, address: IpAddr) -> Result<(), TooMany> {
        self.client_failures.take(&network(address))
    }

    /// Counts a registration from `address`.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn register_from(&self, address: IpAddr) -> Result<(), TooMany> {
        self.registrations.take(&network(address))
    }
}

impl From<TooMany> for Problem {
    fn from(too_many: TooMany) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests")
            .detail("Too many tries; wait before the next one.")
            .retry_after(too_many.retry_after)
    }
}

impl Problems for TooMany {
    fn problems() -> Vec<Problem> {
        vec![Self { retry_after: Duration::from_secs(30) }.into()]
    }
}

/// Of fixed size, however long the address or id is.
fn account(name: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

/// What one person can have: an IPv4 address, or the /64 that providers give one household of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(quota: Option<settings::Quota>, clock: &Clock) -> Self {
        let limiter = |quota: settings::Quota| {
            let quota = Quota::with_period(quota.period / quota.count.get())?.allow_burst(quota.count);
            let states = States(Arc::new(Cache::new(KEYS)));
            Some((RateLimiter::new(quota, states.clone(), Monotonic(clock.clone())), states))
        };
        Self(quota.and_then(limiter))
    }

    fn take(&self, key: &K) -> Result<(), TooMany> {
        let Some((limiter, _)) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| {
            let now = governor::clock::Clock::now(limiter.clock());
            TooMany { retry_after: not_until.wait_time_from(now) }
        })
    }

    fn reset(&self, key: &K) {
        if let Some((_, states)) = &self.0 {
            states.0.remove(key);
        }
    }
}

/// The state of each key, in a cache of fixed size: governor's own maps only shrink when asked.
#[derive(Clone)]
struct States<K>(Arc<Cache<K, Arc<InMemoryState>>>);

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(InMemoryState::default()));
        match self.0.get_or_insert_with(key, fresh) {
            Ok(state) => state.measure_and_replace(&NotKeyed::NonKey, f),
            Err(never) => match never {},
        }
    }
}

/// The crate's clock, as governor wants one.
#[derive(Clone)]
struct Monotonic(Clock);

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_keys_takes_no_more_memory_and_lifts_no_limit() {
        let (clock, _hands) = Clock::manual(chrono::DateTime::UNIX_EPOCH);
        let quota = settings::Quota { count: 5.try_into().unwrap(), period: Duration::from_mins(1) };
        let limit = Limit::<u64>::new(Some(quota), &clock);
        let states = &limit.0.as_ref().unwrap().1;
        // Somebody who is at his limit already, and goes on trying beside the flood.
        while limit.take(&u64::MAX).is_ok() {}
        for key in 0..300_000 {
            assert!(limit.take(&key).is_ok());
            if key % 10_000 == 0 {
                assert!(limit.take(&u64::MAX).is_err(), "forgotten after {key} others");
            }
        }
        assert!(states.0.len() <= KEYS, "{} keys are kept", states.0.len());
    }
}
