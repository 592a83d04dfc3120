//! Passwords for commands: asked for on a terminal, read from standard input elsewhere, and never an argument, which others on the machine could see.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use secrecy::{ExposeSecret as _, SecretString};

use crate::accounts::password::Password;
use crate::cli::Failure;

/// Longest line that is read, in bytes: more than the longest password may have.
const LONGEST: u64 = 64 * 1024;

/// A new password for `email`.
pub(super) fn new_password(email: &str) -> Result<Password, Failure> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().take(LONGEST).read_line(&mut line)?;
        let line = SecretString::from(line);
        let password = line.expose_secret().trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            return Err(Failure::Failed(
                "the password is read from standard input, one line, and there is none".to_owned(),
            ));
        }
        return Ok(SecretString::from(password.to_owned()).into());
    }
    let first = SecretString::from(rpassword::prompt_password(format!("Password for {email}: "))?);
    let second = SecretString::from(rpassword::prompt_password("The same again: ")?);
    if first.expose_secret() != second.expose_secret() {
        return Err(Failure::Failed("the two are not the same; nothing was changed".to_owned()));
    }
    Ok(first.into())
}
