//! One's passkeys (WebAuthn): adding, naming, removing, and asking for one besides the password.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use webauthn_rs::prelude::{Passkey, PasskeyRegistration, RegisterPublicKeyCredential, Webauthn};

use super::Accounts;
use super::name::display_name;
use super::owner::{NotOwner, Owner};
use super::reauthentication::NotReauthenticated;
use super::records::{self, PasskeyRecord};
use super::relying_party::{Challenge, Purpose, take};
use super::totp::{WithPassword, tell};
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::store::StoreError;
use crate::token::clock::rfc3339;
use crate::token::random::base64url;

/// So many may one account have.
const MOST: usize = 20;

/// The browser's answer to a challenge for a new passkey.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "challenge_id": "d18205bd-b8a2-4e7e-82a2-8e429ebd642c", "name": "Laptop", "credential": { "id": "3q2-7wEjRWeJq83v", "rawId": "3q2-7wEjRWeJq83v", "type": "public-key", "response": { "attestationObject": "o2NmbXRkbm9uZQ", "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0" }, "extensions": {} } })))]
pub struct NewPasskey {
    challenge_id: String,
    name: String,
    #[schema(value_type = Object)]
    credential: RegisterPublicKeyCredential,
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(examples(json!({ "name": "Old laptop" })))]
pub struct Rename {
    name: String,
}

/// A passkey, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "id": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "name": "Laptop", "created_at": "2026-11-24T04:56:15.818932Z", "last_used_at": null })))]
pub struct PasskeyOverview {
    #[schema(format = "uuid")]
    pub(crate) id: String,
    pub(crate) name: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The server's address is none that passkeys can be bound to.
    #[error("there are no passkeys here")]
    NotHere,
    /// The answer is to no challenge that waits, or does not answer it.
    #[error("the answer is not good")]
    NotGood,
    /// There are as many as there may be.
    #[error("there are too many passkeys")]
    TooMany,
    /// The owner has no such passkey; nobody learns whether somebody else has.
    #[error("there is no such passkey")]
    Unknown,
    /// The name is none.
    #[error("the name is not one")]
    Invalid(FieldError),
    /// It is not his password, or not now.
    #[error(transparent)]
    NotReauthenticated(#[from] NotReauthenticated),
}

impl From<NotChanged> for Problem {
    fn from(not: NotChanged) -> Self {
        match not {
            NotChanged::NotHere => not_here(),
            NotChanged::NotGood => Self::new(StatusCode::BAD_REQUEST, "passkey-not-good").detail(
                "The answer of the passkey is not good: its challenge was used or is older than five minutes, or it is another site's.",
            ),
            NotChanged::TooMany => Self::new(StatusCode::CONFLICT, "too-many-passkeys")
                .detail(format!("An account may have {MOST} passkeys; remove one first.")),
            NotChanged::Unknown => Self::new(StatusCode::NOT_FOUND, "no-such-passkey")
                .detail("You have no passkey with this id; GET /api/passkeys lists yours."),
            NotChanged::Invalid(error) => Self::invalid_fields(vec![error]),
            NotChanged::NotReauthenticated(not) => not.into(),
        }
    }
}

impl Problems for NotChanged {
    fn problems() -> Vec<Problem> {
        let wrong = FieldError { field: "name", message: "must not be empty".into() };
        and::<NotReauthenticated>([Self::NotHere, Self::NotGood, Self::TooMany, Self::Unknown, Self::Invalid(wrong)])
    }
}

impl From<NotOwner> for NotChanged {
    fn from(not: NotOwner) -> Self {
        NotReauthenticated::from(not).into()
    }
}

impl From<StoreError> for NotChanged {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

/// Where passkeys cannot be.
pub(super) fn not_here() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no-passkeys-here").detail(
        "Passkeys are bound to a name, and this server's public address has none; its operator sets server.public_url.",
    )
}

impl Accounts {
    pub(super) fn relying_party(&self) -> Option<&Webauthn> {
        self.relying_party.as_ref()
    }

