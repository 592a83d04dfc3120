//! Whether an address can be that of a remote issuer, or of its keys, and in plain words why not.
//!
//! An issuer's address decides whose keys are believed, so a wrong one either lets nobody in or, worse, the wrong people.
//! Most wrong ones are the same few slips, and each gets an answer of its own here. Fetching anything from an address is not
//! done here.

use std::net::IpAddr;

use url::{Host, Url};

/// The domains under which Okta runs its customers' organizations.
const OKTA_DOMAINS: [&str; 5] = ["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"];

/// What documentation writes where a reader's own domain belongs; compared in lower case without `-`, `_` and blanks.
const PLACEHOLDERS: [&str; 5] = ["yourokta", "youroktadomain", "yourdomain", "yourorg", "yourtenant"];

/// What stands at the end of an address that is an endpoint of an authorization server and not its issuer.
const ENDPOINTS: [&str; 8] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/v1/keys",
    "/v1/token",
    "/v1/authorize",
    "/v1/introspect",
    "/v1/userinfo",
    "/v1/revoke",
];

/// Why an address cannot be that of a remote issuer or of its keys.
///
/// The words of each say what would be right. None of them repeats the address, which may carry a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongIssuer {
    /// A placeholder of the documentation was left in.
    #[error(
        "a placeholder was left in; put the domain of your own organization there, such as https://dev-123456.okta.com/oauth2/default"
    )]
    Placeholder,
    /// It does not parse as an absolute URL ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986) section 4.3).
    #[error("want an absolute https URL without blanks, such as https://dev-123456.okta.com/oauth2/default")]
    NotAUrl,
    /// A scheme other than `https` (or `http`, for a loopback host).
    #[error("want an https URL; {0}:// is no way to reach an issuer")]
    Scheme(String),
    /// Plain `http` to another machine: whoever is on the way could put in keys of their own.
    #[error("want https; http is only allowed for a loopback host (localhost, 127.0.0.1, [::1])")]
    PlainHttp,
    /// A user name or a password in the address.
    #[error("remove the user name and password before the @; an issuer is public")]
    UserInfo,
    /// A query (OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2 forbid it in an issuer).
    #[error("remove the query: everything from the ? on")]
    Query,
    /// A fragment (forbidden by the same sections).
    #[error("remove the fragment: everything from the # on")]
    Fragment,
    /// A link-local address (169.254.0.0/16, `fe80::/10`), where clouds keep their metadata services.
    #[error("a link-local address is never an issuer; use the public name of its host")]
    LinkLocal,
    /// The host of Okta's admin console.
    #[error("this is the address of Okta's admin console; remove -admin: {0}")]
    AdminConsole(String),
    /// A slash at the end that the `iss` of an Okta token does not have.
    #[error("remove the slash at the end; issuers are compared byte for byte, and Okta's have none")]
    TrailingSlash,
    /// Okta's org authorization server, whose access tokens only Okta itself can check.
    #[error(
        "this is Okta's org authorization server, whose access tokens are opaque to everyone but Okta; use a custom authorization server: add /oauth2/default (Okta's console: Security > API > Authorization Servers)"
    )]
    OrgServer,
    /// An endpoint, such as the discovery document, in place of the issuer.
    #[error("this is an endpoint of the issuer; want the issuer itself: remove {0}")]
    Endpoint(&'static str),
}

