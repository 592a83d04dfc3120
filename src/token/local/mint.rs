//! Making access tokens.

use std::time::Duration;

use serde::Serialize;

use super::{LocalIssuer, MAX_ACCESS_TTL, OWN_CLIENT_ID};
use crate::token::random;
use crate::token::scopes::Scopes;

/// An access token just made.
#[derive(Clone)]
pub struct Minted {
    /// The token itself: a secret until it expires.
    pub token: String,
    /// How long it lives.
    pub expires_in: Duration,
}

/// The claims of the contract, in the order in which a person likes to read them.
#[derive(Serialize)]
struct AccessToken<'a> {
    ver: u8,
    jti: String,
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    cid: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    scp: &'a Scopes,
    scope: String,
}

/// Whom a token speaks of.
enum Bearer<'a> {
    User { user_id: &'a str, session_id: &'a str },
    Client { client_id: &'a str },
}

impl LocalIssuer {
    /// Makes an access token for a user (RFC 9068) of the session `session_id`, which ends at `session_end` in seconds since 1970: the token
    /// does not outlive it.
    ///
    /// # Panics
    /// Never for any input: JSON of strings and numbers does not fail, and a key that was checked signs any bytes.
    #[must_use]
    pub fn mint_for_user(&self, user_id: &str, session_id: &str, session_end: i64, scopes: &Scopes) -> Minted {
        let now = self.clock.unix_seconds();
        let session_left = Duration::from_secs(session_end.saturating_sub(now).try_into().unwrap_or(0));
        let expires_in = self.settings.access_ttl.min(session_left);
        self.mint(&Bearer::User { user_id, session_id }, scopes, now, expires_in)
    }

    /// Makes an access token for a client that acts for itself (RFC 9068, section 2.2: its `sub` is the client's id), good for `ttl` and never
    /// longer than [`MAX_ACCESS_TTL`]. It is believed only if `client_id` has the form of one: [`CLIENT_ID_PREFIX`](super::CLIENT_ID_PREFIX)
    /// and more.
    ///
    /// # Panics
    /// Never for any input: JSON of strings and numbers does not fail, and a key that was checked signs any bytes.
    #[must_use]
    pub fn mint_for_client(&self, client_id: &str, scopes: &Scopes, ttl: Duration) -> Minted {
        self.mint(&Bearer::Client { client_id }, scopes, self.clock.unix_seconds(), ttl)
    }

    #[expect(clippy::expect_used, reason = "no input makes any of these fail")]
    fn mint(&self, bearer: &Bearer<'_>, scopes: &Scopes, iat: i64, ttl: Duration) -> Minted {
        let (sub, uid, cid, sid) = match *bearer {
            Bearer::User { user_id, session_id } => (user_id, Some(user_id), OWN_CLIENT_ID, Some(session_id)),
            Bearer::Client { client_id } => (client_id, None, client_id, None),
        };
        let expires_in = Duration::from_secs(ttl.min(MAX_ACCESS_TTL).as_secs());
        let claims = AccessToken {
            ver: 1,
            jti: format!("AT.{}", random::base64url(&random::bytes::<18>())),
            iss: &self.settings.issuer,
            aud: &self.settings.audience,
            iat,
            exp: iat.saturating_add_unsigned(expires_in.as_secs()),
            sub,
            uid,
            cid,
            client_id: cid,
            sid,
            scp: scopes,
            scope: scopes.to_string(),
        };
        let ring = self.ring.load();
        let signer = ring.signer(iat).expect("a ring has a key that signs");
        let claims = serde_json::to_vec(&claims).expect("strings and numbers become JSON");
        let mut token = format!("{}.{}", signer.header, random::base64url(&claims));
        let signature = signer.key.sign(&token).expect("a key that was checked signs any bytes");
        token.push('.');
        token.push_str(&signature);
        Minted { token, expires_in }
    }
}
