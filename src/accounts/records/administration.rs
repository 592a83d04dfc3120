//! The SQL of administration: other people's accounts.

use super::UserRecord;
use super::users::select_users;
use crate::accounts::import::NO_PASSWORD;
use crate::accounts::name::search_key;
use crate::settings::EmailVerification;
use crate::store::{Connection, StoreError, sql};

/// Accounts in the order of their addresses, those behind `cursor`, at most `limit`. With `search`, those alone that have it in their address or name:
/// every account is looked at, until enough were found.
pub async fn list_users(
    connection: Connection<'_>,
    search: Option<&str>,
    cursor: &str,
    limit: i64,
) -> Result<Vec<UserRecord>, StoreError> {
    let Some(search) = search else {
        return sql!(connection, fetch_all, sqlx::query_as(ALL).bind(cursor).bind(limit));
    };
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(select_users!(
            "WHERE email > $1 AND (email LIKE $3 ESCAPE '!' OR name_key LIKE $3 ESCAPE '!') ORDER BY email LIMIT $2"
        ))
        .bind(cursor)
        .bind(limit)
        .bind(pattern(search))
    )
}

const ALL: &str = select_users!("WHERE email > $1 ORDER BY email LIMIT $2");

/// `search` anywhere, each of its letters standing for itself.
fn pattern(search: &str) -> String {
    let mut pattern = String::from("%");
    for c in search_key(search).chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Texts from `first` on and before `end`, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub first: String,
    pub end: String,
}

/// Accounts whose addresses are in `range`, in the order of their addresses, at most `limit`. By the index of addresses.
pub async fn users_by_email_range(
    connection: Connection<'_>,
    range: &Range,
    limit: i64,
) -> Result<Vec<UserRecord>, StoreError> {
    sql!(connection, fetch_all, sqlx::query_as(BY_EMAIL).bind(&range.first).bind(&range.end).bind(limit))
}

const BY_EMAIL: &str = select_users!("WHERE email >= $1 AND email < $2 ORDER BY email LIMIT $3");

/// Accounts whose names are behind those of the account `after` and before `end`, in the order of their names, at most `limit`; without those
/// whose addresses are in `but`. By the index of names.
pub async fn users_by_name_range(
    connection: Connection<'_>,
    (after_name, after_id): (&str, &str),
    end: &str,
    but: &Range,
    limit: i64,
) -> Result<Vec<UserRecord>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as(BY_NAME).bind(after_name).bind(after_id).bind(end).bind(&but.first).bind(&but.end).bind(limit)
    )
}

const BY_NAME: &str = select_users!(
    "WHERE (name_key, id) > ($1, $2) AND name_key < $3 AND NOT (email >= $4 AND email < $5)
     ORDER BY name_key, id LIMIT $6"
);

/// Accounts whose names cannot be searched for yet, at most `limit`: id and name.
pub async fn names_without_key(connection: Connection<'_>, limit: i64) -> Result<Vec<(String, String)>, StoreError> {
    sql!(
        connection,
        fetch_all,
        sqlx::query_as("SELECT id, name FROM users WHERE name IS NOT NULL AND name_key IS NULL LIMIT $1").bind(limit)
    )
}

/// Lets a name be searched for, if it is still the account's.
pub async fn set_name_key(connection: Connection<'_>, user_id: &str, name: &str) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET name_key = $3 WHERE id = $1 AND name = $2")
            .bind(user_id)
            .bind(name)
            .bind(search_key(name))
    )?;
    Ok(())
}

/// Takes the rows of all administrators, until the transaction ends: acts that may leave none go one after the other.
pub async fn lock_admins(connection: Connection<'_>) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET roles = roles WHERE roles <> '' AND ' ' || roles || ' ' LIKE '% admin %'")
    )?;
    Ok(())
}

/// Whether there is an administrator who may log in, and can: one who was invited has neither a password nor a passkey until he accepts, and nobody logs
/// in without a verified address where that is `required`.
pub async fn has_admin(connection: Connection<'_>, verification: EmailVerification) -> Result<bool, StoreError> {
    let any_address = verification != EmailVerification::Required;
    let found: Option<String> = sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar(
            "SELECT id FROM users
             WHERE roles <> '' AND ' ' || roles || ' ' LIKE '% admin %' AND disabled_at IS NULL AND ($2 OR email_verified_at IS NOT NULL)
                   AND (password_hash <> $1 OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id)) LIMIT 1"
        )
        .bind(NO_PASSWORD)
        .bind(any_address)
    )?;
    Ok(found.is_some())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// On PostgreSQL it is the same indexes.
    #[tokio::test]
    async fn lists_and_searches_go_by_an_index_and_sort_nothing() {
        for (statement, step) in [
            (ALL, "SEARCH users USING INDEX sqlite_autoindex_users_2 (email>?)"),
            (BY_EMAIL, "SEARCH users USING INDEX sqlite_autoindex_users_2 (email>? AND email<?)"),
            (BY_NAME, "SEARCH users USING INDEX users_by_name_key ((name_key,id)>(?,?) AND name_key<?)"),
        ] {
            let of_each =
                ["CORRELATED SCALAR SUBQUERY 1", "SEARCH totp USING INDEX sqlite_autoindex_totp_1 (user_id=?)"];
            assert_eq!(crate::store::plan(statement).await, [&[step][..], &of_each].concat(), "{statement}");
        }
    }
}
