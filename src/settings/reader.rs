//! Reading one setting at a time: right type, right range, or a mistake with words. Every key that is asked for is
//! remembered, so that what is left over at the end is unknown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::hidden::shown_in_message;
use super::layers::{Leaf, Leaves, merged, structure};
use super::mistake::{Mistake, Place, WrongSettings};
use super::sources::Sources;
use super::{units, unknown};

/// Why a value was not taken.
pub(super) enum Wrong {
    /// It is not what this setting wants.
    NotThis,
    /// It gets words of its own.
    Because(String),
}

/// What a typed reader makes of a value.
pub(super) type Read<T> = Result<T, Wrong>;

/// The merged settings while they are being read.
pub(super) struct Reader {
    leaves: Leaves,
    asked: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// Merges `sources`.
    ///
    /// # Errors
    /// TOML that does not parse.
    pub(super) fn new(sources: &Sources) -> Result<Self, WrongSettings> {
        let mut mistakes = Vec::new();
        let mut leaves = merged(sources, &mut mistakes)?;
        // A section of which nothing is set says nothing; the section of a remote issuer says at least its name.
        let is_section = |key: &str| key == "remote" || super::SECTIONS.contains(&key);
        leaves.retain(|key, leaf| !(is_empty_table(&leaf.value) && is_section(key)));
        Ok(Self { leaves, asked: Vec::new(), mistakes })
    }

    /// Puts in a default that stands in no file, because its section has a name of the operator's own.
    pub(super) fn add_default(&mut self, key: &str, value: Value) {
        self.leaves.entry(key.to_owned()).or_insert(Leaf { value, place: Place::BuiltIn });
    }

    /// The keys that begin with `prefix`.
    pub(super) fn keys_under(&self, prefix: &str) -> Vec<String> {
        self.leaves.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Where the value of `key` was written, if it was.
    pub(super) fn place(&self, key: &str) -> Option<&Place> {
        self.leaves.get(key).map(|leaf| &leaf.place)
    }

    /// Takes note that `key` is a key of ours.
    pub(super) fn know(&mut self, key: &str) {
        self.asked.push(key.to_owned());
    }

    /// Records a mistake about the value of `key`, shown unless it is a secret.
    pub(super) fn refuse(&mut self, key: &str, advice: impl Into<String>) {
        let (place, found) = match self.leaves.get(key) {
            Some(leaf) => (leaf.place.clone(), Some(shown_in_message(key, &leaf.value))),
            None => (Place::BuiltIn, None),
        };
        self.record(place, Some(key.to_owned()), found, advice.into());
    }

    /// Records a mistake about one item of the list `key`.
    pub(super) fn refuse_item(&mut self, key: &str, item: &str, advice: impl Into<String>) {
        let place = self.place(key).cloned().unwrap_or(Place::BuiltIn);
        let found = shown_in_message(key, &Value::from(item));
        self.record(place, Some(key.to_owned()), Some(found), advice.into());
    }

    /// Records a mistake about `key` that repeats no value.
    pub(super) fn record(&mut self, place: Place, key: Option<String>, found: Option<String>, advice: String) {
        self.mistakes.push(Mistake { place, key, found, advice });
    }

    /// Reads `key` with `read`, which gets the value and where it was written. `None` when it is missing or wrong, and then
    /// a mistake is recorded: `want` says what would be right.
    pub(super) fn get<T>(&mut self, key: &str, want: &str, read: impl FnOnce(&Value, &Place) -> Read<T>) -> Option<T> {
        self.know(key);
        let Some(leaf) = self.leaves.get(key) else {
            // Everything but the keys of a remote issuer has a default, so the section stands somewhere.
            let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
            let inside =
                |other: &str| other.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            let beside = self.leaves.iter().find(|(other, leaf)| inside(other) && leaf.place != Place::BuiltIn);
            let place = beside.map_or(Place::BuiltIn, |(_, leaf)| leaf.place.clone());
            self.record(place, Some(key.to_owned()), None, format!("missing; {want}"));
            return None;
        };
        match read(&leaf.value, &leaf.place) {
            Ok(value) => Some(value),
            Err(Wrong::Because(advice)) => {
                self.refuse(key, advice);
                None
            }
            Err(Wrong::NotThis) => {
                let hint = type_hint(&leaf.value, &leaf.place, want);
                self.refuse(key, format!("{want}{hint}"));
                None
            }
        }
    }

    /// Replaces the text of an environment variable by the value that it stands for, for `config show`.
    fn settle(&mut self, key: &str, value: impl Into<Value>) {
        if let Some(leaf) = self.leaves.get_mut(key) {
            leaf.value = value.into();
        }
    }

    /// A text, read by `parse`.
    pub(super) fn text<T>(&mut self, key: &str, want: &str, parse: impl FnOnce(&str) -> Read<T>) -> Option<T> {
        self.get(key, want, |value, _| parse(value.as_str().ok_or(Wrong::NotThis)?))
    }

    /// A text with at least one character that is not blank.
    pub(super) fn words(&mut self, key: &str, want: &str) -> Option<String> {
        self.text(key, want, |text| if text.trim().is_empty() { Err(Wrong::NotThis) } else { Ok(text.to_owned()) })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        self.text(key, &format!("want one of {}", names.join(", ")), |text| {
            choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or(Wrong::NotThis)
        })
    }

    /// `true` or `false`; from the environment also `yes` and `no`, `on` and `off`, `1` and `0`.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let flag = self.get(key, "want true or false", flag_of)?;
        self.settle(key, flag);
        Some(flag)
    }

