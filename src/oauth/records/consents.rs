//! The SQL of what users have allowed clients.

use crate::store::{Connection, StoreError, sql};

/// The scopes that a user has allowed a client, space-delimited.
pub async fn consent(connection: Connection<'_>, user_id: &str, client_id: &str) -> Result<Option<String>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar("SELECT scopes FROM oauth_consents WHERE user_id = $1 AND client_id = $2")
            .bind(user_id)
            .bind(client_id)
    )
}

/// Keeps what a user has allowed a client, in place of what he had allowed it before.
pub async fn keep_consent(
    connection: Connection<'_>,
    user_id: &str,
    client_id: &str,
    scopes: &str,
    now: i64,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_consents (user_id, client_id, scopes, granted_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at"
        )
        .bind(user_id)
        .bind(client_id)
        .bind(scopes)
        .bind(now)
    )?;
    Ok(())
}
