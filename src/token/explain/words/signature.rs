//! Words about keys, the signature, and what kind of token it is.

use super::{Facts, Words, cut, list};
use crate::token::verifier::Issuer;

/// So many names of keys are told; more would not be read.
const KEYS_SHOWN: usize = 8;

pub fn keys_available(facts: &Facts<'_>) -> Words {
    let status = match facts.issuer {
        Some(Issuer::Remote(remote)) => Some(remote.keys.status()),
        _ => None,
    };
    let found = match status {
        Some(status) if status.keys == 1 => "1 key".to_owned(),
        Some(status) if status.keys > 0 => format!("{} keys", status.keys),
        Some(status) => status.last_error.map_or_else(|| "none yet".to_owned(), |error| cut(&error)),
        None => String::new(),
    };
    Words {
        question: "Are the keys of its issuer there?",
        standard: "RFC 8414, section 2; RFC 7517, section 5",
        expected: format!("the keys that {} publishes", facts.issuer_name()),
        found,
        remedy: format!(
            "Look whether this machine reaches {}/.well-known/openid-configuration and the jwks_uri named there. The keys are asked for again by themselves; until they come, the answer is 503.",
            facts.issuer_name().trim_end_matches('/')
        ),
    }
}

pub fn key_named(facts: &Facts<'_>) -> Words {
    Words {
        question: "Does it name its key?",
        standard: "RFC 7515, section 4.1.4",
        expected: "a kid in the header".to_owned(),
        found: facts.in_header("kid"),
        remedy: format!(
            "Get a token from {}, whose tokens name their key; this one was made by somebody else.",
            facts.issuer_name()
        ),
    }
}

pub fn algorithm_accepted(facts: &Facts<'_>) -> Words {
    let names = match facts.issuer {
        Some(Issuer::Remote(remote)) => remote.algorithms().iter().map(|name| format!("{name:?}")).collect(),
        _ => Vec::new(),
    };
    Words {
        question: "May its issuer sign with this algorithm?",
        standard: "RFC 8725, section 3.1",
        expected: list(names.iter().map(String::as_str)),
        found: facts.in_header("alg"),
        remedy: "Have the issuer sign with one of these; or, if its published keys are of this algorithm, name it in algorithms of its settings. HS256 and its like are never taken from a remote issuer.".to_owned(),
    }
}

pub fn key_known(facts: &Facts<'_>) -> Words {
    let (mut kids, remedy) = match facts.issuer {
        Some(Issuer::Local(local)) => (
            local.verifying_kids(),
            "Get a new token: the key was rotated away, or the token is of a server with another key. Servers over one database need the same tokens.key_dir or secret.".to_owned(),
        ),
        Some(Issuer::Remote(remote)) => (
            remote.keys.current().as_ref().map(|keys| keys.kids()).unwrap_or_default(),
            format!("Get a new token from {}. If it has just begun to sign with a new key, that is fetched by itself, at most 5 times a minute for all unknown keys together.", facts.issuer_name()),
        ),
        None => (Vec::new(), String::new()),
    };
    kids.sort();
    kids.truncate(KEYS_SHOWN);
    Words {
        question: "Does its issuer have the key it names?",
        standard: "RFC 7517, section 4.5",
        expected: list(kids.iter().map(String::as_str)),
        found: facts.in_header("kid"),
        remedy,
    }
}

pub fn algorithm(facts: &Facts<'_>) -> Words {
    let kid = facts.decoded.in_header("kid").and_then(|kid| kid.as_str()).unwrap_or_default();
    let algorithm = match facts.issuer {
        Some(Issuer::Local(local)) => local.algorithm_of(kid),
        Some(Issuer::Remote(remote)) => {
            remote.keys.current().as_ref().and_then(|keys| keys.get(kid).map(|key| key.algorithm))
        }
        None => None,
    };
    Words {
        question: "Is its algorithm that of its key?",
        standard: "RFC 8725, section 3.1",
        expected: algorithm.map(|algorithm| format!("\"{algorithm:?}\"")).unwrap_or_default(),
        found: facts.in_header("alg"),
        remedy: "Get a token from the issuer. A key is for one algorithm, whatever a token says; a token that names another was tampered with.".to_owned(),
    }
}

/// What was found where a signature is wrong.
pub const ANOTHER_SIGNATURE: &str = "a signature over something else, or by another key";

pub fn signature(facts: &Facts<'_>) -> Words {
    let remedy = match facts.issuer {
        Some(Issuer::Local(_)) => {
            "Get a new token, and send it to the letter: this one was changed after it was signed, or signed with another key. With TOKENHOUSE__TOKENS__SECRET, compare the secrets of the servers."
        }
        _ => {
            "Get a new token, and send it to the letter: this one was changed after it was signed, or signed with another key."
        }
    };
    Words {
        question: "Is its signature right?",
        standard: "RFC 7515, section 5.2; RFC 8725, section 3.3",
        expected: format!("a signature over header and claims by the key {}", facts.in_header("kid")),
        found: "that signature".to_owned(),
        remedy: remedy.to_owned(),
    }
}

pub fn kind(facts: &Facts<'_>) -> Words {
    let remote = matches!(facts.issuer, Some(Issuer::Remote(_)));
    Words {
        question: "Does its header say that it is an access token?",
        standard: "RFC 9068, section 2.1; RFC 8725, section 3.11",
        expected: if remote { "no typ, \"JWT\" or \"at+jwt\"" } else { "\"at+jwt\"" }.to_owned(),
        found: facts.in_header("typ"),
        remedy: "Send the access_token of the token response, not its id_token nor any other token.".to_owned(),
    }
}

pub fn access_token(facts: &Facts<'_>) -> Words {
    let marks = ["nonce", "at_hash", "c_hash", "s_hash", "events", "token_use"];
    let marks: Vec<&str> = marks.into_iter().filter(|mark| facts.decoded.claim(mark).is_some()).collect();
    let has = |names: &[&str]| names.iter().any(|name| facts.decoded.claim(name).is_some());
    let bearer = if has(&["scp", "scope", "cid", "client_id", "azp"]) {
        "scopes or a client"
    } else {
        "neither scopes nor a client"
    };
    let found = if marks.is_empty() { bearer.to_owned() } else { format!("{bearer}, and {}", list(marks.into_iter())) };
    Words {
        question: "Are its claims those of an access token and not of an ID token?",
        standard: "RFC 8725, section 3.12; OpenID Connect Core 1.0, section 2",
        expected: "scopes or a client, and none of nonce, at_hash, c_hash, s_hash and events".to_owned(),
        found,
        remedy:
            "Send the access_token of the token response. An ID token tells a client who signed in and opens no API."
                .to_owned(),
    }
}