    /// The same, or `"auto"`, which stands for `auto`.
    pub(super) fn flag_or_auto(&mut self, key: &str, auto: bool) -> Option<bool> {
        let flag = self.get(key, "want true, false or \"auto\"", |value, place| match value.as_str() {
            Some("auto") => Ok(None),
            _ => flag_of(value, place).map(Some),
        })?;
        // As with other settings of this kind, what is shown is what was written.
        if let Some(flag) = flag {
            self.settle(key, flag);
        }
        Some(flag.unwrap_or(auto))
    }

    /// A whole number within `range`.
    pub(super) fn integer<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: Copy + PartialOrd + TryFrom<u64> + std::fmt::Display + Into<Value>,
    {
        let want = format!("want a whole number between {} and {}", range.start(), range.end());
        let number = self.get(key, &want, |value, place| {
            let number = match (value, place) {
                (Value::Number(number), _) => number.as_u64(),
                (Value::String(text), Place::Environment(_)) => text.parse().ok(),
                _ => None,
            };
            let number = number.and_then(|number| T::try_from(number).ok());
            number.filter(|number| range.contains(number)).ok_or(Wrong::NotThis)
        })?;
        self.settle(key, number);
        Some(number)
    }

    /// A number between 0 and 1.
    pub(super) fn share(&mut self, key: &str) -> Option<f64> {
        let share = self.get(key, "want a number between 0 and 1, such as 0.1", |value, place| {
            let share = match (value, place) {
                (Value::Number(number), _) => number.as_f64(),
                (Value::String(text), Place::Environment(_)) => text.parse().ok(),
                _ => None,
            };
            share.filter(|share| (0.0..=1.0).contains(share)).ok_or(Wrong::NotThis)
        })?;
        self.settle(key, share);
        Some(share)
    }

    /// A size in bytes within `range`.
    pub(super) fn size(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (units::show_bytes(*range.start()), units::show_bytes(*range.end()));
        let want = format!("want a size between {least} and {most}, such as \"64KiB\" or \"1MB\"");
        self.get(key, &want, |value, _| {
            let bytes = match value {
                Value::Number(number) => number.as_u64(),
                Value::String(text) => units::bytes(text),
                _ => None,
            };
            bytes.filter(|bytes| range.contains(bytes)).ok_or(Wrong::NotThis)
        })
    }

