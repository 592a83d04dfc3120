//! What a token is, and whether to believe it: no SQL, no accounts, no server.
//!
//! | file | what is in it |
//! |---|---|
//! | [`verifier`] | [`Verifier`]: chooses the issuer, checks, remembers; [`Rejection`] says why not |
//! | [`local`] | [`LocalIssuer`]: this server's own keys, and tokens made with them |
//! | [`key_folder`] | [`KeyFolder`]: the life of those keys, from published ahead to gone |
//! | [`remote`] | [`RemoteSettings`]: an authorization server of somebody else, by its published keys |
//! | [`explain`] | [`Explanation`]: every check with its outcome, for people |
//! | [`claims`] | [`Claims`]: one shape for the tokens of all issuers |
//! | [`observer`] | [`Observer`]: whoever counts what a verifier decides |
//!
//! The checks follow RFC 7519, RFC 8725 and RFC 9068. What the `jsonwebtoken` crate leaves to its caller (`typ`, `crit`, claims of a wrong type,
//! the choice of the key) is done here, before and after the signature.

#[cfg(feature = "server")]
pub(crate) mod assertion;
pub mod builder;
mod checks;
pub mod claims;
pub mod clock;
pub mod explain;
pub(crate) mod fetch;
#[cfg(test)]
#[cfg(feature = "server")]
mod hostile_input;
pub mod issuer_url;
mod jwks;
mod jws;
pub mod key_file;
pub mod key_folder;
mod keys;
pub mod local;
mod memory;
pub mod observer;
mod published_keys;
pub(crate) mod random;
pub mod rejection;
pub mod remote;
pub mod required_claim;
pub mod scopes;
pub mod signing_key;
pub mod standing;
pub mod verifier;

#[cfg(feature = "server")]
pub(crate) use builder::DEFAULT_REALM;
pub use builder::{BuildError, Builder};
pub use checks::CheckName;
pub use claims::Claims;
pub use clock::{Clock, Hands};
pub use explain::decoded::{Decoded, Member, NotDecodable, When};
pub use explain::{Check, Explanation, IssuerKind, KnownIssuer, Outcome};
pub use fetch::WrongCertificate;
pub use issuer_url::{WrongIssuer, check_issuer_url};
pub use jws::MAX_TOKEN_BYTES;
pub use key_file::{KeyFileError, PublicJwk, StoredKey, StoredKeys};
pub use key_folder::{KeyFolder, KeyRules, Phase, Rotation};
pub use local::{HmacSecret, LocalIssuer, LocalSettings, Minted, SecretTooShort, Tended};
pub use observer::Observer;
pub use rejection::Rejection;
pub use remote::{RemoteSettings, RemoteStatus};
pub use required_claim::{RequiredClaim, Requirement};
pub use scopes::Scopes;
pub use signing_key::SigningAlgorithm;
pub use standing::{Known, Standing, StoreUnavailable};
pub use verifier::Verifier;
