//! The SQL of how sessions end, and of what is left of them.

use crate::accounts::micros;
use crate::store::{Connection, StoreError, sql};
use crate::token::local::MAX_ACCESS_TTL;

/// Ends the sessions of a user, all but `spare` when there is one. The ids of all that have ended by now and whose access tokens may not have expired:
/// also of those that another request ended, so that whoever answers can be sure that they are known to have.
pub async fn end_sessions_of_user(
    mut connection: Connection<'_>,
    user_id: &str,
    spare: Option<&str>,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    sql!(
        connection.reborrow(),
        execute,
        sqlx::query("UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL")
            .bind(user_id)
            .bind(spare.unwrap_or_default())
            .bind(now)
    )?;
    let since = now.saturating_sub(micros(MAX_ACCESS_TTL));
    sql!(
        connection,
        fetch_all,
        sqlx::query_scalar("SELECT id FROM sessions WHERE user_id = $1 AND ended_at >= $2").bind(user_id).bind(since)
    )
}

/// Ends a session, and those of clients that were granted in it for no longer; one that has ended stays as it is. The ids of all that have
/// ended by now.
pub async fn end_session(mut connection: Connection<'_>, id: &str, now: i64) -> Result<Vec<String>, StoreError> {
    sql!(
        connection.reborrow(),
        execute,
        sqlx::query(
            "UPDATE sessions SET ended_at = $2 WHERE (id = $1 OR browser_session_id = $1) AND ended_at IS NULL"
        )
        .bind(id)
        .bind(now)
    )?;
    sql!(
        connection,
        fetch_all,
        sqlx::query_scalar(
            "SELECT id FROM sessions WHERE (id = $1 OR browser_session_id = $1) AND ended_at IS NOT NULL"
        )
        .bind(id)
    )
}

/// Ends all sessions of all users; how many stood.
pub async fn end_all_sessions(mut connection: Connection<'_>, now: i64) -> Result<i64, StoreError> {
    let stood = sql!(
        connection.reborrow(),
        fetch_one,
        sqlx::query_scalar("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1").bind(now)
    )?;
    sql!(connection, execute, sqlx::query("UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL").bind(now))?;
    Ok(stood)
}

/// Puts the session of a browser in the place of its last one: what was granted in that one goes on in this, and that one alone ends.
pub async fn succeed_session(
    mut connection: Connection<'_>,
    last: &str,
    new: &str,
    now: i64,
) -> Result<(), StoreError> {
    for statement in [
        "UPDATE sessions SET browser_session_id = $2 WHERE browser_session_id = $1",
        "UPDATE oauth_codes SET browser_session_id = $2 WHERE browser_session_id = $1 AND used_at IS NULL",
        "UPDATE oauth_device_codes SET browser_session_id = $2 WHERE browser_session_id = $1",
    ] {
        sql!(connection.reborrow(), execute, sqlx::query(statement).bind(last).bind(new))?;
    }
    end_session(connection, last, now).await?;
    Ok(())
}

/// Forgets what a user has allowed a client, or all clients: he is asked again. Here, because accounts know nothing of `oauth`.
pub async fn forget_consent(
    connection: Connection<'_>,
    user_id: &str,
    client_id: Option<&str>,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM oauth_consents WHERE user_id = $1 AND client_id = COALESCE($2, client_id)")
            .bind(user_id)
            .bind(client_id)
    )?;
    Ok(())
}

/// The ids of sessions that ended at `since` or later.
pub async fn ended_since(connection: Connection<'_>, since: i64) -> Result<Vec<String>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_scalar(
            "SELECT id FROM sessions WHERE ended_at >= $1 UNION ALL SELECT id FROM ended_sessions WHERE ended_at >= $1"
        )
        .bind(since)
    )
}

/// Deletes at most `limit` sessions that expired or ended before `before`; how many it were.
pub async fn delete_old_sessions(connection: Connection<'_>, before: i64, limit: i64) -> Result<u64, StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)"
        )
        .bind(before)
        .bind(limit)
    )
}

/// Deletes at most `limit` ends noted before `before` of sessions whose account is gone; how many it were.
pub async fn delete_old_ends(connection: Connection<'_>, before: i64, limit: i64) -> Result<u64, StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query(
            "DELETE FROM ended_sessions WHERE id IN (SELECT id FROM ended_sessions WHERE ended_at < $1 LIMIT $2)"
        )
        .bind(before)
        .bind(limit)
    )
}
