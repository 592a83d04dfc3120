//! The SQL of sessions.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `sessions`.
#[derive(Clone, FromRow)]
pub struct SessionRecord {
    pub id: String,
    pub user_id: String,
    pub created_at: i64,
    pub last_used_at: i64,
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub family_hash: String,
    pub refresh_hash: String,
    pub previous_hash: Option<String>,
    pub previous_salt: Option<String>,
    pub successor_salt: String,
    pub rotated_at: Option<i64>,
    /// Of whoever logged in.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// How its owner logged in: names of RFC 8176, space-delimited.
    pub methods: String,
    /// See [`SessionKind`].
    pub kind: String,
    /// That acts for its owner.
    pub client_id: Option<String>,
    /// What its owner granted the client: space-delimited.
    pub scopes: Option<String>,
    /// The session of the browser in which he did, when this one ends with it.
    pub browser_session_id: Option<String>,
    /// When its owner logged in, if that was not when it began.
    pub authenticated_at: Option<i64>,
}

/// What a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Of `/api/login`: it has refresh tokens, and may do all that its owner may.
    Login,
    /// Of a browser at the server's pages: it has a cookie.
    Browser,
    /// Of a client that acts for its owner, as far as he granted it.
    Client,
}

impl SessionKind {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Browser => "browser",
            Self::Client => "client",
        }
    }
}

impl SessionRecord {
    /// Whether it is of this kind.
    pub fn is(&self, kind: SessionKind) -> bool {
        self.kind == kind.name()
    }

    /// When its owner logged in, in microseconds since 1970.
    pub fn authenticated_at(&self) -> i64 {
        self.authenticated_at.unwrap_or(self.created_at)
    }
}

/// The text of a statement that reads whole rows.
macro_rules! select_sessions {
    ($which:literal) => {
        concat!(
            "SELECT id, user_id, created_at, last_used_at, expires_at, ended_at, family_hash, refresh_hash, previous_hash,
                    previous_salt, successor_salt, rotated_at, ip, user_agent, methods, kind, client_id, scopes,
                    browser_session_id, authenticated_at
             FROM sessions ",
            $which
        )
    };
}

/// Whether a session stands, as the store knows it.
#[derive(Debug, Clone, FromRow)]
#[expect(clippy::struct_field_names, reason = "they are the names of the columns")]
pub struct StandingRecord {
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub disabled_at: Option<i64>,
}

/// The new state of a session whose refresh token is spent.
pub struct Rotation {
    pub refresh_hash: String,
    pub successor_salt: String,
    pub at: i64,
}

/// Adds a session.
pub async fn insert_session(connection: Connection<'_>, session: &SessionRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, family_hash, refresh_hash, successor_salt,
                                   ip, user_agent, methods, kind, client_id, scopes, browser_session_id, authenticated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        )
        .bind(&session.id)
        .bind(&session.user_id)
        .bind(session.created_at)
        .bind(session.last_used_at)
        .bind(session.expires_at)
        .bind(&session.family_hash)
        .bind(&session.refresh_hash)
        .bind(&session.successor_salt)
        .bind(&session.ip)
        .bind(&session.user_agent)
        .bind(&session.methods)
        .bind(&session.kind)
        .bind(&session.client_id)
        .bind(&session.scopes)
        .bind(&session.browser_session_id)
        .bind(session.authenticated_at)
    )?;
    Ok(())
}

/// The session of a family of refresh tokens.
pub async fn session_by_family(
    connection: Connection<'_>,
    family_hash: &str,
) -> Result<Option<SessionRecord>, StoreError> {
    sql!(connection, fetch_optional, sqlx::query_as(select_sessions!("WHERE family_hash = $1")).bind(family_hash))
}

/// Spends the refresh token of `session` and makes its successor the good one; `false` when another request was first.
pub async fn rotate_session(
    connection: Connection<'_>,
    session: &SessionRecord,
    rotation: &Rotation,
) -> Result<bool, StoreError> {
    let rotated = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE sessions
             SET previous_hash = refresh_hash, previous_salt = successor_salt, refresh_hash = $3, successor_salt = $4,
                 rotated_at = $5, last_used_at = $5
             WHERE id = $1 AND refresh_hash = $2 AND ended_at IS NULL"
        )
        .bind(&session.id)
        .bind(&session.refresh_hash)
        .bind(&rotation.refresh_hash)
        .bind(&rotation.successor_salt)
        .bind(rotation.at)
    )?;
    Ok(rotated == 1)
}

/// A session of a user, whether or not it has ended.
pub async fn session_of(
    connection: Connection<'_>,
    session_id: &str,
    user_id: &str,
) -> Result<Option<SessionRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(select_sessions!("WHERE id = $1 AND user_id = $2")).bind(session_id).bind(user_id)
    )
}

/// The sessions of a user that have not ended and not expired at `now`, the one used last first; at most `limit`.
pub async fn sessions_of_user(
    connection: Connection<'_>,
    user_id: &str,
    now: i64,
    limit: i64,
) -> Result<Vec<SessionRecord>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(select_sessions!(
            "WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_used_at DESC, id LIMIT $3"
        ))
        .bind(user_id)
        .bind(now)
        .bind(limit)
    )
}

/// Whether a session of a user stands.
pub async fn session_stands(
    connection: Connection<'_>,
    session_id: &str,
    user_id: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar(
            "SELECT expires_at FROM sessions WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3"
        )
        .bind(session_id)
        .bind(user_id)
        .bind(now)
    )?;
    Ok(found.is_some())
}

/// The ids of a client's sessions for a user that stand at `now`, the youngest first.
pub async fn sessions_of_client(
    connection: Connection<'_>,
    user_id: &str,
    client_id: &str,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_scalar(
            "SELECT id FROM sessions WHERE user_id = $1 AND client_id = $2 AND ended_at IS NULL AND expires_at > $3
             ORDER BY created_at DESC, id"
        )
        .bind(user_id)
        .bind(client_id)
        .bind(now)
    )
}

/// Notes that a session is in use.
pub async fn touch_session(connection: Connection<'_>, id: &str, now: i64) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND ended_at IS NULL").bind(id).bind(now)
    )?;
    Ok(())
}

/// How a session of a user stands.
pub async fn standing(
    connection: Connection<'_>,
    session_id: &str,
    user_id: &str,
) -> Result<Option<StandingRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(
            "SELECT sessions.expires_at, sessions.ended_at, users.disabled_at
             FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE sessions.id = $1 AND sessions.user_id = $2"
        )
        .bind(session_id)
        .bind(user_id)
    )
}
