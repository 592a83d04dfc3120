//! Why a token was not believed.

use serde::Serialize;

/// Why a token was not believed.
///
/// This is for the log and for the operator. The bearer of the token is told only that it is not valid ([RFC 6750, section 3.1]),
/// so that nobody learns from the answer which check a forged token passed.
///
/// [RFC 6750, section 3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejection {
    /// Longer than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not three base64url parts with a JSON header and claims of the right types (RFC 7515, section 3; RFC 7519, section 4).
    #[error("the token is not a JWT in compact form")]
    Malformed,
    /// The header has `crit`, `b64`, `zip` or `enc`: extensions that this verifier does not speak (RFC 7515, section 4.1.11).
    #[error("the token's header asks for an extension")]
    Extension,
    /// `typ` is not that of an access token (RFC 9068, section 2.1; RFC 8725, section 3.11).
    #[error("the token's typ is not that of an access token")]
    Type,
    /// It is an OpenID Connect ID token, which tells a client who logged in and opens no API.
    #[error("the token is an ID token, not an access token")]
    IdToken,
    /// `iss` is not one of the accepted issuers.
    #[error("the token's issuer is not accepted here")]
    Issuer,
    /// The key does not go with `alg` (RFC 8725, section 3.1).
    #[error("the token's algorithm is not the one of its key")]
    Algorithm,
    /// The header has no `kid`, so no key can be chosen.
    #[error("the token does not name its key")]
    KeyNotNamed,
    /// The issuer has no key of that `kid`.
    #[error("the issuer has no key of the token's kid")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` is past.
    #[error("the token is expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its life is longer than this issuer gives.
    #[error("the token's life is longer than its issuer gives")]
    Lifetime,
    /// `aud` does not have the audience asked for.
    #[error("the token is for another audience")]
    Audience,
    /// `cid` (`client_id`, `azp`) is not the client asked for.
    #[error("the token was given to another client")]
    Client,
    /// `sub` is missing or empty, or does not name what it should.
    #[error("the token's subject is not one of this issuer's")]
    Subject,
    /// A claim that the settings require is missing or has another value.
    #[error("a required claim is missing or has another value")]
    RequiredClaim,
    /// Its session has ended, or its account is disabled or gone.
    #[error("the token's session has ended")]
    Ended,
    /// Nothing in memory tells whether its session still stands. Only [`Verifier::verify`](super::Verifier::verify) says so;
    /// [`Verifier::authenticate`](super::Verifier::authenticate) looks it up.
    #[error("the token's session has to be looked up")]
    SessionNotInMemory,
    /// The keys of its issuer are not to be had yet.
    #[error("the keys of the token's issuer are not to be had yet")]
    KeysUnavailable,
    /// The store that knows its session does not answer.
    #[error("the store of sessions does not answer")]
    StoreUnavailable,
}

impl Rejection {
    /// Each of them, in the order of their declaration.
    pub const ALL: [Self; 21] = [
        Self::TooLong,
        Self::Malformed,
        Self::Extension,
        Self::Type,
        Self::IdToken,
        Self::Issuer,
        Self::Algorithm,
        Self::KeyNotNamed,
        Self::UnknownKey,
        Self::Signature,
        Self::Expired,
        Self::NotYetValid,
        Self::Lifetime,
        Self::Audience,
        Self::Client,
        Self::Subject,
        Self::RequiredClaim,
        Self::Ended,
        Self::SessionNotInMemory,
        Self::KeysUnavailable,
        Self::StoreUnavailable,
    ];

    /// A short name that stays, for metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Extension => "extension",
            Self::Type => "type",
            Self::IdToken => "id_token",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::KeyNotNamed => "key_not_named",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::Client => "client",
            Self::Subject => "subject",
            Self::RequiredClaim => "required_claim",
            Self::Ended => "ended",
            Self::SessionNotInMemory => "session_not_in_memory",
            Self::KeysUnavailable => "keys_unavailable",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// Whether the same token may be believed later: the fault is on this side, and the answer is 503.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::StoreUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_once_and_in_order() {
        for (index, rejection) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(rejection as usize, index, "{rejection:?}");
        }
        let names: std::collections::BTreeSet<_> = Rejection::ALL.map(Rejection::name).into();
        assert_eq!(names.len(), Rejection::ALL.len());
    }
}
