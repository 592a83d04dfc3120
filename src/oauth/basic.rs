//! The client's id and secret in the header `Authorization: Basic` (RFC 6749, section 2.3.1; RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// A client's id and its secret.
pub(super) struct Credentials {
    pub client_id: String,
    pub secret: SecretString,
}

/// Longer headers are not decoded.
const MAX_BYTES: usize = 4096;

/// Reads the header. `None` when it is of another scheme, is not base64 of UTF-8, has no colon, or one half is empty.
///
/// Both halves are form-encoded before they are put together, so that an id may have a colon; the first colon parts them.
pub(super) fn parse(header: &[u8]) -> Option<Credentials> {
    let header = std::str::from_utf8(header).ok().filter(|header| header.len() <= MAX_BYTES)?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, secret) = pair.split_once(':')?;
    let (client_id, secret) = (form_decoded(client_id)?, form_decoded(secret)?);
    let is_whole = !client_id.is_empty() && !secret.is_empty();
    is_whole.then(|| Credentials { client_id, secret: secret.into() })
}

/// `+` and `%XX` decoded; `None` when that is not UTF-8. What is no escape stays as it is: many clients do not encode at all.
fn form_decoded(text: &str) -> Option<String> {
    // The key of a pair without a value; `&` and `=` would part it, so they are escaped first.
    let bytes = text.replace('&', "%26").replace('=', "%3D");
    let (decoded, _) = url::form_urlencoded::parse(bytes.as_bytes()).next().unwrap_or_default();
    // Bytes that are not UTF-8 come out as this character, which no id and no secret has.
    (!decoded.contains('\u{fffd}')).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn read(header: &str) -> Option<(String, String)> {
        parse(header.as_bytes()).map(|found| (found.client_id, found.secret.expose_secret().to_owned()))
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn both_halves_are_form_decoded() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        // R58, S7: the id `a:b`, and the secret `p%20+&é`.
        assert_eq!(read(&basic("a%3Ab:p%2520%2B%26%C3%A9")), pair("a:b", "p%20+&é"));
        assert_eq!(read(&basic("a:b:c")), pair("a", "b:c"));
        assert_eq!(read(&basic("a:b=c&d")), pair("a", "b=c&d"));
        assert_eq!(read(&basic("a:b+c")), pair("a", "b c"));
        assert_eq!(read(&basic("a:b").replace("Basic", "bAsIc")), pair("a", "b"));
    }

    #[test]
    fn everything_else_is_none() {
        for wrong in [
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic YTpi=",
            "Basic  YTpi",
            "Bearer YTpi",
            "Basic YWI=",
            &basic(":b"),
            &basic("a:"),
            &basic("a:%ff"),
            &basic(&format!("a:{}", "x".repeat(MAX_BYTES))),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(parse(b"Basic \xff").is_none());
    }
}
