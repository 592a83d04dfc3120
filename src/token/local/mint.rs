//! Making access tokens.

use std::time::Duration;

use jsonwebtoken::Header;
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
    /// Never for any input: HMAC over JSON of strings and numbers does not fail.
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
    /// Never for any input: HMAC over JSON of strings and numbers does not fail.
    #[must_use]
    pub fn mint_for_client(&self, client_id: &str, scopes: &Scopes, ttl: Duration) -> Minted {
        self.mint(&Bearer::Client { client_id }, scopes, self.clock.unix_seconds(), ttl)
    }

    #[expect(clippy::expect_used, reason = "strings and numbers always become JSON, and HMAC signs any bytes")]
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
        let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(ring.signing_kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &ring.signing_key).expect("HMAC over JSON does not fail");
        Minted { token, expires_in }
    }
}
