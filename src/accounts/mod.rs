//! People: how they register, log in, stay logged in and log out.
//!
//! | file | what is in it |
//! |---|---|
//! | [`register`], [`login`], [`refresh`], [`logout`] | one act each: its rules, and every way it can end |
//! | [`me`], [`profile`], [`own_sessions`], [`password_change`] | what the owner of an account does with it |
//! | `routes` | the acts over HTTP |
//! | [`owner`], [`reauthentication`] | who asks for an act on an account of his own, and his password once more |
//! | [`email_verification`], [`email_change`], [`password_reset`] | what letters are for |
//! | `letters`, `letter_writer`, `letter_token` | sending them, what they say, and what they carry |
//! | [`totp`], [`totp_generator`], `recovery_codes`, `second_factor` | codes of an authenticator app, set up and at a login |
//! | [`passkeys`], [`passkey_requirement`], [`passkey_login`], `relying_party` | passkeys, one's own and at a login |
//! | [`administration`], [`roles`] | other people's accounts |
//! | [`import`], [`foreign_hashes`] | accounts from elsewhere, with the hashes that others made |
//! | [`export`] | all that is stored of one |
//! | [`email`], [`password`], `name`, `browser` | what is taken for an address, a password, a name; a User-Agent in words |
//! | [`error`] | what can go wrong in any act; `counted`: how acts ended, for the metrics |
//! | [`hashing`] | argon2id on its own bounded threads |
//! | [`new_session`], [`sessions`], [`refresh_token`] | what a login leaves behind |
//! | `sign_in`, `browser_session` | the same at the server's pages, with a cookie |
//! | `client_session` | what a client gets that acts for its user |
//! | `custom_claims` | claims that the settings add to tokens |
//! | [`limits`] | how often who may try |
//! | `upkeep` | what is done in the background |
//! | `records` | the SQL |

pub mod administration;
pub(crate) mod browser;
pub(crate) mod browser_session;
pub(crate) mod client_session;
mod counted;
pub(crate) mod custom_claims;
pub mod email;
pub mod email_change;
pub mod email_verification;
pub mod error;
pub mod export;
pub mod foreign_hashes;
pub mod hashing;
#[cfg(test)]
mod hostile_input;
pub mod import;
mod letter_token;
mod letter_writer;
pub(crate) mod letters;
pub mod limits;
pub mod login;
pub mod logout;
pub mod me;
pub(crate) mod name;
pub mod new_session;
pub mod own_sessions;
pub mod owner;
pub mod passkey_login;
pub mod passkey_requirement;
pub mod passkeys;
pub mod password;
pub mod password_change;
pub mod password_reset;
pub mod profile;
pub mod reauthentication;
pub(crate) mod records;
mod recovery_codes;
pub mod refresh;
pub mod refresh_token;
pub mod register;
pub(crate) mod relying_party;
pub mod roles;
pub(crate) mod routes;
mod second_factor;
pub mod sessions;
pub(crate) mod sign_in;
pub mod totp;
pub mod totp_generator;
pub(crate) mod trial_session;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use crate::audit::Event;
use crate::mail::{Transport, TransportError};
use crate::metrics::Metrics;
use crate::sealing::Sealing;
use crate::settings::{EmailVerification, Settings};
use crate::store::{Connection, Store, StoreError};
use crate::token::{Clock, LocalIssuer};

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use tokio::sync::Notify;
use webauthn_rs::prelude::Webauthn;

use custom_claims::CustomClaims;
use hashing::Hashing;
use limits::Limits;
use sessions::Sessions;

/// All that the acts on accounts need. One for the process, shared by its workers.
pub struct Accounts {
    pub(crate) store: Store,
    pub(crate) hashing: Hashing,
    pub(crate) issuer: Arc<LocalIssuer>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) limits: Limits,
    pub(crate) sealing: Sealing,
    /// Told when letters were put into the queue.
    pub(crate) letters_wait: Arc<Notify>,
    pub(crate) transport: Transport,
    pub(crate) mail_from: Mailbox,
    /// What passkeys are bound to; none at an address without a name.
    pub(crate) relying_party: Option<Webauthn>,
    /// That the settings add to tokens.
    pub(crate) claims: CustomClaims,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) rules: Rules,
}

