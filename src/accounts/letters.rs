//! Sending letters: whom they go to, which tokens they carry, and trying again.
//!
//! A letter is taken out of the queue only when it was sent. Until then it is tried again, ever more seldom, by whichever node takes it first, and a
//! restart changes nothing. Requests never wait for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::letter_token::{self, Purpose};
use super::records::{self, NewToken, UserRecord};
use super::{Accounts, browser, micros};
use crate::audit::Act;
use crate::http::caller::Caller;
use crate::mail::queue::{self, Waiting};
use crate::mail::{Body, Letter, NotTaken, Text};
use crate::store::{Connection, StoreError};
use crate::token::clock::rfc3339;

/// How soon a letter is noticed that another node put into the queue, or that is due again.
const TICK: Duration = Duration::from_secs(1);

/// So many are looked at in one go.
const AT_ONCE: i64 = 20;

/// When a letter is tried again after its first try, its second, and so on; the last for all further ones. The first is longer than a try may take.
const TRY_AGAIN: [Duration; 8] = [
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];

/// After so many tries, some three days, it is given up.
const TRIES: i64 = 24;

/// A letter that may be written now.
struct Prepared {
    to: String,
    name: Option<String>,
    body: Body,
}

/// Puts a notice of `act` into the queue, so that the owner of an account hears of what may not have been his doing. Not to an address that nobody
/// showed to be his: it may be a stranger's.
pub(crate) async fn post_notice(
    connection: Connection<'_>,
    user: &UserRecord,
    act: Act,
    caller: &Caller,
    now: i64,
) -> Result<(), StoreError> {
    if user.email_verified_at.is_none() {
        return Ok(());
    }
    queue::post(connection, &Letter::notice(act, caller), Some(&user.id), &user.email, now).await
}

impl Accounts {
    /// Begins sending letters, on the tokio runtime this is called from; it ends when the accounts are dropped.
    pub fn send_letters(self: &Arc<Self>) {
        tokio::spawn(run(Arc::downgrade(self), Arc::clone(&self.letters_wait)));
    }

    /// Tries every letter that is due. How many it were.
    async fn send_due(&self) -> Result<usize, StoreError> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let due = queue::due(reader.connection(), now, AT_ONCE).await?;
        drop(reader);
        let count = due.len();
        for waiting in due {
            if let Some(prepared) = self.prepare(&waiting, now).await? {
                self.send(&waiting, &prepared).await?;
            }
        }
        Ok(count)
    }

    /// Takes a letter and finds out what it says, to whom. `None` when another node has it, or when there is nothing to tell any more.
    async fn prepare(&self, waiting: &Waiting, now: i64) -> Result<Option<Prepared>, StoreError> {
        let pause = usize::try_from(waiting.tries).ok().and_then(|tries| TRY_AGAIN.get(tries)).or(TRY_AGAIN.last());
        let next_try_at = now.saturating_add(pause.map_or(0, |pause| micros(*pause)));
        let token = letter_token::of_letter(&self.sealing, &waiting.id);
        let writer = Writer {
            token_hash: letter_token::hash(&token).unwrap_or_default(),
            token: secrecy::ExposeSecret::expose_secret(&token).to_owned(),
            rules: self.rules.clone(),
            now,
        };
        let waiting = waiting.clone();
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    if !queue::take(connection.reborrow(), &waiting, next_try_at).await? {
                        return Ok(None);
                    }
                    let prepared = writer.write(connection.reborrow(), &waiting).await?;
                    if prepared.is_none() {
                        queue::done(connection, &waiting.id).await?;
                    }
                    Ok(prepared)
                })
            })
            .await
    }

    async fn send(&self, waiting: &Waiting, prepared: &Prepared) -> Result<(), StoreError> {
        let text = Text {
            id: &waiting.id,
            from: &self.mail_from,
            to: &prepared.to,
            at: self.clock.now(),
            server: &self.rules.public_url,
            name: prepared.name.as_deref(),
            body: &prepared.body,
        };
        let user = waiting.user_id.as_deref();
        let outcome = match text.message() {
            Ok(message) => {
                // So that the names of files sort by time.
                let at = self.clock.now().format("%Y%m%dT%H%M%S%6f");
                self.transport.send(&format!("{at}-{}.eml", waiting.id), &message).await
            }
            Err(error) => Err(NotTaken::ForGood(error.to_string())),
        };
        let is_over = match outcome {
            Ok(()) => true,
            Err(NotTaken::ForGood(error)) => {
                tracing::warn!(error, user, letter = waiting.id, "a letter cannot be delivered");
                true
            }
            Err(NotTaken::ForNow(error)) if waiting.tries + 1 >= TRIES => {
                tracing::error!(error, user, letter = waiting.id, "a letter could not be sent and is given up");
                true
            }
            Err(NotTaken::ForNow(error)) => {
                tracing::warn!(error, user, letter = waiting.id, "a letter could not be sent; it is tried again");
                false
            }
        };
        if is_over {
            let id = waiting.id.clone();
            self.store.write(move |connection| Box::pin(async move { queue::done(connection, &id).await })).await?;
        }
        Ok(())
    }
}

