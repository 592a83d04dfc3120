//! The lines of an import: each as it was, and what it says.
//!
//! Whatever is in the file, no more than a few lines of it are in memory, and each is handed on to the letter, so that none is lost.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};

use crate::accounts::import::Line;

/// A longer line, or row of several lines, is a bad one.
pub(super) const LONGEST: usize = 64 * 1024;

/// A line or, in CSV, a row, and what it says.
pub(super) struct Found {
    /// Of its first line.
    pub number: u64,
    /// As it was, with its end.
    pub raw: Vec<u8>,
    pub said: Said,
}

pub(super) enum Said {
    Account(Line),
    Nonsense(String),
    /// It goes on with a line that was too long.
    Further,
}

/// The lines of a file of JSON objects.
pub(super) struct JsonLines<R>(Lines<R>);

impl<R: BufRead> JsonLines<R> {
    pub fn of(source: R) -> Self {
        Self(Lines::of(source))
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_line().map(|read| read.map(|raw| raw.found(|raw| json(without_mark(&raw.bytes).trim_ascii()))))
    }
}

fn json(text: &[u8]) -> Result<Line, String> {
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

/// The rows of a CSV file.
pub(super) struct CsvRows<R> {
    lines: Lines<R>,
    head: csv::StringRecord,
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the head, which is also answered as it was; `None` when it names no column `email`.
    pub fn of(source: R) -> io::Result<Option<(Self, Vec<u8>)>> {
        let mut lines = Lines::of(source);
        let Some(first) = lines.next_line().transpose()? else { return Ok(None) };
        let Some(head) = Row::first_of(without_mark(&first.bytes)).and_then(|row| row.text) else { return Ok(None) };
        let head: csv::StringRecord = head.iter().map(str::trim).collect();
        let names_email = first.part == Part::Whole && head.iter().any(|name| name == "email");
        Ok(names_email.then_some((Self { lines, head }, first.bytes)))
    }

    /// A row may go over several lines, between quotes. When the quotes are not closed, its first line is bad, and those behind it stand for themselves.
    fn next_row(&mut self) -> io::Result<Option<Found>> {
        let Some(mut row) = self.lines.next_line().transpose()? else { return Ok(None) };
        let mut further = Vec::new();
        let mut length = row.bytes.len();
        let mut is_open = row.part == Part::Whole && has_odd_quotes(&row.bytes);
        while is_open {
            let Some(next) = self.lines.next_line().transpose()? else { break };
            length += next.bytes.len();
            if next.part != Part::Whole || length > LONGEST {
                further.push(next);
                break;
            }
            is_open = !has_odd_quotes(&next.bytes);
            further.push(next);
        }
        if !further.is_empty() {
            let all = [&row].into_iter().chain(&further).flat_map(|line| &line.bytes).copied().collect::<Vec<u8>>();
            // A quote in the midst of a field is none: then the row may end before the last of these lines.
            let end = Row::first_of(&all).map_or(all.len(), |first| first.next_at.unwrap_or(all.len()));
            if !is_open || end < all.len() {
                let mut lines = std::mem::take(&mut further).into_iter();
                while row.bytes.len() < end
                    && let Some(mut line) = lines.next()
                {
                    row.bytes.append(&mut line.bytes);
                }
                further.extend(lines);
                is_open = false;
            }
            self.lines.put_back(further);
        }
        Ok(Some(row.found(|raw| if is_open { Err("a quote is not closed".to_owned()) } else { self.row(&raw.bytes) })))
    }

    fn row(&self, bytes: &[u8]) -> Result<Line, String> {
        let row = Row::first_of(bytes).and_then(|row| row.text).ok_or("it is not UTF-8")?;
        if row.len() != self.head.len() {
            return Err("it has not as many columns as the first line".to_owned());
        }
        row.deserialize(Some(&self.head)).map_err(|_| "a column is not as it must be".to_owned())
    }
}

impl<R: BufRead> Iterator for CsvRows<R> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// The first row of a text.
struct Row {
    /// `None` when it is not UTF-8.
    text: Option<csv::StringRecord>,
    /// Where the row behind it begins.
    next_at: Option<usize>,
}

impl Row {
    fn first_of(bytes: &[u8]) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).buffer_capacity(1024);
        let mut rows = reader.from_reader(bytes).into_byte_records().map_while(Result::ok);
        let first = rows.next()?;
        let next = rows.next();
        let next_at = next.as_ref().and_then(csv::ByteRecord::position).map(csv::Position::byte);
        let next_at = next_at.and_then(|at| usize::try_from(at).ok());
        Some(Self { text: csv::StringRecord::from_byte_record(first).ok(), next_at })
    }
}

fn has_odd_quotes(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |odd, byte| odd ^ (*byte == b'"'))
}

/// Without the mark that some programs put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(bytes)
}

/// The lines of a file, those that are too long in parts.
struct Lines<R> {
    source: R,
    number: u64,
    is_within: bool,
    waiting: VecDeque<Raw>,
}

