//! Whether a token of this server still stands: of a user by his session, of a client by the client; of a client that acts for a user by both.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::registry::Registry;
use crate::accounts::sessions::Sessions;
use crate::token::local::OWN_CLIENT_ID;
use crate::token::{Claims, Known, Standing, StoreUnavailable};

/// Asks whoever knows. Which kind a token is, the issuer has checked: a user's has a session, a client's that acts for itself has none.
pub(crate) struct OfUsersAndClients {
    pub sessions: Arc<Sessions>,
    pub registry: Arc<Registry>,
}

impl OfUsersAndClients {
    async fn ask(&self, claims: &Claims) -> Result<Known, StoreUnavailable> {
        if has_session(claims) && self.sessions.look_up(claims).await? != Known::Stands {
            return Ok(Known::Ended);
        }
        if has_client(claims) { self.registry.ask_store(claims).await } else { Ok(Known::Stands) }
    }
}

impl Standing for OfUsersAndClients {
    fn known(&self, claims: &Claims) -> Known {
        let session = if has_session(claims) { self.sessions.known(claims) } else { Known::Stands };
        match session {
            Known::Stands if has_client(claims) => self.registry.known(claims),
            session => session,
        }
    }

    fn look_up<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Known, StoreUnavailable>> {
        self.ask(claims).boxed()
    }
}

fn has_session(claims: &Claims) -> bool {
    claims.session_id.is_some()
}

/// Whether it was given to a client, and not to its user at `/api/login`.
fn has_client(claims: &Claims) -> bool {
    claims.client_id.as_deref() != Some(OWN_CLIENT_ID)
}
