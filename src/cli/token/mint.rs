//! `tokenhouse token mint`: an access token to try things out with.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::accounts::custom_claims::{CustomClaims, TokenKind};
use crate::accounts::email::Email;
use crate::accounts::new_session::{ADMIN, scopes_of};
use crate::accounts::records::{self, UserRecord};
use crate::accounts::trial_session;
use crate::audit::{Act, Event};
use crate::cli::Failure;
use crate::cli::harmless::harmless;
use crate::cli::store::with_store;
use crate::oauth::client::{Client, GrantType};
use crate::oauth::registry::Registry;
use crate::server::start::issuer_as_it_is;
use crate::settings::Settings;
use crate::shell::quoted;
use crate::store::Store;
use crate::token::local::{CLIENT_ID_PREFIX, NewToken, OWN_CLIENT_ID, UserSession};
use crate::token::{Clock, LocalIssuer, Scopes};

/// Where there is nothing to sign with, or to check signatures with.
pub(super) const NO_KEYS: &str = "there are no signing keys yet: the first start of the server makes them";

/// Longest audience, in bytes.
const LONGEST_AUDIENCE: usize = 500;

#[derive(Args)]
pub(in crate::cli) struct MintArguments {
    /// Whom it speaks of: an account, by its id or email address, or a client, by its id
    #[arg(long, visible_alias = "user", value_name = "WHO")]
    sub: String,
    /// A scope that it is to have; may be given more than once. Without any, a user's are those of a login, a client's its default ones
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<String>,
    /// How long it lives, such as 5m; as long as all others when it is left out, and never longer
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
    /// For which API it is (`aud`); that of the settings, or of the client, when it is left out. This server itself believes its own only
    #[arg(long, value_name = "AUDIENCE", value_parser = audience)]
    audience: Option<String>,
}

/// A word of RFC 6749, section 3.3.
fn scope(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if !text.is_empty() && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err("want one word of printable ASCII without \" and \\; say --scope once for each".to_owned())
    }
}

fn audience(text: &str) -> Result<String, String> {
    if !text.trim().is_empty() && text.len() <= LONGEST_AUDIENCE && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("want a name such as api://default, of at most {LONGEST_AUDIENCE} bytes"))
    }
}

/// A token that was made, and for whom.
struct Made {
    token: String,
    expires_in: Duration,
    scopes: Scopes,
    /// For people.
    whom: String,
    subject: String,
    audience: String,
    session_id: Option<String>,
}

pub(super) fn run(
    settings: &Settings,
    arguments: &MintArguments,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    let longest = settings.tokens.access_ttl;
    let ttl = arguments.ttl.unwrap_or(longest);
    if ttl > longest || ttl < Duration::from_secs(1) {
        let longest = humantime::format_duration(longest);
        return Err(Failure::Usage(format!(
            "--ttl: want a second at least, and at most {longest}, which tokens.access_ttl gives all others"
        )));
    }
    let made = with_store(settings, async |store, clock| {
        let issuer = issuer_as_it_is(settings, clock.clone()).map_err(|error| Failure::Failed(error.to_string()))?;
        let issuer = issuer.ok_or_else(|| Failure::Failed(NO_KEYS.to_owned()))?;
        if arguments.sub.starts_with(CLIENT_ID_PREFIX) {
            for_client(settings, arguments, ttl, &issuer, store, clock).await
        } else {
            for_user(settings, arguments, ttl, &issuer, store, clock).await
        }
    })?;
    tell(&made, settings, json, out)?;
    Ok(0)
}

async fn for_user(
    settings: &Settings,
    arguments: &MintArguments,
    ttl: Duration,
    issuer: &LocalIssuer,
    store: &Store,
    clock: &Clock,
) -> Result<Made, Failure> {
    let user = find(store, &arguments.sub).await?;
    let scopes = user_scopes(settings, arguments, &user)?;
    let begun = trial_session::begin(store, &user.id, ttl, clock.unix_micros()).await?;
    let session = begun.ok_or_else(|| Failure::Failed(format!("{} is disabled", user.email)))?;
    let end = session.expires_at.div_euclid(1_000_000);
    let other = CustomClaims(settings.tokens.claims.clone()).of(&user, &scopes, TokenKind::Access);
    let minted = issuer.mint(&NewToken {
        client_id: OWN_CLIENT_ID,
        user: Some(UserSession { user_id: &user.id, session_id: &session.id, end }),
        audience: arguments.audience.as_deref(),
        scopes: &scopes,
        ttl,
        other: &other,
    });
    Ok(Made {
        token: minted.token,
        expires_in: minted.expires_in,
        scopes,
        whom: user.email,
        subject: user.id,
        audience: arguments.audience.clone().unwrap_or_else(|| settings.tokens.audience.clone()),
        session_id: Some(session.id),
    })
}

