//! `tokenhouse key list` and `tokenhouse key rotate`.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Failure;
use crate::server::start::key_folder;
use crate::settings::Settings;
use crate::token::{Clock, KeyFileError, KeyFolder, Phase, Rotation, SigningAlgorithm, StoredKey, StoredKeys};

pub(super) fn list(settings: &Settings, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let (folder, algorithm) = signing(settings)?;
    let now = Clock::system().now();
    let keys = folder.look().map_err(failed)?.unwrap_or_default();
    let signing = keys.signing(algorithm, now);
    let keys = keys.iter().map(|key| (key, key.phase(signing, now))).filter(|(_, phase)| *phase != Phase::Over);
    if json {
        let keys: Vec<Value> = keys.map(|(key, phase)| describe(key, phase)).collect();
        writeln!(out, "{}", json!({ "keys": keys }))?;
        return Ok(0);
    }
    if signing.is_none() {
        writeln!(out, "no keys yet: the first start makes one")?;
    }
    for (key, phase) in keys {
        let phase = match (phase, key.verify_until) {
            (Phase::Published, _) => format!("published, signs from {}", text(key.sign_from)),
            (Phase::Signs, None) => "signs".to_owned(),
            (Phase::Signs, Some(until)) => format!("signs, verifies until {}", text(until)),
            (_, Some(until)) => format!("verifies until {}", text(until)),
            (_, None) => format!("verifies, until a server is started with {algorithm}"),
        };
        writeln!(out, "{}  {}  made {}  {phase}", key.kid, key.algorithm(), text(key.created_at))?;
    }
    Ok(0)
}

pub(super) fn rotate(settings: &Settings, rotation: Rotation, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let (folder, algorithm) = signing(settings)?;
    let now = Clock::system().now();
    let before = folder.look().map_err(failed)?.unwrap_or_default();
    if let Some(waiting) = waiting(&before, algorithm, now)
        && rotation == Rotation::Usual
    {
        return Err(Failure::Failed(format!(
            "{} is published already and signs from {}; to have a new key sign at once, `tokenhouse key rotate --now`",
            waiting.kid,
            text(waiting.sign_from)
        )));
    }
    let keys = folder.rotate(rotation, now).map_err(failed)?;
    let Some(new) = keys.iter().find(|key| key.algorithm() == algorithm) else { return Ok(0) };
    let signing = before.signing(algorithm, now).map(|key| key.kid.as_str());
    let last_until = keys.iter().find(|key| Some(key.kid.as_str()) == signing).and_then(|key| key.verify_until);
    if json {
        let (from, until) = (text(new.sign_from), last_until.map(text));
        let answer = json!({ "ok": true, "kid": new.kid, "alg": algorithm, "sign_from": from, "previous_verifies_until": until });
        writeln!(out, "{answer}")?;
        return Ok(0);
    }
    if new.sign_from > now {
        writeln!(out, "{} is published from now on, and signs from {}.", new.kid, text(new.sign_from))?;
    } else {
        writeln!(out, "{} signs from now on; a running server takes it over within seconds.", new.kid)?;
    }
    match last_until {
        Some(_) if rotation == Rotation::Compromised => {
            writeln!(
                out,
                "Tokens of all other keys are not believed any more; refreshing or logging in gets new ones."
            )?;
        }
        Some(until) => writeln!(out, "Tokens of the last key stay good until {}.", text(until))?,
        None => {}
    }
    Ok(0)
}

/// The folder, and the algorithm its keys sign with.
fn signing(settings: &Settings) -> Result<(KeyFolder, SigningAlgorithm), Failure> {
    if !settings.auth.local {
        return Err(Failure::Failed(
            "there are no signing keys: auth.accept does not have \"local\", so this server signs nothing".to_owned(),
        ));
    }
    let tokens = &settings.tokens;
    if tokens.secret.is_some() && !tokens.algorithm.is_asymmetric() {
        return Err(Failure::Failed(
            "the signing key is TOKENHOUSE__TOKENS__SECRET: to change it, change that variable and restart; everybody must log in again".to_owned(),
        ));
    }
    Ok((key_folder(tokens), tokens.algorithm))
}

/// The key that is published and does not sign yet.
fn waiting(keys: &StoredKeys, algorithm: SigningAlgorithm, now: DateTime<Utc>) -> Option<&StoredKey> {
    let signing = keys.signing(algorithm, now);
    keys.iter().find(|key| key.phase(signing, now) == Phase::Published)
}

fn describe(key: &StoredKey, phase: Phase) -> Value {
    let name = match phase {
        Phase::Published => "published",
        Phase::Signs => "signs",
        Phase::Verifies | Phase::Over => "verifies",
    };
    json!({
        "kid": key.kid,
        "alg": key.algorithm(),
        "created_at": text(key.created_at),
        "phase": name,
        "signs": phase == Phase::Signs,
        "sign_from": text(key.sign_from),
        "verify_until": key.verify_until.map(text),
    })
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: KeyFileError) -> Failure {
    Failure::Failed(error.to_string())
}
