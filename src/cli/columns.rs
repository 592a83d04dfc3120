//! Tables for people.

use super::harmless::harmless;

/// Rows in columns, two blanks apart. What would move the cursor or change the colour of a terminal is escaped: names and browsers are what strangers
/// wrote.
pub(super) fn in_columns(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_harmless() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["\u{1b}[31m".to_owned(), "é\n".to_owned()]];
        assert_eq!(in_columns(rows.into_iter()), "a           b\n\\u{1b}[31m  é\\u{a}\n");
    }
}
