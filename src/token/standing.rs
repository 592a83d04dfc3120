//! Whether the session behind a good token still stands.

use futures_util::future::BoxFuture;

use super::claims::Claims;

/// What is known without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The session stands.
    Stands,
    /// It has ended, or its account is disabled or gone.
    Ended,
    /// Memory does not tell: [`Standing::look_up`] does.
    No,
}

/// Knows whether the session and the account behind a token of the local issuer still stand.
///
/// A signature says that a token was good when it was made. Logging out, changing the password or disabling an account must act at once,
/// so the server gives its verifier this second opinion. [`known`](Standing::known) is on the way of every request: it must not do I/O.
pub trait Standing: Send + Sync {
    /// What memory tells of the session that `claims` belong to.
    fn known(&self, claims: &Claims) -> Known;

    /// Asks the store, and remembers the answer for [`known`](Standing::known).
    fn look_up<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Known, StoreUnavailable>>;
}

/// The store did not answer, so nothing may be believed on its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store of sessions does not answer")]
pub struct StoreUnavailable;
