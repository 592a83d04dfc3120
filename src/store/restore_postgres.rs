//! Restoring into PostgreSQL, with its own `pg_restore`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::{Connection as _, PgConnection};

use super::backup;
use super::connection::Connection;
use super::error::StoreError;
use super::look::{LookError, Subject, open_postgres};
use super::open::{OpenError, POSTGRES, SERVER, migrate_error, postgres_options};
use super::place;
use super::postgres_programs::{Environment, Program};
use super::restore::{Existing, FromBackup, RestoreError, Restored, dated, refuse_other_engine};
use crate::settings::DatabaseUrl;

pub(super) async fn restore<T, F>(
    url: &DatabaseUrl,
    text: &SecretString,
    file: &Path,
    existing: Existing,
    now: DateTime<Utc>,
    finish: F,
) -> Result<Restored<T>, RestoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(Connection<'c>) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    let name = place(url);
    let subject = Subject::Database(name.clone());
    let program = Program::find("pg_restore")?;
    refuse_other_engine(file, b"SQLite format 3\0", "it is of SQLite, and database.url is PostgreSQL")?;
    let schema = backup::sound_archive(&program, file, &Subject::Backup(file.display().to_string())).await?;

    let (options, _) = postgres_options(text.expose_secret()).map_err(LookError::of(&subject))?;
    let environment = Environment::of(text, &options);
    let mut connection = open_postgres(&options, &subject).await?;
    let connection = &mut connection;
    hold(connection, &subject).await?;
    // PostgreSQL needs a moment to notice that a server is gone which was killed.
    let mut looks = 0;
    while count(connection, IN_USE, &subject).await? > 0 {
        looks += 1;
        if looks > LOOKS {
            return Err(RestoreError::InUse(name));
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let is_one = count(connection, TABLES, &subject).await? > 0;
    if is_one && existing == Existing::Refuse {
        return Err(RestoreError::Exists(name));
    }
    let kept = is_one.then(|| dated(file, now));
    if let Some(kept) = &kept {
        backup::postgres(&options, &environment, &subject, kept).await.map_err(RestoreError::Keep)?;
    }
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    program.run(arguments(&environment, is_one, &file), &environment, None).await?;

    migrate(connection, &name).await?;
    let mut transaction = connection.begin().await.map_err(StoreError::from)?;
    let finished = finish(Connection::Postgres(&mut transaction)).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    // It ends with the connection otherwise.
    let _ = connection.unlock().await;
    Ok(Restored { kept, backup: FromBackup { version: schema.version, migrated: schema.pending.len() }, finished })
}

/// So often is looked whether servers go, and so long apart.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Servers over the database, and commands that write.
const IN_USE: &str = "SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()";

/// Tables of tokenhouse, or such as have the names of its tables.
const TABLES: &str = "SELECT COUNT(*) FROM pg_class
    WHERE oid IN (to_regclass('users'), to_regclass('_sqlx_migrations')) AND $1 <> ''";

async fn count(connection: &mut PgConnection, query: &'static str, subject: &Subject) -> Result<i64, LookError> {
    sqlx::query_scalar(query).bind(SERVER).fetch_one(connection).await.map_err(LookError::of(subject))
}

/// Takes the lock under which servers migrate when they start, so that none starts meanwhile.
async fn hold(connection: &mut PgConnection, subject: &Subject) -> Result<(), RestoreError> {
    let failed = LookError::of(subject);
    sqlx::query("SET lock_timeout = '5s'").execute(&mut *connection).await.map_err(&failed)?;
    match connection.lock().await {
        Ok(()) => {}
        Err(MigrateError::Execute(error)) => return Err(failed(error).into()),
        Err(error) => return Err(migration_failed(subject, error).into()),
    }
    sqlx::query("SET lock_timeout = 0").execute(connection).await.map_err(failed)?;
    Ok(())
}

fn migration_failed(subject: &Subject, error: MigrateError) -> OpenError {
    match subject {
        Subject::Database(name) | Subject::Backup(name) => migrate_error(name.clone(), error),
    }
}

fn arguments(environment: &Environment, replace: bool, file: &Path) -> Vec<OsString> {
    let mut database = OsString::from("--dbname=");
    database.push(environment.database_argument());
    let mut arguments: Vec<OsString> =
        ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
            .map(OsString::from)
            .to_vec();
    // Only where the tables are known to be its own: it drops whatever has the name of one.
    if replace {
        arguments.extend(["--clean", "--if-exists"].map(OsString::from));
    }
    arguments.push(database);
    arguments.push(OsStr::new(file).to_owned());
    arguments
}

/// Brings the tables up to this version, on the connection that holds the lock for it.
async fn migrate(connection: &mut PgConnection, name: &str) -> Result<(), OpenError> {
    let mut migrator = Migrator::with_migrations(POSTGRES.iter().cloned().collect());
    migrator.set_locking(false);
    migrator.run(connection).await.map_err(|error| migrate_error(name.to_owned(), error))
}
