//! `tokenhouse config check` and `tokenhouse config show`.

use std::io::{self, Write};

use serde_json::json;

use crate::settings::show::{entries, in_columns};
use crate::settings::{Settings, Sources, WrongSettings};

/// The exit code for settings that can be used.
const GOOD: u8 = 0;
/// The exit code for settings that cannot.
const WRONG: u8 = 2;

/// Says whether the settings can be used: `config/okta.toml: good`, or a line for each mistake. In JSON: `{"ok": true, "file":
/// …, "environment": […]}`, or what [`refuse`] writes. Gives the exit code, 0 or 2.
///
/// # Errors
/// When `out` cannot be written to.
pub fn check(sources: &Sources, json: bool, out: &mut impl Write) -> io::Result<u8> {
    if let Err(wrong) = Settings::read_with_files(sources) {
        return refuse(&wrong, json, out);
    }
    let variables: Vec<&str> = sources.variables().collect();
    if json {
        line(out, &json!({ "ok": true, "file": sources.file_name(), "environment": variables }))?;
    } else {
        writeln!(out, "{}: good", sources.file_name().unwrap_or("built-in defaults"))?;
        for variable in variables {
            writeln!(out, "environment {variable}: good")?;
        }
    }
    Ok(GOOD)
}

/// Writes every setting in force with where it came from, secrets hidden: in columns, or in JSON as `{"ok": true, "settings":
/// [{"key", "value", "origin"}]}`. Wrong settings are told as [`check`] does. Gives the exit code, 0 or 2.
///
/// # Errors
/// When `out` cannot be written to.
pub fn show(sources: &Sources, json: bool, out: &mut impl Write) -> io::Result<u8> {
    match entries(sources) {
        Err(wrong) => return refuse(&wrong, json, out),
        Ok(entries) if json => line(out, &json!({ "ok": true, "settings": entries }))?,
        Ok(entries) => write!(out, "{}", in_columns(&entries))?,
    }
    Ok(GOOD)
}

/// Writes what is wrong with the settings: a line for each mistake, or `{"ok": false, "mistakes": [{"place", "key", "found",
/// "advice"}]}`. Gives the exit code, 2.
///
/// # Errors
/// When `out` cannot be written to.
pub fn refuse(wrong: &WrongSettings, json: bool, out: &mut impl Write) -> io::Result<u8> {
    if json {
        line(out, &json!({ "ok": false, "mistakes": wrong.mistakes() }))?;
    } else {
        writeln!(out, "{wrong}")?;
    }
    Ok(WRONG)
}

/// One line of JSON.
fn line(out: &mut impl Write, value: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "{value}")
}
