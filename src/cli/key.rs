//! `tokenhouse key list` and `tokenhouse key rotate`.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Failure;
use crate::settings::Settings;
use crate::token::{Clock, StoredKey, StoredKeys};

/// Servers take a rotated key over within seconds; until then they sign with the old one, whose tokens must be believed as long as any.
const TAKE_OVER: Duration = Duration::from_mins(1);

pub(super) fn list(settings: &Settings, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let keys = StoredKeys::open(key_dir(settings)?).map_err(failed)?;
    let keys: Vec<StoredKey> = keys.iter().flat_map(StoredKeys::iter).cloned().collect();
    if json {
        let keys: Vec<Value> = keys.iter().map(describe).collect();
        writeln!(out, "{}", json!({ "keys": keys }))?;
        return Ok(0);
    }
    if keys.is_empty() {
        writeln!(out, "no keys yet: the first start makes one")?;
    }
    for key in &keys {
        let state = match key.verify_until {
            None => "signs".to_owned(),
            Some(until) => format!("verifies until {}", text(until)),
        };
        writeln!(out, "{}  HS256  made {}  {state}", key.kid, text(key.created_at))?;
    }
    Ok(0)
}

pub(super) fn rotate(settings: &Settings, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let key_dir = key_dir(settings)?;
    let now = Clock::system().now();
    let tokens = &settings.tokens;
    let verify_until = now + tokens.access_ttl + tokens.leeway + TAKE_OVER;
    let keys = StoredKeys::rotate(key_dir, now, verify_until).map_err(failed)?;
    let signing = keys.iter().next().map(|key| key.kid.clone()).unwrap_or_default();
    if json {
        writeln!(out, "{}", json!({ "ok": true, "kid": signing, "previous_verifies_until": text(verify_until) }))?;
    } else {
        writeln!(out, "{signing} signs from now on; a running server takes it over within seconds.")?;
        writeln!(out, "Tokens of the last key stay good until {}.", text(verify_until))?;
    }
    Ok(0)
}

fn key_dir(settings: &Settings) -> Result<&Path, Failure> {
    if !settings.auth.local {
        return Err(Failure::Failed(
            "there are no signing keys: auth.accept does not have \"local\", so this server signs nothing".to_owned(),
        ));
    }
    if settings.tokens.secret.is_some() {
        return Err(Failure::Failed(
            "the signing key is TOKENHOUSE__TOKENS__SECRET: to change it, change that variable and restart; everybody must log in again".to_owned(),
        ));
    }
    Ok(&settings.tokens.key_dir)
}

fn describe(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": "HS256",
        "created_at": text(key.created_at),
        "signs": key.verify_until.is_none(),
        "verify_until": key.verify_until.map(text),
    })
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: crate::token::KeyFileError) -> Failure {
    Failure::Failed(error.to_string())
}
