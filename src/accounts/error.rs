//! What can go wrong in any act, through nobody's fault but the server's.

use std::time::Duration;

use actix_web::http::StatusCode;

use super::hashing::Busy;
use crate::http::Problem;
use crate::http::documented::Problems;
use crate::store::StoreError;

/// The act was not done, and may be tried again later.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// All hashing threads are busy, and their queue is full.
    #[error(transparent)]
    Hashing(#[from] Busy),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Unavailable {
    /// The store's failure, for acts that hash nothing.
    pub(crate) fn of_store(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Hashing(_) => StoreError::Interrupted,
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Hashing(busy) => too_busy(busy.retry_after),
            Unavailable::Store(error) => {
                tracing::error!(%error, "the store failed");
                no_data()
            }
        }
    }
}

impl Problems for Unavailable {
    fn problems() -> Vec<Problem> {
        vec![too_busy(Duration::from_secs(1)), no_data()]
    }
}

impl Problems for StoreError {
    fn problems() -> Vec<Problem> {
        vec![no_data()]
    }
}

fn too_busy(retry_after: Duration) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        .detail("Too many people are logging in at this moment; try again shortly.")
        .retry_after(retry_after)
}

fn no_data() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        .detail("The server cannot reach its data at this moment; nothing was changed.")
        .retry_after(Duration::from_secs(5))
}
