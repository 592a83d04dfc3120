//! Logging in with a passkey: instead of a password, or besides it.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use utoipa::ToSchema;
use webauthn_rs::prelude::{AuthenticationResult, DiscoverableKey, PasskeyAuthentication, PublicKeyCredential};

use super::Accounts;
use super::email_verification::email_not_verified;
use super::error::Unavailable;
use super::limits::TooMany;
use super::new_session::{Begun, Door, Method, Opened, TokenResponse};
use super::passkeys::{not_here, parse};
use super::records::{self, PasskeyRecord, UserRecord};
use super::refresh_token::RefreshToken;
use super::relying_party::{Challenge, Purpose, take};
use super::second_factor::Missing;
use crate::audit::{Act, Event};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::documented::{Problems, and};
use crate::metrics::Grant;
use crate::settings::EmailVerification;
use crate::store::StoreError;
use crate::token::random::base64url;

/// The browser's answer to a challenge.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(examples(json!({ "challenge_id": "d18205bd-b8a2-4e7e-82a2-8e429ebd642c", "credential": { "id": "3q2-7wEjRWeJq83v", "rawId": "3q2-7wEjRWeJq83v", "type": "public-key", "response": { "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ", "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0", "signature": "MEUCIQDx" }, "extensions": {} } })))]
pub struct PasskeyAnswer {
    challenge_id: String,
    #[schema(value_type = Object)]
    credential: PublicKeyCredential,
}

/// A passkey that answered its challenge. Its counter is written in the transaction that begins the session.
#[derive(Debug, Clone)]
pub(super) struct UsedPasskey {
    id: String,
    old: String,
    new: String,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// The server's address is none that passkeys can be bound to.
    #[error("there are no passkeys here")]
    NotHere,
    /// Too many tries from this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The answer is to no challenge that waits, or of no passkey of an account that may log in: nobody learns which.
    #[error("the answer of the passkey is not good")]
    NotGood,
    /// The passkey is right, and the address was not shown to be its owner's, which this server wants first.
    #[error("the email address is not verified")]
    EmailNotVerified,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<NotLoggedIn> for Problem {
    fn from(not: NotLoggedIn) -> Self {
        match not {
            NotLoggedIn::NotHere => not_here(),
            NotLoggedIn::TooMany(too_many) => too_many.into(),
            NotLoggedIn::NotGood => Self::new(StatusCode::UNAUTHORIZED, "passkey-not-good")
                .detail("That passkey opens no account here, or its challenge was used or is older than five minutes.")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tokenhouse\"")),
            NotLoggedIn::EmailNotVerified => email_not_verified(),
            NotLoggedIn::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Problems for NotLoggedIn {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, StoreError)>([Self::NotHere, Self::NotGood, Self::EmailNotVerified])
    }
}

impl From<StoreError> for NotLoggedIn {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl Accounts {
    /// A challenge for whoever has a passkey here; it does not say for whom, so it tells nothing of accounts.
    ///
    /// # Errors
    /// [`NotLoggedIn`].
    pub async fn begin_passkey_login(&self, caller: &Caller) -> Result<Challenge, NotLoggedIn> {
        let relying_party = self.relying_party().ok_or(NotLoggedIn::NotHere)?;
        self.limits.login_from(caller.address)?;
        let made = relying_party.start_discoverable_authentication().ok();
        let made = made.and_then(|(options, state)| self.challenge(Purpose::Login, None, &options, &state).ok());
        let (challenge, record) = made.ok_or(StoreError::Interrupted)?;
        self.store
            .write(move |connection| Box::pin(async move { records::insert_challenge(connection, &record).await }))
            .await
            .map_err(|error: StoreError| NotLoggedIn::from(error))?;
        Ok(challenge)
    }

