//! Looking into the record.

use std::fmt;

use uuid::Uuid;

use super::{Act, Event};
use crate::store::{Connection, StoreError, sql};

/// The newest events on a user, at most `limit`, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn of_user(connection: Connection<'_>, user_id: &str, limit: i64) -> Result<Vec<Event>, StoreError> {
    let mut events: Vec<Event> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, details
             FROM audit WHERE user_id = $1 ORDER BY at DESC, id LIMIT $2"
        )
        .bind(user_id)
        .bind(limit)
    )?;
    events.reverse();
    Ok(events)
}

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Filter {
    /// On this user alone.
    pub user_id: Option<String>,
    /// This act alone.
    pub act: Option<Act>,
    /// By whoever this says alone: `user`, `operator`, `client`, or `admin` and the id of one.
    pub actor: Option<String>,
    /// `success` or `failure` alone.
    pub outcome: Option<String>,
    /// From this address alone.
    pub ip: Option<String>,
    /// In microseconds since 1970, from then on.
    pub since: i64,
    /// In microseconds since 1970, before then.
    pub until: i64,
    /// Before this event.
    pub before: Option<Cursor>,
    /// At most so many, the newest.
    pub limit: i64,
}

/// A place in the list of events.
#[derive(Debug, Clone)]
pub struct Cursor {
    pub(super) at: i64,
    pub(super) id: String,
}

impl Cursor {
    /// Reads one; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('_')?;
        Some(Self { at: at.parse().ok()?, id: id.parse::<Uuid>().ok()?.to_string() })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at, self.id)
    }
}

/// The events that are wanted, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn find(connection: Connection<'_>, filter: &Filter) -> Result<Vec<Event>, StoreError> {
    // Two texts, because no index helps where the user may be anybody.
    let statement = if filter.user_id.is_some() {
        "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, details
         FROM audit
         WHERE at >= $1 AND at < $2 AND user_id = $3 AND COALESCE($4, act) = act AND COALESCE($5, outcome) = outcome
               AND COALESCE($6, ip, '') = COALESCE(ip, '') AND COALESCE($10, actor) = actor AND (at < $8 OR (at = $8 AND id < $9))
         ORDER BY at DESC, id DESC LIMIT $7"
    } else {
        "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, details
         FROM audit
         WHERE at >= $1 AND at < $2 AND COALESCE($3, '') = '' AND COALESCE($4, act) = act AND COALESCE($5, outcome) = outcome
               AND COALESCE($6, ip, '') = COALESCE(ip, '') AND COALESCE($10, actor) = actor AND (at < $8 OR (at = $8 AND id < $9))
         ORDER BY at DESC, id DESC LIMIT $7"
    };
    let mut events: Vec<Event> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(statement)
            .bind(filter.since)
            .bind(filter.until)
            .bind(&filter.user_id)
            .bind(filter.act.map(Act::name))
            .bind(&filter.outcome)
            .bind(&filter.ip)
            .bind(filter.limit)
            .bind(filter.before.as_ref().map_or(i64::MAX, |cursor| cursor.at))
            .bind(filter.before.as_ref().map_or("", |cursor| cursor.id.as_str()))
            .bind(&filter.actor)
    )?;
    events.reverse();
    Ok(events)
}
