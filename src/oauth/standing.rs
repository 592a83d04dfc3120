//! Whether a token of this server still stands: of a user by his session, of a client by the client.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::registry::Registry;
use crate::accounts::sessions::Sessions;
use crate::token::{Claims, Known, Standing, StoreUnavailable};

/// Asks whoever knows. Which kind a token is, the issuer has checked: a user's has a session, a client's has none.
pub(crate) struct OfUsersAndClients {
    pub sessions: Arc<Sessions>,
    pub registry: Arc<Registry>,
}

impl Standing for OfUsersAndClients {
    fn known(&self, claims: &Claims) -> Known {
        if claims.session_id.is_some() { self.sessions.known(claims) } else { self.registry.known(claims) }
    }

    fn look_up<'a>(&'a self, claims: &'a Claims) -> BoxFuture<'a, Result<Known, StoreUnavailable>> {
        if claims.session_id.is_some() {
            self.sessions.look_up(claims)
        } else {
            self.registry.ask_store(claims).boxed()
        }
    }
}