/// Those of a login, or those asked for: of a login or declared, for no others are in any token of this server.
fn user_scopes(settings: &Settings, arguments: &MintArguments, user: &UserRecord) -> Result<Scopes, Failure> {
    let of_login = scopes_of(user);
    if arguments.scopes.is_empty() {
        return Ok(of_login);
    }
    let declared = |scope: &str| settings.oauth.scopes.iter().any(|declared| declared.name == scope);
    let may_have = |scope: &&String| of_login.contains(scope) || declared(scope);
    match arguments.scopes.iter().find(|scope| !may_have(scope)) {
        Some(scope) if scope == ADMIN => Err(Failure::Failed(format!(
            "{} has not the role that gives the scope admin: tokenhouse user role {} add admin",
            user.email,
            quoted(&user.email)
        ))),
        Some(scope) => Err(Failure::Failed(format!(
            "the scope {scope} is neither one of a login ({of_login}) nor declared in the settings ([[oauth.scopes]])"
        ))),
        None => Ok(arguments.scopes.iter().map(String::as_str).collect()),
    }
}

async fn for_client(
    settings: &Settings,
    arguments: &MintArguments,
    ttl: Duration,
    issuer: &LocalIssuer,
    store: &Store,
    clock: &Clock,
) -> Result<Made, Failure> {
    let clients = Registry::open(store.clone(), clock.clone()).await?.clients();
    let id = arguments.sub.as_str();
    let client = clients
        .get(id)
        .ok_or_else(|| Failure::Failed(format!("there is no client {id}; see tokenhouse client list")))?;
    if !client.is_enabled() {
        return Err(Failure::Failed(format!("the client {id} is disabled")));
    }
    if !client.may_use(GrantType::ClientCredentials) {
        return Err(Failure::Failed(format!(
            "the client {id} gets no tokens for itself: it has not the grant client_credentials"
        )));
    }
    let scopes = client_scopes(settings, arguments, client)?;
    let ttl = client.access_ttl().map_or(ttl, |own| own.min(ttl));
    let audience = arguments.audience.as_deref().or(client.audience());
    let event = Event::success(Act::TokenMint, clock.unix_micros()).by_operator().on_client(id);
    let recording = store.write(move |connection| Box::pin(async move { event.record(connection).await }));
    recording.await?;
    let other = Map::new();
    let minted = issuer.mint(&NewToken { client_id: id, user: None, audience, scopes: &scopes, ttl, other: &other });
    Ok(Made {
        token: minted.token,
        expires_in: minted.expires_in,
        scopes,
        whom: format!("the client {}", client.name()),
        subject: id.to_owned(),
        audience: audience.unwrap_or(&settings.tokens.audience).to_owned(),
        session_id: None,
    })
}

/// As the token endpoint gives them.
fn client_scopes(settings: &Settings, arguments: &MintArguments, client: &Client) -> Result<Scopes, Failure> {
    let declared = || settings.oauth.scopes.iter().filter(|declared| client.scopes().contains(&declared.name));
    if arguments.scopes.is_empty() {
        let default: Scopes = declared().filter(|scope| scope.default).map(|scope| scope.name.as_str()).collect();
        let none = || Failure::Failed("the client has no default scope: say --scope".to_owned());
        return if default.is_empty() { Err(none()) } else { Ok(default) };
    }
    let may_have = |scope: &&String| declared().any(|declared| declared.name == **scope);
    match arguments.scopes.iter().find(|scope| !may_have(scope)) {
        Some(scope) => {
            Err(Failure::Failed(format!("the client may not have the scope {scope}; it has {}", client.scopes())))
        }
        None => Ok(arguments.scopes.iter().map(String::as_str).collect()),
    }
}

async fn find(store: &Store, who: &str) -> Result<UserRecord, Failure> {
    let mut reader = store.read().await?;
    let found = match (who.parse::<uuid::Uuid>(), Email::parse(who)) {
        (Ok(id), _) => records::user_by_id(reader.connection(), &id.to_string()).await?,
        (_, Some(email)) => records::user_by_email(reader.connection(), &email).await?,
        _ => None,
    };
    found.ok_or_else(|| Failure::Failed("there is no such account, and no client id begins so (0oa…)".to_owned()))
}

fn tell(made: &Made, settings: &Settings, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    if json {
        let told: Value = json!({
            "access_token": made.token,
            "token_type": "Bearer",
            "expires_in": made.expires_in.as_secs(),
            "scope": made.scopes.to_string(),
            "sub": made.subject,
            "aud": made.audience,
            "session_id": made.session_id,
        });
        return writeln!(out, "{told}");
    }
    // The token alone, so that it can be put into a variable; all else goes beside it.
    writeln!(out, "{}", made.token)?;
    let life = humantime::format_duration(made.expires_in);
    let mut beside = std::io::stderr();
    writeln!(beside, "for {}, good for {life}, with the scopes {}", harmless(&made.whom), made.scopes)?;
    if made.audience != settings.tokens.audience {
        writeln!(beside, "it is for {}: this server itself does not accept it", harmless(&made.audience))?;
    }
    Ok(())
}
