//! `tokenhouse audit`: what happened, the newest last.

use std::io::Write;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::columns::in_columns;
use crate::accounts::administration::{NotDone, id_of};
use crate::audit::{self, Act, Filter};
use crate::settings::Settings;
use crate::store::Store;
use crate::token::Clock;

#[derive(Args)]
pub(super) struct AuditArguments {
    /// Only on this account: its id, also of one that is gone, or its email address
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// Only this act, such as `login`
    #[arg(long, value_name = "ACT", value_parser = act)]
    act: Option<Act>,
    /// Only what was done, or what was refused
    #[arg(long, value_parser = ["success", "failure"])]
    outcome: Option<String>,
    /// Only from this address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// Only from this moment on: a time such as 2026-11-24T12:00:00Z, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
    /// Only before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// How many at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Clone, Copy)]
enum Moment {
    At(DateTime<Utc>),
    Ago(std::time::Duration),
}

fn act(name: &str) -> Result<Act, String> {
    let known = || Act::ALL.map(Act::name).join(", ");
    Act::of_name(name).ok_or_else(|| format!("there is no such act; there are {}", known()))
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(at.to_utc()));
    }
    let ago = humantime::parse_duration(text);
    ago.map(Moment::Ago).map_err(|_| "want a time such as 2026-11-24T12:00:00Z, or how long ago, such as 2h".to_owned())
}

impl Moment {
    fn micros(self, clock: &Clock) -> i64 {
        match self {
            Self::At(at) => at.timestamp_micros(),
            Self::Ago(ago) => clock.unix_micros().saturating_sub(crate::accounts::micros(ago)),
        }
    }
}

pub(super) fn run(
    settings: &Settings,
    arguments: AuditArguments,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    super::store::with_store(settings, async |store, clock| {
        let filter = filter(arguments, store, clock).await?;
        let mut reader = store.read().await.map_err(NotDone::from)?;
        let events = audit::find(reader.connection(), &filter).await.map_err(NotDone::from)?;
        if json {
            let items: Vec<Value> = events.iter().map(audit::Event::to_json).collect();
            writeln!(out, "{}", json!({ "items": items }))?;
            return Ok(0);
        }
        let head = ["TIME", "ACT", "OUTCOME", "ACTOR", "USER", "FROM", "WITH"].map(str::to_owned).to_vec();
        let rows = events.iter().map(audit::Event::to_row);
        write!(out, "{}", in_columns(std::iter::once(head).chain(rows)))?;
        Ok(0)
    })
}

async fn filter(arguments: AuditArguments, store: &Store, clock: &Clock) -> Result<Filter, Failure> {
    let user_id = match &arguments.user {
        Some(who) => {
            let mut reader = store.read().await.map_err(NotDone::from)?;
            let id = id_of(reader.connection(), who).await.map_err(NotDone::from)?;
            Some(id.ok_or(NotDone::Unknown)?)
        }
        None => None,
    };
    Ok(Filter {
        user_id,
        act: arguments.act,
        actor: None,
        outcome: arguments.outcome,
        ip: arguments.ip.map(|ip| ip.to_canonical().to_string()),
        since: arguments.since.map_or(0, |moment| moment.micros(clock)),
        until: arguments.until.map_or(i64::MAX, |moment| moment.micros(clock)),
        before: None,
        limit: i64::from(arguments.limit),
    })
}
