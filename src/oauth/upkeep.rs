//! What is done in the background: changes of clients and revocations heard from other nodes, the key of ID tokens, what is over swept out.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::id_tokens::IdTokens;
use super::records;
use super::registry::Registry;
use crate::store::StoreError;

/// How soon a change elsewhere is heard of.
const TICK: Duration = Duration::from_secs(1);

/// What is over is swept out once in so many ticks, in so many steps of so many rows, so that no request waits long for one.
const SWEEP_EVERY: u64 = 60;
const SWEEP_STEPS: usize = 40;
const SWEEP_AT_MOST: i64 = 500;

/// Begins the upkeep, on the tokio runtime this is called from; it ends when the registry is dropped.
pub(crate) fn keep_up(registry: &Arc<Registry>, id_tokens: &Arc<IdTokens>) {
    tokio::spawn(run(Arc::downgrade(registry), Arc::downgrade(id_tokens)));
}

async fn run(registry: Weak<Registry>, id_tokens: Weak<IdTokens>) {
    let mut failing = false;
    for tick in 0_u64.. {
        tokio::time::sleep(TICK).await;
        let Some(registry) = registry.upgrade() else { return };
        let outcome = hear(&registry, tick % SWEEP_EVERY == SWEEP_EVERY - 1).await;
        match &outcome {
            Err(error) if !failing => tracing::error!(%error, "cannot hear of clients that changed elsewhere"),
            Ok(()) if failing => tracing::info!("hearing of clients that changed elsewhere again"),
            _ => {}
        }
        failing = outcome.is_err();
        let Some(id_tokens) = id_tokens.upgrade() else { return };
        // On a thread that may wait: a file is read, and once in a while a key is made.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || id_tokens.tend()).await {
            tracing::error!(%error, "cannot look after the key of ID tokens; going on with the one in memory");
        }
    }
}

async fn hear(registry: &Registry, sweep: bool) -> Result<(), StoreError> {
    registry.refresh().await?;
    registry.hear_of_late_revocations().await?;
    if sweep {
        registry.tidy().await?;
        let now = registry.clock.unix_micros();
        for _ in 0..SWEEP_STEPS {
            let work =
                registry.store.write(move |connection| Box::pin(records::delete_over(connection, now, SWEEP_AT_MOST)));
            if work.await? == 0 {
                break;
            }
        }
    }
    Ok(())
}
