//! Who changes clients.

use crate::accounts::owner::{NotOwner, Owner};
use crate::audit::{Act, Event};
use crate::store::Connection;

/// Who changes clients.
pub enum Author {
    /// Somebody at the server's command line.
    Operator,
    /// An administrator, over HTTP.
    Administrator(Owner),
}

impl Author {
    pub(super) fn did(&self, act: Act, client_id: &str, now: i64) -> Event {
        match self {
            Self::Operator => Event::success(act, now).by_operator(),
            Self::Administrator(owner) => owner.did(act, now).by_admin(&owner.user_id),
        }
        .on_client(client_id)
    }

    /// The first thing in a transaction: that an administrator's session still stands.
    pub(super) async fn enter(&self, connection: Connection<'_>, now: i64) -> Result<(), NotOwner> {
        match self {
            Self::Operator => Ok(()),
            Self::Administrator(owner) => owner.enter(connection, None, now).await,
        }
    }
}
