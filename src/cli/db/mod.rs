//! `tokenhouse db …`: the database as a whole.

mod backup;
mod check;
mod keys;
mod migrate;
mod restore;

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use super::Failure;
use super::store::on_runtime;
use crate::settings::Settings;
use crate::token::Clock;

#[derive(Subcommand)]
pub(super) enum DbCommand {
    /// Write a backup, also while the server runs
    ///
    /// SQLite: a file like the database itself, which is read as a whole before it has its name. PostgreSQL: an archive of `pg_dump`, which must be
    /// installed. An existing file is never overwritten.
    Backup {
        /// A new file, readable by its owner alone: it has the hashes of passwords in it
        file: PathBuf,
        /// Copy the key folder too, into FILE.keys
        #[arg(long)]
        keys: bool,
    },
    /// Put a backup in the place of the database, while no server runs
    ///
    /// All sessions end: some may have been ended since the backup was made, and nothing tells which.
    Restore {
        /// What `db backup` wrote
        file: PathBuf,
        /// Also where there is a database already; it is kept under a dated name
        #[arg(long)]
        replace: bool,
        /// Leave the sessions of the backup as they are, also those that were ended since
        #[arg(long)]
        keep_sessions: bool,
        /// Restore the key folder too, from FILE.keys
        #[arg(long)]
        keys: bool,
    },
    /// Read the database as a whole and say whether it is sound, also while the server runs
    Check,
    /// Make the database if it is missing, and bring its tables up to this version, without serving
    Migrate,
}

/// Does it, on a runtime of its own.
pub(super) fn run(settings: &Settings, command: DbCommand, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    on_runtime(settings, async {
        let clock = Clock::system();
        match command {
            DbCommand::Backup { file, keys } => backup::run(settings, &file, keys, &clock, json, out).await,
            DbCommand::Restore { file, replace, keep_sessions, keys } => {
                let how = restore::How { replace, keep_sessions, keys };
                restore::run(settings, &file, how, &clock, json, out).await
            }
            DbCommand::Check => check::run(settings, &clock, json, out).await,
            DbCommand::Migrate => migrate::run(settings, &clock, json, out).await,
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: impl ToString) -> Failure {
    Failure::Failed(error.to_string())
}

/// A number of bytes, for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = bytes;
    let mut unit = "bytes";
    for next in UNITS {
        if scaled < 10 * 1024 {
            break;
        }
        scaled /= 1024;
        unit = next;
    }
    format!("{scaled} {unit}")
}

/// A number of things, for people.
fn counted(count: impl Into<i128>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 KiB"),
            (250 << 20, "250 MiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!((counted(1_u8, "key", "keys"), counted(0_u8, "key", "keys")), ("1 key".into(), "0 keys".into()));
    }
}