struct Raw {
    number: u64,
    bytes: Vec<u8>,
    part: Part,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Whole,
    /// The line is too long; this is how it begins.
    First,
    Further,
}

impl<R: BufRead> Lines<R> {
    fn of(source: R) -> Self {
        Self { source, number: 0, is_within: false, waiting: VecDeque::new() }
    }

    /// The next one that is not blank.
    fn next_line(&mut self) -> Option<io::Result<Raw>> {
        if let Some(line) = self.waiting.pop_front() {
            return Some(Ok(line));
        }
        loop {
            let mut bytes = Vec::new();
            let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            match (&mut self.source).take(most).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let ends = bytes.last() == Some(&b'\n') || bytes.len() < LONGEST;
            let part = match (self.is_within, ends) {
                (true, _) => Part::Further,
                (false, false) => Part::First,
                (false, true) => Part::Whole,
            };
            self.number += u64::from(!self.is_within);
            self.is_within = !ends;
            if part == Part::Whole && without_mark(&bytes).trim_ascii().is_empty() {
                continue;
            }
            return Some(Ok(Raw { number: self.number, bytes, part }));
        }
    }

    fn put_back(&mut self, lines: Vec<Raw>) {
        for line in lines.into_iter().rev() {
            self.waiting.push_front(line);
        }
    }
}

impl Raw {
    fn found(self, read: impl FnOnce(&Self) -> Result<Line, String>) -> Found {
        let said = match self.part {
            Part::Whole => read(&self).map_or_else(Said::Nonsense, Said::Account),
            Part::First => Said::Nonsense(format!("it is longer than {LONGEST} bytes")),
            Part::Further => Said::Further,
        };
        Found { number: self.number, raw: self.bytes, said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile_input::grows_evenly;
    use proptest::prelude::*;

    fn numbers_of_bad(found: &[Found]) -> Vec<u64> {
        found.iter().filter(|found| matches!(found.said, Said::Nonsense(_))).map(|found| found.number).collect()
    }

    fn rows(text: &[u8]) -> Vec<Found> {
        let (rows, _) = CsvRows::of(text).unwrap().unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn quotes_in_rows() {
        for (text, count, bad) in [
            ("email,name\na@x.io,\"Two\nlines\"\nb@x.io,B\n", 2, vec![]),
            ("email,name\na@x.io,\"never closed\nb@x.io,B\nc@x.io,C", 3, vec![2]),
            // Closed by the next quote there is: one name of three lines, which is refused as such.
            ("email,name\na@x.io,\"never closed\nb@x.io,B\nc@x.io,\"C\"\nd@x.io,D\n", 2, vec![]),
            ("email,name\na@x.io,5\" pipe\nb@x.io,6\" pipe\nc@x.io,\"C\n", 3, vec![4]),
            ("email,name\r\n\r\na@x.io,\"say \"\"a\"\"\"\r\nshort\r\nb@x.io,B,more\r\n", 3, vec![4, 5]),
            ("\u{feff}\"email\",name\na@x.io,A", 1, vec![]),
        ] {
            let found = rows(text.as_bytes());
            assert_eq!((found.len(), numbers_of_bad(&found)), (count, bad), "{text:?}");
        }
    }

    #[test]
    fn a_long_line_comes_in_parts() {
        let text = format!("short\n{}\n{{\n", "x".repeat(LONGEST * 2 + 5));
        let found: Vec<Found> = JsonLines::of(text.as_bytes()).map(Result::unwrap).collect();
        assert!(found.iter().all(|found| found.raw.len() <= LONGEST));
        assert_eq!(numbers_of_bad(&found), [1, 2, 3]);
        assert_eq!(found.into_iter().flat_map(|found| found.raw).collect::<Vec<u8>>(), text.as_bytes());
    }

    #[test]
    fn a_row_of_many_lines_takes_no_longer_than_many_rows() {
        let file = |lines: usize| format!("email,name\na@x.io,\"{}\"\nb@x.io,B\n", "l\n".repeat(lines));
        let (small, large) = (file(6_000), file(24_000));
        assert_eq!(rows(large.as_bytes()).len(), 2);
        grows_evenly(&[small.into_bytes()], large.as_bytes(), |text| rows(text).len()).unwrap();
        let never_closed = |lines| file(lines).replace("\"\n", "\n");
        let (small, large) = (never_closed(6_000), never_closed(24_000));
        assert_eq!(rows(large.as_bytes()).len(), 24_001);
        grows_evenly(&[small.into_bytes()], large.as_bytes(), |text| rows(text).len()).unwrap();
    }

    proptest! {
        #[test]
        fn nothing_is_lost(body in "([a-z\",]{0,6}\r?\n?){0,30}") {
            let text = format!("email,name\n{body}");
            let raw: Vec<u8> = rows(text.as_bytes()).into_iter().flat_map(|found| found.raw).collect();
            let without_blanks = |text: &str| text.split_inclusive('\n').filter(|line| !line.trim().is_empty()).collect::<String>();
            prop_assert_eq!(without_blanks(&String::from_utf8(raw).unwrap()), without_blanks(&body));
        }
    }
}
