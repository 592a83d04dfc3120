//! Secure randomness, and the one way it is written as text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` bytes of the operating system's secure randomness.
///
/// Straight from it, and not through aws-lc, which at its first use measures the jitter of the processor for longer than all the rest of a start takes.
///
/// # Panics
/// When the operating system gives none: nothing secure could be answered from then on.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness no token, salt or key may be made")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives secure random bytes");
    bytes
}

/// Base64url without padding (RFC 4648, section 5).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
