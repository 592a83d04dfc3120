//! `tokenhouse user …`: accounts, on the server's machine, also while it runs.

mod export;
#[cfg(test)]
mod hostile_input;
mod import;
mod lines;
mod secret;

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::columns::in_columns;
use crate::accounts::administration::{Administration, By, NewUser, NotDone, RoleChange, Update};
use crate::accounts::hashing::Hashing;
use crate::accounts::records::UserRecord;
use crate::accounts::roles::Role;
use crate::settings::Settings;
use crate::store::Store;
use crate::token::Clock;
use crate::token::clock::rfc3339;

/// Most that one `list` shows.
const MOST_LISTED: u32 = 10_000;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add an account; its password is asked for, or read from standard input
    Add {
        /// Its email address
        email: String,
        /// The name that is displayed
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Give it the role `admin`
        #[arg(long)]
        admin: bool,
        /// Give it a role; may stand several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Do not vouch for the address: its owner must verify it himself
        #[arg(long)]
        unverified: bool,
    },
    /// List accounts in the order of their addresses
    List {
        /// Only those with this text in their address or name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_LISTED)))]
        limit: u32,
        /// Only those behind this address: the `next_cursor` of the last list
        #[arg(long, value_name = "EMAIL", default_value = "")]
        cursor: String,
    },
    /// Show an account
    Show {
        /// Its id or its email address
        who: String,
    },
    /// Disable an account: all its sessions end at once, and nobody logs in to it
    Disable {
        /// Its id or its email address
        who: String,
    },
    /// Let the owner of a disabled account log in again
    Enable {
        /// Its id or its email address
        who: String,
    },
    /// Set another password, asked for or read from standard input; all sessions end
    Password {
        /// Its id or its email address
        who: String,
    },
    /// Give an account a role, or take one away
    Role {
        /// Its id or its email address
        who: String,
        #[command(subcommand)]
        change: RoleCommand,
    },
    /// Add accounts from a file of JSON lines or CSV, with the hashes of their passwords: argon2, bcrypt, scrypt, PBKDF2, those of Django and of Firebase
    Import(import::ImportArguments),
    /// Write all accounts as JSON lines, with the hashes of their passwords, for `import` elsewhere
    Export {
        /// A new file, readable by its owner alone; else standard output
        file: Option<std::path::PathBuf>,
    },
    /// Delete an account with all that belongs to it
    Remove {
        /// Its id or its email address
        who: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum RoleCommand {
    /// From the next refresh or login on
    Add {
        /// Such as `admin`, which gives the scope of the same name
        role: String,
    },
    /// All its sessions end, because their tokens say that it has the role
    Remove {
        /// Such as `admin`
        role: String,
    },
}

impl From<NotDone> for Failure {
    fn from(not: NotDone) -> Self {
        Self::Failed(not.to_string())
    }
}

/// Does it, on a runtime of its own.
pub(super) fn run(settings: &Settings, command: UserCommand, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    super::store::with_store(settings, async |store, clock| {
        let hashing = Hashing::start(&settings.passwords).map_err(|error| Failure::Failed(error.to_string()))?;
        let administration = Administration {
            store,
            hashing: &hashing,
            clock,
            password_length: settings.passwords.min_length..=settings.passwords.max_length,
            email_verification: settings.accounts.email_verification,
            by: By::Operator,
        };
        act(&administration, store, clock, command, json, out).await
    })
}

async fn act(
    administration: &Administration<'_>,
    store: &Store,
    clock: &Clock,
    command: UserCommand,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    match command {
        UserCommand::Add { email, name, admin, mut roles, unverified } => {
            if admin {
                roles.push("admin".to_owned());
            }
            let password = secret::new_password(&email)?;
            let new = NewUser { email, name, password: Some(password), roles, verified: !unverified };
            let user = administration.add(new).await?;
            told(out, json, &describe(&user), &format!("{} is added: {}", user.email, user.id))
        }
        UserCommand::List { search, limit, cursor } => {
            let users =
                administration.list(search.as_deref(), &cursor, i64::from(limit)).await.map_err(NotDone::from)?;
            list(&users, limit, json, out)
        }
        UserCommand::Show { who } => {
            let user = administration.find(&who).await?;
            show(store, clock, &user, json, out).await
        }
        UserCommand::Disable { who } => {
            let user = administration.find(&who).await?;
            administration.update(&user, Update { disabled: Some(true), ..Update::default() }).await?;
            let words = format!("{} is disabled: its sessions have ended, and nobody logs in to it", user.email);
            told(out, json, &json!({ "id": user.id, "disabled": true }), &words)
        }
        UserCommand::Enable { who } => {
            let user = administration.find(&who).await?;
            administration.update(&user, Update { disabled: Some(false), ..Update::default() }).await?;
            told(out, json, &json!({ "id": user.id, "disabled": false }), &format!("{} may log in again", user.email))
        }
        UserCommand::Password { who } => {
            let user = administration.find(&who).await?;
            administration.set_password(&user, secret::new_password(&user.email)?).await?;
            let words = format!("{} has another password, and its sessions have ended", user.email);
            told(out, json, &json!({ "id": user.id }), &words)
        }
        UserCommand::Role { who, change } => {
            let user = administration.find(&who).await?;
            let parse = |name: &str| {
                Role::parse(name).map_err(|error| Failure::Failed(format!("{} {}", error.field, error.message)))
            };
            let change = match change {
                RoleCommand::Add { role } => RoleChange::Add(parse(&role)?),
                RoleCommand::Remove { role } => RoleChange::Remove(parse(&role)?),
            };
            administration.update(&user, Update { roles: Some(change), ..Update::default() }).await?;
            let user = administration.find(&user.id).await?;
            let roles = if user.roles.is_empty() { "none" } else { &user.roles };
            told(
                out,
                json,
                &json!({ "id": user.id, "roles": roles_of(&user) }),
                &format!("roles of {}: {roles}", user.email),
            )
        }
        UserCommand::Import(arguments) => import::run(administration, &arguments, clock, json, out).await,
        UserCommand::Export { file } => export::run(administration, file.as_deref(), json, out).await,
        UserCommand::Remove { who, yes } => {
            let user = administration.find(&who).await?;
            if !yes && !is_sure(&user.email)? {
                return Err(Failure::Failed(format!("{} was not removed", user.email)));
            }
            administration.remove(&user).await?;
            told(out, json, &json!({ "id": user.id, "removed": true }), &format!("{} is removed", user.email))
        }
    }
}

fn told(out: &mut impl Write, json: bool, value: &Value, words: &str) -> Result<u8, Failure> {
    if json {
        writeln!(out, "{value}")?;
    } else {
        writeln!(out, "{words}")?;
    }
    Ok(0)
}

fn list(users: &[UserRecord], limit: u32, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let is_full = u32::try_from(users.len()).is_ok_and(|count| count == limit);
    let next_cursor = users.last().filter(|_| is_full).map(|user| user.email.clone());
    if json {
        let items: Vec<Value> = users.iter().map(describe).collect();
        writeln!(out, "{}", json!({ "items": items, "next_cursor": next_cursor }))?;
        return Ok(0);
    }
    let head = ["EMAIL", "NAME", "ROLES", "STATE", "SINCE", "ID"].map(str::to_owned).to_vec();
    let rows = users.iter().map(|user| {
        let state = match (user.disabled_at, user.email_verified_at) {
            (Some(_), _) => "disabled",
            (None, None) => "unverified",
            (None, Some(_)) => "",
        };
        let name = user.name.clone().unwrap_or_default();
        vec![user.email.clone(), name, user.roles.clone(), state.to_owned(), rfc3339(user.created_at), user.id.clone()]
    });
    write!(out, "{}", in_columns(std::iter::once(head).chain(rows)))?;
    if let Some(cursor) = next_cursor {
        writeln!(out, "more: --cursor {cursor}")?;
    }
    Ok(0)
}

async fn show(
    store: &Store,
    clock: &Clock,
    user: &UserRecord,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    use crate::accounts::records;
    let mut reader = store.read().await.map_err(NotDone::from)?;
    let now = clock.unix_micros();
    let sessions = records::sessions_of_user(reader.connection(), &user.id, now, 1000).await.map_err(NotDone::from)?;
    let passkeys = records::exported_passkeys(reader.connection(), &user.id).await.map_err(NotDone::from)?;
    let mut value = describe(user);
    if let Some(members) = value.as_object_mut() {
        members.insert("sessions".to_owned(), sessions.len().into());
        members.insert("totp".to_owned(), user.has_app.into());
        members.insert("passkeys".to_owned(), passkeys.len().into());
    }
    if json {
        writeln!(out, "{value}")?;
        return Ok(0);
    }
    let rows = value.as_object().into_iter().flatten().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vec![name.clone(), text]
    });
    write!(out, "{}", in_columns(rows))?;
    Ok(0)
}

fn roles_of(user: &UserRecord) -> Vec<&str> {
    user.roles.split_whitespace().collect()
}

fn describe(user: &UserRecord) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "email_verified": user.email_verified_at.is_some(),
        "disabled": user.disabled_at.is_some(),
        "roles": roles_of(user),
        "created_at": rfc3339(user.created_at),
    })
}

/// Asks on a terminal; elsewhere nobody can be asked.
fn is_sure(email: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Failed("nobody can be asked here; say --yes to remove the account".to_owned()));
    }
    write!(io::stderr(), "Remove {email} and all that belongs to it? Type yes: ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
