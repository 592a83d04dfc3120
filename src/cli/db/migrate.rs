//! `tokenhouse db migrate`: makes the database and brings its tables up to this version.

use std::io::Write;

use serde_json::json;

use super::{counted, failed};
use crate::cli::Failure;
use crate::settings::Settings;
use crate::store::{self, Store};
use crate::token::Clock;

pub(super) async fn run(settings: &Settings, _: &Clock, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let url = &settings.database.url;
    // A database that is missing, empty or not readable is the opening's to make or to refuse.
    let before = store::look_at_schema(url).await.ok().map(|schema| schema.version);
    let store = Store::open(url).await.map_err(failed)?;
    store.close().await;
    let after = store::look_at_schema(url).await.map_err(failed)?.version;
    if json {
        writeln!(out, "{}", json!({ "ok": true, "database": store::place(url), "before": before, "schema": after }))?;
        return Ok(0);
    }
    let place = store::place(url);
    match before {
        None => writeln!(out, "the database {place} is made, with schema {after}")?,
        Some(before) if before == after => writeln!(out, "the database {place} was up to date: schema {after}")?,
        Some(before) => {
            let migrations = counted(after.saturating_sub(before), "migration", "migrations");
            writeln!(out, "the database {place} has schema {after} now: {migrations} ran")?;
        }
    }
    Ok(0)
}
