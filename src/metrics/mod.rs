//! What is counted of the server's work: for `/metrics`, and for the picture of the last hour.
//!
//! Counting takes no lock and allocates nothing. Nothing here asks anybody: whoever does something says so.
//!
//! | file | what is in it |
//! |---|---|
//! | `counts` | a count for each of some few names |
//! | `outcomes` | those names: how logins, registrations and refreshes end, what tokens are made for |
//! | `histogram` | distributions: of times, of sizes |
//! | `verifications` | what became of tokens, by issuer |
//! | `hashes` | the queue of hashes |
//! | `history` | the last hour, minute by minute |

#![allow(dead_code, unused_imports, reason = "the routes that show it follow")]

mod counts;
mod hashes;
mod histogram;
mod history;
mod outcomes;
mod verifications;

pub(crate) use counts::Counts;
pub(crate) use histogram::{Histogram, Stopwatch};
pub(crate) use history::Minute;
pub(crate) use outcomes::{Grant, LoginOutcome, RefreshOutcome, RegistrationOutcome};

use hashes::Hashes;
use history::{History, Kind};
use verifications::Verifications;

use crate::token::{Clock, Observer, Rejection};

/// All that is counted. One for the process, shared by whoever has something to count.
pub struct Metrics {
    logins: Counts<LoginOutcome>,
    registrations: Counts<RegistrationOutcome>,
    refreshes: Counts<RefreshOutcome>,
    minted: Counts<Grant>,
    verifications: Verifications,
    hashes: Hashes,
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
            verifications: Verifications::new(issuers),
            hashes: Hashes::new(),
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
