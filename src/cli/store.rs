//! The store for commands, also while the server runs.

use super::Failure;
use crate::settings::Settings;
use crate::store::Store;
use crate::token::Clock;

/// Opens the store, does `work` on a runtime of its own, and closes the store.
pub(super) fn with_store<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&Store, &Clock) -> Result<T, Failure>,
) -> Result<T, Failure> {
    on_runtime(settings, async {
        let store = Store::open(&settings.database.url).await.map_err(|error| Failure::Failed(error.to_string()))?;
        let done = work(&store, &Clock::system()).await;
        store.close().await;
        done
    })
}

/// Does `work` on a runtime of its own, provided the settings are of a server that has a store.
pub(super) fn on_runtime<T>(settings: &Settings, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    if !settings.auth.local {
        return Err(Failure::Failed(
            "there are no accounts here: auth.accept does not have \"local\", so this server believes others' only"
                .to_owned(),
        ));
    }
    runtime()?.block_on(work)
}

/// A runtime for one command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::Failed(error.to_string()))
}
