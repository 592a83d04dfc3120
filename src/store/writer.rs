//! SQLite's one writer: gathers transactions that come at the same time into one commit.
//!
//! A commit with full sync costs an fsync, which takes longer than all the rest of a write. Under load, many writes wait at once; the writer
//! takes all that wait, runs each in a savepoint of its own, commits them together, and only then tells each caller. One that waits alone is the
//! transaction itself: each statement, a savepoint too, goes to another thread and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::error::StoreError;
use super::opened_files::Files;
use super::times::Times;
use crate::metrics::Stopwatch;
use crate::traces::Here;

/// So many writes may wait before further callers wait for room.
const QUEUE: usize = 1024;
/// So many are committed together at most.
const BATCH: usize = 256;

/// A transaction on its way to the writer. Its answer is kept until the commit; what comes back says whether to keep its changes.
type Job = Box<dyn for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Ran> + Send>;

struct Ran {
    keep: Keep,
    /// Tells the caller, when it is known whether the commit went well.
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

#[derive(PartialEq)]
enum Keep {
    Changes,
    Nothing,
}

/// Hands transactions to the writer task. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    stop: Arc<tokio::sync::Notify>,
}

impl Writer {
    /// A writer that owns `connection`, to a database of these files.
    pub fn start(connection: SqliteConnection, files: Files, times: Arc<Times>) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let stop = Arc::new(tokio::sync::Notify::new());
        let task = tokio::spawn(run(connection, files, times, waiting, Arc::clone(&stop)));
        Self { jobs, task: Arc::new(Mutex::new(Some(task))), stop }
    }

    /// A writer that refuses every write.
    pub fn none() -> Self {
        let (jobs, _) = mpsc::channel(1);
        Self { jobs, task: Arc::default(), stop: Arc::default() }
    }

    /// `span` is of the whole, and hears when it was not committed.
    pub async fn write<T, E, F>(&self, work: F, span: Here) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let told = span.place();
        let job: Job = Box::new(move |connection| {
            Box::pin(async move {
                let result = work(connection).await;
                let keep = if result.is_ok() { Keep::Changes } else { Keep::Nothing };
                let tell = move |committed: Result<(), StoreError>| {
                    let result = match committed {
                        Ok(()) => result,
                        Err(error) => {
                            told.failed(error.name());
                            result.and(Err(error.into()))
                        }
                    };
                    // A caller who hung up does not hear it; the change stands all the same.
                    let _ = answer.send(result);
                };
                Ran { keep, tell: Box::new(tell) }
            })
        });
        let interrupted = || {
            span.failed(StoreError::Interrupted.name());
            Err(StoreError::Interrupted.into())
        };
        if self.jobs.send(job).await.is_err() {
            return interrupted();
        }
        answered.await.unwrap_or_else(|_| interrupted())
    }

    /// How many writes wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity().saturating_sub(self.jobs.capacity())
    }

    /// Lets the writes that wait come to their end, then closes the connection.
    pub async fn close(&self) {
        self.stop.notify_one();
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

async fn run(
    mut connection: SqliteConnection,
    files: Files,
    times: Arc<Times>,
    mut waiting: mpsc::Receiver<Job>,
    stop: Arc<tokio::sync::Notify>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            taken = waiting.recv_many(&mut batch, BATCH) => if taken == 0 { break },
            () = stop.notified() => {
                waiting.close();
                continue;
            }
        }
        commit_together(&mut connection, &files, &times, &mut batch).await;
    }
    if let Err(error) = sqlx::Connection::close(connection).await {
        tracing::warn!(%error, "could not close the database");
    }
}

