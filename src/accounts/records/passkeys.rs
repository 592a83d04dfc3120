//! The SQL of passkeys, and of the challenges that wait for them.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `passkeys`.
#[derive(Clone, FromRow)]
pub struct PasskeyRecord {
    pub id: String,
    pub user_id: String,
    /// In base64url.
    pub credential_id: String,
    pub name: String,
    /// JSON: its public key and counter.
    pub credential: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

/// A row of `passkey_challenges`.
#[derive(Clone, FromRow)]
pub struct ChallengeRecord {
    pub id: String,
    pub user_id: Option<String>,
    pub purpose: String,
    /// JSON.
    pub state: String,
    pub expires_at: i64,
}

/// The passkeys of a user, the oldest first.
pub async fn passkeys_of(connection: Connection<'_>, user_id: &str) -> Result<Vec<PasskeyRecord>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "SELECT id, user_id, credential_id, name, credential, created_at, last_used_at
             FROM passkeys WHERE user_id = $1 ORDER BY created_at, id"
        )
        .bind(user_id)
    )
}

/// The passkey of a credential, if it is this user's.
pub async fn passkey_of_credential(
    connection: Connection<'_>,
    user_id: &str,
    credential_id: &str,
) -> Result<Option<PasskeyRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(
            "SELECT id, user_id, credential_id, name, credential, created_at, last_used_at
             FROM passkeys WHERE user_id = $1 AND credential_id = $2"
        )
        .bind(user_id)
        .bind(credential_id)
    )
}

/// Adds a passkey; `false` when somebody has it already.
pub async fn insert_passkey(connection: Connection<'_>, passkey: &PasskeyRecord) -> Result<bool, StoreError> {
    let added = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (credential_id) DO NOTHING"
        )
        .bind(&passkey.id)
        .bind(&passkey.user_id)
        .bind(&passkey.credential_id)
        .bind(&passkey.name)
        .bind(&passkey.credential)
        .bind(passkey.created_at)
    )?;
    Ok(added == 1)
}

/// Gives a passkey of a user another name; `false` when he has none of this id.
pub async fn rename_passkey(
    connection: Connection<'_>,
    id: &str,
    user_id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let renamed = sql!(
        connection,
        execute,
        sqlx::query("UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2").bind(id).bind(user_id).bind(name)
    )?;
    Ok(renamed == 1)
}

/// Notes that a passkey was used, with its counter as of now; `false` when it is gone, or was used beside this.
pub async fn use_passkey(
    connection: Connection<'_>,
    id: &str,
    old: &str,
    new: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let used = sql!(
        connection,
        execute,
        sqlx::query("UPDATE passkeys SET credential = $3, last_used_at = $4 WHERE id = $1 AND credential = $2")
            .bind(id)
            .bind(old)
            .bind(new)
            .bind(now)
    )?;
    Ok(used == 1)
}

/// Takes a passkey from a user; `false` when he has none of this id.
pub async fn delete_passkey(connection: Connection<'_>, id: &str, user_id: &str) -> Result<bool, StoreError> {
    let deleted = sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM passkeys WHERE id = $1 AND user_id = $2").bind(id).bind(user_id)
    )?;
    Ok(deleted == 1)
}

/// Notes since when a passkey is asked for besides the password, or that it is not.
pub async fn set_passkey_required(
    connection: Connection<'_>,
    user_id: &str,
    since: Option<i64>,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET passkey_required_at = $2 WHERE id = $1").bind(user_id).bind(since)
    )?;
    Ok(())
}

/// Keeps a challenge until it is answered.
pub async fn insert_challenge(connection: Connection<'_>, challenge: &ChallengeRecord) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO passkey_challenges (id, user_id, purpose, state, expires_at) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(&challenge.id)
        .bind(&challenge.user_id)
        .bind(&challenge.purpose)
        .bind(&challenge.state)
        .bind(challenge.expires_at)
    )?;
    Ok(())
}

/// Takes a challenge that is still good at `now`; of two who try, one gets it.
pub async fn take_challenge(
    connection: Connection<'_>,
    id: &str,
    purpose: &str,
    now: i64,
) -> Result<Option<ChallengeRecord>, StoreError> {
    let taken: Vec<ChallengeRecord> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "DELETE FROM passkey_challenges WHERE id = $1 AND purpose = $2 AND expires_at > $3
             RETURNING id, user_id, purpose, state, expires_at"
        )
        .bind(id)
        .bind(purpose)
        .bind(now)
    )?;
    Ok(taken.into_iter().next())
}

/// Deletes at most `limit` challenges that expired before `now`; how many it were.
pub async fn delete_old_challenges(connection: Connection<'_>, now: i64, limit: i64) -> Result<u64, StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "DELETE FROM passkey_challenges WHERE id IN (SELECT id FROM passkey_challenges WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(now)
        .bind(limit)
    )
}

/// Deletes all challenges.
pub async fn delete_all_challenges(connection: Connection<'_>) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("DELETE FROM passkey_challenges"))?;
    Ok(())
}
