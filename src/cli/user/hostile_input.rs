//! Files of accounts that somebody made up.

use super::lines::{CsvRows, Found, JsonLines, LONGEST, Said};
use crate::hostile_input::Hostile;

/// Which of the lines are accounts, after they were all read as an import does.
fn accounts(lines: impl Iterator<Item = std::io::Result<Found>>, body: &[u8]) -> Option<Vec<(u64, bool)>> {
    let (mut found, mut raw) = (Vec::new(), Vec::new());
    for line in lines.map(Result::unwrap) {
        assert!(line.raw.len() <= 2 * LONGEST);
        raw.extend_from_slice(&line.raw);
        let account = match line.said {
            Said::Account(said) => said.to_record(None, 0),
            Said::Nonsense(why) => Err(why),
            Said::Further => continue,
        };
        if let Err(why) = &account {
            assert!(!why.contains("s3cr3t"), "{why}");
        }
        found.push((line.number, account.is_ok()));
    }
    // Nothing is lost but blank lines.
    let without_blanks =
        |text: &[u8]| text.iter().copied().filter(|byte| !b" \r\n\t\x0c".contains(byte)).collect::<Vec<_>>();
    let without_mark = |text: &[u8]| String::from_utf8_lossy(&without_blanks(text)).replace('\u{feff}', "");
    assert_eq!(without_mark(&raw), without_mark(body));
    found.iter().any(|(_, is_account)| *is_account).then_some(found)
}

#[test]
fn json_lines() {
    Hostile::to("import-json").memory(64 * 1024, 100).every(|input| accounts(JsonLines::of(input), input));
}

#[test]
fn csv_rows() {
    // The tables of a reader are made for each row.
    Hostile::to("import-csv").slow(256, 10).memory(64 * 1024, 100).every(|input| {
        let (rows, head) = CsvRows::of(input).unwrap()?;
        let head_at = input.windows(head.len()).position(|part| part == head).unwrap();
        accounts(rows, &input[head_at + head.len()..])
    });
}
