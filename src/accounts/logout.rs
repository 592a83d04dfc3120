//! Logging out.

use super::Accounts;
use super::error::Unavailable;
use super::owner::Owner;
use super::records;
use crate::audit::Act;
use crate::store::StoreError;

impl Accounts {
    /// Ends the session of the owner's token: all its access and refresh tokens are dead from the moment this is answered.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn log_out(&self, owner: &Owner) -> Result<(), Unavailable> {
        let now = self.clock.unix_micros();
        let (session, event) = (owner.session.to_string(), owner.did(Act::Logout, now));
        self.end_by(move |mut connection| {
            Box::pin(async move {
                let ended = records::end_session(connection.reborrow(), &session, now).await?;
                event.record(connection).await?;
                Ok::<_, StoreError>(ended)
            })
        })
        .await?;
        tracing::info!(user = owner.user_id, session = %owner.session, "logged out");
        Ok(())
    }
}
