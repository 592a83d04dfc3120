//! The grant `refresh_token` (RFC 6749, section 6): the same rotation as at `/api/refresh`, for the client that was given it.

use secrecy::SecretString;

use super::OAuth;
use super::client::Client;
use super::form::Form;
use super::token::{NotGranted, TokenResponse};
use crate::accounts::error::Unavailable;
use crate::accounts::refresh::{Holder, NotRefreshed, Refreshed};
use crate::http::caller::Caller;
use crate::token::Scopes;

impl OAuth {
    /// New tokens, with the scopes that are asked for, or all that were granted.
    pub(super) async fn grant_again(
        &self,
        client: &Client,
        form: &Form,
        caller: &Caller,
    ) -> Result<TokenResponse, NotGranted> {
        let token = form.get("refresh_token").ok_or(NotGranted::Missing("refresh_token"))?;
        let asked = Scopes::from(form.get("scope").unwrap_or_default());
        let holder = Holder {
            client_id: Some(client.id().to_owned()),
            asked: asked.clone(),
            idle_ttl: self.idle_ttl_of(client),
        };
        let Refreshed { opened, successor } = self
            .accounts
            .spend(caller, &SecretString::from(token.to_owned()), holder)
            .await
            .map_err(|not| match not {
                NotRefreshed::NotGood | NotRefreshed::Unavailable(Unavailable::Hashing(_)) => NotGranted::InvalidGrant,
                NotRefreshed::ScopeTooWide => NotGranted::InvalidScope,
                NotRefreshed::Unavailable(Unavailable::Store(error)) => NotGranted::Store(error),
            })?;
        let granted = opened.session.scopes.clone().unwrap_or_default();
        // What the client may not ask for any more, it does not get any more.
        let scopes = self.still_asked(client, &if asked.is_empty() { granted } else { asked.to_string() });
        self.tokens_of(client, &opened, &scopes, Some(&successor), None).await
    }
}
