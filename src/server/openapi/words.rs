//! Texts of the document, with what is code in them.

use serde_json::Value;

/// Words, with pieces of code among them: those at odd places.
pub(super) struct Words(pub(super) Vec<String>);

impl Words {
    /// Of a text with code between backticks.
    pub fn of(text: &str) -> Self {
        Self(text.split('`').map(str::to_owned).collect())
    }

    /// Of a member of an object; empty without it.
    pub fn of_member(of: &Value, name: &str) -> Self {
        Self::of(text(of, name))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }
}

/// A member of an object; empty without it.
pub(super) fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}
