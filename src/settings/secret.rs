//! Whether an HMAC secret is one that nobody guesses: RFC 7518 section 3.2 (its length), RFC 8725 section 3.5 (its entropy)
//! and OWASP ASVS 5.0 requirement 11.2.3 (128 bits of security).
//!
//! One token is enough to try secrets offline, at billions a second, and whoever finds it is every user at once. So what
//! people copy from tutorials, type by hand or leave as it came is refused at the start.

use std::collections::BTreeSet;

/// The least length in bytes: that of the hash, for HS256 (RFC 7518 section 3.2).
pub(super) const LEAST_BYTES: usize = 32;

/// Fewer different bytes than this in 32 or more are not random. Of 32 random hexadecimal digits about 14 differ.
const LEAST_DISTINCT: usize = 8;

/// The least order of magnitude of guesses. It is the most that the estimate can tell: it counts in 64 bits, which end at
/// 19.27. Every random text of 32 bytes reaches that.
const LEAST_GUESSES_LOG10: f64 = 19.0;

/// Secrets that are published, and copied.
const PUBLISHED: [&str; 10] = [
    // jwt.io, over the years
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "qwertyuiopasdfghjklzxcvbnm123456",
    // RFC 7515, appendix A.1; RFC 7520, section 3.5
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    // the tutorials of FastAPI and of several Spring courses
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "413F4428472B4B6250655368566D5970337336763979244226452948404D6351",
    "3cfa76ef14937c1c0ea519f8fc057a80fcd04a7420f8e8bcd0a7567c272e007b",
];

/// Words that only a secret which somebody made up has in it; compared in lower case without separators. Each has seven
/// letters or more, so that a random secret has none of them by chance.
const MADE_UP: [&str; 16] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "yoursecret",
    "your256bit",
    "yourjwt",
    "mysecret",
    "supersecret",
    "secretkey",
    "jwtsecret",
    "password",
    "placeholder",
    "insecure",
    "donotuse",
    "example",
];

/// Checks an HMAC secret. Its bytes are used as they stand: hexadecimal or base64 is not decoded.
///
/// # Errors
/// What is wrong with it, without any part of it.
pub(super) fn check(secret: &str) -> Result<(), String> {
    let bytes = secret.len();
    let advice = "make one with: openssl rand -base64 32";
    if bytes < LEAST_BYTES {
        return Err(format!("want at least {LEAST_BYTES} bytes, and this has {bytes}; {advice}"));
    }
    let plain: String =
        secret.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).flat_map(char::to_lowercase).collect();
    if PUBLISHED.contains(&secret.trim()) || MADE_UP.iter().any(|word| plain.contains(word)) {
        return Err(format!("this is a well-known example or a text that people make up; {advice}"));
    }
    let distinct = secret.bytes().collect::<BTreeSet<u8>>().len();
    if distinct < LEAST_DISTINCT {
        return Err(format!("this has too few different characters to be random; {advice}"));
    }
    if zxcvbn::zxcvbn(secret, &["tokenhouse"]).guesses_log10() < LEAST_GUESSES_LOG10 {
        return Err(format!("this can be guessed; {advice}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_pass() {
        for good in [
            "8Zz5tw0Ionm3XPZZfN0NOml3z9FMfmpgXwovR9fp6rY=",
            "b1946ac92492d2347c6235b4d2611184e9d3f9a1c07d4b2f6e5c8a7b0d1e2f34",
            "b1946ac92492d2347c6235b4d2611184",
            "sZ4kq9!x@Lw2#Pv7$Nt5%Rb8^Hy3&Jm6",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn made_up_secrets_do_not() {
        for (wrong, words) in [
            ("", "has 0"),
            ("short", "has 5"),
            ("your-256-bit-secret", "has 19"),
            ("a-string-secret-at-least-256-bits-long", "well-known"),
            ("qwertyuiopasdfghjklzxcvbnm123456", "well-known"),
            ("ChangeMe-ChangeMe-ChangeMe-ChangeMe", "well-known"),
            ("this-is-my_secret-for-the-new-server", "well-known"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "too few"),
            ("01010101010101010101010101010101", "too few"),
            ("abcdefghabcdefghabcdefghabcdefghabcdefgh", "guessed"),
            ("0123456789012345678901234567890123456789", "guessed"),
        ] {
            let found = check(wrong).err().unwrap_or_default();
            assert!(found.contains(words), "{wrong}: {found}");
            assert!(wrong.len() < 6 || !found.contains(wrong), "{found}");
        }
    }
}
