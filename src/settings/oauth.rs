//! The section `[oauth]`: scopes that clients may be given, a table each.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reader::Reader;
use super::table::Table;

/// `[oauth]`: what clients may be given.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// `scopes`: those that clients may have.
    pub scopes: Vec<DeclaredScope>,
}

/// One of `[[oauth.scopes]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredScope {
    /// `name`.
    pub name: String,
    /// `description`, for people; may be empty.
    pub description: String,
    /// `default`: a client that may have it gets it when it asks for none.
    pub default: bool,
}

const SCOPES: &str = "oauth.scopes";

/// Scopes with a meaning of their own, which only users get.
pub(super) const RESERVED: [&str; 5] = ["openid", "profile", "email", "offline_access", "admin"];

pub(super) fn oauth(r: &mut Reader) -> Option<OAuth> {
    let want = "want tables [[oauth.scopes]] with a name each, such as [{\"name\": \"customScope\"}] in a variable";
    let mut scopes = Vec::new();
    let mut names = BTreeSet::new();
    for (index, table) in r.tables(SCOPES, want)?.into_iter().enumerate() {
        let mut item = Table::new(r, SCOPES, index, table);
        let name = name(&mut item);
        let description = item.text("description", "want a text").map(Option::unwrap_or_default);
        let default = item.flag("default").map(Option::unwrap_or_default);
        item.nothing_else(&["name", "description", "default"]);
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

fn name(item: &mut Table<'_>) -> Option<String> {
    let want = "want a word of printable ASCII without blanks, \" and \\, such as \"customScope\"";
    match item.get("name") {
        Some(Value::String(name)) if RESERVED.contains(&name.as_str()) => {
            item.refuse("name", "this scope has a meaning of its own already; want another name");
            None
        }
        Some(Value::String(name)) if is_scope_token(&name) => Some(name),
        Some(_) => {
            item.refuse("name", want);
            None
        }
        None => {
            item.refuse("name", format!("missing; {want}"));
            None
        }
    }
}

/// `scope-token` of RFC 6749, section 3.3, of a length that a person can want.
pub(super) fn is_scope_token(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}
