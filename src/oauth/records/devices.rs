//! The SQL of devices that wait for their user.

use sqlx::FromRow;

use crate::store::{Connection, StoreError, sql};

/// A row of `oauth_device_codes`. Times are microseconds since 1970.
#[derive(Debug, Clone, FromRow)]
pub struct DeviceRecord {
    pub device_code_hash: String,
    pub user_code_hash: String,
    pub client_id: String,
    /// Space-delimited.
    pub scopes: String,
    pub expires_at: i64,
    /// Seconds.
    pub poll_interval: i64,
    pub polled_at: Option<i64>,
    pub decision: Option<String>,
    pub user_id: Option<String>,
    pub browser_session_id: Option<String>,
}

/// The text of a statement that reads whole rows.
macro_rules! select_devices {
    ($which:literal) => {
        concat!(
            "SELECT device_code_hash, user_code_hash, client_id, scopes, expires_at, poll_interval, polled_at, decision,
                    user_id, browser_session_id
             FROM oauth_device_codes ",
            $which
        )
    };
}

/// Adds one; `false` when its user code is taken.
pub async fn insert_device(connection: Connection<'_>, device: &DeviceRecord) -> Result<bool, StoreError> {
    let added = sql!(
        connection,
        execute,
        sqlx::query(
            "INSERT INTO oauth_device_codes (device_code_hash, user_code_hash, client_id, scopes, expires_at, poll_interval)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
        )
        .bind(&device.device_code_hash)
        .bind(&device.user_code_hash)
        .bind(&device.client_id)
        .bind(&device.scopes)
        .bind(device.expires_at)
        .bind(device.poll_interval)
    )?;
    Ok(added == 1)
}

/// The scopes that a device asked for, space-delimited.
pub async fn scopes_of_device(
    connection: Connection<'_>,
    device_code_hash: &str,
) -> Result<Option<String>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar("SELECT scopes FROM oauth_device_codes WHERE device_code_hash = $1").bind(device_code_hash)
    )
}

/// Who decided on a device.
pub async fn user_of_device(connection: Connection<'_>, device_code_hash: &str) -> Result<Option<String>, StoreError> {
    let user: Option<Option<String>> = sql!(
        connection,
        fetch_optional,
        sqlx::query_scalar("SELECT user_id FROM oauth_device_codes WHERE device_code_hash = $1").bind(device_code_hash)
    )?;
    Ok(user.flatten())
}

/// The one that waits for a user at `now`, by the code that he types.
pub async fn waiting_device(
    connection: Connection<'_>,
    user_code_hash: &str,
    now: i64,
) -> Result<Option<DeviceRecord>, StoreError> {
    sql!(
        connection,
        fetch_optional,
        sqlx::query_as(select_devices!("WHERE user_code_hash = $1 AND decision IS NULL AND expires_at > $2"))
            .bind(user_code_hash)
            .bind(now)
    )
}

/// Writes down what a user decided; `false` when nothing waits for it any more.
pub async fn decide_device(
    connection: Connection<'_>,
    user_code_hash: &str,
    decision: &str,
    (user_id, browser_session_id): (&str, &str),
    now: i64,
) -> Result<bool, StoreError> {
    let decided = sql!(
        connection,
        execute,
        sqlx::query(
            "UPDATE oauth_device_codes SET decision = $2, user_id = $3, browser_session_id = $4
             WHERE user_code_hash = $1 AND decision IS NULL AND expires_at > $5"
        )
        .bind(user_code_hash)
        .bind(decision)
        .bind(user_id)
        .bind(browser_session_id)
        .bind(now)
    )?;
    Ok(decided == 1)
}

/// Notes that a client asked; the row as it was before, held until the transaction ends.
pub async fn poll_device(
    mut connection: Connection<'_>,
    device_code_hash: &str,
    client_id: &str,
    now: i64,
) -> Result<Option<DeviceRecord>, StoreError> {
    // Takes the row first: of two that ask at once, the second sees what the first did.
    sql!(
        connection.reborrow(),
        execute,
        sqlx::query("UPDATE oauth_device_codes SET poll_interval = poll_interval WHERE device_code_hash = $1")
            .bind(device_code_hash)
    )?;
    let found: Option<DeviceRecord> = sql!(
        connection.reborrow(),
        fetch_optional,
        sqlx::query_as(select_devices!("WHERE device_code_hash = $1 AND client_id = $2"))
            .bind(device_code_hash)
            .bind(client_id)
    )?;
    if found.is_some() {
        sql!(
            connection,
            execute,
            sqlx::query("UPDATE oauth_device_codes SET polled_at = $2 WHERE device_code_hash = $1")
                .bind(device_code_hash)
                .bind(now)
        )?;
    }
    Ok(found)
}

/// Has a client that asked too soon wait longer each time (RFC 8628, section 3.5).
pub async fn slow_device_down(
    connection: Connection<'_>,
    device_code_hash: &str,
    poll_interval: i64,
) -> Result<(), StoreError> {
    sql!(
        connection,
        execute,
        sqlx::query("UPDATE oauth_device_codes SET poll_interval = $2 WHERE device_code_hash = $1")
            .bind(device_code_hash)
            .bind(poll_interval)
    )?;
    Ok(())
}

/// Deletes one; `false` when it is gone already.
pub async fn delete_device(connection: Connection<'_>, device_code_hash: &str) -> Result<bool, StoreError> {
    let deleted = sql!(
        connection,
        execute,
        sqlx::query("DELETE FROM oauth_device_codes WHERE device_code_hash = $1").bind(device_code_hash)
    )?;
    Ok(deleted == 1)
}
