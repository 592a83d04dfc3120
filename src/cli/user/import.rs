//! `tokenhouse user import`: accounts from elsewhere, a line each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::accounts::administration::{Administration, NotDone};
use crate::accounts::foreign_hashes::FirebaseParameters;
use crate::accounts::import::Line;
use crate::accounts::records::UserRecord;
use crate::audit::Act;
use crate::cli::Failure;
use crate::token::Clock;

/// So many accounts are committed together.
const BATCH: usize = 1000;

/// A longer line is a bad one, and is not even kept in memory.
const LONGEST_LINE: u64 = 64 * 1024;

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

/// One line as it was, and what it says.
struct Found {
    number: u64,
    raw: Vec<u8>,
    line: Result<Line, String>,
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
    let lines: Box<dyn Iterator<Item = io::Result<Found>>> = match format(arguments) {
        Format::Jsonl => Box::new(JsonLines { source: BufReader::with_capacity(1 << 20, source), number: 0 }),
        Format::Csv => Box::new(csv_lines(source, &mut import.rejects)?),
    };
    for read in lines {
        let Found { number, raw, line } =
            read.map_err(|error| Failure::Failed(format!("cannot read the file: {error}")))?;
        match line.and_then(|line| line.to_record(firebase.as_ref(), clock.unix_micros())) {
            Ok(user) => import.batch.push((number, raw, user)),
            Err(why) => import.reject(number, &raw, why)?,
        }
        if import.batch.len() >= BATCH {
            import.commit(administration).await?;
        }
    }
    import.commit(administration).await?;
    administration.note(Act::UserImport).await?;
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
        if let Some(rejects) = &mut self.rejects {
            rejects.write_all(raw)?;
            rejects.write_all(b"\n")?;
        }
        if self.told.len() < TOLD {
            self.told.push((number, why));
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

struct JsonLines<R> {
    source: R,
    number: u64,
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            let mut raw = Vec::new();
            match (&mut self.source).take(LONGEST_LINE).read_until(b'\n', &mut raw) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let is_whole =
                raw.last() == Some(&b'\n') || u64::try_from(raw.len()).is_ok_and(|length| length < LONGEST_LINE);
            if !is_whole && let Err(error) = skip_line(&mut self.source) {
                return Some(Err(error));
            }
            let text = raw.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(&raw).trim_ascii().to_vec();
            if text.is_empty() {
                continue;
            }
            let line = if is_whole { parse(&text) } else { Err(format!("it is longer than {LONGEST_LINE} bytes")) };
            return Some(Ok(Found { number: self.number, raw: text, line }));
        }
    }
}

fn parse(text: &[u8]) -> Result<Line, String> {
    if text.first() != Some(&b'{') {
        return Err("it is no JSON object".to_owned());
    }
    // Of serde's message only what it wanted: it repeats values, and one is a hash.
    serde_json::from_slice(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            let message = error.to_string();
            let wanted = message.split(", expected ").nth(1).and_then(|rest| rest.split(" at line").next());
            wanted.map_or_else(
                || "a member is not as it must be, or stands twice".to_owned(),
                |wanted| format!("expected {wanted}"),
            )
        }
        _ => format!("it is not JSON, at column {}", error.column()),
    })
}

/// Reads on to the end of a line without keeping it.
fn skip_line(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let read = end.map_or(buffer.len(), |end| end + 1);
        source.consume(read);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn csv_lines<R: Read + 'static>(
    source: R,
    rejects: &mut Option<File>,
) -> Result<impl Iterator<Item = io::Result<Found>> + use<R>, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(source);
    let head =
        reader.headers().map_err(|error| Failure::Failed(format!("cannot read the head of the CSV: {error}")))?.clone();
    let head: csv::StringRecord = head.iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
    if !head.iter().any(|name| name == "email") {
        return Err(Failure::Failed("the first line of the CSV must name its columns, email among them".to_owned()));
    }
    if let Some(rejects) = rejects {
        rejects.write_all(&to_csv(&head))?;
        rejects.write_all(b"\n")?;
    }
    Ok(reader.into_records().map(move |record| {
        let record = match record {
            Ok(record) => record,
            Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                let line = Err("it has not as many columns as the first line, or is not UTF-8".to_owned());
                return Ok(Found { number, raw: Vec::new(), line });
            }
        };
        let number = record.position().map_or(0, csv::Position::line);
        let line = record.deserialize(Some(&head)).map_err(|_| "a column is not as it must be".to_owned());
        Ok(Found { number, raw: to_csv(&record), line })
    }))
}

fn to_csv(record: &csv::StringRecord) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let _ = writer.write_record(record);
    writer.into_inner().unwrap_or_default().trim_ascii_end().to_vec()
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
