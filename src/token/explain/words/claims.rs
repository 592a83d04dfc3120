//! Words about what a token claims, and about its session.

use serde_json::Value;

use super::super::times::{When, span};
use super::{Facts, Words, list, shown};
use crate::token::local::MAX_ACCESS_TTL;
use crate::token::rejection::Rejection;
use crate::token::required_claim::Requirement;
use crate::token::verifier::Issuer;

impl Facts<'_> {
    fn moment(&self, name: &str, seconds: Option<i64>) -> String {
        let moment = seconds.and_then(|seconds| When::of(seconds, self.now));
        moment.map_or_else(|| format!("no {name}"), |moment| moment.to_string())
    }

    /// "now", with what clocks may differ by.
    fn with_leeway(&self) -> String {
        let leeway = span(self.inner.leeway.try_into().unwrap_or(0));
        let now = When::of(self.now.timestamp(), self.now).map(|now| now.at).unwrap_or_default();
        format!("now, {now} (clocks may differ by {leeway})")
    }
}

pub fn expiry(facts: &Facts<'_>) -> Words {
    Words {
        question: "Is it not expired?",
        standard: "RFC 7519, section 4.1.4",
        expected: format!("an exp after {}", facts.with_leeway()),
        found: facts.moment("exp", facts.claims.map(|claims| claims.expires_at)),
        remedy: "Get a new token: with the refresh token, or by logging in again. If this one is new, compare the clocks of both machines.".to_owned(),
    }
}

pub fn not_before(facts: &Facts<'_>) -> Words {
    Words {
        question: "Has its time come?",
        standard: "RFC 7519, section 4.1.5",
        expected: format!("no nbf, or one not after {}", facts.with_leeway()),
        found: facts.moment("nbf", facts.claims.and_then(|claims| claims.not_before)),
        remedy: "Wait until then; if its issuer has just made it, compare the clocks of both machines.".to_owned(),
    }
}

pub fn issued_at(facts: &Facts<'_>) -> Words {
    Words {
        question: "Was it not issued in the future?",
        standard: "RFC 7519, section 4.1.6",
        expected: format!("an iat not after {}", facts.with_leeway()),
        found: facts.moment("iat", facts.claims.and_then(|claims| claims.issued_at)),
        remedy: "Compare the clocks of this machine and of its issuer's: one of them is wrong.".to_owned(),
    }
}

pub fn lifetime(facts: &Facts<'_>) -> Words {
    let life = facts.claims.and_then(|claims| Some(claims.expires_at.saturating_sub(claims.issued_at?)));
    Words {
        question: "Does it live no longer than its issuer gives?",
        standard: "RFC 9068, section 2.2",
        expected: format!("an iat, and an exp at most {} after it", span(MAX_ACCESS_TTL.as_secs())),
        found: match life {
            Some(life) => life.try_into().map_or_else(|_| "an exp before the iat".to_owned(), span),
            None => "no iat".to_owned(),
        },
        remedy: "Get a token from this server: it makes none like this, so somebody else has its key or the token was made by a tool.".to_owned(),
    }
}

pub fn audience(facts: &Facts<'_>) -> Words {
    let (expected, key) = match facts.issuer {
        Some(Issuer::Local(local)) => (local.audience(), "tokens.audience"),
        Some(Issuer::Remote(remote)) => (remote.audience(), "audience in its [remote.NAME]"),
        None => ("", ""),
    };
    Words {
        question: "Is it for this audience?",
        standard: "RFC 7519, section 4.1.3; RFC 8725, section 3.9",
        expected: list(std::iter::once(expected)),
        found: facts.claim("aud"),
        remedy: format!(
            "Ask {} for a token for {expected:?}; or, if this server is meant by the other name, set {key} to that.",
            facts.issuer_name()
        ),
    }
}

pub fn client(facts: &Facts<'_>) -> Words {
    let (expected, remedy) = match facts.issuer {
        Some(Issuer::Remote(remote)) => (
            shown(&Value::from(remote.client_id().unwrap_or_default())),
            "Use a token that was given to this client; or set client_id in its [remote.NAME] to the other one, or to \"\" for any.",
        ),
        _ => (
            "\"tokenhouse\", or a client id that begins with 0oa".to_owned(),
            "Get a token from this server: it gives none to a client of such a name.",
        ),
    };
    let names = ["cid", "client_id", "azp"].into_iter().find(|name| facts.decoded.claim(name).is_some());
    Words {
        question: "Was it given to the right client?",
        standard: "RFC 9068, section 2.2",
        expected,
        found: names.map_or_else(|| "no client".to_owned(), |name| facts.claim(name)),
        remedy: remedy.to_owned(),
    }
}

pub fn subject(facts: &Facts<'_>) -> Words {
    let expected = match facts.issuer {
        Some(Issuer::Local(_)) => "a user with uid and sid, or the client itself with neither",
        _ => "a sub that is not empty",
    };
    let found = match facts.issuer {
        Some(Issuer::Local(_)) => {
            format!("sub {}, uid {}, sid {}", facts.claim("sub"), facts.claim("uid"), facts.claim("sid"))
        }
        _ => facts.claim("sub"),
    };
    Words {
        question: "Does it speak of somebody?",
        standard: "RFC 7519, section 4.1.2; RFC 8725, section 3.8",
        expected: expected.to_owned(),
        found,
        remedy: format!(
            "Get a token from {}: this one mixes what belongs to users and to clients, or names nobody.",
            facts.issuer_name()
        ),
    }
}

pub fn required(facts: &Facts<'_>, which: usize) -> Words {
    let required = match facts.issuer {
        Some(Issuer::Remote(remote)) => remote.required_claims().get(which),
        _ => None,
    };
    let name = required.map(|required| required.name.as_str()).unwrap_or_default();
    let wanted = match required.map(|required| &required.requirement) {
        Some(Requirement::Equals(value)) => format!("{name} = {}", shown(value)),
        Some(Requirement::Includes(value)) => format!("{name} with {} in it", shown(value)),
        None => String::new(),
    };
    Words {
        question: "Does it carry a claim that the settings require?",
        standard: "RFC 7519, section 4",
        remedy: format!(
            "Have {} put it into its access tokens (at Okta: Security > API > the authorization server > Claims), or take it out of required_claims in its [remote.NAME].",
            facts.issuer_name()
        ),
        expected: wanted,
        found: facts.claim(name),
    }
}

pub fn session(facts: &Facts<'_>) -> Words {
    Words {
        question: "Do its session, and the account or client behind it, still stand?",
        standard: "RFC 7662, section 2.2",
        expected: "a session that has not ended, of an account that is not disabled; a client that still exists".to_owned(),
        found: if facts.decoded.claim("sid").is_some() { "it stands" } else { "the client exists" }.to_owned(),
        remedy: "Log in again: it was logged out, its password was changed, or an administrator ended it or disabled the account or client. If the store did not answer, look at /health/ready.".to_owned(),
    }
}

/// What was found of a session, when it was not found good.
pub fn of_session(rejection: Rejection) -> String {
    match rejection {
        Rejection::SessionNotInMemory => "memory does not know it, and the store was not asked".to_owned(),
        Rejection::StoreUnavailable => "the store does not answer".to_owned(),
        _ => "it has ended".to_owned(),
    }
}
