//! Codes of an authenticator app as a second factor (TOTP, RFC 6238): setting it up, and taking it away.

use actix_web::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Accounts;
use super::error::Unavailable;
use super::letters::post_notice;
use super::limits::TooMany;
use super::owner::{NotOwner, Owner};
use super::password::Password;
use super::reauthentication::NotReauthenticated;
use super::records;
use super::recovery_codes;
use super::totp_generator::{NewTotp, generate, seal_owner, step_of, write_out};
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::store::StoreError;
use crate::token::clock::rfc3339;

/// A code of the app that shows that it is set up.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "otp": "492039" })))]
pub struct Confirmation {
    #[schema(value_type = String)]
    otp: SecretString,
}

/// The password, before a second factor is weakened.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "password": "correct horse battery staple" })))]
pub struct WithPassword {
    #[schema(value_type = String, format = Password)]
    password: Password,
}

impl WithPassword {
    pub(super) fn into_password(self) -> Password {
        self.password
    }
}

/// What a second factor falls back on. Shown once: only hashes are kept.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "recovery_codes": ["fk3wv-7qzpm", "x8dht-2nrcb"] })))]
pub struct RecoveryCodes {
    pub(crate) recovery_codes: Vec<String>,
}

/// How things stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "enabled": true, "confirmed_at": "2026-11-24T04:56:15.818932Z", "recovery_codes_left": 10 })))]
pub struct TotpState {
    pub(crate) enabled: bool,
    #[schema(required, format = DateTime)]
    confirmed_at: Option<String>,
    pub(crate) recovery_codes_left: i64,
}

/// Why nothing was set up or taken away.
#[derive(Debug, thiserror::Error)]
pub enum NotSetUp {
    /// Codes are asked for already; whoever wants another app takes this one away first, with the password.
    #[error("codes are on")]
    IsOn,
    /// There is nothing to take away.
    #[error("codes are off")]
    IsOff,
    /// There is nothing to confirm, or it was begun anew meanwhile.
    #[error("no generator waits to be confirmed")]
    NotBegun,
    /// It is not a code of the app, or one of another minute.
    #[error("the code is wrong")]
    WrongOtp,
    /// Too many wrong codes.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It is not his password, or not now.
    #[error(transparent)]
    NotReauthenticated(#[from] NotReauthenticated),
}

impl From<NotSetUp> for Problem {
    fn from(not: NotSetUp) -> Self {
        let conflict = |kind, detail| Self::new(StatusCode::CONFLICT, kind).detail(detail);
        match not {
            NotSetUp::IsOn => conflict(
                "totp-is-on",
                "Codes are asked for already; DELETE /api/totp turns them off, with your password.",
            ),
            NotSetUp::IsOff => conflict("totp-is-off", "No codes are asked for; POST /api/totp begins with them."),
            NotSetUp::NotBegun => {
                conflict("totp-not-begun", "Nothing waits to be confirmed; POST /api/totp begins with it.")
            }
            NotSetUp::WrongOtp => Self::new(StatusCode::FORBIDDEN, "wrong-otp")
                .detail("That is not the code of this moment; is the clock of the device right?"),
            NotSetUp::TooMany(too_many) => too_many.into(),
            NotSetUp::NotReauthenticated(not) => not.into(),
        }
    }
}

impl Problems for NotSetUp {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, NotReauthenticated)>([Self::IsOn, Self::IsOff, Self::NotBegun, Self::WrongOtp])
    }
}

impl From<NotOwner> for NotSetUp {
    fn from(not: NotOwner) -> Self {
        NotReauthenticated::from(not).into()
    }
}

