//! `/admin/audit`: the record of what happened, the newest first.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use chrono::{NaiveDateTime, TimeZone as _, Utc};
use serde::Deserialize;

use super::administrator::Administrator;
use super::frame::{Frame, Here, answer, second, unavailable, with_query};
use super::users::USERS;
use crate::accounts::administration::id_of;
use crate::accounts::browser::in_words;
use crate::accounts::email::Email;
use crate::accounts::records;
use crate::audit::{self, Act, Cursor, Event, Filter};
use crate::http::Problem;
use crate::http::methods::{get, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::store::{Connection, StoreError};
use crate::web::complaint::Complaint;
use crate::web::page::{BROKEN_LINK, WRONG};

const RECORD: &str = "/admin/audit";

/// So many are on a page.
const PAGE: i64 = 50;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(RECORD, [get(to(list))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RecordQuery {
    act: String,
    /// Whose account: an address or an id.
    who: String,
    /// By whom: `user`, `operator`, `client`, or `admin` and an id.
    by: String,
    outcome: String,
    ip: String,
    /// Of a form: `2026-06-01T12:00`, in UTC.
    from: String,
    until: String,
    cursor: String,
}

/// An event, in words.
pub(super) struct Entry {
    pub at: String,
    pub act: String,
    pub failed: bool,
    pub outcome: String,
    /// Why it failed, or what it was in particular.
    pub more: String,
    /// The account's address, or its id when it is gone, and its page.
    pub who: String,
    pub who_at: String,
    pub by: String,
    pub client: String,
    pub ip: String,
    pub browser: String,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct RecordPage<'p> {
    frame: Frame<'p>,
    asked: &'p RecordQuery,
    acts: [&'static str; Act::ALL.len()],
    /// Each with its words.
    actors: Vec<(String, String)>,
    entries: Vec<Entry>,
    next: Option<String>,
}

async fn list(admin: Administrator, oauth: Data<OAuth>, query: Query<RecordQuery>) -> HttpResponse {
    show(&admin, &oauth, &query.0).await.unwrap_or_else(|error| unavailable(&admin, &error))
}

async fn show(admin: &Administrator, oauth: &OAuth, asked: &RecordQuery) -> Result<HttpResponse, StoreError> {
    let mut reader = oauth.accounts.store().read().await?;
    let (events, next, why) = match filter(reader.connection(), asked).await? {
        Ok(filter) => {
            let (events, next) = audit::page(reader.connection(), &filter).await?;
            (events, next, None)
        }
        Err(why) => (Vec::new(), None, Some(why)),
    };
    let entries = entries(reader.connection(), oauth, &events).await?;
    let fixed = [("user", "the owner of the account"), ("operator", "the command line"), ("client", "a client")];
    let mut actors: Vec<_> = fixed.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect();
    if let Some(id) = asked.by.strip_prefix("admin ") {
        let mut names = Names::new(reader.connection());
        let name = names.of(id).await?;
        actors.push((asked.by.clone(), format!("the administrator {}", name.unwrap_or_else(|| id.to_owned()))));
    }
    let page = RecordPage {
        frame: Frame::of(admin, Here::Record).error(why.as_ref()),
        asked,
        acts: Act::ALL.map(Act::name),
        actors,
        entries,
        next: next.map(|next| asked.further(&next)),
    };
    Ok(answer(if why.is_some() { WRONG } else { StatusCode::OK }, admin, &page))
}

impl RecordQuery {
    /// The address of the page behind `cursor`.
    fn further(&self, cursor: &Cursor) -> String {
        let here = [
            ("act", self.act.as_str()),
            ("who", &self.who),
            ("by", &self.by),
            ("outcome", &self.outcome),
            ("ip", &self.ip),
            ("from", &self.from),
            ("until", &self.until),
            ("cursor", &cursor.to_string()),
        ];
        with_query(RECORD, &here)
    }
}

/// What was asked for; or what is wrong with it.
async fn filter(connection: Connection<'_>, asked: &RecordQuery) -> Result<Result<Filter, Complaint>, StoreError> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let act = some(&asked.act).map(|name| Act::of_name(&name));
    if act == Some(None) {
        return Ok(Err(wrong("act", "There is no such act; please choose one of the list.")));
    }
    let user_id = match some(&asked.who) {
        None => None,
        Some(who) => match id_of(connection, &who).await? {
            Some(id) => Some(id),
            None if Email::parse(&who).is_none() => {
                return Ok(Err(wrong("who", "Please give the email address or the id of an account.")));
            }
            None => {
                let why = "There is no account with this email address; one that is gone has its id only.";
                return Ok(Err(wrong("who", why)));
            }
        },
    };
    let time = |text: &str| -> Option<i64> {
        let parsed = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
        let time = parsed.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
        Some(Utc.from_utc_datetime(&time).timestamp_micros())
    };
    let (from, until) = (some(&asked.from).map(|text| time(&text)), some(&asked.until).map(|text| time(&text)));
    for (field, time) in [("from", from), ("until", until)] {
        if time == Some(None) {
            return Ok(Err(wrong(field, "Please write times like this, in UTC: 2026-06-01T12:00")));
        }
    }
    let before = some(&asked.cursor).map(|cursor| Cursor::parse(&cursor));
    if matches!(before, Some(None)) {
        return Ok(Err(Complaint::new(BROKEN_LINK)));
    }
    let filter = Filter {
        user_id,
        act: act.flatten(),
        actor: some(&asked.by),
        outcome: some(&asked.outcome),
        ip: some(&asked.ip),
        since: from.flatten().unwrap_or(0),
        until: until.flatten().unwrap_or(i64::MAX),
        before: before.flatten(),
        limit: PAGE,
    };
    // In the words of the API, which has the same names for them.
    Ok(filter.checked().map_err(|error| Complaint::of_problem(&Problem::invalid_fields(vec![error])).1))
}

fn wrong(field: &'static str, words: &str) -> Complaint {
    Complaint::new(words).on(&[field])
}

/// Addresses of accounts by their ids, each looked up once.
struct Names<'c> {
    connection: Connection<'c>,
    known: HashMap<String, Option<String>>,
}

impl<'c> Names<'c> {
    fn new(connection: Connection<'c>) -> Self {
        Self { connection, known: HashMap::new() }
    }

    async fn of(&mut self, id: &str) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.known.get(id) {
            return Ok(known.clone());
        }
        let found = records::user_by_id(self.connection.reborrow(), id).await?.map(|user| user.email);
        self.known.insert(id.to_owned(), found.clone());
        Ok(found)
    }
}

/// Events in words.
pub(super) async fn entries(
    connection: Connection<'_>,
    oauth: &OAuth,
    events: &[Event],
) -> Result<Vec<Entry>, StoreError> {
    let clients = oauth.registry.clients();
    let mut names = Names::new(connection);
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        let known = match &event.user_id {
            Some(id) => names.of(id).await?,
            None => None,
        };
        let by = match event.actor.strip_prefix("admin ") {
            Some(id) => names.of(id).await?.unwrap_or_else(|| id.to_owned()),
            None => String::new(),
        };
        let client = |id: &String| clients.get(id).map_or_else(|| id.clone(), |client| client.name().to_owned());
        entries.push(Entry {
            at: second(event.at),
            act: event.act.clone(),
            failed: event.outcome != "success",
            outcome: event.outcome.clone(),
            more: event.reason.clone().unwrap_or_else(|| event.details_in_words()),
            who_at: match (&known, &event.user_id) {
                (Some(_), Some(id)) => format!("{USERS}/{id}"),
                _ => String::new(),
            },
            who: known.or_else(|| event.user_id.clone()).unwrap_or_default(),
            by: match event.actor.as_str() {
                "user" => "the owner".to_owned(),
                "operator" => "the command line".to_owned(),
                "client" => "a client".to_owned(),
                _ => by,
            },
            client: event.client_id.as_ref().map(client).unwrap_or_default(),
            ip: event.ip.clone().unwrap_or_default(),
            browser: event.user_agent.as_deref().map(|agent| in_words(Some(agent))).unwrap_or_default(),
        });
    }
    Ok(entries)
}
