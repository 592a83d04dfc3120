//! `tokenhouse key list` and `tokenhouse key rotate`.

use std::io::Write;

use serde_json::{Value, json};

use super::Failure;
use super::store::with_store;
use crate::audit::{Act, Event};
use crate::settings::Settings;
use crate::signing_keys::{Rotated, SigningKeys, Signs, text};
use crate::store::StoreError;
use crate::token::{Clock, Phase, Rotation};

pub(super) fn list(settings: &Settings, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let keys = SigningKeys::of(settings).map_err(failed)?;
    let listed = keys.list(Clock::system().now()).map_err(failed)?;
    if json {
        let listed: Vec<Value> = listed.iter().map(crate::signing_keys::Listed::to_json).collect();
        writeln!(out, "{}", json!({ "keys": listed }))?;
        return Ok(0);
    }
    let signs = |key: &crate::signing_keys::Listed| key.signs == Signs::AccessTokens && key.phase == Phase::Signs;
    match keys.algorithm() {
        None => writeln!(out, "access tokens are signed with TOKENHOUSE__TOKENS__SECRET")?,
        Some(_) if !listed.iter().any(signs) => writeln!(out, "no keys yet: the first start makes one")?,
        Some(_) => {}
    }
    for listed in listed {
        let key = &listed.key;
        let phase = match (listed.phase, key.verify_until) {
            (Phase::Published, _) => format!("published, signs from {}", text(key.sign_from)),
            (Phase::Signs, None) => "signs".to_owned(),
            (Phase::Signs, Some(until)) => format!("signs, verifies until {}", text(until)),
            (_, Some(until)) => format!("verifies until {}", text(until)),
            (_, None) => {
                let algorithm = keys.algorithm().map_or("", |algorithm| algorithm.name());
                format!("verifies, until a server is started with {algorithm}")
            }
        };
        let only = if listed.signs == Signs::IdTokens { "  (ID tokens)" } else { "" };
        writeln!(out, "{}  {}  made {}  {phase}{only}", key.kid, key.algorithm(), text(key.created_at))?;
    }
    Ok(0)
}

pub(super) fn rotate(settings: &Settings, rotation: Rotation, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let keys = SigningKeys::of(settings).map_err(failed)?;
    let now = Clock::system().now();
    let rotated = keys.rotate(rotation, now, "`tokenhouse key rotate --now`").map_err(failed)?;
    // A key that may be stolen is replaced also where the database does not answer.
    let recorded = with_store(settings, async |store, clock| {
        let event = Event::success(Act::KeyRotate, clock.unix_micros()).by_operator();
        let recording = store.write(move |connection| Box::pin(async move { event.record(connection).await }));
        recording.await.map_err(|error: StoreError| failed(error))
    });
    if let Err(Failure::Failed(why)) = recorded {
        let _ = writeln!(std::io::stderr(), "tokenhouse: the key is rotated, but that could not be recorded: {why}");
    }
    tell(&rotated, rotation, rotated.key.sign_from > now, json, out)?;
    Ok(0)
}

fn tell(
    rotated: &Rotated,
    rotation: Rotation,
    signs_later: bool,
    json: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let key = &rotated.key;
    if json {
        let mut answer = rotated.to_json();
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("ok".to_owned(), true.into());
        }
        return writeln!(out, "{answer}");
    }
    if signs_later {
        writeln!(out, "{} is published from now on, and signs from {}.", key.kid, text(key.sign_from))?;
    } else {
        writeln!(out, "{} signs from now on; a running server takes it over within seconds.", key.kid)?;
    }
    match rotated.previous_verifies_until {
        Some(_) if rotation == Rotation::Compromised => {
            writeln!(out, "Tokens of all other keys are not believed any more; refreshing or logging in gets new ones.")
        }
        Some(until) => writeln!(out, "Tokens of the last key stay good until {}.", text(until)),
        None => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: impl ToString) -> Failure {
    Failure::Failed(error.to_string())
}
