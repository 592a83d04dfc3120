//! The record of what happened: every act that matters for security, in a table that is only added to.
//!
//! An act is recorded in the transaction that does it, so there is none without its record; what was refused is recorded by itself. No secret and no
//! token is in it. Rows are kept for `audit.keep` and then deleted.
//!
//! | file | what is in it |
//! |---|---|
//! | `act` | the acts that are recorded |
//! | `list` | looking into the record |

mod act;
mod list;

use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::caller::Caller;
use crate::store::{Connection, StoreError, sql};
use crate::token::clock::rfc3339;

pub use act::Act;
pub use list::{Cursor, Filter, find};
pub(crate) use list::{of_user, page};

/// A row of `audit`.
#[derive(Debug, Clone, FromRow)]
pub struct Event {
    id: String,
    /// Microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) act: String,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) actor: String,
    pub(crate) user_id: Option<String>,
    session_id: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) client_id: Option<String>,
    /// JSON.
    details: Option<String>,
}

impl Event {
    /// Somebody did it, at `at` in microseconds since 1970.
    #[must_use]
    pub fn success(act: Act, at: i64) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            at,
            act: act.name().to_owned(),
            outcome: "success".to_owned(),
            reason: None,
            actor: "user".to_owned(),
            user_id: None,
            session_id: None,
            ip: None,
            user_agent: None,
            client_id: None,
            details: None,
        }
    }

    /// Somebody tried and was refused for this reason: a fixed text, never what he sent.
    #[must_use]
    pub fn failure(act: Act, reason: &'static str, at: i64) -> Self {
        Self { outcome: "failure".to_owned(), reason: Some(reason.to_owned()), ..Self::success(act, at) }
    }

    /// On which account.
    #[must_use]
    pub fn on_user(mut self, id: &str) -> Self {
        self.user_id = Some(id.to_owned());
        self
    }

    /// On which client, or by it when the client is the actor.
    #[must_use]
    pub fn on_client(mut self, id: &str) -> Self {
        self.client_id = Some(id.to_owned());
        self
    }

    /// A client did it, or tried to.
    #[must_use]
    pub fn by_client(mut self) -> Self {
        "client".clone_into(&mut self.actor);
        self
    }

    /// What it was in particular: texts, and lists of texts, by name. Never a secret.
    #[must_use]
    pub fn with(mut self, details: &Value) -> Self {
        self.details = Some(details.to_string());
        self
    }

    /// In which session.
    #[must_use]
    pub fn in_session(mut self, id: &str) -> Self {
        self.session_id = Some(id.to_owned());
        self
    }

    /// From where.
    #[must_use]
    pub fn from(mut self, caller: &Caller) -> Self {
        self.ip = Some(caller.address.to_string());
        self.user_agent.clone_from(&caller.user_agent);
        self
    }

    /// By an administrator, over HTTP, and not by the owner of the account.
    #[must_use]
    pub fn by_admin(mut self, admin_id: &str) -> Self {
        self.actor = format!("admin {admin_id}");
        self
    }

    /// On the command line of the server's machine, and not over HTTP.
    #[must_use]
    pub fn by_operator(mut self) -> Self {
        "operator".clone_into(&mut self.actor);
        self
    }

    /// Its place in the list.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.at, id: self.id.clone() }
    }

    fn details(&self) -> Option<Value> {
        self.details.as_deref().and_then(|details| serde_json::from_str(details).ok())
    }

    /// What it was in particular, for people: `added: admin; removed: billing`.
    #[must_use]
    pub fn details_in_words(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let words = |(name, value): (&String, &Value)| {
            let value = match value {
                Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
                value => text(value),
            };
            format!("{}: {value}", name.replace('_', " "))
        };
        let details = self.details();
        let members = details.as_ref().and_then(Value::as_object).into_iter().flatten();
        members.map(words).collect::<Vec<_>>().join("; ")
    }

    /// Its members for a table of people: time, act, outcome with its reason or particulars, actor, user, address, browser.
    #[must_use]
    pub fn to_row(&self) -> Vec<String> {
        let outcome = match (&self.reason, self.details_in_words()) {
            (Some(reason), _) => format!("{}: {reason}", self.outcome),
            (None, details) if !details.is_empty() => format!("{} ({details})", self.outcome),
            (None, _) => self.outcome.clone(),
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (user, ip, browser) = (text(&self.user_id), text(&self.ip), text(&self.user_agent));
        vec![rfc3339(self.at), self.act.clone(), outcome, self.actor.clone(), user, ip, browser]
    }

    /// Its members, with the time as RFC 3339 writes it.
    #[must_use]
    pub fn overview(&self) -> EventOverview {
        let Self { act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, .. } = self.clone();
        let (at, details) = (rfc3339(self.at), self.details());
        EventOverview { at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id, details }
    }

    /// The same as a value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.overview()).unwrap_or_default()
    }

    /// Adds it to the record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(self, connection: Connection<'_>) -> Result<(), StoreError> {
        sql!(
            connection,
            execute,
            sqlx::query(
                "INSERT INTO audit (id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id,
                                    details)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            )
            .bind(&self.id)
            .bind(self.at)
            .bind(&self.act)
            .bind(&self.outcome)
            .bind(&self.reason)
            .bind(&self.actor)
            .bind(&self.user_id)
            .bind(&self.session_id)
            .bind(&self.ip)
            .bind(&self.user_agent)
            .bind(&self.client_id)
            .bind(&self.details)
        )?;
        Ok(())
    }
}

/// An event as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(examples(json!({ "at": "2026-11-24T04:56:16.416550Z", "act": "login", "outcome": "failure", "reason": "wrong password", "actor": "user", "user_id": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "session_id": null, "ip": "192.0.2.7", "user_agent": "curl/8.14.1", "client_id": null, "details": null })))]
pub struct EventOverview {
    #[schema(format = DateTime)]
    at: String,
    act: String,
    /// `success` or `failure`.
    outcome: String,
    /// Why it failed.
    #[schema(required)]
    reason: Option<String>,
    /// `user`, `client`, `operator` on the command line, or `admin` and an id.
    actor: String,
    /// The account.
    #[schema(required)]
    user_id: Option<String>,
    #[schema(required)]
    session_id: Option<String>,
    #[schema(required)]
    ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    client_id: Option<String>,
    /// What it was in particular: texts, and lists of texts, by name.
    #[schema(required, value_type = Option<Object>)]
    details: Option<Value>,
}

/// Deletes at most `limit` events from before `before`, in microseconds since 1970; how many it were.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn delete_old(connection: Connection<'_>, before: i64, limit: i64) -> Result<u64, StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT $2)")
            .bind(before)
            .bind(limit)
    )
}
