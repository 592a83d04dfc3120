//! The sections about issuers: whose tokens are believed (`[auth]`), the local issuer (`[tokens]`), the remote ones
//! (`[remote.NAME]`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::hidden::shown_in_message;
use super::mistake::Place;
use super::reader::{Reader, Wrong};
use super::sections::DAY;
use super::{Auth, Remote, Server, Tokens, claims, secret, units};
use crate::token::SigningAlgorithm;
use crate::token::issuer_url::{WrongIssuer, check_issuer_url, check_jwks_uri};
use crate::token::required_claim::RequiredClaim;

/// The name of the local issuer in `auth.accept`.
const LOCAL: &str = "local";

pub(super) fn auth(r: &mut Reader) -> Option<Auth> {
    let accept = r.list("auth.accept", "want a list of issuers, such as [\"local\"] or [\"local\", \"okta\"]")?;
    let known: BTreeSet<String> = names(r).into_iter().chain([LOCAL.to_owned()]).collect();
    if accept.is_empty() {
        r.refuse("auth.accept", "want at least one issuer, or no token would ever be accepted");
    }
    for (index, name) in accept.iter().enumerate() {
        if !known.contains(name) {
            let list: Vec<&str> = known.iter().map(String::as_str).collect();
            let advice =
                format!("no such issuer; there are {} (\"local\", and the names under [remote.*])", list.join(", "));
            r.refuse_item("auth.accept", name, advice);
        } else if accept.iter().take(index).any(|earlier| earlier == name) {
            r.refuse_item("auth.accept", name, "this is in the list twice; remove one");
        }
    }
    let local = accept.iter().any(|name| name == LOCAL);
    Some(Auth { local, remotes: accept.into_iter().filter(|name| name != LOCAL).collect() })
}

pub(super) fn tokens(r: &mut Reader) -> Option<Tokens> {
    let algorithms = SigningAlgorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let algorithm = r.choice("tokens.algorithm", &algorithms);
    let rotate_every = rotate_every(r);
    let audience = r.words("tokens.audience", "want the audience of access tokens, such as \"api://default\"");
    let access_ttl = r.duration("tokens.access_ttl", Duration::from_secs(1)..=DAY);
    let refresh_ttl = r.duration("tokens.refresh_ttl", Duration::from_secs(1)..=365 * DAY);
    let key_dir = r.words("tokens.key_dir", "want the path of a folder, such as \"data/keys\"");
    let leeway = r.duration("tokens.leeway", Duration::ZERO..=Duration::from_mins(5));
    let secret = hmac_secret(r);
    let claims = claims::claims(r);
    if let (Some(access), Some(refresh)) = (access_ttl, refresh_ttl)
        && refresh < access
    {
        let access = units::show_duration(access);
        r.refuse("tokens.refresh_ttl", format!("want at least tokens.access_ttl, which is {access}"));
    }
    Some(Tokens {
        algorithm: algorithm?,
        rotate_every: rotate_every?,
        audience: audience?,
        access_ttl: access_ttl?,
        refresh_ttl: refresh_ttl?,
        key_dir: PathBuf::from(key_dir?),
        secret: secret?,
        leeway: leeway?,
        claims: claims?,
    })
}

/// How long a key signs: `None` for as long as nobody rotates it.
#[expect(clippy::option_option, reason = "a wrong value and none at all are different here, as for every optional key")]
fn rotate_every(r: &mut Reader) -> Option<Option<Duration>> {
    // A key is published for a day before it signs.
    let range = 2 * DAY..=3_650 * DAY;
    let want = "want \"0s\" for never, or a duration between 2d and 3650d, such as \"90d\"";
    r.text("tokens.rotate_every", want, |text| match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(None),
        Ok(every) if range.contains(&every) => Ok(Some(every)),
        _ => Err(Wrong::NotThis),
    })
}

