//! Refresh tokens: how they are made, what is kept of them, and how the next is derived from the last.
//!
//! A token is the base64url text of three parts:
//!
//! | bytes | part | |
//! |---|---|---|
//! | 16 | family | the same for all tokens of a session; its hash finds the session |
//! | 32 | secret | 256 random bits, another for each token |
//! | 8 | checksum | of both, so that a mistyped token is not taken for a spent one |
//!
//! Of family and secret only the SHA-256 is kept. A plain hash will do: there is nothing to guess in 256 random bits.
//!
//! Several tabs of a browser may refresh at the same moment with the same token. All must get the same successor, or all but one would later show a
//! spent token and end the session. So the successor's secret is the HMAC of the spent secret under a salt of the session: whoever shows the spent
//! token within the grace, on whichever node, gets it again, and nothing of it is stored in clear. The salt is replaced with each token.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::token::random::{base64url, bytes};

const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 8;
const TOKEN_BYTES: usize = FAMILY_BYTES + SECRET_BYTES + CHECKSUM_BYTES;

/// A refresh token.
#[derive(Clone)]
pub struct RefreshToken {
    family: [u8; FAMILY_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// The first token of a new session.
    #[must_use]
    pub fn generate() -> Self {
        Self { family: bytes(), secret: bytes() }
    }

    /// Reads a token; `None` when it is none that was ever given out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A longer text is not even decoded, and none is cut to fit.
        if text.len() != TOKEN_BYTES.div_ceil(3) * 4 - (3 - TOKEN_BYTES % 3) % 3 {
            return None;
        }
        let raw: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (family, rest) = raw.split_at(FAMILY_BYTES);
        let (secret, checksum) = rest.split_at(SECRET_BYTES);
        let token = Self { family: family.try_into().ok()?, secret: secret.try_into().ok()? };
        verify_slices_are_equal(&token.checksum(), checksum).ok()?;
        Some(token)
    }

    /// Its text, to be handed out once.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let raw = [self.family.as_slice(), &self.secret, &self.checksum()].concat();
        base64url(&raw).into()
    }

    /// What the session is found by.
    #[must_use]
    pub fn family_hash(&self) -> String {
        sha256("tokenhouse refresh family", &self.family)
    }

    /// Whether `hash` is what is kept of it.
    #[must_use]
    pub fn is_of_hash(&self, hash: &str) -> bool {
        verify_slices_are_equal(self.secret_hash().as_bytes(), hash.as_bytes()).is_ok()
    }

    /// What is kept of its secret.
    #[must_use]
    pub fn secret_hash(&self) -> String {
        sha256("tokenhouse refresh secret", &self.secret)
    }

    /// The one token that follows this one, given the session's salt.
    #[must_use]
    pub fn successor(&self, salt: &Salt) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt.0.expose_secret().as_bytes());
        let secret = hmac::sign(&key, &self.secret);
        Self { family: self.family, secret: secret.as_ref().try_into().unwrap_or_else(|_| bytes()) }
    }

    fn checksum(&self) -> [u8; CHECKSUM_BYTES] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"tokenhouse refresh checksum");
        context.update(&self.family);
        context.update(&self.secret);
        let mut checksum = [0; CHECKSUM_BYTES];
        checksum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        checksum
    }
}

/// The salt under which a session's next refresh token is derived.
pub struct Salt(SecretString);

impl Salt {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(base64url(&bytes::<16>()).into())
    }

    /// As the store has it.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// For the store.
    #[must_use]
    pub fn to_store(&self) -> String {
        self.0.expose_secret().to_owned()
    }
}

fn sha256(purpose: &str, secret: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(purpose.as_bytes());
    context.update(secret);
    base64url(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = RefreshToken::generate();
        let text = token.to_text();
        let read = RefreshToken::parse(text.expose_secret()).unwrap();
        assert_eq!(read.secret_hash(), token.secret_hash());
        assert_eq!(read.family_hash(), token.family_hash());
    }

    #[test]
    fn successors_stay_in_the_family_and_depend_on_the_salt() {
        let (token, salt) = (RefreshToken::generate(), Salt::generate());
        let successor = token.successor(&salt);
        assert_eq!(successor.family_hash(), token.family_hash());
        assert_eq!(successor.secret_hash(), token.successor(&Salt::stored(salt.to_store())).secret_hash());
        assert_ne!(successor.secret_hash(), token.secret_hash());
        assert_ne!(successor.secret_hash(), token.successor(&Salt::generate()).secret_hash());
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_token(cut in 0_usize..75, extra in "[A-Za-z0-9_-]{1,9}", place in 0_usize..75, to in "[A-Za-z0-9_=. -]") {
            let text = RefreshToken::generate().to_text().expose_secret().to_owned();
            prop_assert!(RefreshToken::parse(&text[..cut]).is_none());
            let longer = format!("{text}{extra}");
            prop_assert!(RefreshToken::parse(&longer).is_none());
            if text[place..=place] != to {
                let changed = format!("{}{}{}", &text[..place], to, &text[place + 1..]);
                prop_assert!(RefreshToken::parse(&changed).is_none());
            }
        }
    }
}
