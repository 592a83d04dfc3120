//! `tokenhouse client`: OAuth clients.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Failure;
use super::store::with_store;
use crate::oauth::author::Author;
use crate::oauth::client::AuthMethod;
use crate::oauth::clients::{Clients, NewClient, NotDone};
use crate::oauth::registry::Registry;
use crate::settings::Settings;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Add a client; its secret is printed once
    Add(Box<Add>),
    /// List the clients
    List,
    /// Give a client another secret, printed once
    Rotate {
        /// The client's id
        client_id: String,
        /// How long the last secret stays good, such as 1h
        #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
        overlap: Duration,
    },
    /// Remove a client; its tokens are dead within two seconds
    Remove {
        /// The client's id
        client_id: String,
    },
}

#[derive(Args)]
pub(super) struct Add {
    /// What people call it
    #[arg(long)]
    name: String,
    /// `client_credentials`, `authorization_code`, `refresh_token` or `device_code`; without any it may introspect and revoke only
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// A scope that it may have, declared in the settings; may be given more than once. Those of OpenID need not be named
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Where its users are sent back to, for `authorization_code`; may be given more than once
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where they are sent when they have signed out; may be given more than once
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// It can keep no secret: an app of a phone, a desktop or a browser
    #[arg(long, conflicts_with_all = ["auth_method", "jwks"])]
    public: bool,
    /// Its users are not asked for their consent: it is of your own house
    #[arg(long)]
    trusted: bool,
    /// For which API its access tokens are (`aud`); that of the settings when it is left out
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`; a secret either way when it is left out
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// A file with its public keys (a JWKS), for `private_key_jwt`
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// How long its access tokens live, such as 15m; as long as all others when it is left out, and never longer
    #[arg(long, value_name = "DURATION")]
    access_ttl: Option<String>,
    /// How long its refresh tokens are good when nobody uses them, such as 7d; as long as all others when it is left out, and never longer
    #[arg(long, value_name = "DURATION")]
    refresh_ttl: Option<String>,
}

pub(super) fn run(
    command: ClientCommand,
    settings: &Settings,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    with_store(settings, async |store, clock| {
        let clients = Clients { store: store.clone(), clock: clock.clone(), scopes: settings.oauth.scopes.clone() };
        match command {
            ClientCommand::Add(new) => add(&clients, *new, json, out).await,
            ClientCommand::List => list(&clients, json, out).await,
            ClientCommand::Rotate { client_id, overlap } => {
                let secret = clients.rotate(&client_id, overlap, Author::Operator).await.map_err(failed)?;
                Ok(print_secret(&client_id, Some(secret.expose_secret()), json, out)?)
            }
            ClientCommand::Remove { client_id } => {
                clients.remove(&client_id, Author::Operator).await.map_err(failed)?;
                let told = if json { json!({ "ok": true }).to_string() } else { format!("{client_id} is removed") };
                Ok(writeln!(out, "{told}")?)
            }
        }
    })?;
    Ok(0)
}

async fn add(clients: &Clients, new: Add, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let jwks = match &new.jwks {
        None => None,
        Some(path) => {
            let wrong = |why: String| Failure::Failed(format!("{}: {why}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            Some(serde_json::from_str(&text).map_err(|error| wrong(format!("this is not JSON: {error}")))?)
        }
    };
    let new = NewClient {
        name: new.name,
        grants: new.grants,
        scopes: new.scopes,
        auth_method: if new.public { Some(AuthMethod::None.name().to_owned()) } else { new.auth_method },
        jwks,
        access_ttl: new.access_ttl,
        refresh_ttl: new.refresh_ttl,
        redirect_uris: new.redirect_uris,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        audience: new.audience,
        trusted: new.trusted,
    };
    let added = clients.add(new, Author::Operator).await.map_err(failed)?;
    let secret = added.secret.as_ref().map(secrecy::ExposeSecret::expose_secret);
    Ok(print_secret(added.client.id(), secret, json, out)?)
}

fn print_secret(client_id: &str, secret: Option<&str>, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    if json {
        return match secret {
            Some(secret) => writeln!(out, "{}", json!({ "client_id": client_id, "client_secret": secret })),
            None => writeln!(out, "{}", json!({ "client_id": client_id })),
        };
    }
    writeln!(out, "client_id:     {client_id}")?;
    match secret {
        Some(secret) => writeln!(out, "client_secret: {secret}\n\nKeep the secret now: it is not shown again."),
        None => writeln!(out, "\nIt has no secret: it signs with its own keys, or it is public."),
    }
}

async fn list(clients: &Clients, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let registry = Registry::open(clients.store.clone(), clients.clock.clone());
    let all = registry.await.map_err(|error| Failure::Failed(error.to_string()))?.clients();
    let now = clients.clock.unix_micros();
    if json {
        let items: Vec<Value> = all.after("").map(|client| client.to_json(now)).collect();
        return Ok(writeln!(out, "{}", json!({ "clients": items }))?);
    }
    let mut any = false;
    for client in all.after("") {
        any = true;
        let state = if client.is_enabled() { "" } else { "  disabled" };
        writeln!(out, "{}  {}  [{}]{state}", client.id(), client.name(), client.scopes())?;
    }
    if !any {
        writeln!(out, "no clients yet: tokenhouse client add")?;
    }
    Ok(())
}

fn failed(not: NotDone) -> Failure {
    Failure::Failed(match not {
        NotDone::Invalid(errors) => {
            let errors: Vec<String> =
                errors.iter().map(|error| format!("{} {}", option(error.field), error.message)).collect();
            errors.join("; ")
        }
        not => not.to_string(),
    })
}

/// The option that a field is given by.
fn option(field: &str) -> String {
    match field {
        "grants" => "--grant".to_owned(),
        "scopes" => "--scope".to_owned(),
        "redirect_uris" => "--redirect-uri".to_owned(),
        "post_logout_redirect_uris" => "--post-logout-redirect-uri".to_owned(),
        other => format!("--{}", other.replace('_', "-")),
    }
}
