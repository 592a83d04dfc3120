//! Who am I?

use serde::Serialize;
use serde_json::{Map, Value};

use super::Accounts;
use super::error::Unavailable;
use super::records;
use crate::guard::Bearer;
use crate::token::clock::rfc3339;
use crate::token::{Claims, Scopes};

/// What is known of the bearer of a token.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Me {
    /// A user of this server.
    Local(LocalUser),
    /// Whoever a remote issuer speaks of.
    Remote(RemoteSubject),
}

/// A user of this server, with what the token allows.
#[derive(Serialize)]
pub struct LocalUser {
    id: String,
    email: String,
    name: Option<String>,
    email_verified: bool,
    roles: Vec<String>,
    created_at: String,
    issuer: String,
    scopes: Scopes,
    expires_at: String,
}

/// What a remote issuer's token says.
#[derive(Serialize)]
pub struct RemoteSubject {
    issuer: String,
    sub: String,
    client_id: Option<String>,
    scopes: Scopes,
    expires_at: String,
    claims: Map<String, Value>,
}

impl Accounts {
    /// What is known of the user of a local token; `None` when the account is gone.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn me(&self, bearer: &Bearer) -> Result<Option<Me>, Unavailable> {
        let mut reader = self.store.read().await?;
        let user = records::user_by_id(reader.connection(), &bearer.subject).await?;
        Ok(user.map(|user| {
            Me::Local(LocalUser {
                id: user.id,
                email: user.email,
                name: user.name,
                email_verified: user.email_verified_at.is_some(),
                roles: user.roles.split_whitespace().map(str::to_owned).collect(),
                created_at: rfc3339(user.created_at),
                issuer: bearer.issuer.clone(),
                scopes: bearer.scopes.clone(),
                expires_at: rfc3339(bearer.expires_at.saturating_mul(1_000_000)),
            })
        }))
    }
}

impl From<&Claims> for RemoteSubject {
    fn from(claims: &Claims) -> Self {
        Self {
            issuer: claims.issuer.clone(),
            sub: claims.subject.clone(),
            client_id: claims.client_id.clone(),
            scopes: claims.scopes.clone(),
            expires_at: rfc3339(claims.expires_at.saturating_mul(1_000_000)),
            claims: claims.to_json(),
        }
    }
}
