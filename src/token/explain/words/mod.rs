//! What each check asks, what would be right, what was found and what to change. Words only: the outcome is the verifier's.

mod claims;
mod form;
mod signature;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub(super) use self::claims::of_session;
pub(super) use self::signature::ANOTHER_SIGNATURE;
use super::decoded::Decoded;
use crate::token::checks::CheckName;
use crate::token::claims::Claims;
use crate::token::verifier::{Inner, Issuer};

/// Texts of a token are cut to so many characters.
const SHOWN: usize = 200;

/// The words of one check.
pub(super) struct Words {
    pub question: &'static str,
    pub standard: &'static str,
    pub expected: String,
    pub found: String,
    pub remedy: String,
}

/// What there is to speak of.
pub(super) struct Facts<'f> {
    pub token: &'f str,
    pub decoded: &'f Decoded,
    pub claims: Option<&'f Claims>,
    pub issuer: Option<&'f Issuer>,
    pub inner: &'f Inner,
    pub now: DateTime<Utc>,
}

impl Words {
    /// Those of `check`; `requirement` is which of the required claims it is about.
    pub fn of(check: CheckName, facts: &Facts<'_>, requirement: usize) -> Self {
        use CheckName as C;
        match check {
            C::Length => form::length(facts),
            C::Form => form::form(facts),
            C::Signed => form::signed(facts),
            C::Header => form::header(facts),
            C::Extensions => form::extensions(facts),
            C::Claims => form::claims(facts),
            C::Issuer => form::issuer(facts),
            C::KeysAvailable => signature::keys_available(facts),
            C::KeyNamed => signature::key_named(facts),
            C::AlgorithmAccepted => signature::algorithm_accepted(facts),
            C::KeyKnown => signature::key_known(facts),
            C::Algorithm => signature::algorithm(facts),
            C::Signature => signature::signature(facts),
            C::Type => signature::kind(facts),
            C::AccessToken => signature::access_token(facts),
            C::Expiry => claims::expiry(facts),
            C::NotBefore => claims::not_before(facts),
            C::IssuedAt => claims::issued_at(facts),
            C::Lifetime => claims::lifetime(facts),
            C::Audience => claims::audience(facts),
            C::Client => claims::client(facts),
            C::Subject => claims::subject(facts),
            C::RequiredClaim => claims::required(facts, requirement),
            C::Session => claims::session(facts),
        }
    }
}

impl Facts<'_> {
    /// The name of the token's issuer, or "its issuer".
    fn issuer_name(&self) -> &str {
        self.issuer.map_or("its issuer", Issuer::name)
    }

    /// A claim as it stands in the token.
    fn claim(&self, name: &str) -> String {
        self.decoded.claim(name).map_or_else(|| format!("no {name}"), shown)
    }

    /// A member of the header as it stands there.
    fn in_header(&self, name: &str) -> String {
        self.decoded.in_header(name).map_or_else(|| format!("no {name}"), shown)
    }
}

/// A value of the token, as JSON, so that it is seen where it begins and ends; cut when long.
fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Several things in a row, so that each is seen for itself.
fn list<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let items: Vec<String> = items.map(|item| shown(&Value::from(item))).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}
