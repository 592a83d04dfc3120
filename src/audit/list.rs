//! Looking into the record.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use super::{Act, Event};
use crate::http::problem::FieldError;
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

/// The text of a statement that finds events, the newest first. What it finds them by is told apart, for an index helps only where it is equal to
/// something for sure.
macro_rules! select_events {
    ($by:literal) => {
        concat!(
            "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, details
             FROM audit
             WHERE at >= $1 AND (at, id) < ($2, $3) AND ",
            $by,
            " AND COALESCE($7, outcome) = outcome AND COALESCE($8, ip, '') = COALESCE(ip, '')
             ORDER BY at DESC, id DESC LIMIT $9"
        )
    };
}

const ALL: &str = select_events!("COALESCE($4, '') = '' AND COALESCE($5, act) = act AND COALESCE($6, actor) = actor");
const OF_USER: &str = select_events!("user_id = $4 AND COALESCE($5, act) = act AND COALESCE($6, actor) = actor");
const OF_ACT: &str = select_events!("COALESCE($4, '') = '' AND act = $5 AND COALESCE($6, actor) = actor");
const OF_ACTOR: &str = select_events!("COALESCE($4, '') = '' AND COALESCE($5, act) = act AND actor = $6");

impl Filter {
    /// The same with its address in the form that the record has; or what is wrong with it, for what nothing can be equal to finds nothing, and would
    /// pass for that nothing happened.
    pub(crate) fn checked(self) -> Result<Self, FieldError> {
        let wrong = |field, message: &'static str| FieldError { field, message: message.into() };
        if self.outcome.as_deref().is_some_and(|outcome| !["success", "failure"].contains(&outcome)) {
            return Err(wrong("outcome", "must be success or failure"));
        }
        let as_recorded = |actor: &str| match actor.strip_prefix("admin ") {
            Some(id) => id.parse::<Uuid>().ok().map(|id| format!("admin {id}")),
            None => ["user", "operator", "client"].contains(&actor).then(|| actor.to_owned()),
        };
        let not_actor = || wrong("by", "must be user, operator, client, or admin and an id");
        let actor = self.actor.as_deref().map(|actor| as_recorded(actor).ok_or_else(not_actor)).transpose()?;
        let ip = self.ip.as_deref().map(str::parse::<IpAddr>).transpose();
        let ip = ip.map_err(|_| wrong("ip", "must be an IP address"))?.map(|ip| ip.to_canonical().to_string());
        Ok(Self { actor, ip, ..self })
    }

    /// What reads least: by the user; by an actor of whom there are few events; by the act.
    fn statement(&self) -> &'static str {
        let did_little = self.actor.as_deref().is_some_and(|actor| actor != "user" && actor != "client");
        match (&self.user_id, &self.act, &self.actor) {
            (Some(_), _, _) => OF_USER,
            (None, _, Some(_)) if did_little => OF_ACTOR,
            (None, Some(_), _) => OF_ACT,
            (None, None, Some(_)) => OF_ACTOR,
            (None, None, None) => ALL,
        }
    }
}

/// The events that are wanted, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn find(connection: Connection<'_>, filter: &Filter) -> Result<Vec<Event>, StoreError> {
    let mut events = newest_first(connection, filter, filter.limit).await?;
    events.reverse();
    Ok(events)
}

/// A page of the events that are wanted, the newest first, and where the next page begins, when there is one.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn page(
    connection: Connection<'_>,
    filter: &Filter,
) -> Result<(Vec<Event>, Option<Cursor>), StoreError> {
    let mut events = newest_first(connection, filter, filter.limit.saturating_add(1)).await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let goes_on = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| goes_on).map(Event::cursor);
    Ok((events, next))
}

async fn newest_first(connection: Connection<'_>, filter: &Filter, limit: i64) -> Result<Vec<Event>, StoreError> {
    // Before the time, and of events of that very time before the id: no id is before "".
    let end = match &filter.before {
        Some(cursor) if cursor.at < filter.until => (cursor.at, cursor.id.as_str()),
        Some(_) | None => (filter.until, ""),
    };
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(filter.statement())
            .bind(filter.since)
            .bind(end.0)
            .bind(end.1)
            .bind(&filter.user_id)
            .bind(filter.act.map(Act::name))
            .bind(&filter.actor)
            .bind(&filter.outcome)
            .bind(&filter.ip)
            .bind(limit)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On PostgreSQL it is the same indexes.
    #[tokio::test]
    async fn filters_go_by_an_index_and_sort_next_to_nothing() {
        // Events of one microsecond are few.
        const LAST: &str = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY";
        for (statement, steps) in [
            (ALL, vec!["SEARCH audit USING INDEX audit_by_time (at>? AND at<?)", LAST]),
            (OF_USER, vec!["SEARCH audit USING INDEX audit_of_user (user_id=? AND at>? AND at<?)", LAST]),
            (OF_ACT, vec!["SEARCH audit USING INDEX audit_of_act (act=? AND at>? AND (at,id)<(?,?))"]),
            (OF_ACTOR, vec!["SEARCH audit USING INDEX audit_of_actor (actor=? AND at>? AND (at,id)<(?,?))"]),
        ] {
            assert_eq!(crate::store::plan(statement).await, steps, "{statement}");
        }
    }
}
