//! The command line: a file per command.

mod audit;
mod client;
mod columns;
pub mod config;
mod db;
mod generated;
mod harmless;
mod key;
mod openapi;
mod serve;
mod store;
mod token;
mod user;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::harmless::HarmlessJson;
use crate::settings::{Settings, Sources, WrongSettings};
use crate::store::StoreError;
use crate::token::Rotation;

/// Something went wrong.
const FAILED: u8 = 1;
/// The command was not used as it is meant to be.
const WRONG_USAGE: u8 = 2;
/// Nobody read what it wrote. Shells say this of a program that ended by SIGPIPE, which Rust's ignore.
const NOBODY_READS: u8 = 128 + 13;

/// Token authentication for APIs: accounts, logins and signed tokens, or the tokens of Okta.
#[derive(Parser)]
#[command(name = "tokenhouse", version, about, max_term_width = 100, after_help = EXAMPLES)]
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
    #[command(after_help = CONFIG_EXAMPLES)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Programs that get tokens, for themselves or for their users (OAuth clients)
    #[command(after_help = CLIENT_EXAMPLES)]
    Client {
        #[command(subcommand)]
        command: client::ClientCommand,
    },
    /// Accounts
    #[command(after_help = USER_EXAMPLES)]
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// The database: backup, restore, check, migrate
    #[command(after_help = DB_EXAMPLES)]
    Db {
        #[command(subcommand)]
        command: db::DbCommand,
    },
    /// What happened: logins, refusals, changes; the newest last
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(audit::AuditArguments),
    /// The keys that sign tokens
    #[command(after_help = KEY_EXAMPLES)]
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Print the routes of a server with these settings: an OpenAPI 3.1 document, which is JSON
    Openapi,
    /// Tokens: what one says, whether it is believed and why, and one to try things out with
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Write the completions of a shell to standard output
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(generated::CompletionsArguments),
    /// Write the manual page to standard output, or a page for each command into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(generated::ManArguments),
}

const EXAMPLES: &str = "Examples:
  tokenhouse                                      run the server with the defaults
  tokenhouse --config config/okta.toml            believe the tokens of Okta
  tokenhouse user add ada@example.com --admin     the first administrator
  echo \"$TOKEN\" | tokenhouse token explain       why a token is refused";

const CONFIG_EXAMPLES: &str = "Examples:
  tokenhouse config check --config my.toml
  tokenhouse config show";

const CLIENT_EXAMPLES: &str = "Examples:
  tokenhouse client add --name worker --grant client_credentials --scope customScope
  tokenhouse client list
  tokenhouse client rotate 0oa1a2b3c4d5e6f7g8h9 --overlap 1h";

const USER_EXAMPLES: &str = "Examples:
  tokenhouse user add ada@example.com --name 'Ada Lovelace' --admin
  tokenhouse user list --search example.com
  tokenhouse user disable ada@example.com
  tokenhouse user import users.jsonl";

const DB_EXAMPLES: &str = "Examples:
  tokenhouse db check
  tokenhouse db backup monday.db --keys
  tokenhouse db restore monday.db --replace --keys";

const AUDIT_EXAMPLES: &str = "Examples:
  tokenhouse audit --act login --outcome failure --since 2h
  tokenhouse audit --user ada@example.com --json";

const KEY_EXAMPLES: &str = "Examples:
  tokenhouse key list
  tokenhouse key rotate
  tokenhouse key rotate --compromised";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  tokenhouse completions bash > ~/.local/share/bash-completion/completions/tokenhouse
  tokenhouse completions zsh > ~/.zfunc/_tokenhouse
  tokenhouse completions fish > ~/.config/fish/completions/tokenhouse.fish";

const MAN_EXAMPLES: &str = "Examples:
  tokenhouse man | man -l -
  tokenhouse man --dir ~/.local/share/man/man1";

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
    /// Exit code 2, with these words.
    Usage(String),
    /// Exit code 1, with these words.
    Failed(String),
    /// Exit code 141, without a word, as of other programs before a `head`.
    NobodyReads,
}

impl From<WrongSettings> for Failure {
    fn from(wrong: WrongSettings) -> Self {
        Self::Settings(wrong)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Does what the arguments of the process say.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Not a call for help: a program that asked for JSON is told in JSON what was wrong with its call.
        Err(wrong) if wrong.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            let why = wrong.render().to_string();
            return tell(why.trim_start_matches("error: ").trim_end(), true, WRONG_USAGE);
        }
        Err(wrong) => wrong.exit(),
    };
    let json = arguments.json;
    match run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(Failure::Settings(wrong)) => {
            let told = if json {
                config::refuse(&wrong, json, &mut HarmlessJson(io::stdout()))
            } else {
                config::refuse(&wrong, json, &mut io::stderr())
            };
            ExitCode::from(told.unwrap_or(FAILED))
        }
        Err(Failure::Usage(why)) => tell(&why, json, WRONG_USAGE),
        Err(Failure::Failed(why)) => tell(&why, json, FAILED),
        Err(Failure::NobodyReads) => ExitCode::from(NOBODY_READS),
    }
}

fn tell(why: &str, json: bool, code: u8) -> ExitCode {
    if json {
        let _ = writeln!(HarmlessJson(io::stdout()), "{}", serde_json::json!({ "ok": false, "error": why }));
    } else {
        let _ = writeln!(io::stderr(), "tokenhouse: {why}");
    }
    ExitCode::from(code)
}

/// The definition of all commands, for what is made from it: completions, manual pages, and tests that walk over them.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    let json = arguments.json;
    let discover = || Sources::discover(arguments.config.as_deref()).map_err(Failure::from);
    // Without colours where there is no terminal, or where NO_COLOR is set.
    let out = anstream::stdout();
    let mut out: Box<dyn io::Write> = if json { Box::new(HarmlessJson(out)) } else { Box::new(out) };
    // What needs no settings comes first, so that wrong ones are no hindrance.
    let command = match arguments.command.unwrap_or(Command::Serve) {
        Command::Completions(arguments) => return generated::completions(&arguments, json, &mut out),
        Command::Man(arguments) => return generated::man(&arguments, json, &mut out),
        Command::Token { command } => return command.run(discover, json, &mut out),
        command => command,
    };
    let sources = discover()?;
    match command {
        Command::Completions(_) | Command::Man(_) | Command::Token { .. } => Ok(0),
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
