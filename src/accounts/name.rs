//! What is taken for a display name.

use unicode_normalization::UnicodeNormalization as _;

use crate::http::problem::FieldError;

/// Longest, in characters.
const MAX_CHARACTERS: usize = 200;

/// A name in NFC, without blanks around it; `None` when nothing is left.
///
/// # Errors
/// When it is too long, or has characters that nobody sees: such a name could look like another's, or turn round the line it stands in.
pub(crate) fn display_name(name: Option<&str>) -> Result<Option<String>, FieldError> {
    let wrong = |message| FieldError { field: "name", message };
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let is_too_long = |name: &str| name.chars().nth(MAX_CHARACTERS).is_some();
    let too_long = || wrong(format!("must have at most {MAX_CHARACTERS} characters").into());
    // Before the work that grows with the length.
    if is_too_long(name) {
        return Err(too_long());
    }
    if name.chars().any(is_unseen) {
        return Err(wrong("must be on one line, without control characters and invisible ones".into()));
    }
    // Some letters are two or three in NFC.
    let name: String = name.nfc().collect();
    if is_too_long(&name) { Err(too_long()) } else { Ok(Some(name)) }
}

/// A text as it is searched for among names and addresses: in NFC and lower case, letter by letter as addresses are, whatever the database's own idea of
/// lower case is.
pub(crate) fn search_key(text: &str) -> String {
    let small = text.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    small.nfc().collect()
}

/// Control characters, line and paragraph separators, and format characters that hide or reorder text. The joiners U+200C and U+200D are not among
/// them: Persian and many emoji need those.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            (" Ada Lovelace ", Ok(Some("Ada Lovelace"))),
            ("e\u{301}", Ok(Some("é"))),
            ("می\u{200c}خواهم", Ok(Some("می\u{200c}خواهم"))),
            ("  ", Ok(None)),
            ("\u{200b}", Err(())),
            ("Ada\u{202e}", Err(())),
            ("Ada\u{2028}Eve", Err(())),
            ("Ada\r\nBcc: eve@example.com", Err(())),
            ("\u{1b}[31mAda", Err(())),
        ] {
            let found = display_name(Some(name)).map_err(|_| ());
            assert_eq!(found, expected.map(|name| name.map(str::to_owned)), "{name:?}");
        }
        assert!(display_name(Some(&"é".repeat(200))).is_ok());
        assert!(display_name(Some(&"é".repeat(201))).is_err());
        // In NFC this letter is two: what is kept counts, too.
        assert!(display_name(Some(&"\u{958}".repeat(100))).is_ok());
        assert!(display_name(Some(&"\u{958}".repeat(101))).is_err());
        assert_eq!(display_name(None).ok(), Some(None));
    }

    #[test]
    fn what_is_searched_for() {
        for (name, key) in [
            ("Ada Lovelace", "ada lovelace"),
            ("ÄGIDIUS Ödön", "ägidius ödön"),
            ("E\u{301}mile", "émile"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
            ("Οδυσσεύς", "οδυσσεύσ"),
        ] {
            assert_eq!(search_key(name), key);
            assert_eq!(search_key(key), key);
        }
    }
}
