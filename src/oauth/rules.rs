//! What a client may be like.

use std::time::Duration;

use serde_json::Value;

use super::client::{AuthMethod, CLIENT_CREDENTIALS};
use super::clients::NewClient;
use super::records::ClientRecord;
use crate::accounts::name::display_name;
use crate::http::problem::FieldError;
use crate::settings::DeclaredScope;
use crate::token::assertion::AssertionKeys;
use crate::token::local::MAX_ACCESS_TTL;

/// The largest set of keys, in bytes.
const MAX_JWKS: usize = 32 * 1024;

/// What is kept of a new client.
pub(super) fn record(
    new: &NewClient,
    declared: &[DeclaredScope],
    id: String,
    now: i64,
) -> Result<ClientRecord, Vec<FieldError>> {
    let mut errors = Vec::new();
    let name = take(&mut errors, name(&new.name));
    let grants = take(&mut errors, grants(&new.grants));
    let scopes = take(&mut errors, scopes(&new.scopes, declared));
    let auth_method = take(&mut errors, auth_method(new.auth_method.as_deref()));
    let jwks = take(&mut errors, jwks(new.jwks.as_ref(), auth_method.flatten()));
    let access_ttl = take(&mut errors, new.access_ttl.as_deref().map(access_ttl).transpose());
    match (name, grants, scopes, auth_method, jwks, access_ttl) {
        (Some(name), Some(grants), Some(scopes), Some(auth_method), Some(jwks), Some(access_ttl)) => {
            let auth_method = auth_method.map(|method| method.name().to_owned());
            Ok(ClientRecord {
                id,
                name,
                grants,
                scopes,
                auth_method,
                jwks,
                access_ttl,
                created_at: now,
                disabled_at: None,
            })
        }
        _ => Err(errors),
    }
}

fn take<T>(errors: &mut Vec<FieldError>, result: Result<T, FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn wrong(field: &'static str, message: impl Into<String>) -> FieldError {
    FieldError { field, message: message.into().into() }
}

pub(super) fn name(name: &str) -> Result<String, FieldError> {
    display_name(Some(name))?.ok_or_else(|| wrong("name", "must not be empty"))
}

pub(super) fn grants(grants: &[String]) -> Result<String, FieldError> {
    match grants.iter().find(|grant| *grant != CLIENT_CREDENTIALS) {
        Some(_) => Err(wrong("grants", "must be client_credentials: this version has no other grant for clients")),
        None => Ok(if grants.is_empty() { String::new() } else { CLIENT_CREDENTIALS.to_owned() }),
    }
}

/// Only declared ones, and `admin` can be none of those: whatever a client may do, it is no administrator.
pub(super) fn scopes(scopes: &[String], declared: &[DeclaredScope]) -> Result<String, FieldError> {
    if scopes.iter().all(|scope| declared.iter().any(|declared| declared.name == *scope)) {
        let scopes: crate::token::Scopes = scopes.iter().map(String::as_str).collect();
        return Ok(scopes.to_string());
    }
    let names: Vec<&str> = declared.iter().map(|scope| scope.name.as_str()).collect();
    Err(wrong(
        "scopes",
        if names.is_empty() {
            "must be declared in the settings, as [[oauth.scopes]]; none is".to_owned()
        } else {
            format!("must be of those declared in the settings as [[oauth.scopes]]: {}", names.join(", "))
        },
    ))
}

fn auth_method(name: Option<&str>) -> Result<Option<AuthMethod>, FieldError> {
    let Some(name) = name else { return Ok(None) };
    let names = AuthMethod::ALL.map(AuthMethod::name).join(", ");
    let unknown =
        || wrong("auth_method", format!("must be one of {names}; without it, either way of a secret is taken"));
    AuthMethod::of(name).map(Some).ok_or_else(unknown)
}

fn jwks(jwks: Option<&Value>, method: Option<AuthMethod>) -> Result<Option<String>, FieldError> {
    match (jwks, method) {
        (Some(jwks), Some(AuthMethod::PrivateKeyJwt)) => {
            let text = jwks.to_string();
            if text.len() > MAX_JWKS {
                return Err(wrong("jwks", format!("must have at most {MAX_JWKS} bytes")));
            }
            AssertionKeys::parse(text.as_bytes())
                .map_err(|why| wrong("jwks", format!("must be a set of public keys (RFC 7517); {why}")))?;
            Ok(Some(text))
        }
        (None, Some(AuthMethod::PrivateKeyJwt)) => {
            Err(wrong("jwks", "must be there for private_key_jwt: the client's public keys, {\"keys\": [...]}"))
        }
        (Some(_), _) => Err(wrong("jwks", "goes with the auth_method private_key_jwt only")),
        (None, _) => Ok(None),
    }
}

/// In seconds.
pub(super) fn access_ttl(text: &str) -> Result<i64, FieldError> {
    let ttl = humantime::parse_duration(text).ok();
    let ttl = ttl.filter(|ttl| (Duration::from_secs(1)..=MAX_ACCESS_TTL).contains(ttl));
    ttl.and_then(|ttl| i64::try_from(ttl.as_secs()).ok())
        .ok_or_else(|| wrong("access_ttl", "must be a duration between 1s and 24h, such as \"15m\""))
}
