//! What a client may be like.

use std::time::Duration;

use serde_json::Value;

use super::client::{AuthMethod, GrantType, OPENID_SCOPES};
use super::clients::NewClient;
use super::records::ClientRecord;
use super::redirect_uri;
use crate::accounts::name::display_name;
use crate::http::problem::FieldError;
use crate::settings::DeclaredScope;
use crate::token::assertion::AssertionKeys;
use crate::token::local::MAX_ACCESS_TTL;

/// The largest set of keys, in bytes.
const MAX_JWKS: usize = 32 * 1024;

const MAX_REFRESH_TTL: Duration = Duration::from_hours(24 * 365);

const MOST_URIS: usize = 50;
const MOST_AUDIENCE: usize = 200;

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
    let refresh_ttl = take(&mut errors, new.refresh_ttl.as_deref().map(refresh_ttl).transpose());
    let redirects = take(&mut errors, uris("redirect_uris", &new.redirect_uris));
    let after_logout = take(&mut errors, uris("post_logout_redirect_uris", &new.post_logout_redirect_uris));
    let audience = take(&mut errors, new.audience.as_deref().map(audience).transpose());
    let record = ClientRecord {
        id,
        name: name.unwrap_or_default(),
        grants: grants.unwrap_or_default(),
        scopes: scopes.unwrap_or_default(),
        auth_method: auth_method.flatten().map(|method| method.name().to_owned()),
        jwks: jwks.flatten(),
        access_ttl: access_ttl.flatten(),
        created_at: now,
        disabled_at: None,
        redirect_uris: redirects.unwrap_or_default(),
        post_logout_redirect_uris: after_logout.unwrap_or_default(),
        audience: audience.flatten(),
        refresh_ttl: refresh_ttl.flatten(),
        trusted_at: new.trusted.then_some(now),
    };
    if errors.is_empty() {
        errors.extend(together(&record));
    }
    if errors.is_empty() { Ok(record) } else { Err(errors) }
}

/// What of a client does not go together.
pub(super) fn together(client: &ClientRecord) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let has = |grant: GrantType| client.grants.split(' ').any(|own| own == grant.name());
    let for_users = has(GrantType::AuthorizationCode) || has(GrantType::DeviceCode);
    if has(GrantType::AuthorizationCode) && client.redirect_uris.is_empty() {
        errors.push(wrong("redirect_uris", "must have one at least for authorization_code"));
    }
    if !has(GrantType::AuthorizationCode) && !client.redirect_uris.is_empty() {
        errors.push(wrong("redirect_uris", "goes with the grant authorization_code only"));
    }
    if has(GrantType::RefreshToken) && !for_users {
        let why = "must have authorization_code or device_code besides refresh_token: client_credentials has no refresh tokens";
        errors.push(wrong("grants", why));
    }
    if client.auth_method.as_deref() == Some(AuthMethod::None.name()) && has(GrantType::ClientCredentials) {
        errors.push(wrong(
            "grants",
            "must not be client_credentials for a public client: it has nothing to prove itself by",
        ));
    }
    errors
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
    let known: Option<Vec<GrantType>> = grants.iter().map(|grant| GrantType::of_short(grant)).collect();
    let names = || GrantType::ALL.map(GrantType::name).join(", ").replace(GrantType::DeviceCode.name(), "device_code");
    let known = known.ok_or_else(|| wrong("grants", format!("must be of {}", names())))?;
    let used: Vec<&str> =
        GrantType::ALL.iter().filter(|grant| known.contains(grant)).map(|grant| grant.name()).collect();
    Ok(used.join(" "))
}

pub(super) fn uris(field: &'static str, uris: &[String]) -> Result<String, FieldError> {
    if uris.len() > MOST_URIS {
        return Err(wrong(field, format!("must be at most {MOST_URIS}")));
    }
    for uri in uris {
        redirect_uri::check(uri).map_err(|why| wrong(field, format!("{why} (found {uri:?})")))?;
    }
    Ok(uris.join(" "))
}

pub(super) fn audience(audience: &str) -> Result<String, FieldError> {
    let is_plain =
        (1..=MOST_AUDIENCE).contains(&audience.len()) && audience.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain {
        return Ok(audience.to_owned());
    }
    Err(wrong("audience", format!("must be 1 to {MOST_AUDIENCE} printable characters of ASCII, such as api://orders")))
}

/// Only declared ones, and `admin` can be none of those: whatever a client may do, it is no administrator.
pub(super) fn scopes(scopes: &[String], declared: &[DeclaredScope]) -> Result<String, FieldError> {
    // Those of OpenID Connect need not be named: users are asked for them.
    let others = scopes.iter().map(String::as_str).filter(|scope| !OPENID_SCOPES.contains(scope));
    if others.clone().all(|scope| declared.iter().any(|declared| declared.name == *scope)) {
        let scopes: crate::token::Scopes = others.collect();
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
    seconds(text, MAX_ACCESS_TTL)
        .ok_or_else(|| wrong("access_ttl", "must be a duration between 1s and 24h, such as \"15m\""))
}

/// In seconds.
pub(super) fn refresh_ttl(text: &str) -> Result<i64, FieldError> {
    seconds(text, MAX_REFRESH_TTL)
        .ok_or_else(|| wrong("refresh_ttl", "must be a duration between 1s and 365d, such as \"7d\""))
}

fn seconds(text: &str, longest: Duration) -> Option<i64> {
    let ttl = humantime::parse_duration(text).ok()?;
    let ttl = (Duration::from_secs(1)..=longest).contains(&ttl).then_some(ttl)?;
    i64::try_from(ttl.as_secs()).ok()
}
