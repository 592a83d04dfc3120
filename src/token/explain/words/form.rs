//! Words about the form of a token, and whose it is.

use super::{Facts, Words, cut, list, shown};
use crate::token::claims::Claims;
use crate::token::jws::{self, Header, MAX_TOKEN_BYTES, Parts};
use crate::token::verifier::Issuer;

/// Parameters of the header that no verifier here speaks.
const EXTENSIONS: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];

pub fn length(facts: &Facts<'_>) -> Words {
    Words {
        question: "Is it short enough to be read?",
        standard: "RFC 9110, section 5.4",
        expected: format!("at most {MAX_TOKEN_BYTES} bytes"),
        found: format!("{} bytes", facts.token.len()),
        remedy: "Have its issuer put less into it, such as long lists of groups: servers refuse headers of this size anyway.".to_owned(),
    }
}

pub fn form(facts: &Facts<'_>) -> Words {
    let dots = facts.token.matches('.').count();
    let remedy = match dots {
        0 => {
            "Send the access token itself. A text without dots is opaque: a refresh token, a client secret, or an access token of Okta's org authorization server, which only Okta can check (use a custom one: /oauth2/default)."
        }
        4 => "This is an encrypted token (RFC 7516); have its issuer sign access tokens and not encrypt them.",
        _ => {
            "Send the whole access token and nothing around it: no quotes, no \"Bearer\", no line break, nothing cut off."
        }
    };
    Words {
        question: "Does it have the three parts of a signed token?",
        standard: "RFC 7515, section 3.1",
        expected: "header.claims.signature: three parts, two dots".to_owned(),
        found: match (facts.token.is_empty(), dots) {
            (true, _) => "nothing".to_owned(),
            (false, 0) => "1 part, no dot".to_owned(),
            (false, 1) => "2 parts, 1 dot".to_owned(),
            (false, dots) => format!("{} parts, {dots} dots", dots + 1),
        },
        remedy: remedy.to_owned(),
    }
}

pub fn signed(facts: &Facts<'_>) -> Words {
    Words {
        question: "Is it signed at all?",
        standard: "RFC 8725, section 3.2",
        expected: "a signature behind the second dot".to_owned(),
        found: if facts.decoded.signed { "a signature" } else { "nothing behind the last dot" }.to_owned(),
        remedy: "An unsigned token (alg none) is never believed: get one from the issuer. If this one was signed, its end was cut off.".to_owned(),
    }
}

pub fn header(facts: &Facts<'_>) -> Words {
    let problem = Parts::of(facts.token).and_then(|parts| jws::problem::<Header>(parts.header));
    Words {
        question: "Can its header be read?",
        standard: "RFC 7515, section 4",
        expected: "a JSON object in base64url, with alg, and no member twice".to_owned(),
        found: problem.map_or_else(|| "such an object".to_owned(), |problem| cut(&problem)),
        remedy: "Send the token as its issuer made it, to the letter; the first part was changed or cut.".to_owned(),
    }
}

pub fn extensions(facts: &Facts<'_>) -> Words {
    let asked = EXTENSIONS.into_iter().filter(|name| facts.decoded.in_header(name).is_some());
    Words {
        question: "Does its header ask for nothing that is not done here?",
        standard: "RFC 7515, section 4.1.11",
        expected: "none of crit, b64, zip, enc and cty".to_owned(),
        found: list(asked),
        remedy: "Have its issuer sign plain access tokens: extensions, encryption, compression and tokens inside tokens are not taken.".to_owned(),
    }
}

pub fn claims(facts: &Facts<'_>) -> Words {
    let problem = Parts::of(facts.token).and_then(|parts| jws::problem::<Claims>(parts.payload));
    Words {
        question: "Can its claims be read, and is each of the right type?",
        standard: "RFC 7519, section 4",
        expected: "a JSON object in base64url with iss, sub, aud and exp, moments in whole seconds, and no claim twice"
            .to_owned(),
        found: problem.map_or_else(|| "such an object".to_owned(), |problem| cut(&problem)),
        remedy: "Send the token as its issuer made it; if it is, its issuer must change this claim.".to_owned(),
    }
}

pub fn issuer(facts: &Facts<'_>) -> Words {
    let names = || facts.inner.issuers.iter().map(Issuer::name);
    let its = facts.decoded.claim("iss").and_then(|iss| iss.as_str()).unwrap_or_default();
    let plain = |name: &str| name.trim_end_matches('/').to_lowercase();
    let near = names().find(|name| plain(name) == plain(its));
    let is_ours = |issuer: &Issuer| matches!(issuer, Issuer::Local(_));
    let remedy = match near {
        Some(name) => format!(
            "Names of issuers are compared to the letter, and these differ only in capitals or a slash at the end: write the issuer as its tokens have it, {} and not {name}.",
            shown(&its.into())
        ),
        None if its.ends_with("/oauth2/default") && facts.inner.issuers.iter().any(is_ours) => "Get a token here. If this one is of this very server, its server.public_url was another when it was made; if of another one or of Okta, add that as [remote.NAME] and name it in auth.accept.".to_owned(),
        None => "Get a token from an issuer that is believed here; or, if this one is to be, add it as [remote.NAME] and name it in auth.accept.".to_owned(),
    };
    Words {
        question: "Is it from an issuer that is believed here?",
        standard: "RFC 7519, section 4.1.1; RFC 8725, section 3.8",
        expected: list(names()),
        found: facts.claim("iss"),
        remedy,
    }
}
