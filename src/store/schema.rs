//! Which migrations a database has, and whether this program knows them.

use sqlx::migrate::Migrator;

use super::open::{POSTGRES, SQLITE};

/// How far the tables of a database are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The last migration that it has.
    pub version: i64,
    /// Those of this program that it lacks.
    pub pending: Vec<i64>,
}

/// Why a database is none that this program can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is of another program, or was altered by hand.
    Foreign,
    /// It has this migration, which only a newer version knows.
    Newer(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn migrations(self) -> &'static Migrator {
        match self {
            Self::Sqlite => &SQLITE,
            Self::Postgres => &POSTGRES,
        }
    }
}

/// What migrations with these versions and checksums come to.
///
/// Versions alone would not do: other programs count theirs from 1 too, in a table of the same name.
pub(super) fn judge(kind: Kind, applied: &[(i64, Vec<u8>)]) -> Result<Schema, Unusable> {
    let known = kind.migrations();
    let newest = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    let is_known = |(version, checksum): &&(i64, Vec<u8>)| {
        known.iter().any(|migration| migration.version == *version && *migration.checksum == **checksum)
    };
    let unknown: Vec<i64> = applied.iter().filter(|row| !is_known(row)).map(|(version, _)| *version).collect();
    if applied.len() == unknown.len() || unknown.iter().any(|version| *version <= newest) {
        return Err(Unusable::Foreign);
    }
    if let Some(version) = unknown.first() {
        return Err(Unusable::Newer(*version));
    }
    let has = |version: i64| applied.iter().any(|(applied, _)| *applied == version);
    let pending = known.iter().map(|migration| migration.version).filter(|version| !has(*version)).collect();
    Ok(Schema { version: applied.iter().map(|(version, _)| *version).max().unwrap_or_default(), pending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_of_others_and_of_newer_versions_are_told_apart() {
        let all: Vec<(i64, Vec<u8>)> = SQLITE.iter().map(|m| (m.version, m.checksum.to_vec())).collect();
        let newest = all.last().unwrap().0;
        assert_eq!(judge(Kind::Sqlite, &all), Ok(Schema { version: newest, pending: Vec::new() }));
        assert_eq!(
            judge(Kind::Sqlite, &all[..1]),
            Ok(Schema { version: all[0].0, pending: all[1..].iter().map(|(version, _)| *version).collect() })
        );
        assert_eq!(judge(Kind::Sqlite, &[]), Err(Unusable::Foreign));
        assert_eq!(judge(Kind::Postgres, &all), Err(Unusable::Foreign), "the other engine's have other texts");
        let altered: Vec<_> = all.iter().map(|(version, _)| (*version, vec![1])).collect();
        assert_eq!(judge(Kind::Sqlite, &altered), Err(Unusable::Foreign));
        let newer = [all, vec![(newest + 1, vec![1])]].concat();
        assert_eq!(judge(Kind::Sqlite, &newer), Err(Unusable::Newer(newest + 1)));
    }
}
