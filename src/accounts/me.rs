//! Who am I?

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Accounts;
use super::error::Unavailable;
use super::records::{self, UserRecord};
use crate::guard::Bearer;
use crate::token::clock::rfc3339;
use crate::token::local::OWN_CLIENT_ID;
use crate::token::{Claims, Scopes};

/// What is known of the bearer of a token.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Me {
    /// A user of this server.
    Local(LocalUser),
    /// Whoever a remote issuer speaks of.
    Remote(RemoteSubject),
}

/// A user of this server, with what the token allows.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "id": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "roles": [], "created_at": "2026-11-24T04:56:15.818932Z", "issuer": "http://localhost:3000/oauth2/default", "scopes": ["openid", "profile", "email"], "expires_at": "2026-11-24T05:56:16.000000Z" })))]
pub struct LocalUser {
    #[schema(format = "uuid")]
    id: String,
    #[serde(flatten)]
    profile: Profile,
    issuer: String,
    #[schema(value_type = Vec<String>)]
    scopes: Scopes,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// All of it for the user himself, and for a client what he granted: `email`, or `profile`.
#[derive(Default, Serialize, ToSchema)]
struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "not told, none and a name are three things")]
    name: Option<Option<String>>,
    /// For the user himself only.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// For the user himself only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    created_at: Option<String>,
}

/// What a remote issuer's token says.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "issuer": "https://dev-123456.okta.com/oauth2/default", "sub": "ada@example.com", "client_id": "0oa1gjh63g214q0Hq0g4", "scopes": ["openid"], "expires_at": "2026-11-24T05:56:16.000000Z", "claims": { "sub": "ada@example.com" } })))]
pub struct RemoteSubject {
    issuer: String,
    sub: String,
    #[schema(required)]
    client_id: Option<String>,
    #[schema(value_type = Vec<String>)]
    scopes: Scopes,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(value_type = Object)]
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

fn profile(user: &UserRecord, bearer: &Bearer) -> Profile {
    let is_own = bearer.client_id.as_deref() == Some(OWN_CLIENT_ID);
    let mut profile = Profile::default();
    if is_own || bearer.scopes.contains("email") {
        profile.email = Some(user.email.clone());
        profile.email_verified = Some(user.email_verified_at.is_some());
    }
    if is_own || bearer.scopes.contains("profile") {
        profile.name = Some(user.name.clone());
    }
    if is_own {
        profile.roles = Some(user.roles.split_whitespace().map(str::to_owned).collect());
        profile.created_at = Some(rfc3339(user.created_at));
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
