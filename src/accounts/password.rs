//! What is taken for a password (NIST SP 800-63B-4, section 3.1.1.2).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

use crate::http::problem::FieldError;

/// A password as its owner means it: in NFC, so that it is the same from every keyboard, and otherwise to the letter.
///
/// It has no `Debug` that tells it, and its memory is cleared when it is dropped.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "SecretString")]
pub struct Password(SecretString);

impl From<SecretString> for Password {
    fn from(text: SecretString) -> Self {
        if text.expose_secret().is_ascii() {
            return Self(text);
        }
        Self(text.expose_secret().nfc().collect::<String>().into())
    }
}

impl Password {
    /// Its bytes, for hashing.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// Whether its length in characters is within `length`. In words, when it is not.
    pub(crate) fn check_length(&self, length: &RangeInclusive<usize>) -> Result<(), Cow<'static, str>> {
        let characters = self.0.expose_secret().chars().count();
        if characters < *length.start() {
            return Err(format!("must have at least {} characters", length.start()).into());
        }
        if characters > *length.end() {
            return Err(format!("must have at most {} characters", length.end()).into());
        }
        Ok(())
    }

    /// Whether it is hard enough to guess for somebody who knows what is in `known`. In words, when it is not.
    ///
    /// It is held against lists of common passwords, words and names, keyboard walks and repetitions (the crate zxcvbn); what kinds of characters it
    /// has does not matter. This takes milliseconds, so it is done on a hashing thread.
    pub(crate) fn check_guessable(&self, known: &[&str]) -> Result<(), Cow<'static, str>> {
        let parts: Vec<&str> = known.iter().flat_map(|text| text.split(['@', '.', ' ', '-', '_'])).collect();
        let known: Vec<&str> = known.iter().copied().chain(parts).filter(|part| part.chars().count() > 2).collect();
        let estimate = zxcvbn(self.0.expose_secret(), &known);
        if estimate.score() >= Score::Two {
            return Ok(());
        }
        let why = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Err(match why {
            Some(why) => format!("is too easy to guess: {}", why.to_string().trim_end_matches('.')).into(),
            None => "is too easy to guess: take a few words that do not belong together".into(),
        })
    }
}

/// What is told of a new password that is too short, for the document.
pub(crate) fn too_short() -> FieldError {
    FieldError { field: "new_password", message: "must have at least 8 characters".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        SecretString::from(text.to_owned()).into()
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        assert_eq!(password("re\u{301}sume\u{301}").bytes(), password("résumé").bytes());
        assert_ne!(password(" résumé").bytes(), password("résumé").bytes());
    }

    #[test]
    fn length_counts_characters() {
        assert!(password("ééééééé").check_length(&(8..=256)).is_err());
        assert!(password("éééééééé").check_length(&(8..=256)).is_ok());
        assert!(password(&"é".repeat(256)).check_length(&(8..=256)).is_ok());
        assert!(password(&"a".repeat(257)).check_length(&(8..=256)).is_err());
    }

    #[test]
    fn refuses_what_is_guessed_first() {
        for text in
            ["password", "12345678", "qwertyuiop", "aaaaaaaaaa", "P@ssw0rd", "iloveyou", "adalovelace", "lovelace1815"]
        {
            assert!(password(text).check_guessable(&["ada.lovelace@example.com", "Ada Lovelace"]).is_err(), "{text}");
        }
        for text in ["correct horse battery staple", "xkqzvwpjty", "ein ganz anderer Satz"] {
            assert!(password(text).check_guessable(&["ada.lovelace@example.com"]).is_ok(), "{text}");
        }
    }

    #[test]
    fn long_repetitions_are_estimated() {
        for text in ["12".repeat(60) + "345678", "12".repeat(124) + "345678", "12".repeat(125) + "345678"] {
            assert!(password(&text).check_guessable(&["ada.lovelace@example.com"]).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_does_not_tell_it() {
        assert!(!format!("{:?}", password("correct horse")).contains("horse"));
    }
}
