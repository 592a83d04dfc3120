//! `tokenhouse db backup`: a backup, also while servers write.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::keys::{self, Keys};
use super::{counted, failed, size};
use crate::cli::Failure;
use crate::settings::Settings;
use crate::store;
use crate::token::Clock;

pub(super) async fn run(
    settings: &Settings,
    file: &Path,
    with_keys: bool,
    clock: &Clock,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    let keys = Keys::of(&settings.tokens);
    let copy = keys::beside(file);
    if with_keys {
        keys.can_be_copied_to(&copy)?;
    }
    // The keys behind the database: whatever it refers to is in them then.
    let backup = store::backup(&settings.database.url, file, clock.unix_micros()).await.map_err(failed)?;
    let copied = if with_keys {
        keys.copy_to(&copy).map_err(|why| {
            Failure::Failed(format!(
                "{} is a good backup of the database, but the keys are not in it: {why}",
                file.display()
            ))
        })?
    } else {
        0
    };
    if json {
        let answer = json!({
            "ok": true,
            "file": file,
            "bytes": backup.bytes,
            "schema": backup.schema.version,
            "users": backup.users,
            "keys": with_keys.then_some(&copy),
            "key_dir": keys.folder(),
        });
        writeln!(out, "{answer}")?;
        return Ok(0);
    }
    let users = backup.users.map(|users| counted(users, "account", "accounts") + ", ").unwrap_or_default();
    writeln!(out, "{}: {users}schema {}, {}", file.display(), backup.schema.version, size(backup.bytes))?;
    if with_keys {
        writeln!(
            out,
            "{}: {}",
            copy.display(),
            counted(copied as u64, "file of the key folder", "files of the key folder")
        )?;
        writeln!(out, "Whoever has both can make tokens and read the secrets of authenticator apps: keep them well.")?;
    } else {
        writeln!(
            out,
            "The keys are not in it. Back up {} too, or use --keys: without it, everybody must log in again and all authenticator apps are lost.",
            keys.folder().display()
        )?;
    }
    if keys.has_secret() {
        writeln!(out, "Keep TOKENHOUSE__TOKENS__SECRET as well.")?;
    }
    Ok(0)
}
