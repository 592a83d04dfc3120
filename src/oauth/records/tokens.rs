//! The SQL of what is kept about tokens of clients.

use crate::store::{Connection, StoreError, sql};

/// Keeps a token's id until its end; `false` when it was there already.
pub async fn revoke(
    connection: Connection<'_>,
    token_id: &str,
    revoked_at: i64,
    expires_at: i64,
) -> Result<bool, StoreError> {
    let inserted = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_revoked_tokens (token_id, revoked_at, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (token_id) DO NOTHING"
        )
        .bind(token_id)
        .bind(revoked_at)
        .bind(expires_at)
    )?;
    Ok(inserted == 1)
}

/// Ids of tokens that were revoked after `since` and end after `now`, with their ends; at most `limit`.
pub async fn revoked_since(
    connection: Connection<'_>,
    since: i64,
    now: i64,
    limit: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT token_id, expires_at FROM oauth_revoked_tokens WHERE revoked_at > $1 AND expires_at > $2 LIMIT $3"
        )
        .bind(since)
        .bind(now)
        .bind(limit)
    )
}

pub async fn is_revoked(connection: Connection<'_>, token_id: &str) -> Result<bool, StoreError> {
    let found: Option<i64> = sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar("SELECT expires_at FROM oauth_revoked_tokens WHERE token_id = $1").bind(token_id)
    )?;
    Ok(found.is_some())
}

/// Notes an assertion as used; `false` when it was used before.
pub async fn use_assertion(connection: Connection<'_>, id_hash: &str, expires_at: i64) -> Result<bool, StoreError> {
    let inserted = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_used_assertions (id_hash, expires_at) VALUES ($1, $2) ON CONFLICT (id_hash) DO NOTHING"
        )
        .bind(id_hash)
        .bind(expires_at)
    )?;
    Ok(inserted == 1)
}
