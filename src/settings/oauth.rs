//! The section `[oauth]`: scopes that clients may be given, a table each.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::hidden::shown_in_message;
use super::mistake::Place;
use super::reader::Reader;
use super::{DeclaredScope, OAuth};

const SCOPES: &str = "oauth.scopes";

/// Scopes with a meaning of their own, which only users get.
const RESERVED: [&str; 5] = ["openid", "profile", "email", "offline_access", "admin"];

pub(super) fn oauth(r: &mut Reader) -> Option<OAuth> {
    let want = "want tables [[oauth.scopes]] with a name each, such as [{\"name\": \"customScope\"}] in a variable";
    let mut scopes = Vec::new();
    let mut names = BTreeSet::new();
    for (index, table) in r.tables(SCOPES, want)?.into_iter().enumerate() {
        let mut item = Item { r, key: format!("{SCOPES}[{index}]"), table };
        let name = item.name();
        let description = item.description();
        let default = item.default();
        item.nothing_else();
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            item.refuse("name", "this scope is declared already; keep one");
        }
        if let (Some(name), Some(description), Some(default)) = (name, description, default) {
            scopes.push(DeclaredScope { name, description, default });
        }
    }
    Some(OAuth { scopes })
}

/// One of the tables.
struct Item<'r> {
    r: &'r mut Reader,
    /// With its number, from 0.
    key: String,
    table: Map<String, Value>,
}

impl Item<'_> {
    fn name(&mut self) -> Option<String> {
        let want = "want a word of printable ASCII without blanks, \" and \\, such as \"customScope\"";
        match self.table.get("name").cloned() {
            Some(Value::String(name)) if RESERVED.contains(&name.as_str()) => {
                self.refuse("name", "this scope has a meaning of its own already; want another name");
                None
            }
            Some(Value::String(name)) if is_scope_token(&name) => Some(name),
            Some(_) => {
                self.refuse("name", want);
                None
            }
            None => {
                self.refuse("name", format!("missing; {want}"));
                None
            }
        }
    }

    fn description(&mut self) -> Option<String> {
        match self.table.get("description").cloned() {
            None => Some(String::new()),
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.refuse("description", "want a text");
                None
            }
        }
    }

    fn default(&mut self) -> Option<bool> {
        match self.table.get("default") {
            None => Some(false),
            Some(Value::Bool(default)) => Some(*default),
            Some(_) => {
                self.refuse("default", "want true or false, without quotes");
                None
            }
        }
    }

    fn nothing_else(&mut self) {
        let unknown: Vec<String> = self
            .table
            .keys()
            .filter(|key| !["name", "description", "default"].contains(&key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            self.refuse(&key, "unknown key; [[oauth.scopes]] has name, description, default");
        }
    }

    fn refuse(&mut self, key: &str, advice: impl Into<String>) {
        let place = self.r.place(SCOPES).cloned().unwrap_or(Place::BuiltIn);
        let found = self.table.get(key).map(|value| shown_in_message(SCOPES, value));
        self.r.record(place, Some(format!("{}.{key}", self.key)), found, advice.into());
    }
}

/// `scope-token` of RFC 6749, section 3.3, of a length that a person can want.
fn is_scope_token(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}
