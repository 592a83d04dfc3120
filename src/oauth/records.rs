//! The SQL of clients and of what is kept about their tokens.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `oauth_clients`. Times are microseconds since 1970.
#[derive(Debug, Clone, FromRow)]
pub struct ClientRecord {
    pub id: String,
    pub name: String,
    /// Space-delimited.
    pub grants: String,
    /// Space-delimited.
    pub scopes: String,
    pub auth_method: Option<String>,
    pub jwks: Option<String>,
    /// Seconds.
    pub access_ttl: Option<i64>,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
}

/// A row of `oauth_client_secrets`.
#[derive(Debug, Clone, FromRow)]
pub struct SecretRecord {
    pub client_id: String,
    pub secret_hash: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

/// Counts up with every change of a client.
pub async fn version(connection: Connection<'_>) -> Result<i64, StoreError> {
    sql!(connection, fetch_one, sqlx::query_scalar("SELECT version FROM oauth_clients_version WHERE id = 1"))
}

/// The first statement of every change: changes wait here for each other.
pub async fn begin_change(connection: Connection<'_>) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("UPDATE oauth_clients_version SET version = version + 1 WHERE id = 1"))?;
    Ok(())
}

/// All clients.
pub async fn clients(connection: Connection<'_>) -> Result<Vec<ClientRecord>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, name, grants, scopes, auth_method, jwks, access_ttl, created_at, disabled_at FROM oauth_clients"
        )
    )
}

/// One client.
pub async fn client(connection: Connection<'_>, id: &str) -> Result<Option<ClientRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(
            "SELECT id, name, grants, scopes, auth_method, jwks, access_ttl, created_at, disabled_at
             FROM oauth_clients WHERE id = $1"
        )
        .bind(id)
    )
}

/// The secrets of all clients, the newest first.
pub async fn secrets(connection: Connection<'_>) -> Result<Vec<SecretRecord>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT client_id, secret_hash, created_at, expires_at FROM oauth_client_secrets ORDER BY created_at DESC"
        )
    )
}

pub async fn insert_client(connection: Connection<'_>, client: &ClientRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_clients (id, name, grants, scopes, auth_method, jwks, access_ttl, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        )
        .bind(&client.id)
        .bind(&client.name)
        .bind(&client.grants)
        .bind(&client.scopes)
        .bind(&client.auth_method)
        .bind(&client.jwks)
        .bind(client.access_ttl)
        .bind(client.created_at)
        .bind(client.disabled_at)
    )?;
    Ok(())
}

/// Writes what may change of a client.
pub async fn update_client(connection: Connection<'_>, client: &ClientRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE oauth_clients SET name = $2, grants = $3, scopes = $4, access_ttl = $5, disabled_at = $6 WHERE id = $1"
        )
        .bind(&client.id)
        .bind(&client.name)
        .bind(&client.grants)
        .bind(&client.scopes)
        .bind(client.access_ttl)
        .bind(client.disabled_at)
    )?;
    Ok(())
}

/// Deletes a client with its secrets; `false` when there was none.
pub async fn delete_client(connection: Connection<'_>, id: &str) -> Result<bool, StoreError> {
    let deleted = sql!(connection, execute, sqlx::query("DELETE FROM oauth_clients WHERE id = $1").bind(id))?;
    Ok(deleted == 1)
}

pub async fn insert_secret(
    connection: Connection<'_>,
    client_id: &str,
    secret_hash: &str,
    now: i64,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("INSERT INTO oauth_client_secrets (client_id, secret_hash, created_at) VALUES ($1, $2, $3)")
            .bind(client_id)
            .bind(secret_hash)
            .bind(now)
    )?;
    Ok(())
}

pub async fn delete_secrets(connection: Connection<'_>, client_id: &str) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("DELETE FROM oauth_client_secrets WHERE client_id = $1").bind(client_id))?;
    Ok(())
}

/// Lets the one secret that has no end yet end at `end`, and deletes those that were to end already.
pub async fn retire_secrets(mut connection: Connection<'_>, client_id: &str, end: i64) -> Result<(), StoreError> {
    sql!(
        connection.reborrow(),
        execute,
        sqlx::query("DELETE FROM oauth_client_secrets WHERE client_id = $1 AND expires_at IS NOT NULL").bind(client_id)
    )?;
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE oauth_client_secrets SET expires_at = $2 WHERE client_id = $1").bind(client_id).bind(end)
    )?;
    Ok(())
}

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

/// Deletes at most `limit` rows each of what nothing can ask for any more; how many it were.
pub async fn delete_over(mut connection: Connection<'_>, before: i64, limit: i64) -> Result<u64, StoreError> {
    let tokens = sql!(
        connection.reborrow(),
        execute,
        sqlx::query(
            "DELETE FROM oauth_revoked_tokens
             WHERE token_id IN (SELECT token_id FROM oauth_revoked_tokens WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(before)
        .bind(limit)
    )?;
    let assertions = sql!(
        connection,
        execute,
        sqlx::query(
            "DELETE FROM oauth_used_assertions
             WHERE id_hash IN (SELECT id_hash FROM oauth_used_assertions WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(before)
        .bind(limit)
    )?;
    Ok(tokens + assertions)
}
