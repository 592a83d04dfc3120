//! `docs/settings.md` and the README have every setting, and its default.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::root;
use crate::program::{run, told};

/// The keys of the tables of a document, each with the default that it tells, if it does.
fn in_tables(document: &str) -> BTreeMap<String, Option<String>> {
    let quoted = Regex::new("`([^`]+)`").unwrap();
    let mut found = BTreeMap::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let texts = |cell: &str| -> Vec<String> { quoted.captures_iter(cell).map(|text| text[1].to_owned()).collect() };
        let (keys, defaults) = (texts(cells[0]), cells.get(1).map(|cell| texts(cell)).unwrap_or_default());
        let mut section = String::new();
        for (index, key) in keys.iter().enumerate() {
            let key = if let Some(name) = key.strip_prefix('.') { format!("{section}.{name}") } else { key.clone() };
            key.rsplit_once('.').map_or("", |(section, _)| section).clone_into(&mut section);
            let default = if keys.len() == defaults.len() { defaults.get(index).cloned() } else { None };
            found.insert(key, default);
        }
    }
    found
}

#[test]
fn every_setting_is_told_with_its_default() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = told(&run(folder.path(), &["config", "show", "--json"], &[]));
    assert_eq!(code, 0, "{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    let shown: BTreeMap<&str, &Value> = shown["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| (setting["key"].as_str().unwrap(), &setting["value"]))
        .collect();
    let mut wrong = Vec::new();
    let tables = |name: &str| in_tables(&std::fs::read_to_string(root().join(name)).unwrap());
    let all = tables("docs/settings.md");
    for key in shown.keys() {
        // Lists of tables are written with their brackets.
        if !all.contains_key(*key) && !all.contains_key(&format!("[[{key}]]")) {
            wrong.push(format!("docs/settings.md has no {key}"));
        }
    }
    for document in ["README.md", "docs/settings.md"] {
        for (key, default) in tables(document) {
            let Some((value, default)) = shown.get(&*key).zip(default) else { continue };
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if value != default {
                wrong.push(format!("{document}: {key} is {value} and not {default}"));
            }
        }
    }
    assert!(shown.len() > 40 && wrong.is_empty(), "{}", wrong.join("\n"));
}