/// Checks the address of a remote issuer, and gives it parsed.
///
/// `https` is wanted, except for a loopback host (`localhost`, 127.0.0.0/8, `::1`); user names, passwords, queries,
/// fragments and link-local hosts are refused, and so is what people paste from Okta's console in place of its issuer. A
/// slash at the end is refused only where Okta's form is recognized, by its domain or by a path under `/oauth2/`: the
/// issuers of others (Auth0, Microsoft's v1 endpoint) do end in one.
///
/// The text itself stays what is compared with `iss`, byte for byte (RFC 8414 section 3.3); the parsed form is for fetching.
///
/// # Errors
/// Every reason why the address cannot be an issuer, at least one; only the first when the rest would follow from it.
///
/// ```
/// use tokenhouse::token::issuer_url::{WrongIssuer, check_issuer_url};
///
/// assert!(check_issuer_url("https://dev-123456.okta.com/oauth2/default").is_ok());
/// assert_eq!(check_issuer_url("https://dev-123456.okta.com").unwrap_err(), [WrongIssuer::OrgServer]);
/// ```
pub fn check_issuer_url(issuer: &str) -> Result<Url, Vec<WrongIssuer>> {
    let (url, mut wrong) = check_any(issuer)?;
    if url.query().is_some() {
        wrong.push(WrongIssuer::Query);
    }
    let okta = okta_host(&url);
    if let Some(host) = okta {
        let (organization, domain) = host.split_once('.').unwrap_or((host, ""));
        if let Some(organization) = organization.strip_suffix("-admin") {
            wrong.push(WrongIssuer::AdminConsole(format!("{organization}.{domain}")));
        }
    }
    let path = url.path();
    if issuer.ends_with('/') && (okta.is_some() || path.starts_with("/oauth2/")) {
        wrong.push(WrongIssuer::TrailingSlash);
    }
    let path = path.trim_end_matches('/');
    if let Some(endpoint) = ENDPOINTS.into_iter().find(|endpoint| path.ends_with(endpoint)) {
        wrong.push(WrongIssuer::Endpoint(endpoint));
    }
    if okta.is_some() && is_org_server(path) {
        wrong.push(WrongIssuer::OrgServer);
    }
    if wrong.is_empty() { Ok(url) } else { Err(wrong) }
}

/// Checks the address of a remote issuer's keys (`jwks_uri`, RFC 8414 section 2), and gives it parsed.
///
/// The same rules as for an issuer hold for scheme, host and user information; a query is allowed.
///
/// # Errors
/// Every reason why keys cannot be fetched from there, at least one.
pub fn check_jwks_uri(jwks_uri: &str) -> Result<Url, Vec<WrongIssuer>> {
    let (url, wrong) = check_any(jwks_uri)?;
    if wrong.is_empty() { Ok(url) } else { Err(wrong) }
}

/// What holds for every address that tokens are believed by: the address parsed, with what is wrong with it so far.
fn check_any(address: &str) -> Result<(Url, Vec<WrongIssuer>), Vec<WrongIssuer>> {
    if has_placeholder(address) {
        return Err(vec![WrongIssuer::Placeholder]);
    }
    // The parser forgives blanks and control characters, but `iss` is compared byte for byte.
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(vec![WrongIssuer::NotAUrl]);
    }
    let Ok(url) = Url::parse(address) else { return Err(vec![WrongIssuer::NotAUrl]) };
    let mut wrong = Vec::new();
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => wrong.push(WrongIssuer::PlainHttp),
        other => return Err(vec![WrongIssuer::Scheme(other.to_owned())]),
    }
    if !url.username().is_empty() || url.password().is_some() {
        wrong.push(WrongIssuer::UserInfo);
    }
    if url.fragment().is_some() {
        wrong.push(WrongIssuer::Fragment);
    }
    if address_of(&url).is_some_and(is_link_local) {
        wrong.push(WrongIssuer::LinkLocal);
    }
    Ok((url, wrong))
}

fn has_placeholder(address: &str) -> bool {
    let plain: String =
        address.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect();
    address.contains(['{', '}', '<', '>']) || PLACEHOLDERS.iter().any(|placeholder| plain.contains(placeholder))
}

/// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`. No name is resolved.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        _ => address_of(url).is_some_and(|address| address.is_loopback()),
    }
}

/// The host as an IP address, with `::ffff:a.b.c.d` taken for the IPv4 address that it reaches.
fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address).to_canonical()),
        Host::Domain(_) => None,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The host, when it is an organization of Okta's.
fn okta_host(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    OKTA_DOMAINS
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|organization| organization.ends_with('.')))
        .then_some(host)
}

