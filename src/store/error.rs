//! Why the store could not do what it was asked.

/// Why the store could not do what it was asked. Each means that nothing was changed, and that asking again later may help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the database or what was to be changed in it, or no connection was free, for longer than some seconds.
    #[error("the database is busy: {0}")]
    Busy(#[source] sqlx::Error),
    /// The disk is full.
    #[error("the disk of the database is full: {0}")]
    Full(#[source] sqlx::Error),
    /// The database may not be written.
    #[error("the database cannot be written: {0}")]
    ReadOnly(#[source] sqlx::Error),
    /// The database does not answer, or answers nonsense.
    #[error("the database failed: {0}")]
    Failed(#[source] sqlx::Error),
    /// The write did not come to its end; it was not committed.
    #[error("the write was broken off")]
    Interrupted,
}

impl StoreError {
    /// Which of them it is, for traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Busy(_) => "busy",
            Self::Full(_) => "full",
            Self::ReadOnly(_) => "read_only",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether a row was refused because another has the same unique value.
    pub(crate) fn is_taken(&self) -> bool {
        let (Self::Busy(error) | Self::Full(error) | Self::ReadOnly(error) | Self::Failed(error)) = self else {
            return false;
        };
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }
}

/// What sort of failure an error of sqlx is.
#[derive(PartialEq)]
pub(super) enum Sort {
    Busy,
    Full,
    ReadOnly,
    /// The operating system refused a read or a write; a full disk often shows itself so.
    Io,
    /// A page of it is not what it should be.
    Damaged,
    /// It is no file of SQLite.
    NoDatabase,
    Other,
}

pub(super) fn sort(error: &sqlx::Error) -> Sort {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // SQLite gives its extended result code, whose low byte is the primary one; PostgreSQL's codes have five characters.
    let sqlite = code.as_deref().filter(|code| code.len() < 5).and_then(|code| code.parse::<u32>().ok());
    match (sqlite.map(|code| code & 0xff), code.as_deref()) {
        // SQLITE_BUSY, SQLITE_LOCKED; lock_not_available, query_canceled (by statement_timeout), serialization_failure, deadlock_detected,
        // too_many_connections
        (Some(5 | 6), _) | (_, Some("55P03" | "57014" | "40001" | "40P01" | "53300")) => Sort::Busy,
        // SQLITE_FULL; disk_full
        (Some(13), _) | (_, Some("53100")) => Sort::Full,
        // SQLITE_IOERR
        (Some(10), _) => Sort::Io,
        // SQLITE_CORRUPT
        (Some(11), _) => Sort::Damaged,
        // SQLITE_NOTADB
        (Some(26), _) => Sort::NoDatabase,
        // SQLITE_PERM, SQLITE_READONLY; read_only_sql_transaction, insufficient_privilege
        (Some(3 | 8), _) | (_, Some("25006" | "42501")) => Sort::ReadOnly,
        _ if matches!(error, sqlx::Error::PoolTimedOut) => Sort::Busy,
        _ => Sort::Other,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match sort(&error) {
            Sort::Busy => Self::Busy(error),
            Sort::Full => Self::Full(error),
            Sort::ReadOnly => Self::ReadOnly(error),
            Sort::Io | Sort::Damaged | Sort::NoDatabase | Sort::Other => Self::Failed(error),
        }
    }
}
