//! A client as it is kept in memory.

use std::time::Duration;

use serde_json::{Value, json};

use super::records::{ClientRecord, SecretRecord};
use crate::token::Scopes;
use crate::token::assertion::AssertionKeys;
use crate::token::clock::rfc3339;

/// The only grant of this version.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";

/// How a client may prove who it is (OpenID Connect Core 1.0, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// Its secret, in the header.
    ClientSecretBasic,
    /// Its secret, in the body.
    ClientSecretPost,
    /// A token that it signed itself (RFC 7523).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// A client.
pub struct Client {
    /// What is kept of it.
    pub(super) record: ClientRecord,
    /// Those it may have.
    pub(super) scopes: Scopes,
    /// `None`: its secret, either way.
    pub(super) auth_method: Option<AuthMethod>,
    pub(super) keys: Option<AssertionKeys>,
    secrets: Vec<SecretRecord>,
}

impl Client {
    pub(super) fn new(record: ClientRecord, secrets: Vec<SecretRecord>) -> Self {
        Self {
            scopes: Scopes::from(record.scopes.as_str()),
            auth_method: record.auth_method.as_deref().and_then(AuthMethod::of),
            keys: record.jwks.as_deref().and_then(|jwks| AssertionKeys::parse(jwks.as_bytes()).ok()),
            secrets,
            record,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Those it may have.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether it may do anything at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.record.disabled_at.is_none()
    }

    /// Whether it may use this grant.
    #[must_use]
    pub fn may_use(&self, grant: &str) -> bool {
        self.record.grants.split(' ').any(|own| own == grant)
    }

    /// How long its access tokens live, when it is not as long as others'.
    #[must_use]
    pub fn access_ttl(&self) -> Option<Duration> {
        self.record.access_ttl.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
    }

    /// Hashes of the secrets that are good at `now`.
    pub(super) fn secret_hashes(&self, now: i64) -> impl Iterator<Item = &str> {
        let good = move |secret: &&SecretRecord| secret.expires_at.is_none_or(|end| now < end);
        self.secrets.iter().filter(good).map(|secret| secret.secret_hash.as_str())
    }

    /// Its members for an administrator; of its secrets, only since and until when they are good.
    #[must_use]
    pub fn to_json(&self, now: i64) -> Value {
        let record = &self.record;
        let good = self.secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| now < end));
        let secrets: Vec<Value> = good
            .map(|secret| json!({ "created_at": rfc3339(secret.created_at), "expires_at": secret.expires_at.map(rfc3339) }))
            .collect();
        let jwks: Option<Value> = record.jwks.as_deref().and_then(|jwks| serde_json::from_str(jwks).ok());
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        json!({
            "client_id": record.id,
            "name": record.name,
            "grants": words(&record.grants),
            "scopes": words(&record.scopes),
            "auth_method": record.auth_method,
            "jwks": jwks,
            "access_ttl": self.access_ttl().map(|ttl| humantime::format_duration(ttl).to_string()),
            "created_at": rfc3339(record.created_at),
            "disabled": !self.is_enabled(),
            "secrets": secrets,
        })
    }
}
