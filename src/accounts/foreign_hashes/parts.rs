//! The parts that hashes are written in.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// With its padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn base64(text: &str) -> Result<Vec<u8>, &'static str> {
    LENIENT.decode(text).map_err(|_| "a part of the hash is not base64")
}

/// Passlib's form has a full stop for the plus.
pub(super) fn base64_or_ab64(text: &str) -> Result<Vec<u8>, &'static str> {
    base64(&text.replace('.', "+"))
}

pub(super) fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "a parameter of the hash is not a number")
}

/// The number behind `name=` in `a=1,b=2`.
pub(super) fn settings(text: &str, name: &str) -> Result<u32, &'static str> {
    let pair = text.split(',').filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name);
    pair.map_or(Err("a parameter of the hash is missing"), |(_, value)| number(value))
}
