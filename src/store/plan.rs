//! How SQLite would carry a statement out, for tests that hold statements to their indexes.

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

/// What SQLite says it would do in a database of this server, one line for each step.
pub(crate) async fn plan(statement: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    super::open::SQLITE.run(&mut connection).await.unwrap();
    let statement = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(statement).fetch_all(&mut connection).await.unwrap();
    rows.into_iter().map(|(_, _, _, step)| step).collect()
}
