//! Sending letters: whom they go to, which tokens they carry, and trying again.
//!
//! A letter is taken out of the queue only when it was sent. Until then it is tried again, ever more seldom, by whichever node takes it first, and a
//! restart changes nothing. Requests never wait for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{TimeZone as _, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::letter_token;
use super::letter_writer::{Prepared, Writer};
use super::records::UserRecord;
use super::{Accounts, micros};
use crate::audit::Act;
use crate::http::caller::Caller;
use crate::mail::queue::{self, Waiting};
use crate::mail::{Letter, NotTaken, Text};
use crate::metrics::LetterOutcome;
use crate::store::{Connection, StoreError};
use crate::traces::{self, Kind};

/// How soon a letter is noticed that another node put into the queue, or that is due again.
const TICK: Duration = Duration::from_secs(1);

/// So many are looked at in one go.
const AT_ONCE: i64 = 20;

/// So many are handed over at the same time, so that a mail server that takes long does not hold up all behind one letter.
const UNDER_WAY: usize = 4;

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

/// How long a shutdown waits for the letters under way.
const FAREWELL: Duration = Duration::from_secs(2);

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

/// The same of what an administrator did, or whoever runs commands on the server's machine. From where is not the owner's matter.
pub(crate) async fn post_notice_of_administrator(
    connection: Connection<'_>,
    user: &UserRecord,
    act: Act,
    now: i64,
) -> Result<(), StoreError> {
    if user.email_verified_at.is_none() {
        return Ok(());
    }
    let letter = Letter::ByAdministrator { act: act.name().to_owned() };
    queue::post(connection, &letter, Some(&user.id), &user.email, now).await
}

impl Accounts {
    /// Begins sending letters, on the tokio runtime this is called from; it ends when the accounts are dropped, or when it is told to.
    #[must_use]
    pub fn send_letters(self: &Arc<Self>) -> Postman {
        let (stop, stopped) = watch::channel(false);
        let running = run(Arc::downgrade(self), Arc::clone(&self.letters_wait), stopped);
        let task = tokio::spawn(traces::carried(running));
        Postman { stop, task }
    }

    /// Takes the letters that are due, some at a time, until it shall stop, and hands each over beside the others that are `under_way`. How many they
    /// were.
    ///
    /// They are taken one after the other, for of two with a token the newer one counts; and each when there is room for it, for it is due again soon
    /// after it was taken.
    async fn send_due(
        self: &Arc<Self>,
        stopped: &watch::Receiver<bool>,
        under_way: &mut JoinSet<()>,
    ) -> Result<usize, StoreError> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let due = queue::due(reader.connection(), now, AT_ONCE).await?;
        drop(reader);
        let count = due.len();
        for waiting in due {
            while under_way.try_join_next().is_some() {}
            if under_way.len() >= UNDER_WAY {
                let _ = under_way.join_next().await;
            }
            if *stopped.borrow() {
                return Ok(0);
            }
            // By the clock of this moment: those before it may have taken their time.
            if let Some(prepared) = self.prepare(&waiting, self.clock.unix_micros()).await? {
                let accounts = Arc::clone(self);
                under_way.spawn(traces::carried(async move {
                    let span = traces::begin("send letter", Kind::Client).with("tokenhouse.letter.kind", prepared.kind);
                    if let Err(error) = span.around(accounts.send(&waiting, &prepared)).await {
                        tracing::error!(%error, letter = waiting.id, "a letter was sent, and that cannot be noted");
                    }
                }));
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
        let address = &self.rules.public_url;
        let house =
            self.rules.server_name.as_ref().map_or_else(|| address.clone(), |name| format!("{name} ({address})"));
        let text = Text {
            id: &waiting.id,
            from: &self.mail_from,
            to: &prepared.to,
            at: self.clock.now(),
            server: &self.rules.public_url,
            house: &house,
            name: prepared.name.as_deref(),
            body: &prepared.body,
        };
        let (user, kind) = (waiting.user_id.as_deref(), prepared.kind);
        let outcome = match text.message() {
            Ok(message) => {
                // So that the names of files sort by time, and a letter that is written again takes the place of itself.
                let at = Utc.timestamp_micros(waiting.created_at).single().unwrap_or_default();
                let file = format!("{}-{}.eml", at.format("%Y%m%dT%H%M%S%6f"), waiting.id);
                self.transport.send(&file, kind, &message).await
            }
            Err(error) => Err(NotTaken::ForGood(error.to_string())),
        };
        let outcome = match outcome {
            Ok(()) => LetterOutcome::Sent,
            Err(NotTaken::ForGood(error)) => {
                tracing::error!(error, kind, user, letter = waiting.id, "a letter cannot be delivered and is given up");
                LetterOutcome::GivenUp
            }
            Err(NotTaken::ForNow(error)) if waiting.tries + 1 >= TRIES => {
                tracing::error!(error, kind, user, letter = waiting.id, "a letter could not be sent and is given up");
                LetterOutcome::GivenUp
            }
            Err(NotTaken::ForNow(error)) => {
                tracing::warn!(error, kind, user, letter = waiting.id, "a letter could not be sent; it is tried again");
                LetterOutcome::Failed
            }
        };
        match outcome {
            LetterOutcome::Sent => {}
            LetterOutcome::Failed => traces::here().failed("not_taken"),
            LetterOutcome::GivenUp => traces::here().failed("given_up"),
        }
        self.metrics.letter(outcome);
        if outcome != LetterOutcome::Failed {
            let id = waiting.id.clone();
            self.store.write(move |connection| Box::pin(async move { queue::done(connection, &id).await })).await?;
        }
        Ok(())
    }
}

/// Sends letters, until it is dropped with the accounts or told to stop.
pub struct Postman {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Postman {
    /// Lets the letters under way come to their end, so that none is sent again after the next start; but not for long, whatever the mail server does.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(FAREWELL, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn run(accounts: Weak<Accounts>, letters_wait: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let (mut failing, mut under_way) = (false, JoinSet::new());
    while !*stopped.borrow() {
        let Some(accounts) = accounts.upgrade() else { return };
        let outcome = accounts.send_due(&stopped, &mut under_way).await;
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
            // Also when the server is gone without a word.
            _ = stopped.changed() => {
                if stopped.has_changed().is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(TICK) => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}
