//! Where a client's users may be sent: what may be registered, and what is the same as that (RFC 6749, section 3.1.2; RFC 9700, section 2.1).

use std::borrow::Cow;

use url::{Host, Url};

/// Longest of one, in bytes.
const LONGEST: usize = 2000;

/// Parameters of answers. A registered URI that has one already could pass for an answer.
const OF_ANSWERS: [&str; 7] = ["code", "state", "iss", "error", "error_description", "id_token", "access_token"];

/// Loopback addresses as RFC 8252, section 7.3, wants them: not `localhost`, which may be resolved elsewhere.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether a client may register `uri`. In words, when it may not.
pub(super) fn check(uri: &str) -> Result<(), Cow<'static, str>> {
    if uri.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes").into());
    }
    // Also no `\`, which browsers take for `/`; no `"`, `<` and `>`, and no character that looks like another.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    if uri.is_empty() || !uri.bytes().all(is_plain) {
        return Err("must be one URI of printable ASCII, without blanks".into());
    }
    let want = "must be an absolute URI: https://…, http:// at a loopback address, or a scheme of an app's own such as com.example.app:/…";
    let url = Url::parse(uri).map_err(|_| want)?;
    if !url.username().is_empty() || url.password().is_some() || authority(uri).contains('@') {
        return Err("must not have a user name or a password before the host".into());
    }
    if uri.contains('#') {
        return Err("must not have a fragment (RFC 6749, section 3.1.2)".into());
    }
    match url.scheme() {
        "https" if url.host().is_some() => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must be https, unless its host is localhost, 127.0.0.1 or [::1]".into()),
        // A domain of its own, turned round, so that no app is mistaken for another (RFC 8252, section 7.1).
        scheme if scheme.contains('.') => {}
        _ => return Err(want.into()),
    }
    let as_browsers_do = url.as_str();
    if as_browsers_do != uri && as_browsers_do.strip_suffix('/') != Some(uri) {
        return Err(format!("must be written as browsers do: {as_browsers_do}").into());
    }
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| OF_ANSWERS.contains(&name.as_ref())) {
        return Err(format!("must not have the parameter {name}, which answers have").into());
    }
    Ok(())
}

/// Whether `asked` is the registered URI, to the letter; but any port will do at a loopback address, for native apps cannot know it before they
/// run (RFC 8252, section 7.3).
pub(super) fn is_same(registered: &str, asked: &str) -> bool {
    registered == asked || parts_at_loopback(registered).is_some_and(|parts| parts_at_loopback(asked) == Some(parts))
}

/// For Content-Security-Policy: a scheme of an app's own, which a form may lead to (CSP level 3, section 2.3.1). Addresses of the web are led to by a page
/// in between.
pub(super) fn form_source(uri: &str) -> Option<String> {
    (!is_of_the_web(uri)).then(|| Url::parse(uri).ok()).flatten().map(|url| format!("{}:", url.scheme()))
}

/// For people: whose address it is.
pub(super) fn origin(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else { return String::new() };
    let origin = url.origin();
    if origin.is_tuple() { origin.ascii_serialization() } else { format!("the app {}", url.scheme()) }
}

/// Whether a browser itself goes there, and no app.
pub(crate) fn is_of_the_web(uri: &str) -> bool {
    uri.starts_with("https:") || uri.starts_with("http:")
}

/// Whether nobody else can have answers sent there: not a loopback port or a scheme, which any app on the device may take.
pub(super) fn is_exclusive(uri: &str) -> bool {
    uri.starts_with("https:")
}

/// Loopback host, and what stands behind the port.
fn parts_at_loopback(uri: &str) -> Option<(&'static str, &str)> {
    let host = LOOPBACK.into_iter().find(|host| uri.starts_with(host))?;
    let rest = uri.strip_prefix(host)?;
    let behind = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let (port, behind) = port.split_at_checked(digits)?;
            port.parse::<u16>().ok().filter(|port| *port > 0)?;
            behind
        }
        None => rest,
    };
    // Or it would be another host.
    (behind.is_empty() || behind.starts_with(['/', '?'])).then_some((host, behind))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What stands between `//` and the path.
