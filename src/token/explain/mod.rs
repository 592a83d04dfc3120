//! Why a token is believed or not, for people: every check that a verifier makes, with its outcome.
//!
//! | file | what is in it |
//! |---|---|
//! | [`mod@decoded`] | what a token says, member by member, with what each means; nothing is checked |
//! | `record` | the outcomes of the checks as they are made, by the verifier's own functions |
//! | `words` | what each check asks, what was found, and what to change |
//! | `times` | moments and spans in words |
//!
//! Nothing here decides anything: the checks are those of [`Verifier::verify`], heard of by another
//! witness (`checks`), so an explanation cannot differ from the verdict.

pub mod decoded;
mod record;
mod times;
mod words;

use std::sync::Arc;

use chrono::SecondsFormat;
use serde::Serialize;

use self::decoded::{Decoded, Member};
use self::record::Record;
use self::words::{Facts, Words};
use super::checks::{CheckName, Witness as _};
use super::claims::Claims;
use super::jws::Compact;
use super::local::check_times;
use super::rejection::Rejection;
use super::verifier::{Issuer, Verifier};

/// What claims are worth while the signature has not been found right.
const CAUTION: &str = "not to be believed: the signature was not found right, so anybody may have written this";

/// Why a token is believed or not.
///
/// This is for the operator and for whoever tries things out, never for the bearer of a token in production, who would learn from it which check a
/// forged token passed ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)). It has no key and no signature in it, but all the
/// claims.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tokenhouse::token::{CheckName, Clock, LocalIssuer, LocalSettings, Outcome, Scopes, Verifier};
///
/// let settings = LocalSettings {
///     issuer: "http://localhost:3000/oauth2/default".into(),
///     audience: "api://default".into(),
///     access_ttl: Duration::from_secs(3600),
/// };
/// let (clock, hands) = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
/// let secret = "4kJ0tP1yUq8Zr3xN6vB9cM2wE5sA7dFg".to_string().into();
/// let issuer = Arc::new(LocalIssuer::with_secret(settings, &secret, clock.clone())?);
/// let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock).build()?;
///
/// let token = issuer.mint_for_client("0oa1", &Scopes::default(), Duration::from_secs(60)).token;
/// assert!(verifier.explain(&token).accepted);
///
/// hands.advance(Duration::from_secs(3600));
/// let explanation = verifier.explain(&token);
/// let failed: Vec<_> = explanation.failed().collect();
/// assert_eq!(failed[0].name, CheckName::Expiry);
/// assert_eq!(failed[0].found.as_deref(), Some("2026-01-01T00:01:00Z (59 minutes ago)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the token is believed: as [`Verifier::verify`] (or [`Verifier::authenticate`]) says.
    pub accepted: bool,
    /// Why not: the first check that failed.
    pub rejection: Option<Rejection>,
    /// The verdict in a sentence.
    pub verdict: String,
    /// Whether its signature was checked and is its issuer's. While it is not, header and claims are anybody's words.
    pub authentic: bool,
    /// Says so in words, when it is not.
    pub caution: Option<&'static str>,
    /// Who issued it, when that is somebody who is believed here.
    pub issuer: Option<KnownIssuer>,
    /// What the header says; empty when it cannot be read.
    pub header: Vec<Member>,
    /// What the claims say; empty when they cannot be read.
    pub claims: Vec<Member>,
    /// The checks that this issuer's tokens get, in the order in which they are made.
    pub checks: Vec<Check>,
    /// When it was checked (RFC 3339, UTC).
    pub checked_at: String,
}

/// An issuer whose tokens are believed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownIssuer {
    /// Its name: the `iss` of its tokens.
    pub name: String,
    /// Whose it is.
    pub kind: IssuerKind,
}

/// Whose an issuer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerKind {
    /// This server's own.
    Local,
    /// An authorization server of somebody else.
    Remote,
}

/// A check, and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// Which one.
    pub name: CheckName,
    /// What it asks, as a question.
    pub question: &'static str,
    /// The standard that wants it, and the section.
    pub standard: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What would be right; `None` when it was not reached.
    pub expected: Option<String>,
    /// What the token has; `None` when it was not reached. Texts of the token are quoted and cut, but it is the reader's to keep control characters and
    /// the like from a terminal.
    pub found: Option<String>,
    /// What to change, when it failed.
    pub remedy: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All is well.
    Passed,
    /// The token is not believed.
    Failed,
    /// It could not be made, because a check before it failed on which it stands.
    NotReached,
}

impl Explanation {
    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome == Outcome::Failed)
    }
}

