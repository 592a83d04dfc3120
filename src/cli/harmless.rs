//! What strangers wrote, on a terminal: names, browsers, what a token says. It shall move no cursor, change no colour, and turn no text around.

use std::fmt::Write as _;
use std::io::{self, Write};

/// A text of strangers without what a terminal obeys.
pub(super) fn harmless(text: &str) -> String {
    text.chars().flat_map(|c| if is_harmless(c) { vec![c] } else { c.escape_unicode().collect() }).collect()
}

/// Neither a control character nor one that changes the direction of writing.
fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

/// Writes JSON on, with what a terminal obeys as `\uXXXX`. JSON itself escapes only the control characters of ASCII (RFC 8259, section 7).
pub(super) struct HarmlessJson<W>(pub W);

impl<W: Write> Write for HarmlessJson<W> {
    /// Takes whole characters, as `write!` and serde write them.
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(json).map_err(io::Error::other)?;
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            // All of them are below U+10000. The line ends between values are no part of a string.
            if is_harmless(c) || c == '\n' {
                escaped.push(c);
            } else {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
        }
        self.0.write_all(escaped.as_bytes())?;
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Texts with more of what matters than chance would put there.
    fn texts() -> impl Strategy<Value = String> {
        let some = prop::sample::select(vec![
            '\u{9b}', '\u{85}', '\u{7f}', '\u{1b}', '\n', '\u{202e}', '\u{2066}', '\u{61c}', '\u{2028}', '"', '\\',
        ]);
        prop::collection::vec(prop_oneof![some, any::<char>()], 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn json_says_the_same_and_has_nothing_that_a_terminal_obeys(name in texts(), value in texts()) {
            let told = json!({ name: [value] });
            let mut out = HarmlessJson(Vec::new());
            writeln!(out, "{told}").unwrap();
            let line = String::from_utf8(out.0).unwrap();
            prop_assert!(line.trim_end_matches('\n').chars().all(is_harmless), "{line:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), told);
        }

        #[test]
        fn texts_have_nothing_that_a_terminal_obeys(text in texts()) {
            prop_assert!(harmless(&text).chars().all(is_harmless));
        }
    }
}
