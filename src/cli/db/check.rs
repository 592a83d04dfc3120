//! `tokenhouse db check`: whether the database is sound.

use std::io::Write;

use serde_json::json;

use super::{counted, failed, size};
use crate::cli::Failure;
use crate::settings::{DatabaseUrl, Settings};
use crate::store;
use crate::token::Clock;

pub(super) async fn run(settings: &Settings, clock: &Clock, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let url = &settings.database.url;
    let checked = store::check(url, clock.unix_micros()).await.map_err(failed)?;
    let contents = &checked.contents;
    let schema = &contents.schema;
    let read_whole = matches!(url, DatabaseUrl::Sqlite(_));
    if json {
        let answer = json!({
            "ok": true,
            "database": checked.database,
            "read_whole": read_whole,
            "schema": schema.version,
            "pending_migrations": schema.pending,
            "users": contents.users,
            "sessions": contents.sessions,
            "clients": contents.clients,
            "bytes": checked.bytes,
            "free_bytes": checked.free_bytes,
        });
        writeln!(out, "{answer}")?;
        return Ok(0);
    }
    let sound = if read_whole { "is sound: all of it was read" } else { "answers, and has its tables" };
    writeln!(out, "the database {} {sound}", checked.database)?;
    let pending = match schema.pending.len() {
        0 => "up to date".to_owned(),
        n => format!(
            "{} to come, at the next start or with `tokenhouse db migrate`",
            counted(n as u64, "migration", "migrations")
        ),
    };
    writeln!(out, "schema:   {}, {pending}", schema.version)?;
    writeln!(out, "accounts: {}", contents.users)?;
    writeln!(out, "sessions: {}", contents.sessions)?;
    writeln!(out, "clients:  {}", contents.clients)?;
    let free = checked.free_bytes.map(|free| format!(", and {} free on its disk", size(free))).unwrap_or_default();
    writeln!(out, "size:     {}{free}", size(checked.bytes))?;
    if !read_whole {
        writeln!(out, "Whether its files are sound, PostgreSQL's own pg_amcheck and checksums tell.")?;
    }
    Ok(0)
}