async fn run(accounts: Weak<Accounts>, letters_wait: Arc<tokio::sync::Notify>) {
    let mut failing = false;
    loop {
        let Some(accounts) = accounts.upgrade() else { return };
        let outcome = accounts.send_due().await;
        drop(accounts);
        match &outcome {
            Err(error) if !failing => tracing::error!(%error, "cannot look for letters to send"),
            Ok(_) if failing => tracing::info!("looking for letters to send again"),
            _ => {}
        }
        failing = outcome.is_err();
        if outcome.is_ok_and(|count| count > 0) {
            continue;
        }
        tokio::select! {
            () = letters_wait.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Writes one letter, within the transaction that takes it.
struct Writer {
    token: String,
    token_hash: String,
    rules: super::Rules,
    now: i64,
}

impl Writer {
    async fn write(&self, mut connection: Connection<'_>, waiting: &Waiting) -> Result<Option<Prepared>, StoreError> {
        let Some(letter) = waiting.letter() else { return Ok(None) };
        let user = match &waiting.user_id {
            Some(id) => records::user_by_id(connection.reborrow(), id).await?,
            None => records::user_by_stored_email(connection.reborrow(), &waiting.email).await?,
        };
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
        let is_unverified = user.email_verified_at.is_none();
        let body = match letter {
            // Whoever registered and did not show that the address is his is asked again, as at the first time.
            Letter::VerifyEmail | Letter::AddressTaken if is_unverified => {
                self.with_token(connection, waiting, &user, Purpose::VerifyEmail).await?
            }
            Letter::VerifyEmail => None,
            Letter::AddressTaken => Some(Body::AddressTaken),
            Letter::ConfirmNewEmail => self.with_token(connection, waiting, &user, Purpose::ChangeEmail).await?,
            Letter::ResetPassword => self.with_token(connection, waiting, &user, Purpose::ResetPassword).await?,
            Letter::EmailChanged { new_email } => Some(Body::EmailChanged { new_email }),
            Letter::Notice { act, ip, user_agent } => Some(Body::Notice {
                what: what_was_done(&act).to_owned(),
                at: rfc3339(waiting.created_at),
                ip,
                browser: browser::in_words(user_agent.as_deref()),
            }),
        };
        Ok(body.map(|body| Prepared { to: waiting.email.clone(), name: user.name, body }))
    }

    /// The body of a letter with a token, which is good from now on; `None` when it is not any more.
    async fn with_token(
        &self,
        mut connection: Connection<'_>,
        waiting: &Waiting,
        user: &UserRecord,
        purpose: Purpose,
    ) -> Result<Option<Body>, StoreError> {
        let ttl = purpose.ttl(&self.rules);
        let expires_at = waiting.created_at.saturating_add(micros(ttl));
        if expires_at <= self.now {
            return Ok(None);
        }
        if waiting.prepared_at.is_some() {
            // It was tried before. Had its token been used meanwhile, or voided, it must not come back.
            let still_good = records::good_token(connection, &self.token_hash, self.now).await?;
            return Ok(still_good.map(|_| self.body(purpose, ttl)));
        }
        let token = NewToken {
            user_id: &user.id,
            purpose: purpose.name(),
            token_hash: &self.token_hash,
            email: &waiting.email,
            created_at: waiting.created_at,
            expires_at,
        };
        if !records::put_token(connection.reborrow(), &token).await? {
            return Ok(None);
        }
        queue::prepared(connection, &waiting.id, self.now).await?;
        Ok(Some(self.body(purpose, ttl)))
    }

    fn body(&self, purpose: Purpose, ttl: Duration) -> Body {
        let token = self.token.clone();
        let link = format!("{}{}?token={token}", self.rules.public_url, purpose.path());
        let hours = in_words(ttl);
        match purpose {
            Purpose::VerifyEmail => Body::VerifyEmail { link, token, hours },
            Purpose::ChangeEmail => Body::ConfirmNewEmail { link, token, hours },
            Purpose::ResetPassword => Body::ResetPassword { link, token, hours },
        }
    }
}

/// Such as `24 hours`.
fn in_words(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes, minutes % 60) {
        (60, _) => "one hour".to_owned(),
        (minutes, 0) => format!("{} hours", minutes / 60),
        (minutes, _) => format!("{minutes} minutes"),
    }
}

/// The beginning of the sentence that a notice tells.
fn what_was_done(act: &str) -> &'static str {
    let is = |wanted: Act| act == wanted.name();
    match () {
        () if is(Act::PasswordChange) => "The password of your account was changed",
        () if is(Act::PasswordReset) => "The password of your account was set anew, by a link in a letter",
        () if is(Act::TotpEnable) => "Codes of an authenticator app were turned on for your account",
        () if is(Act::TotpDisable) => "Codes of an authenticator app were turned off for your account",
        () if is(Act::RecoveryCodeUse) => "Somebody logged in to your account with one of its recovery codes",
        () if is(Act::RecoveryCodesRenew) => "Your account was given other recovery codes; the old ones are void",
        () if is(Act::PasskeyAdd) => "A passkey was added to your account",
        () if is(Act::PasskeyRemove) => "A passkey was removed from your account",
        () if is(Act::PasskeySecondFactor) => "Whether a passkey is asked for at login was changed for your account",
        () => "Something that matters for security was done to your account",
    }
}
