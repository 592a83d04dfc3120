//! The command line: a file per command.

mod audit;
mod client;
mod columns;
pub mod config;
mod db;
mod key;
mod openapi;
mod serve;
mod store;
mod user;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::{Settings, Sources, WrongSettings};
use crate::token::Rotation;

/// Something went wrong.
const FAILED: u8 = 1;

/// Token authentication for APIs: accounts, logins and signed tokens, or the tokens of Okta.
#[derive(Parser)]
#[command(name = "tokenhouse", version, about, max_term_width = 100)]
struct Arguments {
    /// The settings: a TOML file. Else the file that the variable `TOKENHOUSE_CONFIG` names, else config/default.toml if it exists, else the built-in defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (what `tokenhouse` alone does)
    Serve,
    /// The settings in force
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Programs that get tokens, for themselves or for their users (OAuth clients)
    Client {
        #[command(subcommand)]
        command: client::ClientCommand,
    },
    /// Accounts
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// The database: backup, restore, check, migrate
    Db {
        #[command(subcommand)]
        command: db::DbCommand,
    },
    /// What happened: logins, refusals, changes; the newest last
    Audit(audit::AuditArguments),
    /// The keys that sign tokens
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Print the routes of a server with these settings: an OpenAPI 3.1 document, which is JSON
    Openapi,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say whether the settings can be used, and what is wrong with them
    Check,
    /// Show each setting and where it came from, secrets hidden
    Show,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// List the keys, the one that signs first
    List,
    /// Make a new key; tokens of the last one stay good until they expire
    ///
    /// An HS256 key signs at once. A key of RS256, ES256 or `EdDSA` is published a day before it signs, so that whoever checks tokens has it by then.
    Rotate {
        /// Have the new key sign at once: whoever checks tokens must fetch the published keys again
        #[arg(long)]
        now: bool,
        /// Have the new key sign at once and no other key believed any more: everybody must refresh or log in again
        #[arg(long, conflicts_with = "now")]
        compromised: bool,
    },
}

/// Why a command ended without doing what it was asked.
enum Failure {
    /// Exit code 2.
    Settings(WrongSettings),
    /// Exit code 1, with these words.
    Failed(String),
}

impl From<WrongSettings> for Failure {
    fn from(wrong: WrongSettings) -> Self {
        Self::Settings(wrong)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does what the arguments of the process say.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(Failure::Settings(wrong)) => {
            let told = if json {
                config::refuse(&wrong, json, &mut io::stdout())
            } else {
                config::refuse(&wrong, json, &mut io::stderr())
            };
            ExitCode::from(told.unwrap_or(FAILED))
        }
        Err(Failure::Failed(why)) => {
            if json {
                let _ = writeln!(io::stdout(), "{}", serde_json::json!({ "ok": false, "error": why }));
            } else {
                let _ = writeln!(io::stderr(), "tokenhouse: {why}");
            }
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    let sources = Sources::discover(arguments.config.as_deref())?;
    let json = arguments.json;
    let mut out = io::stdout();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Config { command: ConfigCommand::Check } => Ok(config::check(&sources, json, &mut out)?),
        Command::Config { command: ConfigCommand::Show } => Ok(config::show(&sources, json, &mut out)?),
        Command::Serve => serve::run(&Settings::read_with_files(&sources)?, json, &mut out),
        Command::Client { command } => client::run(command, &Settings::read(&sources)?, json, &mut out),
        Command::User { command } => user::run(&Settings::read(&sources)?, command, json, &mut out),
        Command::Db { command } => db::run(&Settings::read(&sources)?, command, json, &mut out),
        Command::Audit(arguments) => audit::run(&Settings::read(&sources)?, arguments, json, &mut out),
        Command::Openapi => openapi::run(&Settings::read(&sources)?, &mut out),
        Command::Key { command: KeyCommand::List } => key::list(&Settings::read(&sources)?, json, &mut out),
        Command::Key { command: KeyCommand::Rotate { now, compromised } } => {
            let rotation = match (now, compromised) {
                (_, true) => Rotation::Compromised,
                (true, false) => Rotation::AtOnce,
                (false, false) => Rotation::Usual,
            };
            key::rotate(&Settings::read(&sources)?, rotation, json, &mut out)
        }
    }
}