async fn commit_together(connection: &mut SqliteConnection, files: &Files, times: &Times, batch: &mut Vec<Job>) {
    let begun = match files.check() {
        // Not the default BEGIN, which would take the write lock only at the first write and could then fail without waiting for it.
        Ok(()) => execute(connection, "BEGIN IMMEDIATE").await,
        gone => gone,
    };
    if let Err(error) = begun {
        times.failed_to_commit();
        // Telling a caller takes running its job, so the jobs are dropped: their callers hear `Interrupted`.
        tracing::error!(%error, writes = batch.len(), "the database cannot be written");
        batch.clear();
        return;
    }
    let alone = batch.len() == 1;
    let mut end = "COMMIT";
    let mut done = Vec::with_capacity(batch.len());
    for job in batch.drain(..) {
        let outcome = if alone {
            let ran = run_job(connection, job).await;
            if is_to_be_undone(ran.as_ref()) {
                end = "ROLLBACK";
            }
            Ok(ran)
        } else {
            run_in_savepoint(connection, job).await
        };
        match outcome {
            Ok(Some(ran)) => done.push(ran),
            Ok(None) => {
                tracing::error!("a write panicked and was undone; any that are committed together with it go on");
            }
            Err(error) => {
                // The connection may be anywhere: nothing of this batch is kept.
                tracing::error!(%error, "a write failed, and with it those committed together with it");
                let _ = execute(connection, "ROLLBACK").await;
                times.failed_to_commit();
                for ran in done {
                    (ran.tell)(Err(StoreError::Interrupted));
                }
                return;
            }
        }
    }
    let committing = Stopwatch::start();
    let committed = execute(connection, end).await;
    // A file that was deleted meanwhile took the commit without a word.
    let committed = committed.and_then(|()| files.check());
    if end == "COMMIT" {
        times.commit(committing, done.len(), &committed);
    }
    if let Err(error) = &committed {
        tracing::error!(%error, writes = done.len(), end, "the database did not commit");
        let _ = execute(connection, "ROLLBACK").await;
    }
    let mut first_error = committed.err();
    let failed = first_error.is_some();
    for ran in done {
        let outcome = if failed { Err(first_error.take().unwrap_or(StoreError::Interrupted)) } else { Ok(()) };
        (ran.tell)(outcome);
    }
}

/// As [`run_job`], and undone by itself where it is to be.
async fn run_in_savepoint(connection: &mut SqliteConnection, job: Job) -> Result<Option<Ran>, StoreError> {
    execute(connection, "SAVEPOINT write").await?;
    let ran = run_job(connection, job).await;
    if is_to_be_undone(ran.as_ref()) {
        execute(connection, "ROLLBACK TO write").await?;
    }
    execute(connection, "RELEASE write").await?;
    Ok(ran)
}

/// `None` when the job panicked: with it went the way to tell its caller, who hears `Interrupted`.
async fn run_job(connection: &mut SqliteConnection, job: Job) -> Option<Ran> {
    AssertUnwindSafe(job(Connection::Sqlite(connection))).catch_unwind().await.ok()
}

fn is_to_be_undone(ran: Option<&Ran>) -> bool {
    ran.is_none_or(|ran| ran.keep == Keep::Nothing)
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::settings::DatabaseUrl;
    use crate::store::{Store, sql};

    async fn add(store: &Store, id: &'static str) -> Result<(), StoreError> {
        store.write(move |connection| Box::pin(insert(connection, id))).await
    }

    async fn insert(connection: Connection<'_>, id: &'static str) -> Result<(), StoreError> {
        let statement = "INSERT INTO users (id, email, password_hash, created_at) VALUES ($1, $1, '-', 1)";
        sql!(connection, execute, sqlx::query(statement).bind(id)).map(|_| ())
    }

    /// F19: of writes that are committed together one panics.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_write_that_panics_leaves_nothing_and_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&DatabaseUrl::Sqlite(folder.path().join("x.db"))).await.unwrap();
        // While the first is held up, the others come, and are one batch.
        let (let_go, held) = mpsc::channel::<()>();
        let first = store.write(move |connection| {
            Box::pin(async move {
                tokio::task::block_in_place(|| held.recv()).unwrap();
                insert(connection, "first").await
            })
        });
        let broken = store.write(|connection| {
            Box::pin(async move {
                insert(connection, "broken").await?;
                panic!("on purpose");
                #[expect(unreachable_code, reason = "it says what is answered")]
                Ok::<(), StoreError>(())
            })
        });
        let go = async {
            tokio::task::yield_now().await;
            let_go.send(()).unwrap();
        };
        let (first, before, broken, behind, ()) =
            tokio::join!(first, add(&store, "before"), broken, add(&store, "behind"), go);
        // And each alone.
        let alone = store.write(|connection| {
            Box::pin(async move {
                insert(connection, "broken alone").await?;
                panic!("on purpose");
                #[expect(unreachable_code, reason = "it says what is answered")]
                Ok::<(), StoreError>(())
            })
        });
        let alone = alone.await;
        let refused = store.write(|connection| {
            Box::pin(async move {
                insert(connection, "refused").await?;
                Err::<(), _>(StoreError::Interrupted)
            })
        });
        let refused = refused.await;
        for outcome in [first, before, behind, add(&store, "later").await] {
            outcome.unwrap();
        }
        for outcome in [broken, alone, refused] {
            assert!(matches!(outcome, Err(StoreError::Interrupted)), "{outcome:?}");
        }
        let mut reader = store.read().await.unwrap();
        let kept: Vec<String> =
            sql!(reader.connection(), fetch_all, sqlx::query_scalar("SELECT id FROM users ORDER BY id")).unwrap();
        assert_eq!(kept, ["before", "behind", "first", "later"]);
        drop(reader);
        store.close().await;
    }
}
