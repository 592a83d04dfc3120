//! `tokenhouse user import`: accounts from elsewhere, a line each.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::lines::{CsvRows, Found, JsonLines, LONGEST, Said};
use crate::accounts::administration::{Administration, NotDone};
use crate::accounts::foreign_hashes::FirebaseParameters;
use crate::accounts::records::UserRecord;
use crate::audit::Act;
use crate::cli::Failure;
use crate::token::Clock;

/// So many accounts are committed together.
const BATCH: usize = 1000;

/// So many bad lines are told; the file of rejects has all.
const TOLD: usize = 100;

#[derive(Args)]
pub(in crate::cli) struct ImportArguments {
    /// The file, or - for standard input
    file: PathBuf,
    /// How it is written; else what its name ends in, else JSON lines
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// A JSON file with `base64_signer_key`, `base64_salt_separator`, `rounds` and `mem_cost`, as Firebase's console shows them
    #[arg(long, value_name = "FILE")]
    firebase_parameters: Option<PathBuf>,
    /// Write the lines that were not imported to this file, as they were
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// A JSON object a line
    Jsonl,
    /// CSV with a head of the same names
    Csv,
}

pub(super) async fn run(
    administration: &Administration<'_>,
    arguments: &ImportArguments,
    clock: &Clock,
    json: bool,
    out: &mut impl Write,
) -> Result<u8, Failure> {
    let firebase = arguments.firebase_parameters.as_ref().map(firebase_parameters).transpose()?;
    let progress = progress(&arguments.file);
    let source = progress.wrap_read(open(&arguments.file)?);
    let mut import = Import { rejects: rejects(arguments)?, imported: 0, bad: 0, told: Vec::new(), batch: Vec::new() };
    let source = BufReader::with_capacity(1 << 20, source);
    let lines: Box<dyn Iterator<Item = io::Result<Found>>> = match format(arguments) {
        Format::Jsonl => Box::new(JsonLines::of(source)),
        Format::Csv => {
            let rows = CsvRows::of(source).map_err(unreadable)?;
            let (rows, head) = rows.ok_or_else(|| {
                Failure::Failed("the first line of the CSV must name its columns, email among them".to_owned())
            })?;
            import.keep(&head)?;
            Box::new(rows)
        }
    };
    // Before the first of them is there: one that is broken off is recorded, too.
    administration.note(Act::UserImport).await?;
    for read in lines {
        let Found { number, raw, said } = read.map_err(unreadable)?;
        let account = match said {
            Said::Account(line) => line.to_record(firebase.as_ref(), clock.unix_micros()),
            Said::Nonsense(why) => Err(why),
            Said::Further => {
                import.keep(&raw)?;
                continue;
            }
        };
        match account {
            Ok(user) => import.batch.push((number, raw, user)),
            Err(why) => import.reject(number, &raw, why)?,
        }
        if import.batch.len() >= BATCH {
            import.commit(administration).await?;
        }
    }
    import.commit(administration).await?;
    progress.finish_and_clear();
    import.report(json, out)
}

struct Import {
    rejects: Option<File>,
    imported: u64,
    bad: u64,
    told: Vec<(u64, String)>,
    batch: Vec<(u64, Vec<u8>, UserRecord)>,
}

impl Import {
    async fn commit(&mut self, administration: &Administration<'_>) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        let users = batch.iter().map(|(_, _, user)| user.clone()).collect();
        let taken = administration.import(users).await.map_err(NotDone::from)?;
        self.imported += u64::try_from(batch.len() - taken.len()).unwrap_or_default();
        for (number, raw, _) in taken.into_iter().filter_map(|place| batch.get(place)) {
            self.reject(*number, raw, "taken: there is an account with this email address or id".to_owned())?;
        }
        Ok(())
    }

    fn reject(&mut self, number: u64, raw: &[u8], why: String) -> Result<(), Failure> {
        self.bad += 1;
        self.keep(raw)?;
        if self.told.len() < TOLD {
            self.told.push((number, why));
        }
        Ok(())
    }

    /// Writes to the file of rejects, on a line of its own unless `raw` is a part of one.
    fn keep(&mut self, raw: &[u8]) -> Result<(), Failure> {
        let Some(rejects) = &mut self.rejects else { return Ok(()) };
        rejects.write_all(raw)?;
        if raw.last() != Some(&b'\n') && raw.len() < LONGEST {
            rejects.write_all(b"\n")?;
        }
        Ok(())
    }

    fn report(mut self, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
        self.told.sort_unstable_by_key(|(number, _)| *number);
        if json {
            let bad: Vec<_> =
                self.told.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
            writeln!(out, "{}", json!({ "imported": self.imported, "bad_count": self.bad, "bad": bad }))?;
        } else {
            let mut errors = io::stderr().lock();
            for (number, why) in &self.told {
                writeln!(errors, "line {number}: {why}")?;
            }
            let more = self.bad.saturating_sub(u64::try_from(self.told.len()).unwrap_or_default());
            if more > 0 {
                writeln!(errors, "and {more} more; --rejects FILE writes all of them to a file")?;
            }
            writeln!(out, "{} imported, {} not", self.imported, self.bad)?;
        }
        Ok(u8::from(self.bad > 0))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: io::Error) -> Failure {
    Failure::Failed(format!("cannot read the file: {error}"))
}

fn format(arguments: &ImportArguments) -> Format {
    let by_name = || {
        let is_csv = arguments.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        if is_csv { Format::Csv } else { Format::Jsonl }
    };
    arguments.format.unwrap_or_else(by_name)
}

fn open(path: &PathBuf) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", path.display())))?;
    Ok(Box::new(file))
}

fn rejects(arguments: &ImportArguments) -> Result<Option<File>, Failure> {
    let Some(path) = &arguments.rejects else { return Ok(None) };
    let mut options = File::options();
    // They have hashes in them.
    let options = crate::private_files::private(options.write(true).create_new(true));
    let file = options.open(path);
    file.map(Some)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}; want a new file", path.display())))
}

fn firebase_parameters(path: &PathBuf) -> Result<FirebaseParameters, Failure> {
    let wrong = |why: String| Failure::Failed(format!("cannot use {}: {why}", path.display()));
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|_| {
        wrong("want a JSON object with base64_signer_key, base64_salt_separator, rounds and mem_cost".to_owned())
    })
}

/// How far it is, by the bytes of the file, on a terminal alone.
fn progress(path: &PathBuf) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left");
    let length = std::fs::metadata(path).ok().map(|file| file.len());
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
