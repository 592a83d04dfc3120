//! The session of a browser at the server's own pages: what its cookie carries, and whose it is.

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

use super::error::Unavailable;
use super::new_session::Opened;
use super::records::{self, SessionKind};
use super::{Accounts, micros};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::settings::EmailVerification;
use crate::store::StoreError;
use crate::token::random::{base64url, bytes};

/// The use of a session is written down so often at most.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// What a browser shows in its cookie: 256 random bits, of which only the hash is kept. It is no refresh token, and none of those is it.
pub(crate) struct BrowserToken(SecretString);

impl BrowserToken {
    /// A new one.
    pub fn generate() -> Self {
        Self(base64url(&bytes::<32>()).into())
    }

    /// As it came in a cookie.
    pub fn of_cookie(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    /// For a cookie.
    pub fn to_cookie(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn hash(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"tokenhouse browser session");
        context.update(self.0.expose_secret().as_bytes());
        base64url(context.finish().as_ref())
    }
}

impl Accounts {
    /// The session of a browser that stands, and its owner.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn browser_session(&self, token: &BrowserToken) -> Result<Option<Opened>, Unavailable> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let Some(session) = records::session_by_family(reader.connection(), &token.hash()).await? else {
            return Ok(None);
        };
        let idle_end = session.last_used_at.saturating_add(micros(self.rules.idle_ttl));
        let is_over = session.ended_at.is_some() || now >= session.expires_at || now >= idle_end;
        if is_over || !session.is(SessionKind::Browser) {
            return Ok(None);
        }
        let user = records::user_by_id(reader.connection(), &session.user_id).await?;
        drop(reader);
        let wants_verified = self.rules.email_verification == EmailVerification::Required;
        let user = user.filter(|user| user.disabled_at.is_none());
        let Some(user) = user.filter(|user| !wants_verified || user.email_verified_at.is_some()) else {
            return Ok(None);
        };
        if now.saturating_sub(session.last_used_at) >= micros(TOUCH_EVERY) {
            let id = session.id.clone();
            let work = self
                .store
                .write(move |connection| Box::pin(async move { records::touch_session(connection, &id, now).await }));
            work.await.map_err(|error: StoreError| Unavailable::from(error))?;
        }
        Ok(Some(Opened { session, user }))
    }

    /// The user signed in once more in the same browser: its last session ends, and what clients were granted in it goes on in the new one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn succeed_browser_session(&self, last: &Opened, new: &Opened) -> Result<(), Unavailable> {
        let now = self.clock.unix_micros();
        let (last, new, user_id) = (last.session.id.clone(), new.session.id.clone(), last.user.id.clone());
        self.end_by(move |mut connection| {
            Box::pin(async move {
                // First, so that no client gets a session in it beside this.
                records::lock_user(connection.reborrow(), &user_id, None).await?;
                records::succeed_session(connection, &last, &new, now).await?;
                Ok::<_, StoreError>(vec![last])
            })
        })
        .await?;
        Ok(())
    }

    /// Ends the session of a browser, with those of clients that were granted in it for no longer.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn end_browser_session(&self, opened: &Opened, caller: &Caller) -> Result<(), Unavailable> {
        let now = self.clock.unix_micros();
        let (session, user_id) = (opened.session.id.clone(), opened.user.id.clone());
        let event = Event::success(Act::Logout, now).on_user(&opened.user.id).in_session(&session).from(caller);
        self.end_by(move |mut connection| {
            Box::pin(async move {
                // First, so that no client gets a session in it beside this.
                records::lock_user(connection.reborrow(), &user_id, None).await?;
                let ended = records::end_session(connection.reborrow(), &session, now).await?;
                event.record(connection).await?;
                Ok::<_, StoreError>(ended)
            })
        })
        .await?;
        tracing::info!(user = opened.user.id, session = opened.session.id, "signed out");
        Ok(())
    }
}