fn authority(uri: &str) -> &str {
    let behind = uri.split_once("//").map_or("", |(_, behind)| behind);
    behind.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://app.example.com/callback",
            "https://app.example.com",
            "https://app.example.com/callback?tenant=1",
            "http://localhost:8080/authorization-code/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:3000/",
            "com.example.app:/callback",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (wrong, words) in [
            ("", "must be one URI"),
            ("/callback", "must be an absolute URI"),
            ("http://app.example.com/callback", "must be https"),
            ("http://localhost.evil.example/", "must be https"),
            ("javascript:alert(1)", "must be an absolute URI"),
            ("data:text/html,x", "must be an absolute URI"),
            ("file:///etc/passwd", "must be an absolute URI"),
            ("https://app.example.com/#x", "must not have a fragment"),
            ("https://app.example.com/#", "must not have a fragment"),
            ("https://u@app.example.com/", "must not have a user name"),
            ("https://@app.example.com/", "must not have a user name"),
            ("https://u:p@app.example.com/", "must not have a user name"),
            ("https://APP.example.com/", "must be written as browsers do: https://app.example.com/"),
            ("https://app.example.com:443/", "must be written as browsers do"),
            ("https://app.example.com/a/../b", "must be written as browsers do"),
            ("https://bücher.example/", "must be one URI"),
            ("https://app.example.com/\\evil", "must be one URI"),
            ("https://app.example.com/a b", "must be one URI"),
            ("https://app.example.com/?code=1", "must not have the parameter code"),
            ("https://app.example.com/?st%61te=1", "must not have the parameter state"),
        ] {
            let found = check(wrong).err().unwrap_or_default();
            assert!(found.starts_with(words), "{wrong}: {found}");
        }
    }

    #[test]
    fn any_port_at_a_loopback_address_and_nothing_else() {
        let registered = "http://127.0.0.1:1/callback?a=1";
        for same in
            ["http://127.0.0.1:1/callback?a=1", "http://127.0.0.1:65535/callback?a=1", "http://127.0.0.1/callback?a=1"]
        {
            assert!(is_same(registered, same), "{same}");
        }
        for other in [
            "http://127.0.0.1:0/callback?a=1",
            "http://127.0.0.1:65536/callback?a=1",
            "http://127.0.0.1:1@evil.example/callback?a=1",
            "http://127.0.0.1.evil.example/callback?a=1",
            "http://127.0.0.1:1.evil.example/callback?a=1",
            "http://127.0.0.1:/callback?a=1",
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:1/callback?a=1&b=2",
            "http://127.0.0.1:1/callback?a=1#",
            "http://127.0.0.1:1/callback/?a=1",
            "http://[::1]:1/callback?a=1",
            "http://localhost:1/callback?a=1",
            "https://127.0.0.1:1/callback?a=1",
            "http://127.0.0.2:1/callback?a=1",
        ] {
            assert!(!is_same(registered, other), "{other}");
        }
        assert!(!is_same("http://localhost:1/", "http://localhost:2/"));
        assert!(!is_same("https://a.example:1/", "https://a.example:2/"));
    }

    proptest! {
        /// Whatever is taken for a registered URI with another port is at the same host, by the word of a parser that browsers agree with.
        #[test]
        fn no_other_host(port in "[0-9]{0,6}", more in "[:@/?#.a-z0-9\\\\]{0,12}") {
            let asked = format!("http://127.0.0.1:{port}{more}");
            if is_same("http://127.0.0.1/callback", &asked) {
                let url = Url::parse(&asked).unwrap();
                prop_assert_eq!((url.host_str(), url.path(), url.query(), url.fragment()), (Some("127.0.0.1"), "/callback", None, None));
            }
        }
    }
}
