//! The SQL of accounts.

use sqlx::FromRow;

use crate::accounts::email::Email;
use crate::accounts::name::search_key;
use crate::store::{Connection, StoreError, sql};

/// A row of `users`.
#[derive(Clone, FromRow)]
pub struct UserRecord {
    /// A UUID.
    pub id: String,
    /// Normalised.
    pub email: String,
    /// As it is displayed.
    pub name: Option<String>,
    /// A PHC string.
    pub password_hash: String,
    /// Space-delimited.
    pub roles: String,
    /// Microseconds since 1970.
    pub created_at: i64,
    /// Microseconds since 1970, when the address was shown to be its owner's.
    pub email_verified_at: Option<i64>,
    /// Microseconds since 1970, when the account is disabled.
    pub disabled_at: Option<i64>,
    /// Microseconds since 1970, since when a passkey is asked for besides the password.
    pub passkey_required_at: Option<i64>,
    /// Whether codes of an authenticator app are asked for besides the password. Of the table `totp`.
    pub has_app: bool,
}

/// The text of a statement that reads whole rows.
macro_rules! select_users {
    ($which:literal) => {
        concat!(
            "SELECT id, email, name, password_hash, roles, created_at, email_verified_at, disabled_at, passkey_required_at,
                    EXISTS (SELECT 1 FROM totp WHERE totp.user_id = users.id AND totp.confirmed_at IS NOT NULL) AS has_app
             FROM users ",
            $which
        )
    };
}
pub(super) use select_users;

/// Adds an account; `false` when its address or its id is taken.
pub async fn insert_user(connection: Connection<'_>, user: &UserRecord) -> Result<bool, StoreError> {
    let added = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO users (id, email, name, password_hash, roles, created_at, email_verified_at, disabled_at, name_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT DO NOTHING"
        )
        .bind(&user.id)
        .bind(&user.email)
        .bind(&user.name)
        .bind(&user.password_hash)
        .bind(&user.roles)
        .bind(user.created_at)
        .bind(user.email_verified_at)
        .bind(user.disabled_at)
        .bind(user.name.as_deref().map(search_key))
    )?;
    Ok(added == 1)
}

/// The account of an address.
pub async fn user_by_email(connection: Connection<'_>, email: &Email) -> Result<Option<UserRecord>, StoreError> {
    user_by_stored_email(connection, email.as_str()).await
}

/// The account of an address that is normalised already.
pub async fn user_by_stored_email(connection: Connection<'_>, email: &str) -> Result<Option<UserRecord>, StoreError> {
    sql!(connection, fetch_optional, sqlx::query_as(select_users!("WHERE email = $1")).bind(email))
}

/// The account of an id.
pub async fn user_by_id(connection: Connection<'_>, id: &str) -> Result<Option<UserRecord>, StoreError> {
    sql!(connection, fetch_optional, sqlx::query_as(select_users!("WHERE id = $1")).bind(id))
}

/// Takes the row of an account, until the transaction ends: whatever begins or ends sessions of one account goes one after the other, each seeing what
/// the last one did. `false` when the account is gone, disabled, or has not the password hash that was checked, when there is one.
pub async fn lock_user(
    connection: Connection<'_>,
    user_id: &str,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    // An update that changes nothing, because it is the one lock that both engines have.
    let locked = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE users SET password_hash = password_hash
             WHERE id = $1 AND disabled_at IS NULL AND password_hash = COALESCE($2, password_hash)"
        )
        .bind(user_id)
        .bind(password_hash)
    )?;
    Ok(locked == 1)
}

/// The same, also `false` when another second factor is asked for than when `user` was read, or one is that was not.
pub async fn lock_user_as_read(mut connection: Connection<'_>, user: &UserRecord) -> Result<bool, StoreError> {
    // Two statements: on PostgreSQL the second sees what was committed while the first waited for the row. SQLite has one writer, which waits for nobody.
    if matches!(connection, Connection::Postgres(_))
        && !lock_user(connection.reborrow(), &user.id, Some(&user.password_hash)).await?
    {
        return Ok(false);
    }
    let locked = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE users SET password_hash = password_hash
             WHERE id = $1 AND disabled_at IS NULL AND password_hash = $2 AND (passkey_required_at IS NOT NULL) = $3
               AND EXISTS (SELECT 1 FROM totp WHERE totp.user_id = users.id AND totp.confirmed_at IS NOT NULL) = $4"
        )
        .bind(&user.id)
        .bind(&user.password_hash)
        .bind(user.passkey_required_at.is_some())
        .bind(user.has_app)
    )?;
    Ok(locked == 1)
}

/// Sets another password, whatever the last one was; `false` when the account is gone.
pub async fn set_password_hash(connection: Connection<'_>, user_id: &str, new: &str) -> Result<bool, StoreError> {
    let set = sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1").bind(user_id).bind(new)
    )?;
    Ok(set == 1)
}

/// Replaces the hash of a password, if it is still `old`; `false` when it is not.
pub async fn change_password_hash(
    connection: Connection<'_>,
    user_id: &str,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    let changed = sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
            .bind(user_id)
            .bind(old)
            .bind(new)
    )?;
    Ok(changed == 1)
}