    /// Begins a session for whoever answers the challenge with a passkey of an account. It takes no other factor: the passkey verified its owner.
    ///
    /// # Errors
    /// [`NotLoggedIn`].
    pub async fn log_in_with_passkey(
        &self,
        caller: &Caller,
        answer: PasskeyAnswer,
    ) -> Result<TokenResponse, NotLoggedIn> {
        let token = RefreshToken::generate();
        let opened = self.enter_with_passkey(caller, answer, Door::Login(&token)).await?;
        self.metrics.minted(Grant::Login);
        Ok(self.tokens(&opened.session, &opened.user, &token))
    }

    /// The same at any door.
    pub(super) async fn enter_with_passkey(
        &self,
        caller: &Caller,
        answer: PasskeyAnswer,
        door: Door<'_>,
    ) -> Result<Opened, NotLoggedIn> {
        self.counted_passkey(self.try_to_enter_with_passkey(caller, answer, door).await)
    }

    async fn try_to_enter_with_passkey(
        &self,
        caller: &Caller,
        answer: PasskeyAnswer,
        door: Door<'_>,
    ) -> Result<Opened, NotLoggedIn> {
        let relying_party = self.relying_party().ok_or(NotLoggedIn::NotHere)?;
        self.limits.login_from(caller.address)?;
        let now = self.clock.unix_micros();
        let id = answer.challenge_id.clone();
        let state = self
            .store
            .write(move |connection| Box::pin(async move { take(connection, &id, Purpose::Login, None, now).await }))
            .await
            .map_err(|error: StoreError| NotLoggedIn::from(error))?;
        let Some(state) = state else { return Err(self.refuse_passkey(caller, None, "unknown challenge").await) };
        let Ok((user_id, _)) = relying_party.identify_discoverable_authentication(&answer.credential) else {
            return Err(self.refuse_passkey(caller, None, "unknown passkey").await);
        };
        let Some((user, record)) = self.owner_of(&user_id.to_string(), &answer.credential).await? else {
            return Err(self.refuse_passkey(caller, None, "unknown passkey").await);
        };
        let passkey = parse(&record).ok_or(StoreError::Interrupted)?;
        let key = DiscoverableKey::from(&passkey);
        let result = relying_party.finish_discoverable_authentication_v2(&answer.credential, state, &key);
        let answered = result.ok().and_then(|result| used(&record, &answer.credential, &result));
        let Some(passkey) = answered else {
            return Err(self.refuse_passkey(caller, Some(&user.id), "wrong answer").await);
        };
        if user.disabled_at.is_some() {
            return Err(self.refuse_passkey(caller, Some(&user.id), "disabled account").await);
        }
        if self.rules.email_verification == EmailVerification::Required && user.email_verified_at.is_none() {
            self.refuse_passkey(caller, Some(&user.id), "email address not verified").await;
            return Err(NotLoggedIn::EmailNotVerified);
        }
        let user_id = user.id.clone();
        match self.begin_session(user, caller, Method::Passkey(passkey), door).await? {
            Begun::Session(opened) => Ok(*opened),
            Begun::FactorSpent | Begun::Changed => {
                Err(self.refuse_passkey(caller, Some(&user_id), "changed meanwhile").await)
            }
        }
    }

    /// A challenge for the passkeys of a user whose password was right; none, when he has no passkeys.
    pub(super) async fn second_factor_challenge(&self, user: &UserRecord) -> Result<Option<Challenge>, StoreError> {
        let Some(relying_party) = self.relying_party() else { return Ok(None) };
        let mut reader = self.store.read().await?;
        let passkeys: Vec<_> =
            records::passkeys_of(reader.connection(), &user.id).await?.iter().filter_map(parse).collect();
        drop(reader);
        if passkeys.is_empty() {
            return Ok(None);
        }
        let made = relying_party.start_passkey_authentication(&passkeys).ok();
        let made = made
            .and_then(|(options, state)| self.challenge(Purpose::SecondFactor, Some(&user.id), &options, &state).ok());
        let Some((challenge, record)) = made else { return Err(StoreError::Interrupted) };
        self.store
            .write(move |connection| Box::pin(async move { records::insert_challenge(connection, &record).await }))
            .await?;
        Ok(Some(challenge))
    }

