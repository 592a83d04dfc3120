//! What a letter says, to whom, and with which token: found out when it is written, for much may have changed since it was asked for.

use chrono::{TimeZone as _, Utc};

use super::letter_token::Purpose;
use super::records::{self, NewToken, UserRecord};
use super::{Rules, browser, micros};
use crate::audit::Act;
use crate::mail::queue::{self, Waiting};
use crate::mail::{Body, Letter};
use crate::store::{Connection, StoreError};

/// A letter that may be written now.
pub(super) struct Prepared {
    pub kind: &'static str,
    pub to: String,
    pub name: Option<String>,
    pub body: Body,
}

/// Writes one letter, within the transaction that takes it.
pub(super) struct Writer {
    pub token: String,
    pub token_hash: String,
    pub rules: Rules,
    pub now: i64,
}

impl Writer {
    /// What a letter says, to whom; `None` when there is nothing to tell any more.
    pub async fn write(
        &self,
        mut connection: Connection<'_>,
        waiting: &Waiting,
    ) -> Result<Option<Prepared>, StoreError> {
        let Some(letter) = waiting.letter() else { return Ok(None) };
        let user = match &waiting.user_id {
            Some(id) => records::user_by_id(connection.reborrow(), id).await?,
            None => records::user_by_stored_email(connection.reborrow(), &waiting.email).await?,
        };
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
        let is_unverified = user.email_verified_at.is_none();
        let kind = letter.kind();
        let body = match letter {
            // Whoever registered and did not show that the address is his is asked again, as at the first time.
            Letter::VerifyEmail | Letter::AddressTaken if is_unverified => {
                self.with_token(connection, waiting, &user, Purpose::VerifyEmail, None).await?
            }
            Letter::VerifyEmail => None,
            Letter::AddressTaken => Some(Body::AddressTaken),
            Letter::ConfirmNewEmail => self.with_token(connection, waiting, &user, Purpose::ChangeEmail, None).await?,
            Letter::ResetPassword { return_to } => {
                self.with_token(connection, waiting, &user, Purpose::ResetPassword, return_to.as_deref()).await?
            }
            Letter::Invitation => self.with_token(connection, waiting, &user, Purpose::Invitation, None).await?,
            Letter::ByAdministrator { act } => {
                Some(Body::ByAdministrator { what: what_was_done(&act).to_owned(), at: for_people(waiting.created_at) })
            }
            Letter::EmailChanged { new_email } => Some(Body::EmailChanged { new_email }),
            Letter::Notice { act, ip, user_agent } => Some(Body::Notice {
                what: what_was_done(&act).to_owned(),
                at: for_people(waiting.created_at),
                ip,
                browser: browser::in_words(user_agent.as_deref()),
            }),
        };
        // A name that somebody chose, in a letter to another's address, would be a letter of his that we send.
        let is_to_its_owner = user.email_verified_at.is_some() && kind != Letter::ConfirmNewEmail.kind();
        let name = user.name.filter(|_| is_to_its_owner);
        Ok(body.map(|body| Prepared { kind, to: waiting.email.clone(), name, body }))
    }

    /// The body of a letter with a token, which is good from now on; `None` when it is not any more.
    async fn with_token(
        &self,
        mut connection: Connection<'_>,
        waiting: &Waiting,
        user: &UserRecord,
        purpose: Purpose,
        return_to: Option<&str>,
    ) -> Result<Option<Body>, StoreError> {
        let ttl = purpose.ttl(&self.rules);
        let expires_at = waiting.created_at.saturating_add(micros(ttl));
        let is_his = purpose == Purpose::ChangeEmail || user.email == waiting.email;
        if expires_at <= self.now || !is_his {
            return Ok(None);
        }
        if waiting.prepared_at.is_some() {
            // It was tried before. Had its token been used meanwhile, or voided, it must not come back.
            let still_good = records::good_token(connection, &self.token_hash, self.now).await?;
            return Ok(still_good.map(|_| self.body(purpose, expires_at)));
        }
        let token = NewToken {
            user_id: &user.id,
            purpose: purpose.name(),
            token_hash: &self.token_hash,
            email: &waiting.email,
            created_at: waiting.created_at,
            expires_at,
            return_to,
        };
        if !records::put_token(connection.reborrow(), &token).await? {
            return Ok(None);
        }
        queue::prepared(connection, &waiting.id, self.now).await?;
        Ok(Some(self.body(purpose, expires_at)))
    }

    fn body(&self, purpose: Purpose, expires_at: i64) -> Body {
        let token = self.token.clone();
        let link = format!("{}{}?token={token}", self.rules.public_url, purpose.path());
        let until = for_people(expires_at);
        match purpose {
            Purpose::VerifyEmail => Body::VerifyEmail { link, token, until },
            Purpose::ChangeEmail => Body::ConfirmNewEmail { link, token, until },
            Purpose::ResetPassword => Body::ResetPassword { link, token, until },
            Purpose::Invitation => Body::Invitation { link, token, until },
        }
    }
}

/// A time of the store, as people read it.
fn for_people(micros: i64) -> String {
    let time = Utc.timestamp_micros(micros).single().unwrap_or_default();
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The beginning of the sentence that a notice tells.
fn what_was_done(act: &str) -> &'static str {
    let is = |wanted: Act| act == wanted.name();
    match () {
        () if is(Act::PasswordChange) => "The password of your account was changed",
        () if is(Act::PasswordReset) => "The password of your account was set anew, by a link in a letter",
        () if is(Act::TotpEnable) => "Codes of an authenticator app were turned on for your account",
        () if is(Act::TotpDisable) => "Codes of an authenticator app were turned off for your account",
        () if is(Act::RecoveryCodeUse) => "Somebody logged in to your account with one of its recovery codes",
        () if is(Act::RecoveryCodesRenew) => "Your account was given other recovery codes; the old ones are void",
        () if is(Act::PasskeyAdd) => "A passkey was added to your account",
        () if is(Act::PasskeyRemove) => "A passkey was removed from your account",
        () if is(Act::PasskeySecondFactor) => "Whether a passkey is asked for at login was changed for your account",
        () if is(Act::UserPassword) => "Another password was set for your account, and all its sessions were ended",
        () if is(Act::UserFactorsRemove) => {
            "The second factors of your account were removed, and all its sessions were ended"
        }
        () => "Something that matters for security was done to your account",
    }
}
