//! The checks of a verifier by name, and who hears of their outcomes.

use serde::Serialize;

use super::rejection::Rejection;

/// A check that a verifier makes on a token.
///
/// Their order here is that in which they are made; each issuer makes those that make sense for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CheckName {
    /// That it is no longer than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    Length,
    /// That it has the three parts of a signed token.
    Form,
    /// That there is a signature at all.
    Signed,
    /// That its header can be read.
    Header,
    /// That its header asks for nothing that the verifier does not do.
    Extensions,
    /// That its claims can be read, and are of the right types.
    Claims,
    /// That it is from an issuer who is believed.
    Issuer,
    /// That the keys of a remote issuer are there.
    KeysAvailable,
    /// That it names its key.
    KeyNamed,
    /// That a remote issuer may sign with its algorithm.
    AlgorithmAccepted,
    /// That its issuer has the key that it names.
    KeyKnown,
    /// That its algorithm is that of its key.
    Algorithm,
    /// That its signature is right.
    Signature,
    /// That its `typ` is that of an access token.
    Type,
    /// That its claims are not those of an ID token.
    AccessToken,
    /// That it is not expired.
    Expiry,
    /// That its time has come.
    NotBefore,
    /// That it was not issued in the future.
    IssuedAt,
    /// That it does not live for longer than its issuer gives.
    Lifetime,
    /// That it is for this audience.
    Audience,
    /// That it was given to the right client.
    Client,
    /// That it speaks of somebody.
    Subject,
    /// That it carries a claim that the settings require; one check for each of those.
    RequiredClaim,
    /// That its session, and the account or client behind it, stand.
    Session,
}

/// Hears of every check as it is made, and says whether to go on after one that failed.
///
/// All checks are written once, against this. A verifier wants to know whether to believe a token and stops at the first failure
/// ([`StopAtFirst`], which costs nothing); an explanation wants to know all that is wrong and goes on where that makes sense. So the two cannot differ.
pub(super) trait Witness {
    /// A check on whose outcome others stand: without it they cannot be made.
    fn need<T>(&mut self, check: CheckName, outcome: Result<T, Rejection>) -> Result<T, Rejection>;

    /// A check on which no other stands.
    fn hold(&mut self, check: CheckName, holds: bool, otherwise: Rejection) -> Result<(), Rejection>;

    /// The end of checks that stand on each other; those that come next do not.
    fn group<T: Default>(&mut self, outcome: Result<T, Rejection>) -> Result<T, Rejection>;
}

/// Stops at the first check that fails.
pub(super) struct StopAtFirst;

impl Witness for StopAtFirst {
    #[inline]
    fn need<T>(&mut self, _: CheckName, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
        outcome
    }

    #[inline]
    fn hold(&mut self, _: CheckName, holds: bool, otherwise: Rejection) -> Result<(), Rejection> {
        if holds { Ok(()) } else { Err(otherwise) }
    }

    #[inline]
    fn group<T: Default>(&mut self, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
        outcome
    }
}