impl From<StoreError> for NotSetUp {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl Accounts {
    /// Begins with an authenticator app: it counts once a code of it was confirmed. Begun again, the last begin is void.
    ///
    /// # Errors
    /// [`NotSetUp`].
    pub async fn begin_totp(&self, owner: &Owner) -> Result<NewTotp, NotSetUp> {
        let secret = generate();
        let sealed = self.sealing.seal(&seal_owner(&owner.user_id), &secret);
        let (entering, now) = (owner.clone(), self.clock.unix_micros());
        let email = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    entering.enter(connection.reborrow(), None, now).await?;
                    if !records::begin_totp(connection.reborrow(), &entering.user_id, &sealed, now).await? {
                        return Err(NotSetUp::IsOn);
                    }
                    let user = records::user_by_id(connection, &entering.user_id).await?;
                    Ok(user.ok_or(NotOwner::Ended)?.email)
                })
            })
            .await?;
        write_out(&secret, &email, self.rules.server_name.as_deref(), &self.rules.public_url).map_err(broken)
    }

    /// Turns codes on: a code of the app shows that it is set up. Answers the recovery codes.
    ///
    /// # Errors
    /// [`NotSetUp`].
    pub async fn confirm_totp(&self, owner: &Owner, confirmation: &Confirmation) -> Result<RecoveryCodes, NotSetUp> {
        let mut reader = self.store.read().await?;
        let begun = records::totp_of(reader.connection(), &owner.user_id).await?.ok_or(NotSetUp::NotBegun)?;
        drop(reader);
        if begun.confirmed_at.is_some() {
            return Err(NotSetUp::IsOn);
        }
        self.limits.otp_of(&owner.user_id)?;
        let now = self.clock.unix_micros();
        let step = step_of(&self.sealing, &owner.user_id, &begun.sealed_secret, &confirmation.otp, now);
        let Some(step) = step else {
            self.note(owner.was_refused(Act::TotpEnable, "wrong code", now)).await;
            return Err(NotSetUp::WrongOtp);
        };
        let (codes, hashes) = new_codes(&owner.user_id);
        let entering = owner.clone();
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    let (owner, sealed) = (entering, begun.sealed_secret);
                    owner.enter(connection.reborrow(), None, now).await?;
                    if !records::confirm_totp(connection.reborrow(), &owner.user_id, &sealed, step, now).await? {
                        return Err(NotSetUp::NotBegun);
                    }
                    records::replace_recovery_codes(connection.reborrow(), &owner.user_id, &hashes, now).await?;
                    Ok(tell(connection, &owner, Act::TotpEnable, now).await?)
                })
            })
            .await?;
        self.limits.otp_was_right(&owner.user_id);
        self.letters_wait.notify_one();
        Ok(codes)
    }

    /// Turns codes off; the recovery codes go too.
    ///
    /// # Errors
    /// [`NotSetUp`].
    pub async fn disable_totp(&self, owner: &Owner, body: WithPassword) -> Result<(), NotSetUp> {
        let user = self.reauthenticate(owner, body.password, Act::TotpDisable).await?;
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                    if !records::delete_totp(connection.reborrow(), &owner.user_id).await? {
                        return Err(NotSetUp::IsOff);
                    }
                    records::drop_idle_recovery_codes(connection.reborrow(), &owner.user_id).await?;
                    Ok(tell(connection, &owner, Act::TotpDisable, now).await?)
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(())
    }

    /// Other recovery codes in place of those that are left.
    ///
    /// # Errors
    /// [`NotSetUp`].
    pub async fn renew_recovery_codes(&self, owner: &Owner, body: WithPassword) -> Result<RecoveryCodes, NotSetUp> {
        let user = self.reauthenticate(owner, body.password, Act::RecoveryCodesRenew).await?;
        let (codes, hashes) = new_codes(&owner.user_id);
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                    let totp = records::totp_of(connection.reborrow(), &owner.user_id).await?;
                    if user.passkey_required_at.is_none() && totp.is_none_or(|totp| totp.confirmed_at.is_none()) {
                        return Err(NotSetUp::IsOff);
                    }
                    records::replace_recovery_codes(connection.reborrow(), &owner.user_id, &hashes, now).await?;
                    Ok(tell(connection, &owner, Act::RecoveryCodesRenew, now).await?)
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(codes)
    }

    /// Whether codes are asked for, and how many recovery codes are left.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn totp_state(&self, owner: &Owner) -> Result<TotpState, Unavailable> {
        let mut reader = self.store.read().await?;
        let totp = records::totp_of(reader.connection(), &owner.user_id).await?;
        let recovery_codes_left = records::exported_recovery_codes(reader.connection(), &owner.user_id).await?;
        let confirmed_at = totp.and_then(|totp| totp.confirmed_at);
        Ok(TotpState { enabled: confirmed_at.is_some(), confirmed_at: confirmed_at.map(rfc3339), recovery_codes_left })
    }
}

pub(super) fn new_codes(user_id: &str) -> (RecoveryCodes, Vec<String>) {
    let codes = recovery_codes::generate();
    let hashes = codes.iter().filter_map(|code| recovery_codes::hash(user_id, &code.clone().into())).collect();
    (RecoveryCodes { recovery_codes: codes }, hashes)
}

/// Records what was done, and tells the owner.
pub(super) async fn tell(
    mut connection: crate::store::Connection<'_>,
    owner: &Owner,
    act: Act,
    now: i64,
) -> Result<(), NotOwner> {
    owner.did(act, now).record(connection.reborrow()).await?;
    if let Some(user) = records::user_by_id(connection.reborrow(), &owner.user_id).await? {
        post_notice(connection, &user, act, &owner.caller, now).await?;
    }
    Ok(())
}

/// What cannot happen with the addresses and names that there are.
fn broken(error: &'static str) -> NotSetUp {
    tracing::error!(error, "a TOTP generator could not be written out");
    NotOwner::from(StoreError::Interrupted).into()
}
