//! Whether a command printed what the document says, but for what differs each time.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What differs each time, and what stands for it.
static CHANCE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rows = [
        (r"eyJ[\w-]+\.[\w-]+\.[\w-]+|eyJ[\w.-]*…", "<token>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"\d{8}T\d{9}Z", "<time>"),
        (r"0oa[\w-]{16,}", "<client>"),
        (r"AT\.[\w-]{16,}", "<jti>"),
        (r"\b1[789]\d{8}\b", "<seconds>"),
        (r"\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b", "<user code>"),
    ];
    rows.map(|(pattern, name)| (Regex::new(pattern).unwrap(), name)).into()
});

/// A random text in base64url: a secret, a key's name, a refresh token.
static OPAQUE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\w-]{16,}").unwrap());

/// So many columns, whatever was in them.
static COLUMN: LazyLock<Regex> = LazyLock::new(|| Regex::new(" {2,}").unwrap());

/// Why `found` is not what the document says, if so. In the document `…` stands for anything in a line, and alone for any lines.
pub fn differs(said: &str, found: &str) -> Option<String> {
    let said: Vec<String> = lines(said);
    let found: Vec<String> = lines(found);
    if matches(&said, &found) {
        return None;
    }
    Some(format!("the document says\n{}\n\nand it printed\n{}\n", said.join("\n"), found.join("\n")))
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(|line| settled(line.trim_end())).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn settled(line: &str) -> String {
    let line = CHANCE.iter().fold(line.to_owned(), |line, (pattern, name)| pattern.replace_all(&line, *name).into());
    let line = OPAQUE.replace_all(&line, |word: &Captures<'_>| {
        let has = |is: fn(char) -> bool| word[0].chars().any(is);
        let is_chance = has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase());
        if is_chance { "<secret>".to_owned() } else { word[0].to_owned() }
    });
    COLUMN.replace_all(&line, "  ").into()
}

fn matches(said: &[String], found: &[String]) -> bool {
    match said.split_first() {
        None => found.is_empty(),
        Some((any, rest)) if any.trim() == "…" => (0..=found.len()).any(|skipped| matches(rest, &found[skipped..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, others)| line_matches(line, first) && matches(rest, others))
        }
    }
}

fn line_matches(said: &str, found: &str) -> bool {
    let pattern: Vec<String> = said.split('…').map(regex::escape).collect();
    Regex::new(&format!("^{}$", pattern.join(".*"))).unwrap().is_match(found)
}

#[test]
fn what_differs_each_time_is_no_difference_and_all_else_is() {
    let same = |said: &str, found: &str| differs(said, found).is_none();
    assert!(same("id 07e5093d-dc28-4f30-9e6d-d789a50e0bc7\n", "id b4a1d8e4-004b-49b3-80d6-1b6edf496738"));
    assert!(same(
        "client_secret: 7OS3uB9kSW9soNY_Qu5-Pzx5gG8nscArZEuFtPDajog",
        "client_secret: Q7OS3uB9kSW9soNY_Qu5-Pzx5gG8nscArZEuFtPDajo"
    ));
    assert!(same("{\"access_token\":\"eyJhbGci…\",\"a\":1}", "{\"access_token\":\"eyJhbGci.eyJ4.AA-_\",\"a\":1}"));
    assert!(same("HTTP/1.1 202 Accepted\n…\n{}", "HTTP/1.1 202 Accepted\r\nx: y\r\n\r\n{}"));
    assert!(same("a  b", "a      b"));
    assert!(!same("HTTP/1.1 202 Accepted\n{}", "HTTP/1.1 202 Accepted\nx: y\n{}"));
    assert!(!same("id 07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "id 12"));
    assert!(!same("status 200", "status 401"));
    assert!(!same("a word", "another word") && !same("a", "") && !same("", "a"));
}
