//! What is wrong with the settings, said so that the person who wrote them can put it right.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `config/default.toml` as it was when the program was built.
    BuiltIn,
    /// A file, by the name that was given for it.
    File(String),
    /// An environment variable, by its full name.
    Environment(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in default"),
            Self::File(name) => f.write_str(name),
            Self::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

impl Serialize for Place {
    /// As the text that people see.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong with the settings. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// The key with dots, such as `tokens.access_ttl`; `None` when the whole file or variable is meant.
    pub key: Option<String>,
    /// What was found there, in JSON; `None` when nothing was, or when it might be a secret.
    pub found: Option<String>,
    /// What would be right.
    pub advice: String,
}

impl fmt::Display for Mistake {
    /// One line: `config/x.toml: tokens.access_ttl = "soon": want a duration …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "{key}")?;
            if let Some(found) = &self.found {
                write!(f, " = {found}")?;
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.advice)
    }
}

/// Settings that cannot be used: every mistake in them, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSettings {
    mistakes: Vec<Mistake>,
}

impl WrongSettings {
    /// `first` and then `rest`: never empty.
    pub(super) fn new(first: Mistake, rest: impl IntoIterator<Item = Mistake>) -> Self {
        Self { mistakes: std::iter::once(first).chain(rest).collect() }
    }

    /// The mistakes, in the order in which the settings are documented, unknown keys last.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for WrongSettings {
    /// A line for each mistake, without a line end after the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongSettings {}
