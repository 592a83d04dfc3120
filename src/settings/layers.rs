//! Sources laid over each other: from TOML and environment variables to one flat table of keys and values.
//!
//! The `config` crate reads the TOML; its values remember which file they came from. Laying layers over each other is done
//! here and not by its builder, for four reasons seen in its source (0.15.27): every variable's origin is "the environment"
//! and not its name, a table laid over another loses its origin, a scalar laid over a table wipes out the defaults beneath,
//! and a quoted root key such as `"x[999999999]"` is taken for a path and makes it allocate that array. Flat keys make each
//! of these an ordinary unknown key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use config::{FileFormat, Format, Map, ValueKind};
use serde_json::Value;

use super::mistake::{Mistake, Place, WrongSettings};
use super::sources::{PREFIX, Sources};

/// The defaults, which are also what an operator reads to learn about the keys.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// One value, with where it came from.
pub(super) struct Leaf {
    /// As it was written; everything in the environment is a string.
    pub(super) value: Value,
    /// Where it was written.
    pub(super) place: Place,
}

/// Values by their keys with dots. A part of a key that is not bare TOML is in quotes.
pub(super) type Leaves = BTreeMap<String, Leaf>;

/// Lays the file over the defaults, and the environment over both. Variables that cannot be settings go to `mistakes`.
///
/// # Errors
/// TOML that does not parse. Then nothing else is worth saying, for everything would seem to be missing.
pub(super) fn merged(sources: &Sources, mistakes: &mut Vec<Mistake>) -> Result<Leaves, WrongSettings> {
    let mut leaves = from_toml(&Place::BuiltIn, DEFAULTS)?;
    if let Some((name, text)) = &sources.file {
        leaves.extend(from_toml(&Place::File(name.clone()), text)?);
    }
    leaves.extend(from_environment(&sources.environment, mistakes));
    Ok(leaves)
}

fn from_toml(place: &Place, text: &str) -> Result<Leaves, WrongSettings> {
    let table = FileFormat::Toml.parse(None, text).map_err(|error| {
        let advice = without_excerpt(&error.to_string());
        WrongSettings::new(Mistake { place: place.clone(), key: None, found: None, advice }, [])
    })?;
    let mut leaves = Leaves::new();
    flatten("", table, place, &mut leaves);
    Ok(leaves)
}

/// The message of the TOML parser without the line that it quotes, which may hold a secret: line and column tell where.
fn without_excerpt(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("this is not TOML");
    // The excerpt ends with the line that points into it: `|    ^^^`.
    let reason: Vec<&str> = match message.lines().position(|line| is_pointer(line.trim())) {
        Some(pointer) => message.lines().skip(pointer + 1).map(str::trim).filter(|line| !line.is_empty()).collect(),
        None if first.starts_with("TOML parse error") => Vec::new(),
        None => lines.collect(),
    };
    if reason.is_empty() { first.to_owned() } else { format!("{first}: {}", reason.join(", ")) }
}

fn is_pointer(line: &str) -> bool {
    line.strip_prefix('|').is_some_and(|rest| rest.contains('^') && rest.chars().all(|c| matches!(c, ' ' | '^')))
}

fn flatten(prefix: &str, table: Map<String, config::Value>, place: &Place, leaves: &mut Leaves) {
    for (name, value) in table {
        let part = if is_bare(&name) { name } else { Value::String(name).to_string() };
        let key = if prefix.is_empty() { part } else { format!("{prefix}.{part}") };
        match value.kind {
            // The names of claims are not keys of ours, and an empty table may be a section with everything commented out.
            ValueKind::Table(inner) if !inner.is_empty() && !key.ends_with(".required_claims") => {
                flatten(&key, inner, place, leaves);
            }
            kind => {
                leaves.insert(key, Leaf { value: to_json(kind), place: place.clone() });
            }
        }
    }
}

/// Whether TOML takes a key without quotes.
fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn to_json(kind: ValueKind) -> Value {
    match kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(value) => value.into(),
        ValueKind::I64(value) => value.into(),
        ValueKind::U64(value) => value.into(),
        // TOML has no numbers of this size; as text they fail every check for a number, which is right.
        ValueKind::I128(value) => value.to_string().into(),
        ValueKind::U128(value) => value.to_string().into(),
        // JSON knows neither infinity nor NaN, and no setting wants them.
        ValueKind::Float(value) => serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number),
        ValueKind::String(value) => value.into(),
        // In the order of its names: that of a hash map is another one each time, and messages show it.
        ValueKind::Table(table) => {
            let sorted: BTreeMap<String, Value> =
                table.into_iter().map(|(name, value)| (name, to_json(value.kind))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        ValueKind::Array(items) => Value::Array(items.into_iter().map(|item| to_json(item.kind)).collect()),
    }
}

/// A value as an array or table in the text of an environment variable: JSON, or else TOML.
pub(super) fn structure(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut table = FileFormat::Toml.parse(None, &format!("value = {text}")).ok()?;
    let value = table.remove("value")?;
    // More than one key: the text went on after its value.
    table.is_empty().then(|| to_json(value.kind))
}

fn from_environment(variables: &[(String, String)], mistakes: &mut Vec<Mistake>) -> Leaves {
    let mut leaves = Leaves::new();
    for (name, value) in variables {
        let Some(levels) = name.strip_prefix(PREFIX) else { continue };
        let mut refuse = |key: Option<String>, advice: String| {
            mistakes.push(Mistake { place: Place::Environment(name.clone()), key, found: None, advice });
        };
        let levels: Vec<String> = levels.split("__").map(str::to_lowercase).collect();
        if !levels.iter().all(|level| is_bare(level)) {
            refuse(None, "want TOKENHOUSE__SECTION__KEY, with two underscores between levels".to_owned());
            continue;
        }
        let key = levels.join(".");
        if let Some((claims, _)) = key.split_once(".required_claims.") {
            let variable = variable_name(&format!("{claims}.required_claims"));
            let example = r#"{"groups": {"includes": "staff"}}"#;
            refuse(
                Some(key),
                format!(
                    "claims have upper and lower case, which a variable's name has not; want {variable}='{example}'"
                ),
            );
            continue;
        }
        match leaves.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Leaf { value: value.as_str().into(), place: Place::Environment(name.clone()) });
            }
            Entry::Occupied(entry) => {
                refuse(Some(entry.key().clone()), format!("{} sets this too; keep one", entry.get().place));
            }
        }
    }
    leaves
}

/// The name of the environment variable that sets `key`.
pub(super) fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_quotes_no_secret() {
        let text = "[database]\nurl = \"postgres://u:hunter2@db/t\n";
        let error = from_toml(&Place::File("x.toml".into()), text).err().map(|error| error.to_string());
        insta::assert_snapshot!(error.unwrap_or_default(), @r#"x.toml: TOML parse error at line 2, column 33: invalid basic string, expected `"`"#);
    }

    #[test]
    fn a_key_that_looks_like_a_path_is_only_a_key() {
        let leaves = from_toml(&Place::BuiltIn, "\"x[99999999999]\" = 1\n[a]\n\"b.c\" = 2").unwrap_or_default();
        assert_eq!(leaves.keys().collect::<Vec<_>>(), [r#""x[99999999999]""#, r#"a."b.c""#]);
    }

    #[test]
    fn structures_in_variables() {
        assert_eq!(structure(r#"["a", "b"]"#), structure("['a', 'b']"));
        assert_eq!(structure(r#"{"G": {"includes": "x"}}"#), structure("{ G = { includes = 'x' } }"));
        assert_eq!(structure("[]\nother = 1"), None);
        assert_eq!(structure("[a]"), None);
    }
}
