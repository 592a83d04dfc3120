//! What is counted of the server's work: for `/metrics`, and for the picture of the last hour.
//!
//! Counting takes no lock and allocates nothing, but where a worker sees a route for the first time and where a minute begins. Nothing here asks anybody: whoever does something says so. How it is shown is in `server/metrics`.
//!
//! | file | what is in it |
//! |---|---|
//! | `counts` | a count for each of some few names |
//! | `outcomes` | those names: how logins, registrations and refreshes end, what tokens are made for |
//! | `histogram` | distributions: of times, of sizes |
//! | `verifications` | what became of tokens, by issuer |
//! | `hashes` | the queue of hashes |
//! | `requests` | requests, by route, method and status |
//! | `history` | the last hour, minute by minute |

mod counts;
mod hashes;
mod histogram;
mod history;
mod outcomes;
mod requests;
mod verifications;

pub(crate) use counts::{Counts, Name};
pub(crate) use histogram::{Histogram, Reading, Stopwatch};
pub(crate) use history::Minute;
pub(crate) use outcomes::{Grant, LetterOutcome, LoginOutcome, RefreshOutcome, RegistrationOutcome};
pub(crate) use requests::{OfWorker, Requests};

use hashes::Hashes;
use history::{History, Kind};
use verifications::Verifications;

use crate::token::{Clock, Observer, Rejection};

/// All that is counted. One for the process, shared by whoever has something to count.
pub struct Metrics {
    pub(crate) logins: Counts<LoginOutcome>,
    pub(crate) registrations: Counts<RegistrationOutcome>,
    pub(crate) refreshes: Counts<RefreshOutcome>,
    pub(crate) minted: Counts<Grant>,
    pub(crate) letters: Counts<LetterOutcome>,
    pub(crate) verifications: Verifications,
    pub(crate) hashes: Hashes,
    pub(crate) requests: Requests,
    history: History,
}

impl Metrics {
    /// Nothing counted yet. `issuers` are the names of the verifier's issuers, in its order: the local one first.
    pub(crate) fn new(clock: Clock, issuers: Vec<String>) -> Self {
        Self {
            logins: Counts::default(),
            registrations: Counts::default(),
            refreshes: Counts::default(),
            minted: Counts::default(),
            letters: Counts::default(),
            verifications: Verifications::new(issuers),
            hashes: Hashes::new(),
            requests: Requests::default(),
            history: History::new(clock),
        }
    }

    /// A login came to its end.
    pub(crate) fn login(&self, outcome: LoginOutcome) {
        self.logins.count(outcome);
        match outcome {
            LoginOutcome::Good => self.history.count(Kind::Login),
            // He is not done yet.
            LoginOutcome::SecondFactorAsked => {}
            _ => self.history.count(Kind::LoginRefused),
        }
    }

    /// A registration came to its end.
    pub(crate) fn registration(&self, outcome: RegistrationOutcome) {
        self.registrations.count(outcome);
        if matches!(outcome, RegistrationOutcome::Made | RegistrationOutcome::Asked) {
            self.history.count(Kind::Registration);
        }
    }

    /// A refresh token was shown.
    pub(crate) fn refresh(&self, outcome: RefreshOutcome) {
        self.refreshes.count(outcome);
    }

    /// An access token was made.
    pub(crate) fn minted(&self, grant: Grant) {
        self.minted.count(grant);
    }

    /// A letter was handed to whoever delivers it, or not.
    pub(crate) fn letter(&self, outcome: LetterOutcome) {
        self.letters.count(outcome);
    }

    /// The last hour, the oldest minute first and the one under way last: sixty, also those before the start, in which nothing was counted.
    pub(crate) fn last_hour(&self) -> Vec<Minute> {
        self.history.last_hour()
    }
}

impl Observer for Metrics {
    fn accepted(&self, issuer: usize) {
        self.verifications.accepted(issuer);
    }

    fn refused(&self, issuer: Option<usize>, why: Rejection) {
        self.verifications.refused(issuer, why);
        self.history.count(Kind::TokenRefused);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::token::{LocalIssuer, LocalSettings, Scopes, Verifier};

    #[test]
    fn verifying_a_known_token_allocates_nothing_though_it_is_counted() {
        let (clock, hands) = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
        let settings = LocalSettings {
            issuer: "http://localhost/oauth2/default".to_owned(),
            audience: "api://default".to_owned(),
            access_ttl: Duration::from_hours(1),
        };
        let secret = "5c0f2a9be14d7736a8e19b04cc2d61f0".to_owned().into();
        let issuer = Arc::new(LocalIssuer::with_secret(settings, &secret, clock.clone()).unwrap());
        let metrics = Arc::new(Metrics::new(clock.clone(), vec!["local".to_owned()]));
        let observer = Arc::clone(&metrics) as Arc<dyn Observer>;
        let verifier = Verifier::builder().clock(clock).local(Arc::clone(&issuer)).observer(observer).build().unwrap();
        let token = issuer.mint_for_user("a user", "a session", i64::MAX, &Scopes::from("openid")).token;
        // At its second sight it is remembered.
        for _ in 0..2 {
            verifier.verify(&token).unwrap();
        }

        assert_eq!(allocation_counter::measure(|| drop(verifier.verify(&token).unwrap())).count_total, 0);
        assert_eq!(outcome(&metrics, "local", "accepted"), 3);

        hands.advance(Duration::from_hours(2));
        verifier.verify(&token).unwrap_err();
        assert_eq!(outcome(&metrics, "local", "expired"), 1);
        assert_eq!(metrics.last_hour()[59].tokens_refused, 1);
        assert_eq!(allocation_counter::measure(|| metrics.refused(None, Rejection::Malformed)).count_total, 0);
        assert_eq!(outcome(&metrics, "none", "malformed"), 1);
    }

    #[test]
    fn counting_what_people_do_allocates_nothing() {
        let metrics = Metrics::new(Clock::system(), Vec::new());
        let counted = allocation_counter::measure(|| {
            metrics.login(LoginOutcome::Good);
            metrics.login(LoginOutcome::SecondFactorAsked);
            metrics.login(LoginOutcome::WrongCredentials);
            metrics.registration(RegistrationOutcome::Made);
            metrics.refresh(RefreshOutcome::Good);
            metrics.hashes_wait(3);
            metrics.hash_waited(Duration::from_millis(1));
            metrics.hash_took(Duration::from_millis(30));
        });
        assert_eq!(counted.count_total, 0);
        let now = metrics.last_hour().pop().unwrap();
        assert_eq!((now.logins, now.logins_refused, now.registrations, now.hash_queue), (1, 1, 1, 3));
    }

    fn outcome(metrics: &Metrics, issuer: &str, outcome: &str) -> u64 {
        let mut all = metrics.verifications.all();
        all.find(|(of, named, _)| (*of, *named) == (issuer, outcome)).map_or(0, |(_, _, count)| count)
    }
}
