//! The authorization server at Okta's own paths, below `/oauth2/default`.
//!
//! | file | what is in it |
//! |---|---|
//! | `keys` | `/v1/keys`: the public keys that tokens are checked with |

pub(crate) mod keys;
