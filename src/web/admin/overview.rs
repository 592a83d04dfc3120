//! `/admin`: how the server is doing.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use chrono::{DateTime, Utc};

use super::administrator::Administrator;
use super::frame::{Frame, Here, answer, minute};
use super::picture::Picture;
use crate::accounts::Accounts;
use crate::http::methods::{get, resource};
use crate::http::request_id::in_span;
use crate::mail::queue;
use crate::metrics::Metrics;
use crate::oauth::OAuth;
use crate::store::StoreError;
use crate::token::RemoteStatus;
use crate::web::ADMIN;

/// The database must answer so soon.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(ADMIN, [get(to(show))]).wrap(from_fn(in_span)));
}

/// How a part of the server is doing.
struct State {
    name: String,
    is_well: bool,
    /// In a word.
    word: &'static str,
    more: String,
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage<'p> {
    frame: Frame<'p>,
    states: Vec<State>,
    picture: Picture,
}

async fn show(admin: Administrator, oauth: Data<OAuth>, metrics: Data<Metrics>) -> HttpResponse {
    let accounts = &oauth.accounts;
    let now = accounts.clock.now();
    let mut states = vec![database(accounts).await, letters(accounts, now).await];
    states.extend(oauth.verifier.remotes().into_iter().map(|remote| of_remote(remote, now)));
    let picture = Picture::of(&metrics.last_hour());
    answer(StatusCode::OK, &admin, &OverviewPage { frame: Frame::of(&admin, Here::Overview), states, picture })
}

async fn database(accounts: &Accounts) -> State {
    let before = accounts.clock.monotonic();
    let answered = tokio::time::timeout(PATIENCE, accounts.store().ping()).await;
    let took = accounts.clock.monotonic().saturating_sub(before);
    let (is_well, word, more) = match answered {
        Ok(Ok(())) => (true, "well", format!("It answered in {}.", in_millis(took))),
        Ok(Err(error)) => (false, "failing", error.to_string()),
        Err(_) => (false, "failing", format!("It did not answer within {} seconds.", PATIENCE.as_secs())),
    };
    State { name: format!("Database ({})", accounts.store().engine()), is_well, word, more }
}

fn in_millis(took: Duration) -> String {
    if took < Duration::from_millis(1) {
        "less than a millisecond".to_owned()
    } else {
        format!("{} ms", took.as_millis())
    }
}

async fn letters(accounts: &Accounts, now: DateTime<Utc>) -> State {
    let state = async {
        let mut reader = accounts.store().read().await?;
        queue::state(reader.connection()).await
    };
    let name = "Letters".to_owned();
    let told: Result<Result<_, StoreError>, _> = tokio::time::timeout(PATIENCE, state).await;
    match told {
        Err(_) | Ok(Err(_)) => {
            State { name, is_well: false, word: "unknown", more: "The database does not tell.".to_owned() }
        }
        Ok(Ok(queue)) if queue.waiting == 0 => {
            State { name, is_well: true, word: "well", more: "None waits to be sent.".to_owned() }
        }
        Ok(Ok(queue)) => {
            let since = queue.oldest.map(|at| age(now.timestamp_micros().saturating_sub(at))).unwrap_or_default();
            let failing = match queue.failing {
                0 => "none of them was tried in vain".to_owned(),
                failing => format!("{failing} of them were tried in vain; the log says why"),
            };
            let waiting = queue.waiting;
            State {
                name,
                is_well: queue.failing == 0,
                word: if queue.failing == 0 { "well" } else { "failing" },
                more: format!("{waiting} wait to be sent, the first of them for {since}; {failing}."),
            }
        }
    }
}

fn of_remote(remote: RemoteStatus, now: DateTime<Utc>) -> State {
    let fetched = remote.fetched_at.map(|at| {
        let micros = at.timestamp_micros();
        format!("fetched {} ago, {}", age(now.timestamp_micros().saturating_sub(micros)), minute(micros))
    });
    let keys = match (remote.keys, fetched) {
        (0, _) => "No usable key has come yet; none of its tokens is believed.".to_owned(),
        (keys, fetched) => format!("{keys} usable keys, {}.", fetched.unwrap_or_default()),
    };
    let failure = remote.last_error.map(|error| format!(" The last try failed: {error}")).unwrap_or_default();
    let is_well = remote.keys > 0 && failure.is_empty();
    State {
        name: format!("Keys of {}", remote.issuer),
        is_well,
        word: match (remote.keys, is_well) {
            (0, _) => "failing",
            (_, true) => "well",
            (_, false) => "going on with old keys",
        },
        more: format!("{keys}{failure}"),
    }
}

/// How long ago, in the largest unit that fits.
fn age(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (seconds, words) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(age(seconds * 1_000_000), words);
        }
    }
}
