//! The SQL of the tokens that letters carry.

use std::time::Duration;

use sqlx::FromRow;

use crate::accounts::micros;
use crate::store::{Connection, StoreError, sql};

/// What the settings allow at most.
const LONGEST_TTL: Duration = Duration::from_hours(30 * 24);

/// A token that proves that a letter was read, as a row of `one_time_tokens`.
#[derive(FromRow)]
pub struct OneTimeToken {
    pub user_id: String,
    pub purpose: String,
    /// The address it was sent to.
    pub email: String,
    /// Where its owner was going.
    pub return_to: Option<String>,
}

/// A token to be put in.
pub struct NewToken<'a> {
    pub user_id: &'a str,
    pub purpose: &'a str,
    pub token_hash: &'a str,
    pub email: &'a str,
    pub created_at: i64,
    pub expires_at: i64,
    pub return_to: Option<&'a str>,
}

/// Puts in a token in place of an older one for the same purpose; `false` when the one there is newer.
pub async fn put_token(connection: Connection<'_>, token: &NewToken<'_>) -> Result<bool, StoreError> {
    let put = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO one_time_tokens (user_id, purpose, token_hash, email, created_at, expires_at, return_to)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (user_id, purpose) DO UPDATE
             SET token_hash = excluded.token_hash, email = excluded.email, created_at = excluded.created_at,
                 expires_at = excluded.expires_at, return_to = excluded.return_to
             WHERE one_time_tokens.created_at <= excluded.created_at"
        )
        .bind(token.user_id)
        .bind(token.purpose)
        .bind(token.token_hash)
        .bind(token.email)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(token.return_to)
    )?;
    Ok(put == 1)
}

/// A token that is still good at `now`.
pub async fn good_token(
    connection: Connection<'_>,
    token_hash: &str,
    now: i64,
) -> Result<Option<OneTimeToken>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(
            "SELECT user_id, purpose, email, return_to FROM one_time_tokens WHERE token_hash = $1 AND expires_at > $2"
        )
        .bind(token_hash)
        .bind(now)
    )
}

/// Spends a token that is still good at `now`; of two who try, one gets it.
pub async fn spend_token(
    connection: Connection<'_>,
    token_hash: &str,
    now: i64,
) -> Result<Option<OneTimeToken>, StoreError> {
    let spent: Vec<OneTimeToken> = sql!(
        connection,
        fetch_all,
        sqlx::query_as(
            "DELETE FROM one_time_tokens WHERE token_hash = $1 AND expires_at > $2
             RETURNING user_id, purpose, email, return_to"
        )
        .bind(token_hash)
        .bind(now)
    )?;
    Ok(spent.into_iter().next())
}

/// Makes the tokens of an account void that could change it: whoever changed it does not want older letters to.
///
/// A row that no token has the hash of takes their place, so that a letter from before `now` that still waits does not put its token in later.
pub async fn void_tokens(mut connection: Connection<'_>, user_id: &str, now: i64) -> Result<(), StoreError> {
    for purpose in ["change_email", "reset_password"] {
        let void = NewToken {
            user_id,
            purpose,
            token_hash: &format!("void {purpose} {user_id}"),
            email: "",
            created_at: now,
            expires_at: now.saturating_add(micros(LONGEST_TTL)),
            return_to: None,
        };
        put_token(connection.reborrow(), &void).await?;
    }
    Ok(())
}

/// Deletes at most `limit` tokens that expired before `now`; how many it were.
pub async fn delete_old_tokens(connection: Connection<'_>, now: i64, limit: i64) -> Result<u64, StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "DELETE FROM one_time_tokens
             WHERE token_hash IN (SELECT token_hash FROM one_time_tokens WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(now)
        .bind(limit)
    )
}

/// Deletes all tokens, so that no link in a letter is good any more.
pub async fn delete_all_tokens(connection: Connection<'_>) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("DELETE FROM one_time_tokens"))?;
    Ok(())
}
