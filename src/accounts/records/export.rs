//! The SQL of an export: the rows of all tables that speak of one person, without the secrets among them.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A session, whether or not it has ended.
#[derive(FromRow)]
pub struct ExportedSession {
    pub id: String,
    pub created_at: i64,
    pub last_used_at: i64,
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub methods: String,
    pub kind: String,
    pub client_id: Option<String>,
    pub scopes: Option<String>,
}

/// What a user has allowed a client.
#[derive(FromRow)]
pub struct ExportedConsent {
    pub client_id: String,
    pub scopes: String,
    pub granted_at: i64,
}

/// A passkey, without its key.
#[derive(FromRow)]
pub struct ExportedPasskey {
    pub id: String,
    pub name: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

/// A TOTP generator, without its secret.
#[derive(FromRow)]
pub struct ExportedTotp {
    pub created_at: i64,
    pub confirmed_at: Option<i64>,
}

/// A letter that waits, or a token that one carried.
#[derive(FromRow)]
pub struct ExportedLetter {
    pub kind: String,
    pub email: String,
    pub created_at: i64,
}

/// All sessions of a user.
pub async fn exported_sessions(connection: Connection<'_>, user_id: &str) -> Result<Vec<ExportedSession>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, created_at, last_used_at, expires_at, ended_at, ip, user_agent, methods, kind, client_id, scopes
             FROM sessions WHERE user_id = $1 ORDER BY created_at, id"
        )
        .bind(user_id)
    )
}

/// All that a user has allowed clients.
pub async fn exported_consents(connection: Connection<'_>, user_id: &str) -> Result<Vec<ExportedConsent>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT client_id, scopes, granted_at FROM oauth_consents WHERE user_id = $1 ORDER BY granted_at, client_id"
        )
        .bind(user_id)
    )
}

/// All passkeys of a user.
pub async fn exported_passkeys(connection: Connection<'_>, user_id: &str) -> Result<Vec<ExportedPasskey>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, name, created_at, last_used_at FROM passkeys WHERE user_id = $1 ORDER BY created_at, id"
        )
        .bind(user_id)
    )
}

/// The TOTP generator of a user.
pub async fn exported_totp(connection: Connection<'_>, user_id: &str) -> Result<Option<ExportedTotp>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as("SELECT created_at, confirmed_at FROM totp WHERE user_id = $1").bind(user_id)
    )
}

/// How many recovery codes a user has left.
pub async fn exported_recovery_codes(connection: Connection<'_>, user_id: &str) -> Result<i64, StoreError> {
    sql!(
        connection,
        fetch_one,
        sqlx::query_scalar("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1").bind(user_id)
    )
}

/// Letters to a user that wait.
pub async fn exported_letters(connection: Connection<'_>, user_id: &str) -> Result<Vec<ExportedLetter>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as("SELECT kind, email, created_at FROM letters WHERE user_id = $1 ORDER BY created_at, id")
            .bind(user_id)
    )
}

/// Links in letters to a user that wait to be opened.
pub async fn exported_links(connection: Connection<'_>, user_id: &str) -> Result<Vec<ExportedLetter>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT purpose AS kind, email, created_at FROM one_time_tokens
             WHERE user_id = $1 AND email <> '' ORDER BY created_at"
        )
        .bind(user_id)
    )
}
