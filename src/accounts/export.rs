//! All that is stored of a person, for the person (GDPR, articles 15 and 20).

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Accounts;
use super::limits::TooMany;
use super::owner::{NotOwner, Owner};
use super::records::{self, ExportedConsent, ExportedLetter, ExportedPasskey, ExportedSession, UserRecord};
use crate::audit::EventOverview;
use crate::audit::{self, Act, Event};
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::store::StoreError;
use crate::token::clock::rfc3339;

/// Of the events at most so many are given, the newest: years of use.
const EVENTS: i64 = 5_000;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// Too many of this account.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// His session has ended meanwhile, or it cannot be told now.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

/// Every row about the owner of an account.
#[derive(Serialize, ToSchema)]
pub struct Export {
    #[schema(format = DateTime)]
    exported_at: String,
    #[schema(value_type = Object)]
    account: Value,
    #[schema(value_type = Vec<Object>)]
    sessions: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    allowed_clients: Vec<Value>,
    #[schema(value_type = Option<Object>, required)]
    totp: Option<Value>,
    recovery_codes_left: i64,
    #[schema(value_type = Vec<Object>)]
    passkeys: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    letters_waiting: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    links_waiting: Vec<Value>,
    events: Vec<EventOverview>,
    /// What is kept of him besides.
    #[schema(value_type = Vec<String>)]
    kept_but_not_shown: [&'static str; 5],
}

const NOT_SHOWN: [&str; 5] = [
    "the hash of the password",
    "hashes of refresh tokens, of cookies, of recovery codes and of the tokens in letters",
    "the encrypted secret of the TOTP generator",
    "the public keys of passkeys",
    "codes for clients and devices, which are deleted within a day",
];

impl From<NotExported> for Problem {
    fn from(not: NotExported) -> Self {
        match not {
            NotExported::TooMany(too_many) => too_many.into(),
            NotExported::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotExported {
    fn problems() -> Vec<Problem> {
        and::<(TooMany, NotOwner)>(std::iter::empty::<Problem>())
    }
}

impl From<StoreError> for NotExported {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl Accounts {
    /// One JSON document with every row about the owner. Secrets are not in it, only that they are kept.
    ///
    /// # Errors
    /// [`NotExported`].
    pub async fn export(&self, owner: &Owner) -> Result<Export, NotExported> {
        self.limits.export_of(&owner.user_id)?;
        let (entering, now) = (owner.clone(), self.clock.unix_micros());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    entering.enter(connection.reborrow(), None, now).await?;
                    entering.did(Act::AccountExport, now).record(connection).await?;
                    Ok::<_, NotOwner>(())
                })
            })
            .await?;
        let (mut reader, id) = (self.store.read().await?, &owner.user_id);
        let Some(user) = records::user_by_id(reader.connection(), id).await? else {
            return Err(NotOwner::Ended.into());
        };
        let sessions = records::exported_sessions(reader.connection(), id).await?;
        let consents = records::exported_consents(reader.connection(), id).await?;
        let totp = records::exported_totp(reader.connection(), id).await?;
        let recovery_codes = records::exported_recovery_codes(reader.connection(), id).await?;
        let passkeys = records::exported_passkeys(reader.connection(), id).await?;
        let letters = records::exported_letters(reader.connection(), id).await?;
        let links = records::exported_links(reader.connection(), id).await?;
        let events = audit::of_user(reader.connection(), id, EVENTS).await?;
        drop(reader);
        Ok(Export {
            exported_at: rfc3339(now),
            account: account(&user),
            sessions: sessions.iter().map(session).collect(),
            allowed_clients: consents.iter().map(consent).collect(),
            totp: totp.map(|totp| {
                json!({
                    "created_at": rfc3339(totp.created_at),
                    "confirmed_at": totp.confirmed_at.map(rfc3339),
                })
            }),
            recovery_codes_left: recovery_codes,
            passkeys: passkeys.iter().map(passkey).collect(),
            letters_waiting: letters.iter().map(letter).collect(),
            links_waiting: links.iter().map(letter).collect(),
            events: events.iter().map(Event::overview).collect(),
            kept_but_not_shown: NOT_SHOWN,
        })
    }
}

fn account(user: &UserRecord) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "roles": user.roles.split_whitespace().collect::<Vec<_>>(),
        "created_at": rfc3339(user.created_at),
        "email_verified_at": user.email_verified_at.map(rfc3339),
        "disabled_at": user.disabled_at.map(rfc3339),
        "passkey_required_at": user.passkey_required_at.map(rfc3339),
    })
}

fn session(session: &ExportedSession) -> Value {
    json!({
        "id": session.id,
        "created_at": rfc3339(session.created_at),
        "last_used_at": rfc3339(session.last_used_at),
        "expires_at": rfc3339(session.expires_at),
        "ended_at": session.ended_at.map(rfc3339),
        "ip": session.ip,
        "user_agent": session.user_agent,
        "methods": session.methods.split_whitespace().collect::<Vec<_>>(),
        "kind": session.kind,
        "client_id": session.client_id,
        "scopes": session.scopes.as_ref().map(|scopes| scopes.split_whitespace().collect::<Vec<_>>()),
    })
}

fn consent(consent: &ExportedConsent) -> Value {
    json!({
        "client_id": consent.client_id,
        "scopes": consent.scopes.split_whitespace().collect::<Vec<_>>(),
        "granted_at": rfc3339(consent.granted_at),
    })
}

fn passkey(passkey: &ExportedPasskey) -> Value {
    json!({
        "id": passkey.id,
        "name": passkey.name,
        "created_at": rfc3339(passkey.created_at),
        "last_used_at": passkey.last_used_at.map(rfc3339),
    })
}

fn letter(letter: &ExportedLetter) -> Value {
    json!({ "kind": letter.kind, "email": letter.email, "created_at": rfc3339(letter.created_at) })
}
