//! The SQL of authenticator apps and recovery codes.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `totp`.
#[derive(Clone, FromRow)]
pub struct TotpRecord {
    pub sealed_secret: String,
    pub confirmed_at: Option<i64>,
}

/// The generator of a user, confirmed or not.
pub async fn totp_of(connection: Connection<'_>, user_id: &str) -> Result<Option<TotpRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as("SELECT sealed_secret, confirmed_at FROM totp WHERE user_id = $1").bind(user_id)
    )
}

/// Begins with a generator, in place of one that was not confirmed; `false` when one was.
pub async fn begin_totp(
    connection: Connection<'_>,
    user_id: &str,
    sealed_secret: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let begun = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO totp (user_id, sealed_secret, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
             WHERE totp.confirmed_at IS NULL"
        )
        .bind(user_id)
        .bind(sealed_secret)
        .bind(now)
    )?;
    Ok(begun == 1)
}

/// Confirms the generator with this secret, by a code of this step; `false` when it is another by now, or was confirmed.
pub async fn confirm_totp(
    connection: Connection<'_>,
    user_id: &str,
    sealed_secret: &str,
    step: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let confirmed = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE totp SET confirmed_at = $4, last_step = $3
             WHERE user_id = $1 AND sealed_secret = $2 AND confirmed_at IS NULL"
        )
        .bind(user_id)
        .bind(sealed_secret)
        .bind(step)
        .bind(now)
    )?;
    Ok(confirmed == 1)
}

/// Uses up the code of a step; `false` when it, or one after it, was used before.
pub async fn use_totp_step(connection: Connection<'_>, user_id: &str, step: i64) -> Result<bool, StoreError> {
    let used = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL"
        )
        .bind(user_id)
        .bind(step)
    )?;
    Ok(used == 1)
}

/// Takes the generator of a user away; `false` when he had none that was confirmed.
pub async fn delete_totp(connection: Connection<'_>, user_id: &str) -> Result<bool, StoreError> {
    let deleted = sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL").bind(user_id)
    )?;
    Ok(deleted == 1)
}

/// Gives a user other recovery codes than those he has; none are left without new ones.
pub async fn replace_recovery_codes(
    mut connection: Connection<'_>,
    user_id: &str,
    hashes: &[String],
    now: i64,
) -> Result<(), StoreError> {
    sql!(connection.reborrow(), execute, sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(user_id))?;
    for hash in hashes {
        sql!(
            connection.reborrow(),
            execute,
            sqlx::query("INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)")
                .bind(user_id)
                .bind(hash)
                .bind(now)
        )?;
    }
    Ok(())
}

/// Uses up a recovery code; `false` when the user has none such.
pub async fn use_recovery_code(connection: Connection<'_>, user_id: &str, hash: &str) -> Result<bool, StoreError> {
    let used = sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2").bind(user_id).bind(hash)
    )?;
    Ok(used == 1)
}
