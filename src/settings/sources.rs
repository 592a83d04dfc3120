//! Where settings come from: one file and the environment. Finding and reading them is here; what they say is not.

use std::ffi::OsString;
use std::path::Path;
use std::{env, fmt, fs};

use super::mistake::{Mistake, Place, WrongSettings};

/// The beginning of every environment variable that is a setting.
pub(super) const PREFIX: &str = "TOKENHOUSE__";
/// The beginning of everything in the environment that concerns this program, for noticing near misses of [`PREFIX`].
const NEAR_PREFIX: &str = "TOKENHOUSE_";
/// The environment variable that names the file.
const FILE_VARIABLE: &str = "TOKENHOUSE_CONFIG";
/// The file that is read when none is named, if it exists.
const USUAL_FILE: &str = "config/default.toml";

/// What settings are read from: one TOML file or none, and the environment. The built-in defaults lie under both.
#[derive(Clone, Default)]
pub struct Sources {
    /// The name of the file, for messages, and its text.
    pub(super) file: Option<(String, String)>,
    /// Names and values of environment variables, sorted by name.
    pub(super) environment: Vec<(String, String)>,
}

impl Sources {
    /// Finds the file and collects the environment of this process.
    ///
    /// The file is `config_flag`, else the one that `$TOKENHOUSE_CONFIG` names, else `config/default.toml` in the working
    /// directory if it exists, else none.
    ///
    /// # Errors
    /// A file that was named but cannot be read, or that is not UTF-8; a variable of ours that is not Unicode.
    pub fn discover(config_flag: Option<&Path>) -> Result<Self, WrongSettings> {
        let named = match config_flag {
            Some(path) => Some((path.to_owned(), "--config")),
            None => env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty()).map(|name| (name.into(), FILE_VARIABLE)),
        };
        let file = match named {
            Some((path, named_by)) => Some(read_file(&path, &format!("{named_by} names this file, but "))?),
            None if Path::new(USUAL_FILE).exists() => Some(read_file(Path::new(USUAL_FILE), "")?),
            None => None,
        };
        Ok(Self { file, environment: collect(env::vars_os())? })
    }

    /// A file that is given as text, under the name that messages use, and an empty environment: for tests, and for
    /// applications that keep their settings elsewhere.
    #[must_use]
    pub fn from_toml(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: Some((name.into(), text.into())), environment: Vec::new() }
    }

    /// The same with these environment variables and no others. Names are whole, such as `TOKENHOUSE__SERVER__LISTEN`.
    #[must_use]
    pub fn with_environment<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        self.environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.environment.sort();
        self
    }

    /// The name of the file that is read, if there is one.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.file.as_ref().map(|(name, _)| name.as_str())
    }

    /// The names of the environment variables that are settings, sorted.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.environment.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(PREFIX))
    }
}

impl fmt::Debug for Sources {
    /// Names only: the text of the file and the values of variables may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file_name())
            .field("environment", &self.variables().collect::<Vec<_>>())
            .finish()
    }
}

/// Name and text of the file at `path`. `why` begins the sentence of a message about it.
fn read_file(path: &Path, why: &str) -> Result<(String, String), WrongSettings> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let advice = format!("{why}it cannot be read: {error}");
            Err(WrongSettings::new(Mistake { place: Place::File(name), key: None, found: None, advice }, []))
        }
    }
}

/// The variables that concern this program, sorted by name.
fn collect(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, WrongSettings> {
    let mut collected = Vec::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        if !name.starts_with(NEAR_PREFIX) || name == FILE_VARIABLE {
            continue;
        }
        match value.into_string() {
            Ok(value) => collected.push((name, value)),
            // Without the second underscore it is not ours to complain about.
            Err(_) if !name.starts_with(PREFIX) => {}
            Err(_) => {
                let advice = "its value is not Unicode text".to_owned();
                let place = Place::Environment(name);
                return Err(WrongSettings::new(Mistake { place, key: None, found: None, advice }, []));
            }
        }
    }
    collected.sort();
    Ok(collected)
}
