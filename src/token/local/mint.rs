//! Making access tokens.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{LocalIssuer, MAX_ACCESS_TTL, OWN_CLIENT_ID};
#[cfg(feature = "server")]
use crate::token::claims::Claims;
#[cfg(feature = "server")]
use crate::token::jws::Compact;
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
    #[serde(flatten)]
    other: &'a Map<String, Value>,
}

/// An access token to be made.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the server sets what the library leaves as it is"))]
pub(crate) struct NewToken<'t> {
    /// The client that it is given to.
    pub client_id: &'t str,
    /// Of whom it speaks; `None` for the client itself.
    pub user: Option<UserSession<'t>>,
    /// `None` for the issuer's own.
    pub audience: Option<&'t str>,
    pub scopes: &'t Scopes,
    pub ttl: Duration,
    /// Further claims; none has a name that the token has already.
    pub other: &'t Map<String, Value>,
}

/// A user, and a session of his.
#[derive(Clone, Copy)]
pub(crate) struct UserSession<'t> {
    pub user_id: &'t str,
    pub session_id: &'t str,
    /// In seconds since 1970: the token does not outlive it.
    pub end: i64,
}

impl LocalIssuer {
    /// Makes an access token for a user (RFC 9068) of the session `session_id`, which ends at `session_end` in seconds since 1970: the token
    /// does not outlive it.
    ///
    /// # Panics
    /// Never for any input: JSON of strings and numbers does not fail, and a key that was checked signs any bytes.
    #[must_use]
    pub fn mint_for_user(&self, user_id: &str, session_id: &str, session_end: i64, scopes: &Scopes) -> Minted {
        let user = UserSession { user_id, session_id, end: session_end };
        self.mint(&NewToken {
            client_id: OWN_CLIENT_ID,
            user: Some(user),
            audience: None,
            scopes,
            ttl: self.settings.access_ttl,
            other: &Map::new(),
        })
    }

    /// Makes an access token for a client that acts for itself (RFC 9068, section 2.2: its `sub` is the client's id), good for `ttl` and never
    /// longer than [`MAX_ACCESS_TTL`]. It is believed only if `client_id` has the form of one: [`CLIENT_ID_PREFIX`](super::CLIENT_ID_PREFIX)
    /// and more.
    ///
    /// # Panics
    /// Never for any input: JSON of strings and numbers does not fail, and a key that was checked signs any bytes.
    #[must_use]
    pub fn mint_for_client(&self, client_id: &str, scopes: &Scopes, ttl: Duration) -> Minted {
        self.mint(&NewToken { client_id, user: None, audience: None, scopes, ttl, other: &Map::new() })
    }

    /// Makes any access token.
    #[expect(clippy::expect_used, reason = "no input makes any of these fail")]
    pub(crate) fn mint(&self, new: &NewToken<'_>) -> Minted {
        let iat = self.clock.unix_seconds();
        let session_left =
            |user: UserSession<'_>| Duration::from_secs(user.end.saturating_sub(iat).try_into().unwrap_or(0));
        let ttl = new.user.map_or(new.ttl, |user| new.ttl.min(session_left(user)));
        let expires_in = Duration::from_secs(ttl.min(MAX_ACCESS_TTL).as_secs());
        let claims = AccessToken {
            ver: 1,
            jti: format!("AT.{}", random::base64url(&random::bytes::<18>())),
            iss: &self.settings.issuer,
            aud: new.audience.unwrap_or(&self.settings.audience),
            iat,
            exp: iat.saturating_add_unsigned(expires_in.as_secs()),
            sub: new.user.map_or(new.client_id, |user| user.user_id),
            uid: new.user.map(|user| user.user_id),
            cid: new.client_id,
            client_id: new.client_id,
            sid: new.user.map(|user| user.session_id),
            scp: new.scopes,
            scope: new.scopes.to_string(),
            other: new.other,
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

    /// Signs the claims of an ID token (OpenID Connect Core 1.0, section 2); `None` while this issuer signs with HS256, for then only the client's secret
    /// would do, and of that there is only the hash.
    #[cfg(feature = "server")]
    pub(crate) fn sign_id_token(&self, claims: &impl Serialize) -> Option<String> {
        let ring = self.ring.load();
        let signer = ring.signer(self.clock.unix_seconds()).filter(|signer| signer.key.algorithm().is_asymmetric())?;
        let header = serde_json::json!({ "typ": ID_TOKEN_TYPE, "alg": signer.key.algorithm(), "kid": signer.kid });
        let header = random::base64url(header.to_string().as_bytes());
        let mut token = format!("{header}.{}", random::base64url(&serde_json::to_vec(claims).ok()?));
        let signature = signer.key.sign(&token).ok()?;
        token.push('.');
        token.push_str(&signature);
        Some(token)
    }

    /// The claims of an ID token that this issuer signed, however long ago it expired, as a hint of who somebody is.
    #[cfg(feature = "server")]
    pub(crate) fn read_id_token(&self, token: &str) -> Option<Claims> {
        let token = Compact::parse(token).ok()?;
        let ring = self.ring.load();
        let key = ring.verifying(token.header.kid.as_deref()?, self.clock.unix_seconds())?;
        key.key.check(&token).ok()?;
        let is_ours = token.claims.issuer == self.settings.issuer;
        let is_id_token = token.header.typ.as_deref() == Some(ID_TOKEN_TYPE);
        (is_ours && is_id_token).then_some(token.claims)
    }
}

/// `typ` of ID tokens: none that an access token has.
#[cfg(feature = "server")]
const ID_TOKEN_TYPE: &str = "JWT";
