//! What a client gets that acts for a user: an access token, and a refresh token and an ID token where they were asked for.

use secrecy::ExposeSecret as _;

use super::OAuth;
use super::client::{Client, OFFLINE_ACCESS, OPENID};
use super::id_tokens::{NewIdToken, standard_claims};
use super::token::{NotGranted, TokenResponse};
use crate::accounts::client_session::Grant;
use crate::accounts::custom_claims::TokenKind;
use crate::accounts::micros;
use crate::accounts::new_session::Opened;
use crate::accounts::refresh_token::RefreshToken;
use crate::token::Scopes;
use crate::token::local::{NewToken, UserSession};

/// The session of a client that is to begin.
pub(super) struct Granted<'g> {
    pub client: &'g Client,
    pub user_id: String,
    pub browser_session_id: String,
    pub scopes: Scopes,
}

impl OAuth {
    /// What the accounts need to know of it.
    pub(super) fn grant_of(&self, granted: Granted<'_>) -> Grant {
        let refresh = granted.scopes.contains(OFFLINE_ACCESS).then(RefreshToken::generate);
        let ttl = match refresh {
            Some(_) => self.accounts.longest_session(),
            None => self.access_ttl_of(granted.client),
        };
        Grant {
            user_id: granted.user_id,
            browser_session_id: granted.browser_session_id,
            client_id: granted.client.id().to_owned(),
            scopes: granted.scopes,
            ttl,
            refresh,
        }
    }

    /// How long a session of a client may go unused.
    pub(super) fn idle_ttl_of(&self, client: &Client) -> std::time::Duration {
        let longest = self.accounts.idle_ttl();
        client.refresh_ttl().map_or(longest, |own| own.min(longest))
    }

    /// The tokens of a session of a client, with no more than `scopes`.
    pub(super) async fn tokens_of(
        &self,
        client: &Client,
        opened: &Opened,
        scopes: &Scopes,
        refresh: Option<&RefreshToken>,
        nonce: Option<&str>,
    ) -> Result<TokenResponse, NotGranted> {
        let (session, user) = (&opened.session, &opened.user);
        self.accounts.note_begun(session);
        // A session that goes unused ends, so none of its access tokens may live longer than it would.
        let idle_end = self.registry.clock.unix_micros().saturating_add(micros(self.idle_ttl_of(client)));
        let end = session.expires_at.min(idle_end).div_euclid(1_000_000);
        let minted = self.accounts.issuer.mint(&NewToken {
            client_id: client.id(),
            user: Some(UserSession { user_id: &user.id, session_id: &session.id, end }),
            audience: client.audience(),
            scopes,
            ttl: self.access_ttl_of(client),
            other: &self.accounts.claims.of(user, scopes, TokenKind::Access),
        });
        let id_token = if scopes.contains(OPENID) {
            let mut other = self.accounts.claims.of(user, scopes, TokenKind::Id);
            other.extend(standard_claims(user, scopes));
            let access_token = &minted.token;
            Some(self.id_tokens.sign(NewIdToken { client, opened, access_token, nonce, other }).await?)
        } else {
            None
        };
        Ok(TokenResponse {
            access_token: minted.token,
            token_type: "Bearer",
            expires_in: minted.expires_in.as_secs(),
            scope: scopes.to_string(),
            refresh_token: refresh.map(|token| token.to_text().expose_secret().to_owned()),
            id_token,
        })
    }
}