/// Why there can be no accounts by these settings.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hashing threads.
    #[error(transparent)]
    Hashing(#[from] hashing::StartError),
    /// What takes the letters.
    #[error(transparent)]
    Mail(#[from] TransportError),
}

/// The settings that the acts go by.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub registration_open: bool,
    pub password_length: std::ops::RangeInclusive<usize>,
    /// A session unused for so long ends.
    pub idle_ttl: Duration,
    pub absolute_ttl: Duration,
    pub refresh_grace: Duration,
    pub email_verification: EmailVerification,
    pub verification_ttl: Duration,
    pub reset_ttl: Duration,
    pub invitation_ttl: Duration,
    /// How long events of the audit are kept.
    pub keep_audit: Duration,
    /// What links in letters begin with.
    pub public_url: String,
    /// What people know the server by; none, when only by its address.
    pub server_name: Option<String>,
}

impl Accounts {
    /// Accounts in `store`, with tokens of `issuer`, by `settings`, which count into `metrics`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(
        settings: &Settings,
        store: Store,
        issuer: Arc<LocalIssuer>,
        sealing: Sealing,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let accounts = &settings.accounts;
        Ok(Self {
            hashing: Hashing::start_counted(&settings.passwords, Arc::clone(&metrics))?,
            sessions: Arc::new(Sessions::new(store.clone(), clock.clone())),
            limits: Limits::new(&settings.limits, &clock),
            rules: Rules {
                registration_open: settings.registration.open,
                password_length: settings.passwords.min_length..=settings.passwords.max_length,
                idle_ttl: accounts.session_idle_ttl.min(settings.tokens.refresh_ttl),
                absolute_ttl: accounts.session_absolute_ttl,
                refresh_grace: accounts.refresh_grace,
                email_verification: accounts.email_verification,
                verification_ttl: accounts.verification_ttl,
                reset_ttl: accounts.reset_ttl,
                invitation_ttl: accounts.invitation_ttl,
                keep_audit: settings.audit.keep,
                public_url: settings.server.public_url.clone(),
                server_name: settings.pages.own_name().map(str::to_owned),
            },
            store,
            issuer,
            sealing,
            letters_wait: Arc::new(Notify::new()),
            transport: Transport::new(&settings.mail)?,
            mail_from: settings.mail.from.clone(),
            relying_party: relying_party::relying_party(&settings.server.public_url, &settings.pages.name),
            claims: CustomClaims(settings.tokens.claims.clone()),
            metrics,
            clock,
        })
    }

    /// Knows which sessions stand, for the verifier.
    #[must_use]
    pub fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    /// Records an event that has no transaction of its own: something was refused. The answer does not depend on it.
    pub(crate) async fn note(&self, event: Event) {
        let noted = self.store.write(move |connection| Box::pin(async move { event.record(connection).await })).await;
        if let Err::<(), StoreError>(error) = noted {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }

    /// Runs a transaction that answers the ids of sessions that have ended, and notes them, so that they are dead from the moment its caller is answered.
    /// It goes on when the caller hangs up: what was committed must be noted.
    pub(crate) async fn end_by<E, F>(&self, work: F) -> Result<(), E>
    where
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<Vec<String>, E>> + Send + 'static,
    {
        self.ending(|connection| Box::pin(async move { Ok(((), work(connection).await?)) })).await
    }

    /// The same of a transaction that answers something else too.
    pub(crate) async fn ending<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<(T, Vec<String>), E>> + Send + 'static,
    {
        let (store, sessions) = (self.store.clone(), Arc::clone(&self.sessions));
        let ending = tokio::spawn(async move {
            let (answer, ended) = store.write(work).await?;
            sessions.note_all_ended(&ended);
            Ok(answer)
        });
        ending.await.unwrap_or_else(|_| Err(StoreError::Interrupted.into()))
    }

    /// Notes ends that the store has already, so that they act at once.
    pub(crate) fn note_all_ended(&self, sessions: &[String]) {
        self.sessions.note_all_ended(sessions);
    }

    /// Where the accounts are kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// `duration` in the store's microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
