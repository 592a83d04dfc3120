//! `tokenhouse token explain`: every check with its outcome, under the settings given.

use std::io::Write;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::accounts::sessions::Sessions;
use crate::cli::Failure;
use crate::cli::harmless::harmless;
use crate::cli::store::runtime;
use crate::oauth::registry::Registry;
use crate::oauth::standing::OfUsersAndClients;
use crate::server::start::{issuer_as_it_is, remote_settings};
use crate::settings::Settings;
use crate::store::Store;
use crate::token::{Check, CheckName, Clock, Explanation, Outcome, Rejection, Verifier};

/// The exit code for a token that is not accepted.
const REFUSED: u8 = 1;
/// The exit code for a token of which it could not be found out.
const UNKNOWN: u8 = 3;

/// The verdict on a token that has nothing wrong but what could not be looked at.
const NOT_LOOKED: &str = "nothing is wrong with the token, but whether its session still stands could not be looked at";

pub(super) fn run(settings: &Settings, token: &str, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    let (mut explanation, not_looked) = runtime()?.block_on(async {
        let (verifier, not_looked) = verifier(settings).await?;
        Ok::<_, Failure>((verifier.explain_asking(token).await, not_looked))
    })?;
    // Of a remote token there is no session to look at.
    let of_this_server =
        explanation.issuer.as_ref().is_some_and(|issuer| issuer.kind == crate::token::IssuerKind::Local);
    let not_looked = not_looked.filter(|_| of_this_server);
    let found = if explanation.accepted && not_looked.is_some() {
        NOT_LOOKED.clone_into(&mut explanation.verdict);
        Found::Nothing
    } else if explanation.rejection.is_some_and(Rejection::is_temporary) {
        match surely_wrong(&explanation) {
            // It is refused in any case, whatever those who cannot be asked now would say.
            Some(check) => {
                explanation.verdict = format!("it fails another check in any case: {}", check.question);
                Found::Refused
            }
            None => Found::Nothing,
        }
    } else if explanation.accepted {
        Found::Accepted
    } else {
        Found::Refused
    };
    if json {
        let mut told = serde_json::to_value(&explanation).unwrap_or_default();
        if let Some(told) = told.as_object_mut() {
            if found == Found::Nothing {
                told.insert("accepted".to_owned(), Value::Null);
            }
            told.insert(
                "sessions".to_owned(),
                json!({ "looked": of_this_server && not_looked.is_none(), "why_not": not_looked }),
            );
        }
        writeln!(out, "{told}")?;
    } else {
        tell(&explanation, found, not_looked.as_deref(), out)?;
    }
    Ok(match found {
        Found::Accepted => 0,
        Found::Refused => REFUSED,
        Found::Nothing => UNKNOWN,
    })
}

/// What was found out of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Accepted,
    Refused,
    /// Neither: its session, or the keys of its issuer, could not be looked at.
    Nothing,
}

/// A check that fails whatever those who cannot be asked now would say.
fn surely_wrong(explanation: &Explanation) -> Option<&Check> {
    let of_others = |check: &Check| matches!(check.name, CheckName::KeysAvailable | CheckName::Session);
    explanation.checks.iter().find(|check| check.outcome == Outcome::Failed && !of_others(check))
}

/// Believes whom the server would believe, and says why it could not look at sessions, if so.
async fn verifier(settings: &Settings) -> Result<(Verifier, Option<String>), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let clock = Clock::system();
    let mut verifier = Verifier::builder().clock(clock.clone()).leeway(settings.tokens.leeway);
    let mut not_looked = None;
    if settings.auth.local {
        let issuer = issuer_as_it_is(settings, clock.clone()).map_err(|error| failed(&error))?;
        let issuer = Arc::new(issuer.ok_or_else(|| failed(&super::mint::NO_KEYS))?);
        match standing(settings, &clock).await {
            Ok(standing) => verifier = verifier.local_with_standing(issuer, Arc::new(standing)),
            Err(why) => {
                not_looked = Some(why);
                verifier = verifier.local(issuer);
            }
        }
    }
    for name in &settings.auth.remotes {
        if let Some(remote) = settings.remotes.get(name) {
            verifier = verifier.remote(remote_settings(name, remote).map_err(|error| failed(&error))?);
        }
    }
    Ok((verifier.build().map_err(|error| failed(&error))?, not_looked))
}

/// Sessions and clients as the database has them, which is read only.
async fn standing(settings: &Settings, clock: &Clock) -> Result<OfUsersAndClients, String> {
    let store = Store::open_to_read(&settings.database.url).await.map_err(|error| error.to_string())?;
    let registry = Registry::open(store.clone(), clock.clone()).await.map_err(|error| error.to_string())?;
    let sessions = Sessions::new(store, clock.clone());
    Ok(OfUsersAndClients { sessions: Arc::new(sessions), registry: Arc::new(registry) })
}

fn tell(
    explanation: &Explanation,
    found: Found,
    not_looked: Option<&str>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let (good, bad, faint) = styles();
    let (style, word) = match found {
        Found::Accepted => (good, "accepted"),
        Found::Refused => (bad, "refused"),
        Found::Nothing => (bad, "not found out"),
    };
    writeln!(out, "{style}{word}{style:#}: {}\n", explanation.verdict)?;
    if let Some(caution) = explanation.caution.filter(|_| !explanation.claims.is_empty()) {
        writeln!(out, "What it says is {caution}.\n")?;
    }
    super::decode::members(&explanation.claims, "claims", out)?;
    writeln!(out, "checks")?;
    for check in &explanation.checks {
        let (style, word) = match check.outcome {
            Outcome::Passed => (good, "passed"),
            Outcome::Failed => (bad, "FAILED"),
            Outcome::NotReached => (faint, "not reached"),
        };
        writeln!(out, "  {style}{word:<11}{style:#}  {}", check.question)?;
        if check.outcome == Outcome::Failed {
            details(check, out)?;
        }
    }
    if let Some(why) = not_looked {
        writeln!(out, "\nWhether its session still stands was not looked at: {}", harmless(why))?;
    }
    Ok(())
}

fn details(check: &Check, out: &mut impl Write) -> std::io::Result<()> {
    let texts = [("found", &check.found), ("expected", &check.expected), ("change", &check.remedy)];
    for (name, text) in texts {
        if let Some(text) = text {
            writeln!(out, "               {name:<9} {}", harmless(text))?;
        }
    }
    writeln!(out, "               {:<9} {}", "standard", check.standard)
}

fn styles() -> (Style, Style, Style) {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    (color(AnsiColor::Green), color(AnsiColor::Red).bold(), Style::new().dimmed())
}
