//! Whether a database is sound.

use secrecy::ExposeSecret as _;
use sqlx::Connection as _;

use super::connection::Connection;
use super::files::{free_bytes, length_of, wal_of};
use super::look::{Access, Contents, LookError, Subject, contents, open_postgres, open_sqlite, sound_contents};
use super::open::postgres_options;
use super::place;
use super::schema::Kind;
use crate::settings::DatabaseUrl;

/// A database that was looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// Where it is.
    pub database: String,
    /// What is in it.
    pub contents: Contents,
    /// How large it is.
    pub bytes: u64,
    /// What is free on its disk, where that is known.
    pub free_bytes: Option<u64>,
}

/// Reads a database as a whole and says what is in it, or what is wrong with it. SQLite checks every page, row and index of its file; PostgreSQL's own
/// checks are for its administrator. `now` is in microseconds since 1970.
///
/// # Errors
/// [`LookError`].
pub async fn check(url: &DatabaseUrl, now: i64) -> Result<Checked, LookError> {
    let database = place(url);
    let subject = Subject::Database(database.clone());
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = open_sqlite(path, &subject, Access::Shared).await?;
            let contents = sound_contents(&mut connection, &subject, now).await?;
            let bytes = length_of(path).saturating_add(length_of(&wal_of(path)));
            let _ = connection.close().await;
            Ok(Checked { database, contents, bytes, free_bytes: free_bytes(path) })
        }
        DatabaseUrl::Postgres(url) => {
            let (options, _) = postgres_options(url.expose_secret()).map_err(LookError::of(&subject))?;
            let mut connection = open_postgres(&options, &subject).await?;
            let contents = contents(Connection::Postgres(&mut connection), Kind::Postgres, &subject, now).await?;
            let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                .fetch_one(&mut connection)
                .await
                .map_err(LookError::of(&subject))?;
            let _ = connection.close().await;
            Ok(Checked { database, contents, bytes: u64::try_from(bytes).unwrap_or_default(), free_bytes: None })
        }
    }
}
