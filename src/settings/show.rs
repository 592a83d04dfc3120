//! The settings in force and where each came from, with secrets hidden: `tokenhouse config show`.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::hidden::shown;
use super::layers::Leaf;
use super::mistake::{Place, WrongSettings};
use super::read::read;
use super::sources::Sources;

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The key with dots, such as `tokens.access_ttl`.
    pub key: String,
    /// Its value; a secret, or the part of an address that holds one, is `(hidden)`.
    pub value: Value,
    /// Where it was set.
    pub origin: Place,
}

/// Every setting in force, in the order in which they are documented.
///
/// # Errors
/// Every mistake in the settings.
pub fn entries(sources: &Sources) -> Result<Vec<Entry>, WrongSettings> {
    let (_, leaves) = read(sources)?;
    Ok(entries_of(leaves))
}

pub(super) fn entries_of(leaves: Vec<(String, Leaf)>) -> Vec<Entry> {
    let entry = |(key, leaf): (String, Leaf)| {
        let value = shown(&key, &leaf.value);
        Entry { key, value, origin: leaf.place }
    };
    leaves.into_iter().map(entry).collect()
}

/// The entries for people: a line for each with key, value and origin in columns.
#[must_use]
pub fn in_columns(entries: &[Entry]) -> String {
    let rows: Vec<(&str, String, String)> =
        entries.iter().map(|entry| (entry.key.as_str(), entry.value.to_string(), entry.origin.to_string())).collect();
    let width = |text: &str| text.chars().count();
    let keys = rows.iter().map(|(key, ..)| width(key)).max().unwrap_or_default();
    // A single long value shall not push the origins of all others off the screen.
    let values = rows.iter().map(|(_, value, _)| width(value)).filter(|width| *width <= 48).max().unwrap_or_default();
    let mut text = String::new();
    for (key, value, origin) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key:keys$} = {value:values$}  {origin}");
    }
    text
}