    /// A length of time within `range`.
    pub(super) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let (least, most) = (units::show_duration(*range.start()), units::show_duration(*range.end()));
        let want = format!("want a duration between {least} and {most}, such as \"15m\" or \"1h\"");
        self.text(key, &want, |text| {
            let time = humantime::parse_duration(text).map_err(|_| Wrong::NotThis)?;
            if range.contains(&time) { Ok(time) } else { Err(Wrong::NotThis) }
        })
    }

    /// A list of texts. From the environment: separated by commas, or an array of JSON or TOML.
    pub(super) fn list(&mut self, key: &str, want: &str) -> Option<Vec<String>> {
        let list = self.get(key, want, |value, place| match (value, place) {
            (Value::Array(items), _) => texts(items),
            (Value::String(text), Place::Environment(_)) => match text.trim() {
                "" => Ok(Vec::new()),
                array if array.starts_with('[') => match structure(array) {
                    Some(Value::Array(items)) => texts(&items),
                    _ => Err(Wrong::NotThis),
                },
                items => Ok(items.split(',').map(|item| item.trim().to_owned()).collect()),
            },
            _ => Err(Wrong::NotThis),
        })?;
        self.settle(key, list.clone());
        Some(list)
    }

    /// A table whose names are the operator's. From the environment: a table of JSON or TOML. Empty when missing.
    pub(super) fn table(&mut self, key: &str, want: &str) -> Option<serde_json::Map<String, Value>> {
        self.add_default(key, Value::Object(serde_json::Map::new()));
        let table = self.get(key, want, |value, place| match (value, place) {
            (Value::Object(table), _) => Ok(table.clone()),
            (Value::String(text), Place::Environment(_)) => match structure(text.trim()) {
                Some(Value::Object(table)) => Ok(table),
                _ => Err(Wrong::NotThis),
            },
            _ => Err(Wrong::NotThis),
        })?;
        self.settle(key, table.clone());
        Some(table)
    }

    /// A list of tables. From the environment: an array of JSON or TOML. Empty when missing.
    pub(super) fn tables(&mut self, key: &str, want: &str) -> Option<Vec<serde_json::Map<String, Value>>> {
        self.add_default(key, Value::Array(Vec::new()));
        let tables = |items: Vec<Value>| -> Read<Vec<_>> {
            let table = |item| if let Value::Object(table) = item { Ok(table) } else { Err(Wrong::NotThis) };
            items.into_iter().map(table).collect()
        };
        let list = self.get(key, want, |value, place| match (value, place) {
            (Value::Array(items), _) => tables(items.clone()),
            (Value::String(text), Place::Environment(_)) if text.trim().is_empty() => Ok(Vec::new()),
            (Value::String(text), Place::Environment(_)) => match structure(text.trim()) {
                Some(Value::Array(items)) => tables(items),
                _ => Err(Wrong::NotThis),
            },
            _ => Err(Wrong::NotThis),
        })?;
        self.settle(key, list.iter().cloned().map(Value::Object).collect::<Vec<_>>());
        Some(list)
    }

    /// Ends the reading: `settings` when there was no mistake, with all values in the order in which they were asked for.
    ///
    /// # Errors
    /// All mistakes, with those about unknown keys and variables.
    pub(super) fn finish<T>(
        mut self,
        settings: Option<T>,
        sources: &Sources,
    ) -> Result<(T, Vec<(String, Leaf)>), WrongSettings> {
        let unknown = unknown::mistakes(&self.leaves, &self.asked, sources);
        self.mistakes.extend(unknown);
        let mut mistakes = self.mistakes.into_iter();
        match (mistakes.next(), settings) {
            (None, Some(settings)) => {
                let mut leaves: BTreeMap<_, _> = self.leaves;
                let shown = self.asked.into_iter().filter_map(|key| leaves.remove_entry(&key)).collect();
                Ok((settings, shown))
            }
            (Some(first), _) => Err(WrongSettings::new(first, mistakes)),
            (None, None) => {
                let advice = "a setting could not be read, and nobody said why: a fault of this program".to_owned();
                Err(WrongSettings::new(Mistake { place: Place::BuiltIn, key: None, found: None, advice }, []))
            }
        }
    }
}

fn flag_of(value: &Value, place: &Place) -> Read<bool> {
    match (value, place) {
        (Value::Bool(flag), _) => Ok(*flag),
        (Value::String(text), Place::Environment(_)) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(Wrong::NotThis),
        },
        _ => Err(Wrong::NotThis),
    }
}

fn is_empty_table(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn texts(items: &[Value]) -> Read<Vec<String>> {
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(Wrong::NotThis)).collect()
}

/// More words for a value in a file that has the right content and the wrong type, the commonest slip of all.
fn type_hint(value: &Value, place: &Place, want: &str) -> &'static str {
    match value {
        _ if matches!(place, Place::Environment(_)) => "",
        Value::String(text) if want.contains("a number between") && text.parse::<f64>().is_ok_and(f64::is_finite) => {
            ", without quotes"
        }
        Value::String(text) if want.contains("number") && text.parse::<u64>().is_ok() => ", without quotes",
        Value::String(text) if want.contains("true") && matches!(text.as_str(), "true" | "false") => ", without quotes",
        Value::Number(_) if want.contains("duration") => ", with its unit and in quotes",
        Value::String(_) if want.contains("a list") => ", in brackets",
        _ => "",
    }
}
