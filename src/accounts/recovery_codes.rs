//! Recovery codes: ten texts of one use each, for whoever lost his authenticator app.

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::token::random::{base64url, bytes};

/// So many are given out at a time.
pub(super) const COUNT: usize = 10;

/// 24 letters of 5 bits: 120 bits, so that a plain hash will do (ASVS 5.0, 6.5.2).
const LETTERS: usize = 24;
const GROUP: usize = 6;

/// Crockford's base 32: without the letters that are read for digits.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p',
    'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// New codes, in groups of letters: `k7m2x9-…`.
pub(super) fn generate() -> Vec<String> {
    (0..COUNT).map(|_| one()).collect()
}

fn one() -> String {
    let mut code = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (place, byte) in bytes::<LETTERS>().into_iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            code.push('-');
        }
        code.extend(ALPHABET.get(usize::from(byte % 32)));
    }
    code
}

/// What is kept of a code of this user; `None` when the text is none. Case, blanks and hyphens do not matter, nor do `o`, `i` and `l` for digits.
pub(super) fn hash(user_id: &str, code: &SecretString) -> Option<String> {
    let text = code.expose_secret();
    if text.len() > 4 * LETTERS {
        return None;
    }
    let letters = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    });
    let letters: SecretString = letters.collect::<String>().into();
    let is_code = |text: &str| text.len() == LETTERS && text.chars().all(|c| ALPHABET.contains(&c));
    if !is_code(letters.expose_secret()) {
        return None;
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for part in ["tokenhouse recovery code", user_id, letters.expose_secret()] {
        context.update(part.as_bytes());
    }
    Some(base64url(context.finish().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let codes = generate();
        assert_eq!(codes.len(), COUNT);
        let code = &codes[0];
        assert_eq!(code.len(), 27);
        let hashed = hash("ada", &code.clone().into());
        assert!(hashed.is_some());
        for typed in [
            code.to_uppercase(),
            code.replace('-', ""),
            code.replace('-', " "),
            code.replace('1', "l").replace('0', "O"),
        ] {
            assert_eq!(hash("ada", &typed.into()), hashed);
        }
        assert_ne!(hash("eve", &code.clone().into()), hashed);
        for wrong in ["", "123456", &code[..26], &format!("{code}x"), &code.replace('-', "é"), &"0".repeat(5000)] {
            assert_eq!(hash("ada", &wrong.to_owned().into()), None, "{wrong}");
        }
        let all: std::collections::HashSet<String> = (0..20).flat_map(|_| generate()).collect();
        assert_eq!(all.len(), 200);
    }
}