impl Verifier {
    /// Makes every check of [`verify`](Verifier::verify) on `token` and tells the outcome of each, also of those after one that failed, as far as they do
    /// not stand on it. Like `verify`, it asks nobody: [`explain_asking`](Verifier::explain_asking) does.
    ///
    /// It remembers nothing, and takes the time of a new token for a known one.
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        self.explanation(token, &self.examine(token))
    }

    /// The same with every check of [`authenticate`](Verifier::authenticate): it asks the remote issuer about a key it has not shown yet, and the store
    /// about a session that memory does not know, within the same bounds.
    pub async fn explain_asking(&self, token: &str) -> Explanation {
        let mut examined = self.examine(token);
        if let Some(rejection) = examined.record.rejection()
            && self.0.keys_came(rejection, examined.issuer).await
        {
            examined = self.examine(token);
        }
        if let (Some(Rejection::SessionNotInMemory), Some(claims)) =
            (examined.record.of(CheckName::Session), &examined.claims)
        {
            let found = self.0.look_up(claims).await;
            examined.record.replace(CheckName::Session, found);
        }
        self.explanation(token, &examined)
    }

    /// The way of [`Verifier::verify`] without its memory, and with a witness who does not stop.
    fn examine(&self, token: &str) -> Examined {
        let inner = &*self.0;
        let mut record = Record::default();
        let Ok(compact) = Compact::parse_before(token, &mut record) else {
            return Examined { record, issuer: None, claims: None };
        };
        let issuer = inner.issuer_of(&compact, &mut record).ok();
        if let Some((_, issuer)) = issuer {
            // What it ends with is in the record.
            let _ = issuer.check(&compact, inner.leeway, &mut record);
            // Nobody is asked about a session on the word of a token that has not proved itself.
            let own = [CheckName::Signature, CheckName::Type, CheckName::Client, CheckName::Subject];
            if matches!(issuer, Issuer::Local(_)) && inner.standing.is_some() && record.all_passed(&own) {
                let _ = record.need(CheckName::Session, inner.standing_of(issuer, &compact.claims));
            }
        } else {
            let _ = check_times(&compact.claims, inner.clock.unix_seconds(), inner.leeway, &mut record);
        }
        Examined { record, issuer: issuer.map(|(index, _)| index), claims: Some(Arc::new(compact.claims)) }
    }

    fn explanation(&self, token: &str, examined: &Examined) -> Explanation {
        let inner = &*self.0;
        let now = inner.clock.now();
        let decoded = Decoded::of(token, now).unwrap_or_default();
        let issuer = examined.issuer.and_then(|index| inner.issuers.get(index));
        let facts = Facts { token, decoded: &decoded, claims: examined.claims.as_deref(), issuer, inner, now };
        let mut requirement = 0;
        let checks = planned(issuer, inner.standing.is_some(), &examined.record).into_iter().map(|(name, ended)| {
            let words = Words::of(name, &facts, requirement);
            requirement += usize::from(name == CheckName::RequiredClaim);
            check(name, ended, words)
        });
        let rejection = examined.record.rejection();
        let authentic = examined.record.all_passed(&[CheckName::Signature]);
        Explanation {
            accepted: rejection.is_none(),
            rejection,
            verdict: rejection.map_or_else(|| "the token is believed".to_owned(), |rejection| rejection.to_string()),
            authentic,
            caution: (!authentic).then_some(CAUTION),
            issuer: issuer.map(|issuer| KnownIssuer {
                name: issuer.name().to_owned(),
                kind: match issuer {
                    Issuer::Local(_) => IssuerKind::Local,
                    Issuer::Remote(_) => IssuerKind::Remote,
                },
            }),
            checks: checks.collect(),
            header: decoded.header,
            claims: decoded.claims,
            checked_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

/// What the checks made of a token.
struct Examined {
    record: Record,
    issuer: Option<usize>,
    claims: Option<Arc<Claims>>,
}

/// The outcome of a check: `None` when it was not made.
type Ended = Option<Result<(), Rejection>>;

fn check(name: CheckName, ended: Ended, words: Words) -> Check {
    let outcome = match ended {
        Some(Ok(())) => Outcome::Passed,
        Some(Err(_)) => Outcome::Failed,
        None => Outcome::NotReached,
    };
    let reached = ended.is_some();
    Check {
        name,
        question: words.question,
        standard: words.standard,
        outcome,
        expected: reached.then_some(words.expected),
        found: reached.then_some(match ended {
            Some(Err(rejection)) if name == CheckName::Session => words::of_session(rejection),
            Some(Err(_)) if name == CheckName::Signature => words::ANOTHER_SIGNATURE.to_owned(),
            _ => words.found,
        }),
        remedy: (outcome == Outcome::Failed).then_some(words.remedy),
    }
}

/// The checks that a token of `issuer` gets, each with its outcome.
fn planned(issuer: Option<&Issuer>, with_sessions: bool, record: &Record) -> Vec<(CheckName, Ended)> {
    use CheckName as C;
    let mut plan = vec![C::Length, C::Form, C::Signed, C::Header, C::Extensions, C::Claims, C::Issuer];
    match issuer {
        Some(Issuer::Remote(remote)) => {
            plan.extend([C::KeysAvailable, C::KeyNamed, C::AlgorithmAccepted, C::KeyKnown, C::Algorithm, C::Signature]);
            plan.extend([C::Type, C::AccessToken, C::Expiry, C::NotBefore, C::IssuedAt, C::Audience]);
            plan.extend(remote.client_id().map(|_| C::Client));
            plan.push(C::Subject);
            plan.extend(remote.required_claims().iter().map(|_| C::RequiredClaim));
        }
        Some(Issuer::Local(_)) => {
            plan.extend([C::KeyNamed, C::KeyKnown, C::Algorithm, C::Signature, C::Type]);
            plan.extend([C::Expiry, C::NotBefore, C::IssuedAt, C::Lifetime, C::Audience, C::Client, C::Subject]);
            plan.extend(with_sessions.then_some(C::Session));
        }
        None => {
            plan.extend([C::KeyNamed, C::KeyKnown, C::Algorithm, C::Signature, C::Type]);
            plan.extend([C::Expiry, C::NotBefore, C::IssuedAt, C::Audience, C::Subject]);
        }
    }
    record.along(plan)
}
