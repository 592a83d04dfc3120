//! `tokenhouse db restore`: a backup takes the place of the database.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::keys::{self, Keys};
use super::{counted, failed};
use crate::cli::Failure;
use crate::oauth::restored::{Sessions, settle};
use crate::settings::Settings;
use crate::store::{self, Existing};
use crate::token::Clock;

/// What was asked for.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub replace: bool,
    pub keep_sessions: bool,
    pub keys: bool,
}

pub(super) async fn run(
    settings: &Settings,
    file: &Path,
    how: How,
    clock: &Clock,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    let url = &settings.database.url;
    let existing = if how.replace { Existing::Replace } else { Existing::Refuse };
    let sessions = if how.keep_sessions { Sessions::Keep } else { Sessions::End };
    let keys = Keys::of(&settings.tokens);
    let copy = keys::beside(file);
    let staged = if how.keys { Some(keys.stage(&copy, existing)?) } else { None };
    let now = clock.now();
    let at = clock.unix_micros();
    let restored =
        store::restore(url, file, existing, now, move |connection| Box::pin(settle(connection, sessions, at)))
            .await
            .map_err(failed)?;
    let kept_keys = match staged {
        Some(staged) => staged.put_in_place(now).map_err(|why| {
            Failure::Failed(format!(
                "the database is restored, but the keys are not: {why}; copy {} by hand",
                copy.display()
            ))
        })?,
        None => None,
    };
    let ended = restored.finished;
    if json {
        let answer = json!({
            "ok": true,
            "database": store::place(url),
            "schema": restored.backup.version,
            "migrations": restored.backup.migrated,
            "kept": restored.kept,
            "sessions_ended": ended.sessions,
            "letters_dropped": ended.letters,
            "keys": how.keys,
            "kept_keys": kept_keys,
        });
        writeln!(out, "{answer}")?;
        return Ok(0);
    }
    writeln!(out, "the database {} is restored from {}", store::place(url), file.display())?;
    if restored.backup.migrated > 0 {
        let ran = counted(restored.backup.migrated as u64, "migration", "migrations");
        writeln!(out, "{ran} ran: the backup had schema {}", restored.backup.version)?;
    }
    if let Some(kept) = &restored.kept {
        writeln!(out, "the old one: {}", kept.display())?;
    }
    match sessions {
        Sessions::Keep => writeln!(out, "sessions are as of the backup: those that were ended since stand again")?,
        Sessions::End => {
            writeln!(out, "ended: {}; everybody logs in again", counted(ended.sessions, "session", "sessions"))?;
            if ended.letters > 0 {
                writeln!(out, "not sent: {} of that time", counted(ended.letters, "letter", "letters"))?;
            }
        }
    }
    match (&kept_keys, how.keys) {
        (Some(kept), _) => writeln!(out, "the keys are those of {}; the old ones: {}", copy.display(), kept.display())?,
        (None, true) => writeln!(out, "the keys are those of {}", copy.display())?,
        (None, false) if copy.is_dir() => {
            writeln!(
                out,
                "the keys in {} stay as they are; --keys restores {}",
                keys.folder().display(),
                copy.display()
            )?;
        }
        (None, false) => writeln!(out, "the keys in {} stay as they are", keys.folder().display())?,
    }
    writeln!(out, "Passwords, roles, disabled accounts, second factors and clients are as of the backup too.")?;
    Ok(0)
}
