//! Forms, headers, authorization requests and clients that somebody made up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::authorization::request::{Parameters, prompt, without_login};
use super::clients::{ClientChange, NewClient};
use super::form::Form;
use super::{basic, device, redirect_uri, rules};
use crate::hostile_input::Hostile;
use crate::http::json;
use crate::settings::DeclaredScope;

#[test]
fn forms() {
    Hostile::to("form").every(|input| {
        let form = Form::parse(input).ok()?;
        let written = Serializer::new(String::new()).extend_pairs(form.iter()).finish();
        let again = Form::parse(written.as_bytes()).ok().unwrap();
        assert!(form.iter().eq(again.iter()));
        Some(written)
    });
}

#[test]
fn basic_headers() {
    Hostile::to("basic").every(|input| {
        let told = |header: &[u8]| {
            basic::parse(header).map(|found| (found.client_id, found.secret.expose_secret().to_owned()))
        };
        let (id, secret) = told(input)?;
        assert!(!id.is_empty() && !secret.is_empty());
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(&id), encoded(&secret))));
        // Encoding makes it longer, and then it may be too long.
        if header.len() <= 4096 {
            assert_eq!(told(header.as_bytes()), Some((id.clone(), secret.clone())));
        }
        Some((id, secret))
    });
}

#[test]
fn authorization_requests() {
    Hostile::to("authorize").every(|input| {
        let query = std::str::from_utf8(input).ok()?;
        let parameters = Parameters::parse(query);
        let rest = without_login(query);
        assert_eq!(without_login(&rest), rest);
        let asked = Parameters::parse(&rest);
        for name in ["client_id", "redirect_uri", "state", "nonce", "scope", "code_challenge"] {
            assert_eq!(parameters.get(name), asked.get(name));
        }
        // However often it stood there, it is asked for no more.
        let login = prompt(asked.get("prompt").unwrap_or_default()).is_ok_and(|prompt| prompt.login);
        assert!(!login && asked.get("max_age").is_none_or(|age| age.parse() != Ok(0_u32)));
        parameters.get("client_id")?;
        let prompt = prompt(parameters.get("prompt").unwrap_or_default());
        Some((rest, prompt))
    });
}

/// Two addresses: the registered one, and the one that is asked for.
#[test]
fn redirect_uris() {
    Hostile::to("redirect-uri").every(|input| {
        let text = std::str::from_utf8(input).ok()?;
        let (registered, asked) = text.split_once(' ').unwrap_or((text, text));
        let is_same = redirect_uri::is_same(registered, asked);
        assert_eq!(is_same, redirect_uri::is_same(asked, registered));
        let _ = (redirect_uri::form_source(asked), redirect_uri::origin(asked), redirect_uri::check(asked).is_ok());
        redirect_uri::check(registered).ok()?;
        assert!(redirect_uri::is_same(registered, registered));
        let url = Url::parse(registered).unwrap();
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
        if is_same {
            let asked = Url::parse(asked).unwrap();
            let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.path().to_owned());
            assert_eq!((place(&url), url.query()), (place(&asked), asked.query()));
            assert!(asked.username().is_empty() && asked.password().is_none() && asked.fragment().is_none());
        }
        Some(is_same)
    });
}

#[test]
fn new_clients() {
    let declared = [DeclaredScope { name: "customScope".to_owned(), description: String::new(), default: false }];
    Hostile::to("client").memory(64 * 1024, 100).every(|input| {
        let _ = json::parse::<ClientChange>(input).is_ok();
        let new: NewClient = json::parse(input).ok()?;
        let record = rules::record(&new, &declared, "0oa".to_owned(), 0).ok()?;
        assert!(record.scopes.is_empty() || record.scopes == "customScope");
        for uri in record.redirect_uris.split(' ').filter(|uri| !uri.is_empty()) {
            assert_eq!(redirect_uri::check(uri), Ok(()));
        }
        Some((record.name, record.grants, record.redirect_uris, record.jwks))
    });
}

#[test]
fn user_codes() {
    Hostile::to("user-code").every(|input| {
        let code = device::user_code(std::str::from_utf8(input).ok()?)?;
        assert_eq!(device::user_code(&device::shown(&code)).as_ref(), Some(&code));
        Some(code)
    });
}
