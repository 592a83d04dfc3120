//! An authenticator app, written from the RFCs and not from the server's code.

use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::Method;
use serde_json::{Value, json};

use super::app::TestApp;

/// The code of RFC 6238 at this second, by the letter of RFC 4226, section 5.3.
pub fn code(secret: &[u8], second: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &u64::try_from(second / 30).unwrap().to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[19] & 0xf);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

pub const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// From groups of `from` bits to groups of `to`.
pub fn regroup(groups: impl Iterator<Item = usize>, from: u32, to: u32) -> Vec<usize> {
    let bits: Vec<usize> = groups.flat_map(|group| (0..from).rev().map(move |bit| group >> bit & 1)).collect();
    let to = usize::try_from(to).unwrap();
    bits.chunks_exact(to).map(|bits| bits.iter().fold(0, |group, bit| group << 1 | bit)).collect()
}

pub fn base32(text: &str) -> Vec<u8> {
    let groups = text.bytes().map(|letter| BASE32.iter().position(|other| *other == letter).expect("base 32"));
    regroup(groups, 5, 8).into_iter().map(|byte| u8::try_from(byte).unwrap()).collect()
}

#[test]
fn codes_are_those_of_the_rfc() {
    // RFC 6238, appendix B, the last six digits of its eight.
    for (second, expected) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
        assert_eq!(code(b"12345678901234567890", second), expected);
    }
}

/// Sets an app up for the owner of a token, and lets the step of the confirming code pass: its secret, and the recovery codes.
pub async fn set_up(app: &TestApp, token: &str) -> (Vec<u8>, Vec<String>) {
    let begun: Value = app.post_as("/api/totp", token).await.json().await.unwrap();
    let secret = base32(begun["secret"].as_str().unwrap());
    let otp = json!({"otp": code(&secret, app.clock.unix_seconds())});
    let confirmed = app.send_as(Method::POST, "/api/totp/confirm", token, otp).await;
    assert_eq!(confirmed.status(), 200);
    let body: Value = confirmed.json().await.unwrap();
    app.hands.advance(Duration::from_mins(1));
    (secret, serde_json::from_value(body["recovery_codes"].clone()).unwrap())
}
