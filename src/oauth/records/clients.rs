//! The SQL of clients.

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
    /// Space-delimited.
    pub redirect_uris: String,
    /// Space-delimited.
    pub post_logout_redirect_uris: String,
    /// `aud` of its tokens; `None`: the server's.
    pub audience: Option<String>,
    /// Seconds.
    pub refresh_ttl: Option<i64>,
    /// Since when nobody is asked for consent.
    pub trusted_at: Option<i64>,
}

/// The text of a statement that reads whole clients.
macro_rules! select_clients {
    ($which:literal) => {
        concat!(
            "SELECT id, name, grants, scopes, auth_method, jwks, access_ttl, created_at, disabled_at, redirect_uris,
                    post_logout_redirect_uris, audience, refresh_ttl, trusted_at
             FROM oauth_clients ",
            $which
        )
    };
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
    sql!(connection, fetch_all, sqlx::query_as(select_clients!("")))
}

/// One client.
pub async fn client(connection: Connection<'_>, id: &str) -> Result<Option<ClientRecord>, StoreError> {
    sql!(connection, fetch_optional, sqlx::query_as(select_clients!("WHERE id = $1")).bind(id))
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
            "INSERT INTO oauth_clients (id, name, grants, scopes, auth_method, jwks, access_ttl, created_at, disabled_at,
                                        redirect_uris, post_logout_redirect_uris, audience, refresh_ttl, trusted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
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
        .bind(&client.redirect_uris)
        .bind(&client.post_logout_redirect_uris)
        .bind(&client.audience)
        .bind(client.refresh_ttl)
        .bind(client.trusted_at)
    )?;
    Ok(())
}

/// Writes what may change of a client.
pub async fn update_client(connection: Connection<'_>, client: &ClientRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE oauth_clients
             SET name = $2, grants = $3, scopes = $4, access_ttl = $5, disabled_at = $6, redirect_uris = $7,
                 post_logout_redirect_uris = $8, audience = $9, refresh_ttl = $10, trusted_at = $11
             WHERE id = $1"
        )
        .bind(&client.id)
        .bind(&client.name)
        .bind(&client.grants)
        .bind(&client.scopes)
        .bind(client.access_ttl)
        .bind(client.disabled_at)
        .bind(&client.redirect_uris)
        .bind(&client.post_logout_redirect_uris)
        .bind(&client.audience)
        .bind(client.refresh_ttl)
        .bind(client.trusted_at)
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
