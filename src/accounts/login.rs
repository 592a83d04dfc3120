//! Logging in.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::email::Email;
use super::error::Unavailable;
use super::hashing::Verified;
use super::limits::TooMany;
use super::password::Password;
use super::records::{self, SessionRecord, UserRecord};
use super::refresh_token::{RefreshToken, Salt};
use super::{Accounts, micros};
use crate::http::Problem;
use crate::store::StoreError;
use crate::token::Scopes;

/// The scopes of a login.
const LOGIN_SCOPES: &str = "openid profile email";

/// The role that gives the scope of the same name.
const ADMIN: &str = "admin";

/// Who wants to log in.
#[derive(Debug, Deserialize)]
pub struct Credentials {
    email: String,
    password: Password,
}

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

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// Too many tries, from this address or to this account.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// No such account, or another password, or the account is disabled: nobody learns which.
    #[error("no account has this email address and this password")]
    WrongCredentials,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotLoggedIn> for Problem {
    fn from(not: NotLoggedIn) -> Self {
        match not {
            NotLoggedIn::TooMany(too_many) => too_many.into(),
            NotLoggedIn::WrongCredentials => Self::new(StatusCode::UNAUTHORIZED, "wrong-credentials")
                .detail("No account has this email address and this password.")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tokenhouse\"")),
            NotLoggedIn::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<StoreError> for NotLoggedIn {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// Begins a session for whoever has the password of an account.
    ///
    /// The steps and their cost are the same whether or not there is such an account.
    ///
    /// # Errors
    /// [`NotLoggedIn`].
    pub async fn log_in(&self, from: IpAddr, credentials: Credentials) -> Result<TokenResponse, NotLoggedIn> {
        self.limits.login_from(from)?;
        let email = Email::parse(&credentials.email);
        if let Some(email) = &email {
            self.limits.login_to(email)?;
        }
        // Twice, because a login beside this one may have renewed the hash while this one was held against the old.
        for _ in 0..2 {
            let user = match &email {
                Some(email) => {
                    let mut reader = self.store.read().await?;
                    records::user_by_email(reader.connection(), email).await?
                }
                None => None,
            };
            let stored = user.as_ref().map(|user| user.password_hash.clone());
            let tried = user.as_ref().map(|user| user.id.clone());
            let verified =
                self.hashing.verify(credentials.password.clone(), stored).await.map_err(Unavailable::from)?;
            let (Some(email), Some(user), Verified::Match { renewed }) = (&email, user, verified) else {
                // Without an account the address may be anything, a password in the wrong field for one: it is not logged.
                tracing::info!(%from, user = tried, "a login failed");
                return Err(NotLoggedIn::WrongCredentials);
            };
            if user.disabled_at.is_some() {
                tracing::info!(%from, user = tried, "a login to a disabled account failed");
                return Err(NotLoggedIn::WrongCredentials);
            }
            if let Some(response) = self.begin_session(user, renewed).await? {
                self.limits.logged_in(email);
                return Ok(response);
            }
        }
        Err(NotLoggedIn::WrongCredentials)
    }

    /// Begins a session; none, when the account was disabled, deleted or given another hash since it was read.
    async fn begin_session(
        &self,
        user: UserRecord,
        renewed: Option<String>,
    ) -> Result<Option<TokenResponse>, NotLoggedIn> {
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
        };
        let begun = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    if !records::insert_session(connection.reborrow(), &session, &user.password_hash).await? {
                        return Ok::<_, StoreError>(None);
                    }
                    if let Some(new) = renewed {
                        records::renew_password_hash(connection, &user.id, &user.password_hash, &new).await?;
                    }
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
        let session_end = session.expires_at.div_euclid(1_000_000);
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
