//! A session begins, however its owner showed who he is.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::browser_session::BrowserToken;
use super::custom_claims::TokenKind;
use super::error::Unavailable;
use super::letters::post_notice;
use super::passkey_login::UsedPasskey;
use super::records::{self, SessionKind, SessionRecord, UserRecord};
use super::refresh_token::{RefreshToken, Salt};
use super::second_factor::SecondFactor;
use super::{Accounts, micros};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::Scopes;
use crate::token::local::{NewToken, OWN_CLIENT_ID, UserSession};

/// The scopes of a login.
const LOGIN_SCOPES: &str = "openid profile email";

/// In place of the hash of a refresh token, where there is none: no hash is like it.
pub(crate) const NO_REFRESH_TOKEN: &str = "-";

/// The role that gives the scope of the same name.
pub(crate) const ADMIN: &str = "admin";

/// The tokens of a session (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = SessionTokens, examples(json!({ "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiIsImtpZCI6IkNBNVpFTWNmaTVJZml0VDIifQ.eyJ2ZXIiOjF9.AhD3u4v9", "token_type": "Bearer", "expires_in": 3600, "scope": "openid profile email", "refresh_token": "RvqAIPPKMocXwjhTVLJQN5hoDufqWzDe-o95tF9YKWnUvs_l2ooNi7Of6ZFJtNuMMk9ohV8ya78" })))]
pub struct TokenResponse {
    access_token: String,
    #[schema(pattern = "^Bearer$")]
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
        /// And with this, when he has set one up.
        second: Option<SecondFactor>,
    },
    /// With a passkey alone, which verified him.
    Passkey(UsedPasskey),
}

/// What its owner gets to come back with.
#[derive(Clone, Copy)]
pub(super) enum Door<'d> {
    /// The first of its refresh tokens.
    Login(&'d RefreshToken),
    /// The cookie of a browser.
    Browser(&'d BrowserToken),
}

/// A session that has begun, and whose it is.
pub(crate) struct Opened {
    pub session: SessionRecord,
    pub user: UserRecord,
}

/// What came of it.
pub(super) enum Begun {
    /// A session.
    Session(Box<Opened>),
    /// The second factor was used before, or never was one.
    FactorSpent,
    /// The account was disabled, deleted, or given another hash or other factors since it was read.
    Changed,
}

impl Method {
    /// Names of RFC 8176, space-delimited.
    fn names(&self) -> &'static str {
        match self {
            Self::Password { second: None, .. } => "pwd",
            Self::Password { second: Some(SecondFactor::Totp(_)), .. } => "pwd otp mfa",
            Self::Password { second: Some(SecondFactor::RecoveryCode(_)), .. } => "pwd mfa",
            Self::Password { second: Some(SecondFactor::Passkey(_)), .. } => "pwd hwk mfa",
            // Something he has, and something he knows or is.
            Self::Passkey(_) => "hwk user mfa",
        }
    }
}

impl Door<'_> {
    fn kind(self) -> SessionKind {
        match self {
            Self::Login(_) => SessionKind::Login,
            Self::Browser(_) => SessionKind::Browser,
        }
    }

    /// What finds the session again, and what its refresh token is held against.
    fn hashes(self) -> (String, String) {
        match self {
            Self::Login(token) => (token.family_hash(), token.secret_hash()),
            Self::Browser(token) => (token.hash(), NO_REFRESH_TOKEN.to_owned()),
        }
    }
}

impl SessionRecord {
    /// A session that begins now.
    pub(crate) fn new(
        kind: SessionKind,
        user_id: &str,
        caller: &Caller,
        (family_hash, refresh_hash): (String, String),
        times: (i64, i64),
    ) -> Self {
        let (now, expires_at) = times;
        Self {
            id: Uuid::new_v4().to_string(),
            user_id: user_id.to_owned(),
            created_at: now,
            last_used_at: now,
            expires_at,
            ended_at: None,
            family_hash,
            refresh_hash,
            previous_hash: None,
            previous_salt: None,
            successor_salt: Salt::generate().to_store(),
            rotated_at: None,
            ip: Some(caller.address.to_string()),
            user_agent: caller.user_agent.clone(),
            methods: String::new(),
            kind: kind.name().to_owned(),
            client_id: None,
            scopes: None,
            browser_session_id: None,
            authenticated_at: None,
        }
    }
}