    /// The passkey of a user that answered the challenge of a second factor.
    pub(super) async fn check_second_passkey(
        &self,
        user: &UserRecord,
        answer: &PasskeyAnswer,
    ) -> Result<UsedPasskey, Missing> {
        let relying_party = self.relying_party().ok_or(Missing::Wrong)?;
        let (id, owner, now) = (answer.challenge_id.clone(), user.id.clone(), self.clock.unix_micros());
        let state: Option<PasskeyAuthentication> = self
            .store
            .write(move |connection| {
                Box::pin(async move { take(connection, &id, Purpose::SecondFactor, Some(&owner), now).await })
            })
            .await
            .map_err(|error: StoreError| Missing::from(error))?;
        let state = state.ok_or(Missing::Wrong)?;
        let (_, record) = self.owner_of(&user.id, &answer.credential).await?.ok_or(Missing::Wrong)?;
        let result = relying_party.finish_passkey_authentication(&answer.credential, &state);
        result.ok().and_then(|result| used(&record, &answer.credential, &result)).ok_or(Missing::Wrong)
    }

    /// The account of this id with its passkey of this credential.
    async fn owner_of(
        &self,
        user_id: &str,
        credential: &PublicKeyCredential,
    ) -> Result<Option<(UserRecord, PasskeyRecord)>, StoreError> {
        let credential_id = base64url(credential.get_credential_id());
        let mut reader = self.store.read().await?;
        let record = records::passkey_of_credential(reader.connection(), user_id, &credential_id).await?;
        let user = records::user_by_id(reader.connection(), user_id).await?;
        Ok(user.zip(record))
    }

    async fn refuse_passkey(&self, caller: &Caller, user_id: Option<&str>, why: &'static str) -> NotLoggedIn {
        tracing::info!(from = %caller.address, user = user_id, why, "a login with a passkey failed");
        let event = Event::failure(Act::Login, why, self.clock.unix_micros()).from(caller);
        self.note(user_id.into_iter().fold(event, Event::on_user)).await;
        NotLoggedIn::NotGood
    }
}

/// What is to be written of a passkey that was used. None, when it did not verify who used it, or was used in a frame of another site.
fn used(
    record: &PasskeyRecord,
    credential: &PublicKeyCredential,
    result: &AuthenticationResult,
) -> Option<UsedPasskey> {
    if !result.user_verified() || is_framed(credential) {
        return None;
    }
    // The crate holds the counter against the one of when the challenge was made; another answer may have been taken since.
    let stored: serde_json::Value = serde_json::from_str(&record.credential).ok()?;
    let stored = stored.pointer("/cred/counter").and_then(serde_json::Value::as_u64)?;
    if stored > 0 && u64::from(result.counter()) <= stored {
        return None;
    }
    let mut passkey = parse(record)?;
    passkey.update_credential(result)?;
    let new = serde_json::to_string(&passkey).ok()?;
    Some(UsedPasskey { id: record.id.clone(), old: record.credential.clone(), new })
}

/// Whether the page was in a frame of another site, which may show it so that its user does not know what he consents to (WebAuthn level 3,
/// section 13.4.2). The crate asks only when a passkey is made.
fn is_framed(credential: &PublicKeyCredential) -> bool {
    #[derive(Deserialize)]
    struct ClientData {
        #[serde(default, rename = "crossOrigin")]
        cross_origin: Option<bool>,
    }
    let said = serde_json::from_slice::<ClientData>(&credential.response.client_data_json);
    said.map_or(true, |said| said.cross_origin == Some(true))
}

impl UsedPasskey {
    /// Writes its counter; `false` when it was removed, or used beside this.
    pub async fn spend(&self, connection: crate::store::Connection<'_>, now: i64) -> Result<bool, StoreError> {
        records::use_passkey(connection, &self.id, &self.old, &self.new, now).await
    }
}