    /// A challenge for a new passkey.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn begin_passkey(&self, owner: &Owner, body: WithPassword) -> Result<Challenge, NotChanged> {
        let relying_party = self.relying_party().ok_or(NotChanged::NotHere)?;
        let user = self.reauthenticate(owner, body.into_password(), Act::PasskeyAdd).await?;
        let mut reader = self.store.read().await?;
        let passkeys = records::passkeys_of(reader.connection(), &user.id).await?;
        drop(reader);
        if passkeys.len() >= MOST {
            return Err(NotChanged::TooMany);
        }
        let known =
            passkeys.iter().filter_map(|passkey| parse(passkey).map(|passkey| passkey.cred_id().clone())).collect();
        let id = user.id.parse::<Uuid>().map_err(|_| NotOwner::Ended)?;
        let name = user.name.as_deref().unwrap_or(&user.email);
        let (mut options, state) = relying_party
            .start_passkey_registration(id, &user.email, name, Some(known))
            .map_err(|error| broken(&error))?;
        // The crate leaves that away; without it the passkey could not be used without an address being typed first.
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            selection.require_resident_key = true;
            selection.resident_key = serde_json::from_value(Value::from("required")).ok();
        }
        let (challenge, record) =
            self.challenge(Purpose::Register, Some(&user.id), &options, &state).map_err(|error| broken(&error))?;
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                    Ok::<_, NotOwner>(records::insert_challenge(connection, &record).await?)
                })
            })
            .await?;
        Ok(challenge)
    }

    /// Adds the passkey that answers a challenge.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn add_passkey(&self, owner: &Owner, new: NewPasskey) -> Result<PasskeyOverview, NotChanged> {
        let relying_party = self.relying_party().ok_or(NotChanged::NotHere)?;
        let name = passkey_name(&new.name)?;
        let now = self.clock.unix_micros();
        let (id, user_id) = (new.challenge_id.clone(), owner.user_id.clone());
        // By itself, so that a challenge is used up by an answer that is wrong, too.
        let state: Option<PasskeyRegistration> = self
            .store
            .write(move |connection| {
                Box::pin(async move { take(connection, &id, Purpose::Register, Some(&user_id), now).await })
            })
            .await
            .map_err(|error: StoreError| NotChanged::from(error))?;
        let state = state.ok_or(NotChanged::NotGood)?;
        let passkey = relying_party.finish_passkey_registration(&new.credential, &state).map_err(|error| {
            tracing::debug!(%error, "a new passkey was refused");
            NotChanged::NotGood
        })?;
        let record = PasskeyRecord {
            id: Uuid::new_v4().to_string(),
            user_id: owner.user_id.clone(),
            credential_id: base64url(passkey.cred_id().as_ref()),
            name,
            credential: serde_json::to_string(&passkey).map_err(|error| broken(&error))?,
            created_at: now,
            last_used_at: None,
        };
        let owner = owner.clone();
        let record = self
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), None, now).await?;
                    if records::passkeys_of(connection.reborrow(), &owner.user_id).await?.len() >= MOST {
                        return Err(NotChanged::TooMany);
                    }
                    if !records::insert_passkey(connection.reborrow(), &record).await? {
                        return Err(NotChanged::NotGood);
                    }
                    tell(connection, &owner, Act::PasskeyAdd, now).await?;
                    Ok(record)
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(overview(record))
    }

    /// The passkeys of the owner, the oldest first.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub async fn passkeys(&self, owner: &Owner) -> Result<Vec<PasskeyOverview>, NotOwner> {
        let mut reader = self.store.read().await?;
        let passkeys = records::passkeys_of(reader.connection(), &owner.user_id).await?;
        Ok(passkeys.into_iter().map(overview).collect())
    }

    /// Gives a passkey another name.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn rename_passkey(&self, owner: &Owner, id: String, rename: &Rename) -> Result<(), NotChanged> {
        let name = passkey_name(&rename.name)?;
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), None, now).await?;
                    let renamed = records::rename_passkey(connection, &id, &owner.user_id, &name).await?;
                    if renamed { Ok(()) } else { Err(NotChanged::Unknown) }
                })
            })
            .await
    }

    /// Removes a passkey. With the last one, none is asked for any more.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn remove_passkey(&self, owner: &Owner, id: String, body: WithPassword) -> Result<(), NotChanged> {
        let user = self.reauthenticate(owner, body.into_password(), Act::PasskeyRemove).await?;
        let (owner, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    owner.enter(connection.reborrow(), Some(&user.password_hash), now).await?;
                    if !records::delete_passkey(connection.reborrow(), &id, &owner.user_id).await? {
                        return Err(NotChanged::Unknown);
                    }
                    if records::passkeys_of(connection.reborrow(), &owner.user_id).await?.is_empty() {
                        records::set_passkey_required(connection.reborrow(), &owner.user_id, None).await?;
                        records::drop_idle_recovery_codes(connection.reborrow(), &owner.user_id).await?;
                    }
                    Ok(tell(connection, &owner, Act::PasskeyRemove, now).await?)
                })
            })
            .await?;
        self.letters_wait.notify_one();
        Ok(())
    }
}

/// The passkey of a row.
pub(super) fn parse(record: &PasskeyRecord) -> Option<Passkey> {
    serde_json::from_str(&record.credential).ok()
}

fn passkey_name(name: &str) -> Result<String, NotChanged> {
    let empty = || FieldError { field: "name", message: "must not be empty".into() };
    display_name(Some(name)).and_then(|name| name.ok_or_else(empty)).map_err(NotChanged::Invalid)
}

fn overview(record: PasskeyRecord) -> PasskeyOverview {
    PasskeyOverview {
        created_at: rfc3339(record.created_at),
        last_used_at: record.last_used_at.map(rfc3339),
        id: record.id,
        name: record.name,
    }
}

/// What cannot happen with the accounts that there are.
fn broken(error: &dyn std::error::Error) -> NotChanged {
    tracing::error!(error = %error, "a challenge for a passkey could not be made");
    NotOwner::from(StoreError::Interrupted).into()
}