/// Whether a path at Okta is that of the org authorization server: no `/oauth2/NAME`, or the `/oauth2/v1` of its endpoints.
fn is_org_server(path: &str) -> bool {
    match path.strip_prefix("/oauth2/").map(|rest| rest.split('/').next().unwrap_or(rest)) {
        None | Some("" | "v1") => true,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trap_has_its_own_words() {
        use WrongIssuer as W;
        let cases: &[(&str, &[WrongIssuer])] = &[
            ("https://dev-123456.okta.com/oauth2/default", &[]),
            ("https://dev-123456.oktapreview.com/oauth2/aus1", &[]),
            ("https://login.example.com/oauth2/default", &[]),
            ("https://tenant.eu.auth0.com/", &[]),
            ("https://accounts.google.com", &[]),
            ("http://localhost:8080/oauth2/default", &[]),
            ("http://127.9.9.9:8080/oauth2/default", &[]),
            ("http://[::1]:8080/oauth2/default", &[]),
            ("https://{yourOktaDomain}/oauth2/default", &[W::Placeholder]),
            ("https://${yourOktaDomain}/oauth2/default", &[W::Placeholder]),
            ("https://YOUR_OKTA_DOMAIN/oauth2/default", &[W::Placeholder]),
            ("https://<your-okta-domain>/oauth2/default", &[W::Placeholder]),
            ("https://your-domain.okta.com/oauth2/default", &[W::Placeholder]),
            ("https://dev-1-admin.okta.com/oauth2/default", &[W::AdminConsole("dev-1.okta.com".into())]),
            ("https://dev-1-admin.okta.com", &[W::AdminConsole("dev-1.okta.com".into()), W::OrgServer]),
            ("http://dev-1.okta.com/oauth2/default", &[W::PlainHttp]),
            ("http://localhost.example.com/oauth2/default", &[W::PlainHttp]),
            ("https://dev-1.okta.com/oauth2/default/", &[W::TrailingSlash]),
            ("https://login.example.com/oauth2/default/", &[W::TrailingSlash]),
            ("https://dev-1.okta.com/", &[W::TrailingSlash, W::OrgServer]),
            ("https://dev-1.okta.com", &[W::OrgServer]),
            ("https://dev-1.okta-emea.com/oauth2", &[W::OrgServer]),
            ("https://dev-1.okta.com/oauth2/v1/keys", &[W::Endpoint("/v1/keys"), W::OrgServer]),
            (
                "https://dev-1.okta.com/oauth2/default/.well-known/openid-configuration",
                &[W::Endpoint("/.well-known/openid-configuration")],
            ),
            ("https://user:pw@dev-1.okta.com/oauth2/default", &[W::UserInfo]),
            ("https://dev-1.okta.com/oauth2/default?x=1#y", &[W::Fragment, W::Query]),
            ("https://169.254.169.254/oauth2/default", &[W::LinkLocal]),
            ("https://[fe80::1]/oauth2/default", &[W::LinkLocal]),
            ("https://[::ffff:169.254.169.254]/oauth2/default", &[W::LinkLocal]),
            ("http://169.254.169.254/", &[W::PlainHttp, W::LinkLocal]),
            ("dev-1.okta.com/oauth2/default", &[W::NotAUrl]),
            (" https://dev-1.okta.com/oauth2/default", &[W::NotAUrl]),
            ("", &[W::NotAUrl]),
            ("ftp://dev-1.okta.com/oauth2/default", &[W::Scheme("ftp".into())]),
        ];
        for (issuer, expected) in cases {
            let found = check_issuer_url(issuer).err().unwrap_or_default();
            assert_eq!(&found, expected, "{issuer}");
        }
    }

    #[test]
    fn keys_may_have_a_query_but_not_plain_http() {
        assert!(check_jwks_uri("https://keys.example.com/jwks?tenant=1").is_ok());
        assert_eq!(check_jwks_uri("http://keys.example.com/jwks").unwrap_err(), [WrongIssuer::PlainHttp]);
        assert_eq!(check_jwks_uri("https://a:b@keys.example.com/jwks").unwrap_err(), [WrongIssuer::UserInfo]);
    }
}
