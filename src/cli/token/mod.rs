//! `tokenhouse token …`: what a token says, whether it is believed and why, and a token to try things out with.

mod decode;
mod explain;
mod mint;

use std::io::{self, IsTerminal as _, Read as _, Write};

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};

use super::Failure;
use crate::settings::{Settings, Sources};

/// So much is read: more than any token that is looked into.
const LONGEST: u64 = 64 * 1024;

const AN_ARGUMENT: &str = "a token is not taken as an argument, which others on this machine see and shells remember: \
    put it on standard input, as in `tokenhouse token decode < token.txt`";

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// Show what a token says, with what each claim means; nothing is checked
    #[command(after_help = DECODE_EXAMPLES)]
    Decode(TokenInput),
    /// Make every check that the server makes, and tell the outcome of each and what to change
    ///
    /// The token is checked under the settings given: of a local token, its signature with the keys in `tokens.key_dir`, and its session in the database;
    /// of a remote one, with the keys that its issuer publishes now. Exit code 0: it is accepted; 1: it is refused; 3: neither could be found out, for its
    /// session or the keys could not be looked at.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(TokenInput),
    /// For tests and operations: make an access token of a user or a client of this server, without a login
    ///
    /// It is signed with the local key, so only who may read `tokens.key_dir` can do this. For a user a session begins, which he sees among his sessions and can
    /// end; it has no refresh token. The act is recorded: tokenhouse audit --act token.mint.
    #[command(after_help = MINT_EXAMPLES)]
    Mint(mint::MintArguments),
}

/// The token to look into is read from standard input, or asked for.
#[derive(Args)]
pub(super) struct TokenInput {
    /// Not taken; here to say so without repeating what it is.
    #[arg(hide = true, value_name = "TOKEN")]
    token: Option<String>,
}

const DECODE_EXAMPLES: &str = "Examples:
  tokenhouse token decode < token.txt
  echo \"$TOKEN\" | tokenhouse token decode --json";

const EXPLAIN_EXAMPLES: &str = "Examples:
  echo \"$TOKEN\" | tokenhouse token explain
  echo \"$TOKEN\" | tokenhouse token explain --config config/okta.toml
  echo \"$TOKEN\" | tokenhouse token explain --json";

const MINT_EXAMPLES: &str = "Examples:
  tokenhouse token mint --sub ada@example.com
  tokenhouse token mint --sub ada@example.com --scope openid --ttl 5m
  TOKEN=$(tokenhouse token mint --sub 0oa1a2b3c4d5e6f7g8h9 --scope customScope)";

impl TokenCommand {
    /// Does it.
    pub fn run(
        self,
        sources: impl FnOnce() -> Result<Sources, Failure>,
        json: bool,
        out: &mut impl Write,
    ) -> Result<u8, Failure> {
        match self {
            // Nothing is checked, so no settings are read: wrong ones are no hindrance.
            Self::Decode(input) => decode::run(input.read()?.expose_secret(), json, out),
            Self::Explain(input) => {
                let settings = Settings::read(&sources()?)?;
                explain::run(&settings, input.read()?.expose_secret(), json, out)
            }
            Self::Mint(arguments) => mint::run(&Settings::read(&sources()?)?, &arguments, json, out),
        }
    }
}

impl TokenInput {
    fn read(self) -> Result<SecretString, Failure> {
        if self.token.is_some() {
            return Err(Failure::Usage(AN_ARGUMENT.to_owned()));
        }
        let text = if io::stdin().is_terminal() {
            rpassword::prompt_password("Token: ")?
        } else {
            let mut text = Vec::new();
            io::stdin().lock().take(LONGEST).read_to_end(&mut text)?;
            String::from_utf8(text).map_err(|_| Failure::Usage("what is on standard input is no text".to_owned()))?
        };
        let text = SecretString::from(text);
        let token = text.expose_secret().trim();
        if token.is_empty() {
            return Err(Failure::Usage("want a token on standard input".to_owned()));
        }
        Ok(SecretString::from(token.to_owned()))
    }
}
