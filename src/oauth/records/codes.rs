//! The SQL of authorization codes.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `oauth_codes`. Times are microseconds since 1970.
#[derive(Debug, Clone, FromRow)]
pub struct CodeRecord {
    pub code_hash: String,
    pub client_id: String,
    pub user_id: String,
    pub browser_session_id: String,
    pub redirect_uri: String,
    /// Space-delimited.
    pub scopes: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub expires_at: i64,
}

pub async fn insert_code(connection: Connection<'_>, code: &CodeRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_codes (code_hash, client_id, user_id, browser_session_id, redirect_uri, scopes, nonce,
                                      code_challenge, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        )
        .bind(&code.code_hash)
        .bind(&code.client_id)
        .bind(&code.user_id)
        .bind(&code.browser_session_id)
        .bind(&code.redirect_uri)
        .bind(&code.scopes)
        .bind(&code.nonce)
        .bind(&code.code_challenge)
        .bind(code.expires_at)
    )?;
    Ok(())
}

/// The scopes that a code is for, space-delimited.
pub async fn scopes_of_code(connection: Connection<'_>, code_hash: &str) -> Result<Option<String>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar("SELECT scopes FROM oauth_codes WHERE code_hash = $1").bind(code_hash)
    )
}

/// Uses up a code of a client; `None` when it has none of this hash that was not used yet.
pub async fn use_code(
    connection: Connection<'_>,
    code_hash: &str,
    client_id: &str,
    now: i64,
) -> Result<Option<CodeRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(
            "UPDATE oauth_codes SET used_at = $3 WHERE code_hash = $1 AND client_id = $2 AND used_at IS NULL
             RETURNING code_hash, client_id, user_id, browser_session_id, redirect_uri, scopes, nonce, code_challenge,
                       expires_at"
        )
        .bind(code_hash)
        .bind(client_id)
        .bind(now)
    )
}

/// Notes what a code gave.
pub async fn note_code_gave(
    connection: Connection<'_>,
    code_hash: &str,
    session_id: &str,
    keep_until: i64,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE oauth_codes SET session_id = $2, expires_at = $3 WHERE code_hash = $1")
            .bind(code_hash)
            .bind(session_id)
            .bind(keep_until)
    )?;
    Ok(())
}

/// What a used code of a client gave: its user, and the session.
pub async fn code_gave(
    connection: Connection<'_>,
    code_hash: &str,
    client_id: &str,
) -> Result<Option<(String, Option<String>)>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as("SELECT user_id, session_id FROM oauth_codes WHERE code_hash = $1 AND client_id = $2")
            .bind(code_hash)
            .bind(client_id)
    )
}
