//! What shall be different about a client.

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::records::ClientRecord;
use super::rules;
use crate::http::problem::FieldError;
use crate::settings::DeclaredScope;
use crate::token::random::base64url;

/// What shall be different; what is absent stays as it is. `null` takes a member's value away, where it may have none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what is absent and what is null are different here")]
#[schema(examples(json!({ "name": "Orders and returns", "access_ttl": null })))]
pub struct ClientChange {
    pub(crate) name: Option<String>,
    pub(crate) grants: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) access_ttl: Option<Option<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) refresh_ttl: Option<Option<String>>,
    pub(crate) redirect_uris: Option<Vec<String>>,
    pub(crate) post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) audience: Option<Option<String>>,
    pub(crate) trusted: Option<bool>,
    pub(crate) disabled: Option<bool>,
    /// What [`seen`] made of the client that this was decided on: when it is another by now, nothing is changed. Of pages alone.
    #[serde(skip)]
    pub(crate) seen: Option<String>,
}

/// A member that is there, and may be `null`: serde takes that for one that is not.
#[expect(clippy::option_option, reason = "what is absent and what is null are different here")]
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The client as it shall be; or what is wrong with that.
pub(super) fn changed(
    mut client: ClientRecord,
    change: ClientChange,
    declared: &[DeclaredScope],
    now: i64,
) -> Result<ClientRecord, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut take = |result: Result<(), FieldError>| errors.extend(result.err());
    if let Some(name) = change.name {
        take(rules::name(&name).map(|name| client.name = name));
    }
    if let Some(grants) = change.grants {
        take(rules::grants(&grants).map(|grants| client.grants = grants));
    }
    if let Some(scopes) = change.scopes {
        take(rules::scopes(&scopes, declared).map(|scopes| client.scopes = scopes));
    }
    if let Some(ttl) = change.access_ttl {
        take(ttl.as_deref().map(rules::access_ttl).transpose().map(|ttl| client.access_ttl = ttl));
    }
    if let Some(ttl) = change.refresh_ttl {
        take(ttl.as_deref().map(rules::refresh_ttl).transpose().map(|ttl| client.refresh_ttl = ttl));
    }
    if let Some(uris) = change.redirect_uris {
        take(rules::uris("redirect_uris", &uris).map(|uris| client.redirect_uris = uris));
    }
    if let Some(uris) = change.post_logout_redirect_uris {
        let field = "post_logout_redirect_uris";
        take(rules::uris(field, &uris).map(|uris| client.post_logout_redirect_uris = uris));
    }
    if let Some(audience) = change.audience {
        take(audience.as_deref().map(rules::audience).transpose().map(|audience| client.audience = audience));
    }
    let since = |so: Option<bool>, before: Option<i64>| match so {
        Some(true) => before.or(Some(now)),
        Some(false) => None,
        None => before,
    };
    client.disabled_at = since(change.disabled, client.disabled_at);
    client.trusted_at = since(change.trusted, client.trusted_at);
    if errors.is_empty() {
        errors.extend(rules::together(&client));
    }
    if errors.is_empty() { Ok(client) } else { Err(errors) }
}

/// The members that a change made different.
pub(super) fn differences(before: &ClientRecord, after: &ClientRecord) -> Vec<&'static str> {
    let all = [
        ("name", before.name != after.name),
        ("grants", before.grants != after.grants),
        ("scopes", before.scopes != after.scopes),
        ("access_ttl", before.access_ttl != after.access_ttl),
        ("refresh_ttl", before.refresh_ttl != after.refresh_ttl),
        ("redirect_uris", before.redirect_uris != after.redirect_uris),
        ("post_logout_redirect_uris", before.post_logout_redirect_uris != after.post_logout_redirect_uris),
        ("audience", before.audience != after.audience),
        ("trusted", before.trusted_at.is_some() != after.trusted_at.is_some()),
        ("disabled", before.disabled_at.is_some() != after.disabled_at.is_some()),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// A short text for all that a form about a client shows: another text when any of it is different. Whether it is disabled is no part of it, for that is
/// an act of its own.
pub(super) fn seen(client: &ClientRecord) -> String {
    let ClientRecord { name, grants, scopes, access_ttl, refresh_ttl, redirect_uris, audience, .. } = client;
    let (ends, is_trusted) = (&client.post_logout_redirect_uris, client.trusted_at.is_some());
    // As `Debug` writes it, each text has quotes around it, so that no two of these are written alike.
    let text =
        format!("{:?}", (name, grants, scopes, access_ttl, refresh_ttl, redirect_uris, ends, audience, is_trusted));
    base64url(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
