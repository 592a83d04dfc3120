//! Web origins: scheme, host and port, and nothing else ([RFC 6454](https://www.rfc-editor.org/rfc/rfc6454) section 4).

use url::Url;

/// Checks that `text` is an `http` or `https` origin, written as browsers write it in an `Origin` header, for there and in
/// the issuer's name it is compared byte for byte.
///
/// # Errors
/// What would be right.
pub(super) fn check(text: &str) -> Result<(), String> {
    let want = "want an http or https origin, such as \"https://login.example.com\"";
    let Ok(url) = Url::parse(text) else { return Err(want.to_owned()) };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(want.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("want an origin only: remove the user name and password before the @".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("want an origin only: remove everything from the ? or # on".to_owned());
    }
    if url.path() != "/" {
        return Err("want an origin only: remove the path behind the host and port".to_owned());
    }
    if text.ends_with('/') {
        return Err("remove the slash at the end; an origin has none".to_owned());
    }
    let origin = url.origin().ascii_serialization();
    if origin == text { Ok(()) } else { Err(format!("write it as browsers do: \"{origin}\"")) }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_origins_pass() {
        for good in [
            "http://localhost:3000",
            "https://login.example.com",
            "https://[::1]:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (wrong, words) in [
            ("", "want an http or https origin"),
            ("login.example.com", "want an http or https origin"),
            ("localhost:3000", "want an http or https origin"),
            ("ftp://example.com", "want an http or https origin"),
            ("https://example.com/", "remove the slash"),
            ("https://example.com/app", "remove the path"),
            ("https://example.com?x", "remove everything from the ?"),
            ("https://example.com/#x", "remove everything from the ? or #"),
            ("https://u:p@example.com", "remove the user name and password"),
            ("HTTPS://Example.com:443", "write it as browsers do: \"https://example.com\""),
            ("https://bücher.example", "write it as browsers do: \"https://xn--bcher-kva.example\""),
            (" https://example.com", "write it as browsers do"),
        ] {
            let found = check(wrong).err().unwrap_or_default();
            assert!(found.contains(words), "{wrong}: {found}");
        }
    }
}
