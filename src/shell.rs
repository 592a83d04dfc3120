//! Words of commands that are shown for people to paste into a shell.

use std::borrow::Cow;

/// `word` as a POSIX shell reads it back, whatever is in it (POSIX.1-2024, Shell and Utilities, section 2.2.2).
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    // Nothing of this means anything to a shell, wherever it stands.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.@_-+:,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn as_sh_reads(word: &str) -> String {
        let script = format!("printf '%s|' {}", quoted(word));
        let told = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(told.status.success(), "{script}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap()
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        for word in ["ada@example.com", "/etc/tokenhouse/cert.pem", "ada+x@example.com"] {
            assert_eq!(quoted(word), word);
        }
    }

    #[test]
    fn sh_reads_one_word_and_runs_nothing() {
        for word in [
            "",
            " ",
            "'",
            "''",
            "a'b",
            "$(id)@x.example",
            "`id`",
            "a;id",
            "a b",
            "*",
            "~",
            "#",
            "a\nb",
            "\\",
            "é!",
            "\"$HOME\"",
        ] {
            assert_eq!(as_sh_reads(word), format!("{word}|"), "{word:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn sh_reads_any_word(word in "[^\u{0}]{0,30}") {
            prop_assert_eq!(as_sh_reads(&word), format!("{word}|"));
        }
    }
}