impl Accounts {
    /// Begins a session.
    pub(super) async fn begin_session(
        &self,
        user: UserRecord,
        caller: &Caller,
        method: Method,
        door: Door<'_>,
    ) -> Result<Begun, Unavailable> {
        let now = self.clock.unix_micros();
        let times = (now, now.saturating_add(micros(self.rules.absolute_ttl)));
        let mut session = SessionRecord::new(door.kind(), &user.id, caller, door.hashes(), times);
        method.names().clone_into(&mut session.methods);
        let event = Event::success(Act::Login, now).on_user(&user.id).in_session(&session.id).from(caller);
        let (renewed, second) = match method {
            Method::Password { renewed, second } => (renewed, second),
            Method::Passkey(passkey) => (None, Some(SecondFactor::Passkey(passkey))),
        };
        let caller = caller.clone();
        let begun = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    if !records::lock_user_as_read(connection.reborrow(), &user).await? {
                        return Ok::<_, StoreError>(Err(Begun::Changed));
                    }
                    if let Some(second) = &second {
                        if !second.spend(connection.reborrow(), &user.id, now).await? {
                            return Ok(Err(Begun::FactorSpent));
                        }
                        if matches!(second, SecondFactor::RecoveryCode(_)) {
                            let act = Act::RecoveryCodeUse;
                            let event = Event::success(act, now).on_user(&user.id).in_session(&session.id);
                            event.from(&caller).record(connection.reborrow()).await?;
                            post_notice(connection.reborrow(), &user, act, &caller, now).await?;
                        }
                    }
                    records::insert_session(connection.reborrow(), &session).await?;
                    if let Some(new) = renewed {
                        let (id, old) = (&user.id, &user.password_hash);
                        records::change_password_hash(connection.reborrow(), id, old, &new).await?;
                    }
                    event.record(connection).await?;
                    Ok(Ok((session, user, second.is_some())))
                })
            })
            .await?;
        Ok(match begun {
            Ok((session, user, with_second)) => {
                tracing::info!(user = user.id, session = session.id, "logged in");
                if with_second {
                    self.limits.otp_was_right(&user.id);
                    self.letters_wait.notify_one();
                }
                Begun::Session(Box::new(Opened { session, user }))
            }
            Err(not) => not,
        })
    }

    /// The answer to a good login or refresh.
    pub(super) fn tokens(&self, session: &SessionRecord, user: &UserRecord, refresh: &RefreshToken) -> TokenResponse {
        self.note_begun(session);
        let scopes = scopes_of(user);
        // A session that goes idle ends, so none of its access tokens may live longer than it would.
        let idle_end = self.clock.unix_micros().saturating_add(micros(self.rules.idle_ttl));
        let session_end = session.expires_at.min(idle_end).div_euclid(1_000_000);
        let minted = self.issuer.mint(&NewToken {
            client_id: OWN_CLIENT_ID,
            user: Some(UserSession { user_id: &user.id, session_id: &session.id, end: session_end }),
            audience: None,
            scopes: &scopes,
            ttl: self.issuer.access_ttl(),
            other: &self.claims.of(user, &scopes, TokenKind::Access),
        });
        TokenResponse {
            access_token: minted.token,
            token_type: "Bearer",
            expires_in: minted.expires_in.as_secs(),
            scope: scopes.to_string(),
            refresh_token: refresh.to_text().expose_secret().to_owned(),
        }
    }
}

/// Whether the account has the role that gives the scope of the same name.
pub(crate) fn is_admin(user: &UserRecord) -> bool {
    user.roles.split(' ').any(|role| role == ADMIN)
}

/// The scopes of a login of this user.
pub(crate) fn scopes_of(user: &UserRecord) -> Scopes {
    LOGIN_SCOPES.split(' ').chain(is_admin(user).then_some(ADMIN)).collect()
}
