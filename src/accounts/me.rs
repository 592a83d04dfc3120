//! Who am I?

use serde::Serialize;
use serde_json::{Map, Value};

use super::Accounts;
use super::error::Unavailable;
use super::records::{self, UserRecord};
use crate::guard::Bearer;
use crate::token::clock::rfc3339;
use crate::token::local::OWN_CLIENT_ID;
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
    #[serde(flatten)]
    profile: Map<String, Value>,
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
                profile: profile(&user, bearer),
                id: user.id,
                issuer: bearer.issuer.clone(),
                scopes: bearer.scopes.clone(),
                expires_at: rfc3339(bearer.expires_at.saturating_mul(1_000_000)),
            })
        }))
    }
}

/// All of it for the user himself, and for a client what he granted.
fn profile(user: &UserRecord, bearer: &Bearer) -> Map<String, Value> {
    let is_own = bearer.client_id.as_deref() == Some(OWN_CLIENT_ID);
    let mut profile = Map::new();
    let mut put = |name: &str, value: Value| profile.insert(name.to_owned(), value);
    if is_own || bearer.scopes.contains("email") {
        put("email", user.email.clone().into());
        put("email_verified", user.email_verified_at.is_some().into());
    }
    if is_own || bearer.scopes.contains("profile") {
        put("name", user.name.clone().into());
    }
    if is_own {
        put("roles", user.roles.split_whitespace().collect::<Vec<_>>().into());
        put("created_at", rfc3339(user.created_at).into());
    }
    profile
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
