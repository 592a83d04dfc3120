//! PostgreSQL's own programs, `pg_dump` and `pg_restore`: whoever has PostgreSQL has them.
//!
//! What they need to connect goes through their environment: arguments can be read by every user of the machine.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where Debian keeps them, one folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// What of their messages is told.
const TOLD: usize = 2000;

/// Why one of PostgreSQL's programs did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It is not there.
    #[error(
        "there is no {0} on the PATH or in /usr/lib/postgresql/*/bin: install PostgreSQL's client programs, of the server's version or newer (on Debian and Ubuntu: apt install postgresql-client)"
    )]
    Missing(&'static str),
    /// It could not be started.
    #[error("cannot run {path}: {source}")]
    Start {
        /// Where it is.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It failed.
    #[error("{program} failed: {message}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// What it wrote to standard error.
        message: String,
    },
}

/// One of PostgreSQL's programs.
pub(super) struct Program {
    name: &'static str,
    path: PathBuf,
}

impl Program {
    /// Looks for it.
    pub(super) fn find(name: &'static str) -> Result<Self, ProgramError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
        on_path.or_else(|| newest_of_debian(name)).map(|path| Self { name, path }).ok_or(ProgramError::Missing(name))
    }

    /// Runs it to its end, with its output to `output` or else answered.
    pub(super) async fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        environment: &Environment,
        output: Option<File>,
    ) -> Result<Vec<u8>, ProgramError> {
        let mut command = Command::new(&self.path);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        command.stdout(output.map_or_else(Stdio::piped, Stdio::from));
        for (name, value) in &environment.variables {
            command.env(name, value);
        }
        if let Some(password) = &environment.password {
            command.env("PGPASSWORD", password.expose_secret());
        }
        let start = |source| ProgramError::Start { path: self.path.clone(), source };
        let running = tokio::task::spawn_blocking(move || command.output());
        let output = running.await.map_err(std::io::Error::other).flatten().map_err(start)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let message: String = message.trim().chars().take(TOLD).collect();
        Err(ProgramError::Failed { program: self.name, message: message.replace('\n', "; ") })
    }
}

fn newest_of_debian(name: &str) -> Option<PathBuf> {
    let version = |path: &Path| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let versions = std::fs::read_dir(DEBIAN).ok()?.flatten().map(|entry| entry.path());
    let newest = versions.filter(|path| path.join("bin").join(name).is_file()).max_by_key(|path| version(path))?;
    Some(newest.join("bin").join(name))
}

/// The variables by which they know where to connect, and as whom.
pub(super) struct Environment {
    variables: Vec<(&'static str, OsString)>,
    password: Option<SecretString>,
}

impl Environment {
    /// For a program that connects to nothing.
    pub(super) fn empty() -> Self {
        Self { variables: Vec::new(), password: None }
    }

    /// That of the URL `url`, which was read as `options`. What the URL does not say, they take from the variables, the password file and the service
    /// file of PostgreSQL, as the server does.
    pub(super) fn of(url: &SecretString, options: &PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            Some(folder) => folder.clone().into_os_string(),
            // libpq wants no brackets around addresses of IPv6.
            None => options.get_host().trim_matches(['[', ']']).into(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        let mut variables = vec![
            ("PGHOST", host),
            ("PGPORT", options.get_port().to_string().into()),
            ("PGUSER", options.get_username().into()),
            ("PGDATABASE", database.into()),
            ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).into()),
            ("PGAPPNAME", "tokenhouse db".into()),
        ];
        if let Some(options) = options.get_options() {
            variables.push(("PGOPTIONS", options.into()));
        }
        let mut password = None;
        if let Ok(url) = url::Url::parse(url.expose_secret()) {
            password = url.password().map(decoded);
            for (name, value) in url.query_pairs() {
                match &*name {
                    "password" => password = Some(value.into_owned().into()),
                    "sslrootcert" | "ssl-root-cert" | "ssl-ca" => {
                        variables.push(("PGSSLROOTCERT", value.into_owned().into()));
                    }
                    "sslcert" | "ssl-cert" => variables.push(("PGSSLCERT", value.into_owned().into())),
                    "sslkey" | "ssl-key" => variables.push(("PGSSLKEY", value.into_owned().into())),
                    _ => {}
                }
            }
        }
        Self { variables, password }
    }
}

impl Environment {
    /// The name of the database as an argument that is nothing but its name, whatever signs are in it.
    pub(super) fn database_argument(&self) -> OsString {
        let name =
            self.variables.iter().find(|(name, _)| *name == "PGDATABASE").map(|(_, value)| value.to_string_lossy());
        format!("dbname='{}'", name.unwrap_or_default().replace('\\', "\\\\").replace('\'', "\\'")).into()
    }
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// Percent-decoded. Forms are encoded the same way, but for two signs that mean something in them.
fn decoded(text: &str) -> SecretString {
    let form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let pair = url::form_urlencoded::parse(form.as_bytes()).next();
    pair.map(|(name, _)| name.into_owned()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_the_url_says_is_in_the_environment() {
        let environment = |url: &str| {
            let url = SecretString::from(url);
            Environment::of(&url, &url.expose_secret().parse().unwrap())
        };
        let given = environment(
            "postgres://ada:a%2Bb+c%26%3D%40&=d%C3%A9@db.example:5433/acc%20ounts?sslmode=verify-full&sslrootcert=/ca.pem",
        );
        assert_eq!(given.password.as_ref().unwrap().expose_secret(), "a+b+c&=@&=dé");
        let variable = |name: &str| {
            given
                .variables
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        for (name, value) in [
            ("PGHOST", "db.example"),
            ("PGPORT", "5433"),
            ("PGUSER", "ada"),
            ("PGDATABASE", "acc ounts"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
        ] {
            assert_eq!(variable(name).as_deref(), Some(value), "{name}");
        }
        let given = environment("postgres:///accounts?host=/run/postgresql&user=ada&password=secret");
        assert_eq!(given.variables[0], ("PGHOST", "/run/postgresql".into()));
        assert_eq!(given.password.unwrap().expose_secret(), "secret");
        assert!(environment("postgres://ada@localhost/accounts").password.is_none());
    }
}
