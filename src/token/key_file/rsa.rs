//! The numbers of a private RSA key, in the form of RFC 7518, section 6.3.2.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::RsaKeyPair;

/// Names of the numbers in a JWK, in the order in which RFC 8017, appendix A.1.2 has them.
pub(super) const NUMBERS: usize = 8;

/// Kinds of members (X.690, section 8).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;

/// Gives `take` the numbers n, e, d, p, q, dp, dq, qi of `pair`; `None` when it cannot be taken apart.
///
/// The crate that made the key hands it out as PKCS #8 only (RFC 5208): a sequence whose last member, an octet string, holds the sequence of
/// the numbers after its version.
pub(super) fn with_numbers<T>(pair: &RsaKeyPair, take: impl FnOnce([&[u8]; NUMBERS]) -> T) -> Option<T> {
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let (info, _) = member(der.as_ref(), SEQUENCE)?;
    let (_version, rest) = member(info, INTEGER)?;
    let (_algorithm, rest) = member(rest, SEQUENCE)?;
    let (key, _) = member(rest, OCTETS)?;
    let (key, _) = member(key, SEQUENCE)?;
    let (_version, mut rest) = member(key, INTEGER)?;
    let mut numbers = [&[][..]; NUMBERS];
    for number in &mut numbers {
        let (bytes, after) = member(rest, INTEGER)?;
        // A zero in front says that the number is not negative; JWK has none.
        *number = bytes.strip_prefix(&[0]).unwrap_or(bytes);
        rest = after;
    }
    Some(take(numbers))
}

/// The pair of these numbers, if they belong together and n has 2048 bits at least.
#[expect(clippy::many_single_char_names, reason = "the names of RFC 7518, section 6.3")]
pub(super) fn from_numbers([n, e, d, p, q, dp, dq, qi]: [&[u8]; NUMBERS]) -> Option<RsaKeyPair> {
    let public_key = PublicKeyComponents { n, e };
    RsaKeyPair::from_components(&KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi }).ok()
}

/// The contents of the member at the beginning of `der`, and what comes after it; `None` when it is not of the kind `tag` (X.690).
fn member(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // The length is longer than fits, and this many bytes say it.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::KeyPair as _;

    use super::*;

    #[test]
    fn a_key_is_the_same_from_its_numbers() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let again = with_numbers(&pair, |numbers| {
            assert_eq!(numbers[0], pair.public_key().modulus().big_endian_without_leading_zero());
            assert_eq!(numbers[1], [1, 0, 1]);
            from_numbers(numbers).unwrap()
        });
        assert_eq!(again.unwrap().public_key().as_ref(), pair.public_key().as_ref());
        // Numbers of two keys do not belong together.
        let other = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let d = with_numbers(&pair, |numbers| numbers[2].to_vec()).unwrap();
        let is_mixed_refused =
            with_numbers(&other, |[n, e, _, p, q, dp, dq, qi]| from_numbers([n, e, &d, p, q, dp, dq, qi]).is_none());
        assert_eq!(is_mixed_refused, Some(true));
    }

    #[test]
    fn what_is_no_der_is_not_read() {
        for wrong in
            [&[][..], &[0x30], &[0x30, 0x05, 0x00], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x82, 0x01], &[2, 1, 7]]
        {
            assert_eq!(member(wrong, 0x30), None, "{wrong:?}");
        }
        assert_eq!(member(&[0x30, 0x81, 1, 7, 8], 0x30), Some((&[7][..], &[8][..])));
    }
}
