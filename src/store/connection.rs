//! One statement, either engine.

use sqlx::{PgConnection, SqliteConnection};

/// A connection of either engine, lent to whoever runs a statement with `sql!`.
pub enum Connection<'c> {
    /// SQLite's.
    Sqlite(&'c mut SqliteConnection),
    /// PostgreSQL's.
    Postgres(&'c mut PgConnection),
}

impl Connection<'_> {
    /// The same connection, lent for one statement of several.
    pub fn reborrow(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

/// Runs a statement of sqlx on a [`Connection`](crate::store::Connection): `sql!(connection, fetch_optional, sqlx::query_as(…).bind(…))`.
///
/// The statement is written once and compiled for both engines. `execute` answers the number of rows it touched.
macro_rules! sql {
    ($connection:expr, execute, $statement:expr) => {
        match $connection {
            $crate::store::Connection::Sqlite(connection) => {
                $statement.execute(&mut *connection).await.map(|done| done.rows_affected())
            }
            $crate::store::Connection::Postgres(connection) => {
                $statement.execute(&mut *connection).await.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::store::StoreError::from)
    };
    ($connection:expr, $fetch:ident, $statement:expr) => {
        match $connection {
            $crate::store::Connection::Sqlite(connection) => $statement.$fetch(&mut *connection).await,
            $crate::store::Connection::Postgres(connection) => $statement.$fetch(&mut *connection).await,
        }
        .map_err($crate::store::StoreError::from)
    };
}
pub(crate) use sql;