/// The secret that replaces the HS256 keys of `key_dir`, if there is one: only from the environment, for files end up in backups
/// and repositories. `None` when it is wrong.
#[expect(clippy::option_option, reason = "a wrong value and none at all are different here, as for every optional key")]
fn hmac_secret(r: &mut Reader) -> Option<Option<SecretString>> {
    let key = "tokens.secret";
    if r.place(key).is_none() {
        r.know(key);
        return Some(None);
    }
    r.get(key, "want a text", |value, place| match (value, place) {
        (Value::String(text), Place::Environment(_)) => {
            secret::check(text).map_err(Wrong::Because)?;
            Ok(Some(SecretString::from(text.as_str())))
        }
        _ => Err(Wrong::Because(
            "secrets do not belong in files; remove the key and set TOKENHOUSE__TOKENS__SECRET in the environment"
                .to_owned(),
        )),
    })
}

/// The names under `[remote.*]` that may be names, sorted.
fn names(r: &Reader) -> Vec<String> {
    let keys = r.keys_under("remote.");
    let names: BTreeSet<&str> =
        keys.iter().filter_map(|key| key.split('.').nth(1)).filter(|name| is_name(name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Whether an issuer may be called so: what an environment variable's name can say.
fn is_name(name: &str) -> bool {
    let letters =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    letters && !name.is_empty() && !name.contains("__") && name != LOCAL
}

/// Reads every `[remote.NAME]`, whether it is accepted or not.
pub(super) fn remotes(r: &mut Reader, server: Option<&Server>) -> Option<BTreeMap<String, Remote>> {
    let mut misnamed = BTreeSet::new();
    for key in r.keys_under("remote.") {
        let name = key.split('.').nth(1).unwrap_or_default();
        if is_name(name) {
            continue;
        }
        r.know(&key);
        if misnamed.insert(name.to_owned()) {
            let advice = if name == LOCAL {
                "\"local\" is this server's own issuer; want another name"
            } else {
                "want a name of lower-case letters, digits, - and single _, so that environment variables can name it too"
            };
            let place = r.place(&key).cloned().unwrap_or(Place::BuiltIn);
            r.record(place, Some(key), None, advice.to_owned());
        }
    }
    let mut remotes = BTreeMap::new();
    let mut complete = true;
    let mut issuers: BTreeMap<String, String> = BTreeMap::new();
    if let Some(server) = server {
        issuers.insert(format!("{}/oauth2/default", server.public_url), "this server itself".to_owned());
    }
    for name in names(r) {
        let Some(remote) = remote(r, &name) else {
            complete = false;
            continue;
        };
        // Issuers are told apart by `iss`, so no two may have the same.
        if let Some(other) = issuers.insert(remote.issuer.clone(), format!("[remote.{name}]")) {
            r.refuse(&format!("remote.{name}.issuer"), format!("this is the issuer of {other} already; keep one"));
        }
        remotes.insert(name, remote);
    }
    complete.then_some(remotes)
}

fn remote(r: &mut Reader, name: &str) -> Option<Remote> {
    let key = |last: &str| format!("remote.{name}.{last}");
    r.add_default(&key("client_id"), json!(""));
    r.add_default(&key("algorithms"), json!(["RS256"]));
    r.add_default(&key("jwks_uri"), json!(""));
    r.add_default(&key("ca_certificate"), json!(""));
    let issuer = r.text(
        &key("issuer"),
        "want the issuer of its tokens, such as \"https://dev-123456.okta.com/oauth2/default\"",
        |text| Ok(text.to_owned()),
    );
    let issuer = issuer.and_then(|issuer| address(r, &key("issuer"), &issuer, check_issuer_url).map(|_| issuer));
    let audience = r.words(&key("audience"), "want the aud of its tokens, such as \"api://default\"");
    let client_id = r.text(&key("client_id"), "want a client's id, or \"\" for any client", |text| Ok(optional(text)));
    let algorithms = algorithms(r, &key("algorithms"));
    let jwks_uri = match r.text(&key("jwks_uri"), "want an https URL, or \"\" for discovery", |text| Ok(optional(text)))
    {
        Some(Some(text)) => address(r, &key("jwks_uri"), &text, check_jwks_uri).map(Some),
        other => other.map(|_| None),
    };
    let ca_certificate = r.text(&key("ca_certificate"), "want the path of a PEM file", |text| match optional(text) {
        Some(path) if !Path::new(&path).is_file() => {
            Err(Wrong::Because("there is no such file; want the path of a PEM file".to_owned()))
        }
        path => Ok(path.map(PathBuf::from)),
    });
    let required_claims = required_claims(r, &key("required_claims"));
    Some(Remote {
        issuer: issuer?,
        audience: audience?,
        client_id: client_id?,
        algorithms: algorithms?,
        jwks_uri: jwks_uri?,
        ca_certificate: ca_certificate?,
        required_claims: required_claims?,
    })
}

fn optional(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Checks an address and records everything that is wrong with it.
fn address<T>(r: &mut Reader, key: &str, text: &str, check: impl Fn(&str) -> Result<T, Vec<WrongIssuer>>) -> Option<T> {
    match check(text) {
        Ok(address) => Some(address),
        Err(wrong) => {
            for wrong in wrong {
                r.refuse(key, wrong.to_string());
            }
            None
        }
    }
}

/// The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that a remote issuer may use.
fn algorithms(r: &mut Reader, key: &str) -> Option<Vec<Algorithm>> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let want = "want some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
    let texts = r.list(key, &format!("{want}, in a list"))?;
    if texts.is_empty() {
        r.refuse(key, format!("without an algorithm no token can be accepted; {want}"));
    }
    let mut algorithms = Vec::with_capacity(texts.len());
    for text in texts {
        let allowed = [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA];
        match text.parse::<Algorithm>() {
            Ok(algorithm) if allowed.contains(&algorithm) && algorithms.contains(&algorithm) => {
                r.refuse_item(key, &text, "this is in the list twice; remove one");
            }
            Ok(algorithm) if allowed.contains(&algorithm) => algorithms.push(algorithm),
            _ if text.starts_with("HS") => {
                r.refuse_item(
                    key,
                    &text,
                    format!("an HMAC: whoever has the issuer's public key could forge tokens with it; {want}"),
                );
            }
            _ if text.eq_ignore_ascii_case("none") => {
                r.refuse_item(key, &text, format!("tokens without a signature are never accepted; {want}"));
            }
            _ => r.refuse_item(key, &text, want),
        }
    }
    Some(algorithms)
}

fn required_claims(r: &mut Reader, key: &str) -> Option<Vec<RequiredClaim>> {
    let want = "want a table, such as { tier = \"gold\", groups = { includes = \"staff\" } }";
    let table = r.table(key, want)?;
    let mut claims = Vec::with_capacity(table.len());
    for (name, value) in table {
        if let Some(claim) = required_claim(&name, &value) {
            claims.push(claim);
        } else {
            let place = r.place(key).cloned().unwrap_or(Place::BuiltIn);
            let advice = "want a text, a number, true, false or a list; or { includes = VALUE }; or { equals = VALUE }";
            r.record(place, Some(format!("{key}.{name}")), Some(shown_in_message(key, &value)), advice.to_owned());
        }
    }
    Some(claims)
}

/// One required claim. A table must say what it means, so that a mistyped `includes` is not taken for a value.
fn required_claim(name: &str, value: &Value) -> Option<RequiredClaim> {
    match value {
        Value::Null => None,
        Value::Object(table) => only(table).and_then(|(word, value)| match (word, value) {
            ("includes", Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Some(RequiredClaim::includes(name, value.clone()))
            }
            ("equals", _) => Some(RequiredClaim::equals(name, value.clone())),
            _ => None,
        }),
        value => Some(RequiredClaim::equals(name, value.clone())),
    }
}

/// The one entry of a table that has one.
fn only(table: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = table.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}
