//! What is taken for an email address, and the one form of it that is kept.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization as _;

/// An address longer than this cannot be written to (RFC 5321, section 4.5.3.1.3).
const MAX_BYTES: usize = 254;

/// An email address in its one canonical form: without blanks around it, in lower case, NFC, with an ASCII domain (IDNA, UTS 46).
///
/// Two spellings of one address are one account. What cannot be told apart safely, such as quoted local parts and addresses with a comment,
/// is no address here.
///
/// ```
/// use tokenhouse::accounts::email::Email;
///
/// assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
/// assert_eq!(Email::parse("ada@bücher.example").unwrap().as_str(), "ada@xn--bcher-kva.example");
/// assert!(Email::parse("ada").is_none());
/// assert!(Email::parse("\"a b\"@example.com").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The canonical form of `text`; `None` when it is no address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Before the work that grows with the length. NFC and lower case may make it shorter, but not by this much.
        if text.len() > 4 * MAX_BYTES {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        // Letter by letter, because the Greek sigma has a second small form at the end of a word.
        let small = local.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
        let local: String = small.nfc().collect();
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '\\' | '(' | ')' | '@');
        if !local.chars().all(is_plain) || domain.ends_with('.') {
            return None;
        }
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        let email = format!("{local}@{domain}");
        let options = Options::default().without_display_text().without_domain_literal();
        EmailAddress::parse_with_options(&email, options).ok()?;
        (email.len() <= MAX_BYTES).then_some(Self(email))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_for_each_address() {
        for (text, expected) in [
            ("a@x.io", Some("a@x.io")),
            ("A@X.IO", Some("a@x.io")),
            ("  a@x.io\n", Some("a@x.io")),
            ("a+tag@x.io", Some("a+tag@x.io")),
            ("a@localhost", Some("a@localhost")),
            ("straße@x.io", Some("straße@x.io")),
            ("e\u{301}@x.io", Some("é@x.io")),
            ("ΑΣ@x.io", Some("ασ@x.io")),
            ("ας@x.io", Some("ασ@x.io")),
            ("a@ｅxample.com", Some("a@example.com")),
            ("a@x.io.", None),
            ("a@x..io", None),
            ("a b@x.io", None),
            ("a@b@x.io", None),
            ("\"a\"@x.io", None),
            ("a@[127.0.0.1]", None),
            ("Ada <a@x.io>", None),
            ("a@x.io\r\nBcc: b@x.io", None),
            ("a@x.io\0", None),
            ("@x.io", None),
            ("a@", None),
            ("", None),
            ("' OR 1=1--", None),
        ] {
            assert_eq!(Email::parse(text).as_ref().map(Email::as_str), expected, "{text:?}");
        }
        assert!(Email::parse(&format!("{}@x.io", "a".repeat(250))).is_none());
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(text in ".{0,12}@[a-zA-ZäöüßŁ.-]{1,12}") {
            if let Some(email) = Email::parse(&text) {
                let again = Email::parse(email.as_str());
                prop_assert_eq!(again.as_ref(), Some(&email));
                prop_assert!(!email.as_str().chars().any(char::is_control));
            }
        }
    }
}
