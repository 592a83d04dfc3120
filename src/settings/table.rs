//! One table of a list of them, such as `[[oauth.scopes]]`, with its mistakes.

use serde_json::{Map, Value};

use super::hidden::shown_in_message;
use super::mistake::Place;
use super::reader::Reader;

/// One of the tables under a key.
pub(super) struct Table<'r> {
    r: &'r mut Reader,
    list: &'static str,
    /// With its number, from 0.
    key: String,
    values: Map<String, Value>,
}

impl<'r> Table<'r> {
    pub fn new(r: &'r mut Reader, list: &'static str, index: usize, values: Map<String, Value>) -> Self {
        Self { r, list, key: format!("{list}[{index}]"), values }
    }

    pub fn get(&self, key: &str) -> Option<Value> {
        self.values.get(key).cloned()
    }

    /// A text; `Some(None)` when it is missing, and `None` when it is something else.
    #[expect(clippy::option_option, reason = "a wrong value and none at all are different here")]
    pub fn text(&mut self, key: &str, want: &str) -> Option<Option<String>> {
        match self.get(key) {
            None => Some(None),
            Some(Value::String(text)) => Some(Some(text)),
            Some(_) => {
                self.refuse(key, want);
                None
            }
        }
    }

    /// Yes or no; `Some(None)` when it is missing, and `None` when it is something else.
    #[expect(clippy::option_option, reason = "a wrong value and none at all are different here")]
    pub fn flag(&mut self, key: &str) -> Option<Option<bool>> {
        match self.get(key) {
            None => Some(None),
            Some(Value::Bool(flag)) => Some(Some(flag)),
            Some(_) => {
                self.refuse(key, "want true or false, without quotes");
                None
            }
        }
    }

    /// A list of texts, which is empty when it is missing; `None` when it is something else.
    pub fn texts(&mut self, key: &str, want: &str) -> Option<Vec<String>> {
        let texts = match self.get(key) {
            None => return Some(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            Some(_) => None,
        };
        if texts.is_none() {
            self.refuse(key, want);
        }
        texts
    }

    /// Refuses every key that is not one of these.
    pub fn nothing_else(&mut self, keys: &[&str]) {
        let unknown: Vec<String> = self.values.keys().filter(|key| !keys.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            self.refuse(&key, format!("unknown key; [[{}]] has {}", self.list, keys.join(", ")));
        }
    }

    pub fn refuse(&mut self, key: &str, advice: impl Into<String>) {
        let place = self.r.place(self.list).cloned().unwrap_or(Place::BuiltIn);
        let found = self.values.get(key).map(|value| shown_in_message(self.list, value));
        self.r.record(place, Some(format!("{}.{key}", self.key)), found, advice.into());
    }
}
