//! What is done in the background: ends of sessions heard from other nodes, keys rotated beside us, old sessions swept out, names made
//! searchable that an older version wrote.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use uuid::Uuid;

use super::{Accounts, micros, records};
use crate::audit;
use crate::store::StoreError;
use crate::token::{LocalIssuer, Tended};

/// How soon an end on another node is heard of, and a rotated key used.
const TICK: Duration = Duration::from_secs(1);

/// Ends are asked for so far back each time, because nodes' clocks differ and commits come late.
const OVERLAP: Duration = Duration::from_mins(1);

/// What is over is swept out once in so many ticks, in so many steps of so many rows, so that no request waits long for one.
const SWEEP_EVERY: u64 = 60;
const SWEEP_STEPS: usize = 40;
const SWEEP_AT_MOST: i64 = 500;
/// Names are made searchable in steps of so many.
const NAMES_AT_ONCE: i64 = 500;
/// Sessions are kept for so long after their end.
const SWEEP_AFTER: Duration = Duration::from_hours(48);

impl Accounts {
    /// Begins the upkeep, on the tokio runtime this is called from; it ends when the accounts are dropped.
    pub fn keep_up(self: &Arc<Self>) {
        let accounts = Arc::downgrade(self);
        tokio::spawn(run(accounts));
    }
}

async fn run(accounts: Weak<Accounts>) {
    let mut heard = HashSet::new();
    let mut heard_until = accounts.upgrade().map_or(i64::MAX, |accounts| accounts.clock.unix_micros());
    let (mut failing, mut keys_failing) = (false, false);
    for tick in 0_u64.. {
        tokio::time::sleep(TICK).await;
        let Some(accounts) = accounts.upgrade() else { return };
        let outcome = accounts.hear_of_ends(&mut heard, &mut heard_until).await;
        match &outcome {
            Err(error) if !failing => tracing::error!(%error, "cannot hear of sessions that ended on other nodes"),
            Ok(()) if failing => tracing::info!("hearing of sessions that ended on other nodes again"),
            _ => {}
        }
        failing = outcome.is_err();
        keys_failing = tend_keys(&accounts.issuer, keys_failing).await;
        if tick % SWEEP_EVERY == 0
            && let Err(error) = accounts.make_names_searchable().await
        {
            tracing::warn!(%error, "could not make names searchable");
        }
        if tick % SWEEP_EVERY == SWEEP_EVERY - 1
            && let Err(error) = accounts.sweep().await
        {
            tracing::warn!(%error, "could not sweep out old sessions");
        }
    }
}

/// Whether it failed; it did at the last time, if `failing`.
async fn tend_keys(issuer: &Arc<LocalIssuer>, failing: bool) -> bool {
    let tending = Arc::clone(issuer);
    // On a thread that may wait: a file is read, and once in a while a key is made.
    match tokio::task::spawn_blocking(move || tending.tend_keys()).await {
        Ok(Err(error)) if !failing => {
            tracing::error!(%error, "cannot look after the signing keys; going on with those in memory");
            return true;
        }
        Ok(Err(_)) => return true,
        Ok(Ok(Tended::Changed)) => tracing::info!(kid = issuer.signing_kid(), "the signing keys were rotated"),
        Ok(Ok(Tended::Unchanged)) | Err(_) => {}
    }
    if failing {
        tracing::info!("looking after the signing keys again");
    }
    false
}

impl Accounts {
    /// Ends are asked for since they were heard of last, however long that is ago: the store may have been away meanwhile.
    async fn hear_of_ends(&self, heard: &mut HashSet<Uuid>, heard_until: &mut i64) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        let since = now.min(*heard_until).saturating_sub(micros(OVERLAP));
        let mut reader = self.store.read().await?;
        let ended = records::ended_since(reader.connection(), since).await?;
        let ended: HashSet<Uuid> = ended.iter().filter_map(|id| id.parse().ok()).collect();
        for session in ended.difference(heard) {
            self.sessions.note_ended(*session);
        }
        *heard = ended;
        *heard_until = now;
        Ok(())
    }

    /// Makes the search keys of names that have none: those from before there were any, and those that an older version beside this one writes.
    async fn make_names_searchable(&self) -> Result<(), StoreError> {
        loop {
            let mut reader = self.store.read().await?;
            let names = records::names_without_key(reader.connection(), NAMES_AT_ONCE).await?;
            drop(reader);
            if names.is_empty() {
                return Ok(());
            }
            let made = self.store.write(move |mut connection| {
                Box::pin(async move {
                    for (id, name) in names {
                        records::set_name_key(connection.reborrow(), &id, &name).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            made.await?;
        }
    }

    /// Deletes what is over, a few rows of each table at a time.
    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        let before = now.saturating_sub(micros(SWEEP_AFTER));
        let unkept = now.saturating_sub(micros(self.rules.keep_audit));
        for _ in 0..SWEEP_STEPS {
            let swept = self.store.write(move |mut connection| {
                Box::pin(async move {
                    let mut swept = records::delete_old_sessions(connection.reborrow(), before, SWEEP_AT_MOST).await?;
                    swept += records::delete_old_tokens(connection.reborrow(), now, SWEEP_AT_MOST).await?;
                    swept += records::delete_old_challenges(connection.reborrow(), now, SWEEP_AT_MOST).await?;
                    swept += records::delete_old_ends(connection.reborrow(), before, SWEEP_AT_MOST).await?;
                    swept += audit::delete_old(connection, unkept, SWEEP_AT_MOST).await?;
                    Ok::<_, StoreError>(swept)
                })
            });
            if swept.await? == 0 {
                break;
            }
        }
        Ok(())
    }
}
