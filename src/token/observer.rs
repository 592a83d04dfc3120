//! Whoever counts what a verifier decides.

use super::rejection::Rejection;

/// Is told of every token that a verifier decided about, for metrics.
///
/// Both are on the way of every request: they must not wait.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use tokenhouse::token::{Observer, Rejection, RemoteSettings, Verifier};
///
/// #[derive(Default)]
/// struct Refused(AtomicU64);
///
/// impl Observer for Refused {
///     fn accepted(&self, _issuer: usize) {}
///     fn refused(&self, _issuer: Option<usize>, _why: Rejection) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let refused = Arc::new(Refused::default());
/// let okta = RemoteSettings::new("https://dev-123456.okta.com/oauth2/default", "api://default")?;
/// let verifier = Verifier::builder().remote(okta).observer(refused.clone()).build()?;
/// assert!(verifier.verify("not a token").is_err());
/// assert_eq!(refused.0.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
pub trait Observer: Send + Sync {
    /// A token is good. `issuer` is the place of its issuer in the verifier: the local one first, then the remote ones as the builder got them.
    fn accepted(&self, issuer: usize);

    /// A token is not believed, and why. `issuer` is `None` where the token names none that is accepted here.
    fn refused(&self, issuer: Option<usize>, why: Rejection);
}
