//! Sweeping out what is over.

use crate::store::{Connection, StoreError, sql};

/// Ten minutes, in microseconds.
const KEPT_BEYOND: i64 = 600_000_000;

/// Deletes at most `limit` rows each of what nothing can ask for any more at `before`; how many it were.
pub async fn delete_over(mut connection: Connection<'_>, before: i64, limit: i64) -> Result<u64, StoreError> {
    const STATEMENTS: [&str; 4] = [
        "DELETE FROM oauth_revoked_tokens
         WHERE token_id IN (SELECT token_id FROM oauth_revoked_tokens WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM oauth_used_assertions
         WHERE id_hash IN (SELECT id_hash FROM oauth_used_assertions WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM oauth_codes
         WHERE code_hash IN (SELECT code_hash FROM oauth_codes WHERE expires_at < $1 LIMIT $2)",
        "DELETE FROM oauth_device_codes
         WHERE device_code_hash IN (SELECT device_code_hash FROM oauth_device_codes WHERE expires_at < $1 LIMIT $2)",
    ];
    let mut deleted = 0;
    // What is over for a while yet is told apart from what never was.
    let before = before.saturating_sub(KEPT_BEYOND);
    for statement in STATEMENTS {
        deleted += sql!(connection.reborrow(), execute, sqlx::query(statement).bind(before).bind(limit))?;
    }
    Ok(deleted)
}

/// Deletes all codes, of authorization and of devices, so that none is good any more.
pub async fn delete_all_codes(mut connection: Connection<'_>) -> Result<(), StoreError> {
    for statement in ["DELETE FROM oauth_codes", "DELETE FROM oauth_device_codes"] {
        sql!(connection.reborrow(), execute, sqlx::query(statement))?;
    }
    Ok(())
}
