//! The SQL of administration: other people's accounts.

use super::UserRecord;
use super::users::select_users;
use crate::store::{Connection, StoreError, sql};

/// Accounts in the order of their addresses, those behind `cursor`, at most `limit`. With `search`, those alone that have it in their address or name.
pub async fn list_users(
    connection: Connection<'_>,
    search: Option<&str>,
    cursor: &str,
    limit: i64,
) -> Result<Vec<UserRecord>, StoreError> {
    let Some(search) = search else {
        return sql!(
            connection,
            fetch_all,
            sqlx::query_as(select_users!("WHERE email > $1 ORDER BY email LIMIT $2")).bind(cursor).bind(limit)
        );
    };
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(select_users!(
            "WHERE email > $1 AND (email LIKE $3 ESCAPE '!' OR LOWER(name) LIKE $3 ESCAPE '!') ORDER BY email LIMIT $2"
        ))
        .bind(cursor)
        .bind(limit)
        .bind(pattern(search))
    )
}

/// `search` anywhere, each of its letters standing for itself.
fn pattern(search: &str) -> String {
    let mut pattern = String::from("%");
    for c in search.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Disables an account as of a moment, or enables it.
pub async fn set_disabled(
    connection: Connection<'_>,
    user_id: &str,
    disabled_at: Option<i64>,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET disabled_at = $2 WHERE id = $1").bind(user_id).bind(disabled_at)
    )?;
    Ok(())
}

/// Gives an account these roles.
pub async fn set_roles(connection: Connection<'_>, user_id: &str, roles: &str) -> Result<(), StoreError> {
    sql!(connection, execute, sqlx::query("UPDATE users SET roles = $2 WHERE id = $1").bind(user_id).bind(roles))?;
    Ok(())
}
