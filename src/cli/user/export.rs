//! `tokenhouse user export`: all accounts, as an import takes them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

use crate::accounts::administration::{Administration, NotDone};
use crate::accounts::import::Line;
use crate::audit::Act;
use crate::cli::Failure;

/// So many are read at a time.
const PART: i64 = 1000;

pub(super) async fn run(
    administration: &Administration<'_>,
    file: Option<&Path>,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    administration.note(Act::UserExport).await?;
    let Some(path) = file.filter(|path| path.as_os_str() != "-") else {
        write_all(administration, out).await?;
        return Ok(0);
    };
    let cannot =
        |error: std::io::Error| Failure::Failed(format!("cannot write {}: {error}; want a new file", path.display()));
    let mut options = File::options();
    // It has hashes in it.
    let file = crate::private_files::private(options.write(true).create_new(true)).open(path).map_err(cannot)?;
    let mut writer = BufWriter::new(file);
    let count = write_all(administration, &mut writer).await?;
    writer.into_inner().map_err(|error| cannot(error.into_error()))?.sync_all().map_err(cannot)?;
    if json {
        writeln!(out, "{}", json!({ "exported": count }))?;
    } else {
        writeln!(out, "{count} exported to {}, with the hashes of their passwords", path.display())?;
    }
    Ok(0)
}

async fn write_all(administration: &Administration<'_>, out: &mut impl Write) -> Result<u64, Failure> {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let users = administration.list(None, &cursor, PART).await.map_err(NotDone::from)?;
        let Some(last) = users.last() else { return Ok(count) };
        last.email.clone_into(&mut cursor);
        for user in users {
            serde_json::to_writer(&mut *out, &Line::from(user)).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
            count += 1;
        }
    }
}
