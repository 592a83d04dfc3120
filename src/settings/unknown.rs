//! Keys and variables that are not settings, with what was probably meant.

use super::layers::{Leaf, Leaves, variable_name};
use super::mistake::{Mistake, Place};
use super::sources::{PREFIX, Sources};

/// A mistake for every leaf that nobody `asked` for, and for every variable that just misses being one. Values are not
/// repeated: under a mistyped name one may be a secret.
pub(super) fn mistakes(leaves: &Leaves, asked: &[String], sources: &Sources) -> Vec<Mistake> {
    let unknown = leaves.iter().filter(|(key, _)| !asked.contains(key)).filter_map(|(key, leaf)| {
        let advice = advice(key, leaf, asked)?;
        Some(Mistake { place: leaf.place.clone(), key: Some(key.clone()), found: None, advice })
    });
    let near = sources.environment.iter().filter_map(|(name, _)| near_miss(name, asked));
    unknown.chain(near).collect()
}

fn advice(key: &str, leaf: &Leaf, asked: &[String]) -> Option<String> {
    let inside = format!("{key}.");
    if let Some(first) = asked.iter().find(|known| known.starts_with(&inside)) {
        let empty = leaf.value.as_object().is_some_and(serde_json::Map::is_empty);
        return (!empty)
            .then(|| format!("this is a section; want its keys, such as {}", as_written(first, &leaf.place)));
    }
    if let Some((parent, _)) = key.rsplit_once('.').filter(|(parent, _)| asked.iter().any(|known| known == parent)) {
        return Some(format!("{parent} is one value and has no keys beneath it"));
    }
    if key == "remote" {
        return Some("this is a section; want [remote.NAME] with the keys of one issuer".to_owned());
    }
    let meant = closest(key, asked).map(|known| format!("; did you mean {}?", as_written(known, &leaf.place)));
    Some(format!("unknown key{}", meant.unwrap_or_else(|| siblings(key, asked))))
}

/// `key` as it is written at `place`.
fn as_written(key: &str, place: &Place) -> String {
    match place {
        Place::Environment(_) => variable_name(key),
        Place::BuiltIn | Place::File(_) => key.to_owned(),
    }
}

/// The known key that `key` was probably meant to be: a slip of the finger away, or of the same name in another section.
fn closest<'a>(key: &str, asked: &'a [String]) -> Option<&'a String> {
    let most = |known: &str| (known.len() / 5).max(2);
    let length = key.chars().count();
    // Names are compared that could be near: each slip makes one longer or shorter by a letter at most. Comparing takes as long as both are, times each other.
    let near = asked.iter().filter(|known| known.len().abs_diff(length) <= most(known));
    let slips = near.map(|known| (strsim::damerau_levenshtein(key, known), known));
    if let Some((slips, known)) = slips.min_by_key(|(slips, _)| *slips)
        && slips <= most(known)
    {
        return Some(known);
    }
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    asked.iter().find(|known| last(known) == last(key))
}

/// The known keys of the same section, when there is such a section.
fn siblings(key: &str, asked: &[String]) -> String {
    let Some((section, _)) = key.rsplit_once('.') else {
        return format!("; the sections are {}, remote.NAME", super::SECTIONS.join(", "));
    };
    let names: Vec<&str> = asked
        .iter()
        .filter_map(|known| known.strip_prefix(section)?.strip_prefix('.'))
        .filter(|name| !name.contains('.'))
        .collect();
    if names.is_empty() { String::new() } else { format!("; [{section}] has {}", names.join(", ")) }
}

/// A variable such as `TOKENHOUSE_SERVER_LISTEN`, with one underscore where two belong. Others that begin alike are not
/// ours to judge: Kubernetes sets `TOKENHOUSE_SERVICE_HOST` for a service called tokenhouse.
fn near_miss(name: &str, asked: &[String]) -> Option<Mistake> {
    if name.starts_with(PREFIX) {
        return None;
    }
    let rest = name.strip_prefix("TOKENHOUSE_")?.to_lowercase().replace("__", "_");
    let key = asked.iter().find(|known| known.replace('.', "_") == rest)?;
    let advice = format!("not read; levels are parted by two underscores: {}", variable_name(key));
    Some(Mistake { place: Place::Environment(name.to_owned()), key: None, found: None, advice })
}
