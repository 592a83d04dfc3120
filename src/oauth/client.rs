//! A client as it is kept in memory.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::client_change::seen;
use super::records::{ClientRecord, SecretRecord};
use crate::token::Scopes;
use crate::token::assertion::AssertionKeys;
use crate::token::clock::rfc3339;

/// How a client gets tokens: the `grant_type` that it sends (RFC 6749, section 1.3; RFC 8628, section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// For itself.
    ClientCredentials,
    /// For a user who signed in at the pages of this server.
    AuthorizationCode,
    /// For the same user again.
    RefreshToken,
    /// For a user who signed in on another device.
    DeviceCode,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ClientCredentials, Self::AuthorizationCode, Self::RefreshToken, Self::DeviceCode];

    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }

    /// The grant of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }

    /// The same, by the short name of the device grant too.
    #[must_use]
    pub fn of_short(name: &str) -> Option<Self> {
        if name == "device_code" { Some(Self::DeviceCode) } else { Self::of(name) }
    }
}

/// Scopes that every client may ask a user for (OpenID Connect Core 1.0, sections 5.4 and 11).
pub const OPENID_SCOPES: [&str; 4] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS];
/// An ID token.
pub const OPENID: &str = "openid";
/// The user's name.
pub const PROFILE: &str = "profile";
/// His email address.
pub const EMAIL: &str = "email";
/// A refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// How a client may prove who it is (OpenID Connect Core 1.0, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// Not at all: it runs where its users could read a secret. What it got for a user is bound to it by PKCE.
    None,
    /// Its secret, in the header.
    ClientSecretBasic,
    /// Its secret, in the body.
    ClientSecretPost,
    /// A token that it signed itself (RFC 7523).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt, Self::None];

    /// Those by which a client proves who it is.
    pub const PROOFS: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// Whether clients of it have a secret.
    #[must_use]
    pub fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
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

/// Whether a text has the form of a client's id, of whichever client.
pub(crate) fn is_client_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.starts_with("0oa") && text.len() <= 64 && text.bytes().all(is_letter)
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
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.record.grants.split(' ').any(|own| own == grant.name())
    }

    /// How it proves who it is; `None`: by its secret, either way.
    #[must_use]
    pub fn auth_method(&self) -> Option<AuthMethod> {
        self.auth_method
    }

    /// When it was added, in microseconds since 1970.
    #[must_use]
    pub fn created_at(&self) -> i64 {
        self.record.created_at
    }

    /// Since and until when each of its secrets is good that are at `now`, in microseconds since 1970.
    pub fn secret_times(&self, now: i64) -> impl Iterator<Item = (i64, Option<i64>)> {
        let good = self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|end| now < end));
        good.map(|secret| (secret.created_at, secret.expires_at))
    }

    /// Whether it can keep no secret.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.auth_method == Some(AuthMethod::None)
    }

    /// Whether it gets what its users have without their being asked.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.record.trusted_at.is_some()
    }

    /// `aud` of its access tokens, when it is not that of the settings.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.record.audience.as_deref()
    }

    /// Where its users may be sent.
    pub fn redirect_uris(&self) -> impl Iterator<Item = &str> {
        self.record.redirect_uris.split(' ').filter(|uri| !uri.is_empty())
    }

    /// Where they may be sent when they have signed out.
    pub fn post_logout_redirect_uris(&self) -> impl Iterator<Item = &str> {
        self.record.post_logout_redirect_uris.split(' ').filter(|uri| !uri.is_empty())
    }

    /// How long its access tokens live, when it is not as long as others'.
    #[must_use]
    pub fn access_ttl(&self) -> Option<Duration> {
        self.record.access_ttl.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
    }

    /// How long its refresh tokens are good when nobody uses them, when it is not as long as others'.
    #[must_use]
    pub fn refresh_ttl(&self) -> Option<Duration> {
        self.record.refresh_ttl.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
    }

    /// A short text for what a form about it shows; see [`seen`].
    pub(crate) fn seen(&self) -> String {
        seen(&self.record)
    }

    /// Hashes of the secrets that are good at `now`.
    pub(super) fn secret_hashes(&self, now: i64) -> impl Iterator<Item = &str> {
        let good = move |secret: &&SecretRecord| secret.expires_at.is_none_or(|end| now < end);
        self.secrets.iter().filter(good).map(|secret| secret.secret_hash.as_str())
    }

    /// Its members for an administrator; of its secrets, only since and until when they are good.
    #[must_use]
    pub fn overview(&self, now: i64) -> ClientOverview {
        let record = &self.record;
        let good = self.secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| now < end));
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let duration = |ttl: Duration| humantime::format_duration(ttl).to_string();
        ClientOverview {
            client_id: record.id.clone(),
            name: record.name.clone(),
            grants: words(&record.grants),
            scopes: words(&record.scopes),
            auth_method: record.auth_method.clone(),
            jwks: record.jwks.as_deref().and_then(|jwks| serde_json::from_str(jwks).ok()),
            redirect_uris: words(&record.redirect_uris),
            post_logout_redirect_uris: words(&record.post_logout_redirect_uris),
            audience: record.audience.clone(),
            trusted: self.is_trusted(),
            access_ttl: self.access_ttl().map(duration),
            refresh_ttl: self.refresh_ttl().map(duration),
            created_at: rfc3339(record.created_at),
            disabled: !self.is_enabled(),
            secrets: good
                .map(|secret| SecretOverview {
                    created_at: rfc3339(secret.created_at),
                    expires_at: secret.expires_at.map(rfc3339),
                })
                .collect(),
        }
    }

    /// The same as a value.
    #[must_use]
    pub fn to_json(&self, now: i64) -> Value {
        serde_json::to_value(self.overview(now)).unwrap_or_default()
    }
}

/// A client as an administrator sees it.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "name": "Orders", "grants": ["client_credentials"], "scopes": ["customScope"], "auth_method": null, "jwks": null, "redirect_uris": [], "post_logout_redirect_uris": [], "audience": null, "trusted": false, "access_ttl": "15m", "refresh_ttl": null, "created_at": "2026-11-24T04:56:15.818932Z", "disabled": false, "secrets": [{ "created_at": "2026-11-24T04:56:15.818932Z", "expires_at": null }] })))]
pub struct ClientOverview {
    client_id: String,
    name: String,
    grants: Vec<String>,
    scopes: Vec<String>,
    /// `null`: its secret, in the header or in the body.
    #[schema(required)]
    auth_method: Option<String>,
    /// Its public keys, for `private_key_jwt`.
    #[schema(required, value_type = Option<Object>)]
    jwks: Option<Value>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    #[schema(required)]
    audience: Option<String>,
    trusted: bool,
    #[schema(required)]
    access_ttl: Option<String>,
    #[schema(required)]
    refresh_ttl: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    disabled: bool,
    secrets: Vec<SecretOverview>,
}

/// Since and until when a secret is good.
#[derive(Serialize, ToSchema)]
pub struct SecretOverview {
    #[schema(format = DateTime)]
    created_at: String,
    /// `null`: until another takes its place.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
}
