//! The record of what happened: every act that matters for security, in a table that is only added to.
//!
//! An act is recorded in the transaction that does it, so there is none without its record; what was refused is recorded by itself. No secret and no
//! token is in it. Rows are kept for `audit.keep` and then deleted.

use std::fmt;

use serde_json::{Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use crate::http::caller::Caller;
use crate::store::{Connection, StoreError, sql};
use crate::token::clock::rfc3339;

/// What somebody did, or tried to do. Its text is what `tokenhouse audit --act` filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it, and a line for each would only repeat them")]
pub enum Act {
    Register,
    Login,
    Logout,
    SessionEnd,
    OtherSessionsEnd,
    RefreshTokenReuse,
    PasswordChange,
    PasswordForgot,
    PasswordReset,
    EmailVerify,
    EmailChangeRequest,
    EmailChange,
    TotpEnable,
    TotpDisable,
    RecoveryCodeUse,
    RecoveryCodesRenew,
    PasskeyAdd,
    PasskeyRemove,
    PasskeySecondFactor,
    AccountExport,
    AccountDelete,
    UserAdd,
    UserDisable,
    UserEnable,
    UserLogout,
    UserPassword,
    UserRoleAdd,
    UserRoleRemove,
    UserRemove,
    UserImport,
    UserExport,
    ClientAdd,
    ClientChange,
    ClientRotate,
    ClientRemove,
    ClientAuthenticate,
    ClientTokenRevoke,
}

impl Act {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 37] = [
        Self::Register,
        Self::Login,
        Self::Logout,
        Self::SessionEnd,
        Self::OtherSessionsEnd,
        Self::RefreshTokenReuse,
        Self::PasswordChange,
        Self::PasswordForgot,
        Self::PasswordReset,
        Self::EmailVerify,
        Self::EmailChangeRequest,
        Self::EmailChange,
        Self::TotpEnable,
        Self::TotpDisable,
        Self::RecoveryCodeUse,
        Self::RecoveryCodesRenew,
        Self::PasskeyAdd,
        Self::PasskeyRemove,
        Self::PasskeySecondFactor,
        Self::AccountExport,
        Self::AccountDelete,
        Self::UserAdd,
        Self::UserDisable,
        Self::UserEnable,
        Self::UserLogout,
        Self::UserPassword,
        Self::UserRoleAdd,
        Self::UserRoleRemove,
        Self::UserRemove,
        Self::UserImport,
        Self::UserExport,
        Self::ClientAdd,
        Self::ClientChange,
        Self::ClientRotate,
        Self::ClientRemove,
        Self::ClientAuthenticate,
        Self::ClientTokenRevoke,
    ];

    /// The act of a name in the table.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::SessionEnd => "session.end",
            Self::OtherSessionsEnd => "session.end_others",
            Self::RefreshTokenReuse => "refresh_token.reuse",
            Self::PasswordChange => "password.change",
            Self::PasswordForgot => "password.forgot",
            Self::PasswordReset => "password.reset",
            Self::EmailVerify => "email.verify",
            Self::EmailChangeRequest => "email.change_request",
            Self::EmailChange => "email.change",
            Self::TotpEnable => "totp.enable",
            Self::TotpDisable => "totp.disable",
            Self::RecoveryCodeUse => "recovery_code.use",
            Self::RecoveryCodesRenew => "recovery_code.renew",
            Self::PasskeyAdd => "passkey.add",
            Self::PasskeyRemove => "passkey.remove",
            Self::PasskeySecondFactor => "passkey.second_factor",
            Self::AccountExport => "account.export",
            Self::AccountDelete => "account.delete",
            Self::UserAdd => "user.add",
            Self::UserDisable => "user.disable",
            Self::UserEnable => "user.enable",
            Self::UserLogout => "user.logout",
            Self::UserPassword => "user.password",
            Self::UserRoleAdd => "user.role_add",
            Self::UserRoleRemove => "user.role_remove",
            Self::UserRemove => "user.remove",
            Self::UserImport => "user.import",
            Self::UserExport => "user.export",
            Self::ClientAdd => "client.add",
            Self::ClientChange => "client.change",
            Self::ClientRotate => "client.rotate",
            Self::ClientRemove => "client.remove",
            Self::ClientAuthenticate => "client.authenticate",
            Self::ClientTokenRevoke => "client.token_revoke",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row of `audit`.
#[derive(Debug, Clone, FromRow)]
pub struct Event {
    id: String,
    /// Microseconds since 1970.
    at: i64,
    act: String,
    outcome: String,
    reason: Option<String>,
    actor: String,
    user_id: Option<String>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    client_id: Option<String>,
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

    /// Its members for a table of people: time, act, outcome with its reason, actor, user, address, browser.
    #[must_use]
    pub fn to_row(&self) -> Vec<String> {
        let outcome = match &self.reason {
            Some(reason) => format!("{}: {reason}", self.outcome),
            None => self.outcome.clone(),
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (user, ip, browser) = (text(&self.user_id), text(&self.ip), text(&self.user_agent));
        vec![rfc3339(self.at), self.act.clone(), outcome, self.actor.clone(), user, ip, browser]
    }

    /// Its members, with the time as RFC 3339 writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "at": rfc3339(self.at),
            "act": self.act,
            "outcome": self.outcome,
            "reason": self.reason,
            "actor": self.actor,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "ip": self.ip,
            "user_agent": self.user_agent,
            "client_id": self.client_id,
        })
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
                "INSERT INTO audit (id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
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
        )?;
        Ok(())
    }
}

/// The newest events on a user, at most `limit`, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn of_user(connection: Connection<'_>, user_id: &str, limit: i64) -> Result<Vec<Event>, StoreError> {
    let mut events: Vec<Event> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id
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
    at: i64,
    id: String,
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
    let mut events: Vec<Event> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, at, act, outcome, reason, actor, user_id, session_id, ip, user_agent, client_id
             FROM audit
             WHERE at >= $1 AND at < $2 AND COALESCE($3, user_id, '') = COALESCE(user_id, '')
                   AND COALESCE($4, act) = act AND COALESCE($5, outcome) = outcome
                   AND COALESCE($6, ip, '') = COALESCE(ip, '') AND (at < $8 OR (at = $8 AND id < $9))
             ORDER BY at DESC, id DESC LIMIT $7"
        )
        .bind(filter.since)
        .bind(filter.until)
        .bind(&filter.user_id)
        .bind(filter.act.map(Act::name))
        .bind(&filter.outcome)
        .bind(&filter.ip)
        .bind(filter.limit)
        .bind(filter.before.as_ref().map_or(i64::MAX, |cursor| cursor.at))
        .bind(filter.before.as_ref().map_or("", |cursor| cursor.id.as_str()))
    )?;
    events.reverse();
    Ok(events)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> = Act::ALL.iter().map(|act| act.name()).collect();
        assert_eq!(names.len(), Act::ALL.len());
    }
}
