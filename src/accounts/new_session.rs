//! A session begins, however its owner showed who he is.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use uuid::Uuid;

use super::error::Unavailable;
use super::records::{self, SessionRecord, UserRecord};
use super::refresh_token::{RefreshToken, Salt};
use super::{Accounts, micros};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::Scopes;

/// The scopes of a login.
const LOGIN_SCOPES: &str = "openid profile email";

/// The role that gives the scope of the same name.
pub(crate) const ADMIN: &str = "admin";

/// The tokens of a session (RFC 6749, section 5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    scope: String,
    refresh_token: String,
}

/// How somebody showed who he is.
pub(super) enum Method {
    /// With his password.
    Password {
        /// A new hash of it, when the stored one has other parameters than the settings.
        renewed: Option<String>,
    },
}

impl Method {
    /// Names of RFC 8176, space-delimited.
    fn names(&self) -> &'static str {
        match self {
            Self::Password { .. } => "pwd",
        }
    }

    fn renewed(self) -> Option<String> {
        match self {
            Self::Password { renewed } => renewed,
        }
    }
}

impl Accounts {
    /// Begins a session; none, when the account was disabled, deleted or given another hash since it was read.
    pub(super) async fn begin_session(
        &self,
        user: UserRecord,
        caller: &Caller,
        method: Method,
    ) -> Result<Option<TokenResponse>, Unavailable> {
        let (id, token) = (Uuid::new_v4(), RefreshToken::generate());
        let now = self.clock.unix_micros();
        let session = SessionRecord {
            id: id.to_string(),
            user_id: user.id.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: now.saturating_add(micros(self.rules.absolute_ttl)),
            ended_at: None,
            family_hash: token.family_hash(),
            refresh_hash: token.secret_hash(),
            previous_hash: None,
            previous_salt: None,
            successor_salt: Salt::generate().to_store(),
            rotated_at: None,
            ip: Some(caller.address.to_string()),
            user_agent: caller.user_agent.clone(),
            methods: method.names().to_owned(),
        };
        let event = Event::success(Act::Login, now).on_user(&user.id).in_session(&session.id).from(caller);
        let renewed = method.renewed();
        let begun = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let checked = Some(user.password_hash.as_str());
                    if !records::lock_user(connection.reborrow(), &user.id, checked).await? {
                        return Ok::<_, StoreError>(None);
                    }
                    records::insert_session(connection.reborrow(), &session).await?;
                    if let Some(new) = renewed {
                        let (id, old) = (&user.id, &user.password_hash);
                        records::change_password_hash(connection.reborrow(), id, old, &new).await?;
                    }
                    event.record(connection).await?;
                    Ok(Some((session, user)))
                })
            })
            .await?;
        Ok(begun.map(|(session, user)| {
            tracing::info!(user = user.id, session = session.id, "logged in");
            self.tokens(&session, &user, &token)
        }))
    }

    /// The answer to a good login or refresh.
    pub(super) fn tokens(&self, session: &SessionRecord, user: &UserRecord, refresh: &RefreshToken) -> TokenResponse {
        if let (Ok(session_id), Ok(user_id)) = (session.id.parse(), user.id.parse()) {
            self.sessions.note_standing(session_id, user_id, session.expires_at);
        }
        let scopes = scopes_of(user);
        // A session that goes idle ends, so none of its access tokens may live longer than it would.
        let idle_end = self.clock.unix_micros().saturating_add(micros(self.rules.idle_ttl));
        let session_end = session.expires_at.min(idle_end).div_euclid(1_000_000);
        let minted = self.issuer.mint_for_user(&user.id, &session.id, session_end, &scopes);
        TokenResponse {
            access_token: minted.token,
            token_type: "Bearer",
            expires_in: minted.expires_in.as_secs(),
            scope: scopes.to_string(),
            refresh_token: refresh.to_text().expose_secret().to_owned(),
        }
    }
}

fn scopes_of(user: &UserRecord) -> Scopes {
    let is_admin = user.roles.split(' ').any(|role| role == ADMIN);
    LOGIN_SCOPES.split(' ').chain(is_admin.then_some(ADMIN)).collect()
}