/// Sets the name that is displayed; `false` when the account is gone.
pub async fn set_name(connection: Connection<'_>, user_id: &str, name: Option<&str>) -> Result<bool, StoreError> {
    let set = sql!(
        connection,
        execute,
        sqlx::query("UPDATE users SET name = $2, name_key = $3 WHERE id = $1")
            .bind(user_id)
            .bind(name)
            .bind(name.map(search_key))
    )?;
    Ok(set == 1)
}

/// Deletes an account with all that belongs to it, and notes its sessions as ended, for other nodes to hear of; the ids of those.
pub async fn delete_user(mut connection: Connection<'_>, user_id: &str, now: i64) -> Result<Vec<String>, StoreError> {
    let ended = sql!(
        connection.reborrow(),
        fetch_all,
        sqlx::query_scalar(
            "INSERT INTO ended_sessions (id, ended_at) SELECT id, $2 FROM sessions WHERE user_id = $1 RETURNING id"
        )
        .bind(user_id)
        .bind(now)
    )?;
    sql!(connection, execute, sqlx::query("DELETE FROM users WHERE id = $1").bind(user_id))?;
    Ok(ended)
}

/// Notes that the address of an account was shown to be its owner's, if it is still `email`; `false` when it is not.
pub async fn verify_email(
    connection: Connection<'_>,
    user_id: &str,
    email: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let verified = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE users SET email_verified_at = COALESCE(email_verified_at, $3) WHERE id = $1 AND email = $2"
        )
        .bind(user_id)
        .bind(email)
        .bind(now)
    )?;
    Ok(verified == 1)
}

/// Gives an account another address, shown to be its owner's; `false` when another account has it, and then the transaction must be undone.
pub async fn change_email(
    connection: Connection<'_>,
    user_id: &str,
    email: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let changed = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE users SET email = $2, email_verified_at = $3
             WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM users WHERE email = $2)"
        )
        .bind(user_id)
        .bind(email)
        .bind(now)
    );
    match changed {
        // Another account took it while this one was about to.
        Err(error) if error.is_taken() => Ok(false),
        changed => Ok(changed? == 1),
    }
}

/// Takes the second factors and passkeys away that were added to an account.
pub async fn delete_factors(mut connection: Connection<'_>, user_id: &str) -> Result<(), StoreError> {
    let delete = [
        "DELETE FROM totp WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "UPDATE users SET passkey_required_at = NULL WHERE id = $1",
    ];
    for statement in delete {
        sql!(connection.reborrow(), execute, sqlx::query(statement).bind(user_id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DatabaseUrl;
    use crate::store::Store;

    fn ada() -> UserRecord {
        UserRecord {
            id: "8a6e0804-2bd0-4672-b79d-d97027f9071a".to_owned(),
            email: "ada@example.com".to_owned(),
            name: None,
            password_hash: "-".to_owned(),
            roles: String::new(),
            created_at: 1,
            email_verified_at: None,
            disabled_at: None,
            passkey_required_at: None,
            has_app: false,
        }
    }

    async fn execute(store: &Store, statement: &'static str) {
        let written = store.write(move |connection| {
            Box::pin(async move { sql!(connection, execute, sqlx::query(statement)).map(drop) })
        });
        written.await.unwrap();
    }

    /// Whether the account can still be locked as `user` was read; and as it is now.
    async fn locked(store: &Store, user: &UserRecord) -> (bool, bool) {
        let (then, id) = (user.clone(), user.id.clone());
        let locked = store.write(move |mut connection| {
            Box::pin(async move {
                let now = user_by_id(connection.reborrow(), &id).await?;
                let then = lock_user_as_read(connection.reborrow(), &then).await?;
                Ok::<_, StoreError>((then, lock_user_as_read(connection, &now.unwrap()).await?))
            })
        });
        locked.await.unwrap()
    }

    #[tokio::test]
    async fn whoever_turned_a_second_factor_on_meanwhile_is_not_as_he_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&DatabaseUrl::Sqlite(folder.path().join("x.db"))).await.unwrap();
        let user = ada();
        let inserted = user.clone();
        let added = store.write(|connection| Box::pin(async move { insert_user(connection, &inserted).await }));
        assert!(added.await.unwrap());
        assert_eq!(locked(&store, &user).await, (true, true));

        execute(&store, "INSERT INTO totp (user_id, sealed_secret, created_at) SELECT id, '-', 1 FROM users").await;
        assert_eq!(locked(&store, &user).await, (true, true), "not confirmed yet");
        execute(&store, "UPDATE totp SET confirmed_at = 2").await;
        assert_eq!(locked(&store, &user).await, (false, true));
        execute(&store, "DELETE FROM totp").await;
        assert_eq!(locked(&store, &user).await, (true, true));

        execute(&store, "UPDATE users SET passkey_required_at = 3").await;
        assert_eq!(locked(&store, &user).await, (false, true));
        execute(&store, "UPDATE users SET passkey_required_at = NULL, password_hash = 'another'").await;
        assert_eq!(locked(&store, &user).await, (false, true));
        execute(&store, "UPDATE users SET disabled_at = 4").await;
        assert_eq!(locked(&store, &user).await, (false, false));
        store.close().await;
    }
}
