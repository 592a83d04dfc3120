//! Logging out.

use actix_web::http::StatusCode;
use uuid::Uuid;

use super::Accounts;
use super::error::Unavailable;
use super::records;
use crate::guard::Bearer;
use crate::http::Problem;
use crate::store::StoreError;

/// Why nobody was logged out.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedOut {
    /// The token is a remote issuer's, whose sessions are not kept here.
    #[error("the session is {0}'s")]
    Elsewhere(String),
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotLoggedOut> for Problem {
    fn from(not: NotLoggedOut) -> Self {
        match not {
            NotLoggedOut::Elsewhere(issuer) => Self::new(StatusCode::FORBIDDEN, "not-a-session-of-this-server")
                .detail(format!("The token was issued by {issuer}; log out there.")),
            NotLoggedOut::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Accounts {
    /// Ends the session of a token: all its access and refresh tokens are dead from the moment this is answered.
    ///
    /// # Errors
    /// [`NotLoggedOut`].
    pub async fn log_out(&self, bearer: &Bearer) -> Result<(), NotLoggedOut> {
        let session = bearer.session_id.as_deref().filter(|_| bearer.is_local());
        let session: Uuid =
            session.and_then(|id| id.parse().ok()).ok_or_else(|| NotLoggedOut::Elsewhere(bearer.issuer.clone()))?;
        let now = self.clock.unix_micros();
        self.store
            .write(move |connection| {
                Box::pin(async move { records::end_session(connection, &session.to_string(), now).await })
            })
            .await
            .map_err(|error: StoreError| Unavailable::from(error))?;
        self.sessions.note_ended(session);
        tracing::info!(user = bearer.subject, %session, "logged out");
        Ok(())
    }
}
