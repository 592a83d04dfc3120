//! What may be done with clients: adding, changing, a new secret, removing. The same over HTTP and on the command line.

use std::time::Duration;

use actix_web::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::author::Author;
use super::client::{AuthMethod, Client};
pub use super::client_change::ClientChange;
use super::client_change::{changed, differences, seen};
use super::records::{self, ClientRecord};
use super::{rules, secret};
use crate::accounts::micros;
use crate::accounts::owner::NotOwner;
use crate::audit::Act;
use crate::http::Problem;
use crate::http::documented::{Problems, and};
use crate::http::problem::FieldError;
use crate::settings::DeclaredScope;
use crate::store::{Store, StoreError};
use crate::token::Clock;

/// The secret that another takes the place of stays good for so long at most.
pub const LONGEST_OVERLAP: Duration = Duration::from_hours(24 * 30);

/// Where clients are kept, and which scopes they may have.
#[derive(Clone)]
pub(crate) struct Clients {
    pub store: Store,
    pub clock: Clock,
    pub scopes: Vec<DeclaredScope>,
}

/// A client to be added.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "name": "Orders", "grants": ["client_credentials"], "scopes": [], "access_ttl": "15m" })))]
pub struct NewClient {
    /// For people.
    pub name: String,
    /// Without one, it may introspect and revoke only.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Declared ones.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Absent: its secret, in the header or in the body.
    pub auth_method: Option<String>,
    /// Its public keys, for `private_key_jwt`.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// How long its access tokens live, such as `15m`.
    pub access_ttl: Option<String>,
    /// How long its refresh tokens are good when nobody uses them, such as `7d`.
    pub refresh_ttl: Option<String>,
    /// Where its users may be sent with a code.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where they may be sent when they have signed out.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// `aud` of its access tokens; absent: that of the settings.
    pub audience: Option<String>,
    /// Its users are not asked for their consent: it is of the same house.
    #[serde(default)]
    pub trusted: bool,
}

/// A client with its secret, which nobody sees again; `None` when it has keys instead, or can keep none.
pub struct Added {
    /// The client.
    pub client: Client,
    /// To be handed out once.
    pub secret: Option<SecretString>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Some members are not as they must be.
    #[error("some fields are not as they must be")]
    Invalid(Vec<FieldError>),
    /// There is no such client.
    #[error("there is no such client")]
    Unknown,
    /// It is not any more as it was when somebody decided what shall be different.
    #[error("the client was changed meanwhile")]
    ChangedMeanwhile,
    /// It has keys, and no secret that another could take the place of.
    #[error("the client has no secret: it signs with its own keys, or it is public")]
    NoSecret,
    /// Whoever asked for it is not (or no longer) who he was, or the store does not answer.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        NotOwner::from(error).into()
    }
}

impl From<NotDone> for Problem {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::Invalid(errors) => Self::invalid_fields(errors),
            NotDone::Unknown => Self::new(StatusCode::NOT_FOUND, "no-such-client")
                .detail("There is no client with this id; GET /api/admin/clients lists all."),
            NotDone::ChangedMeanwhile => Self::new(StatusCode::CONFLICT, "changed-meanwhile").detail(
                "Somebody else changed this client meanwhile, so nothing was saved. The form has it as it is now: please look, and change it again.",
            ),
            NotDone::NoSecret => Self::new(StatusCode::CONFLICT, "no-secret").detail(
                "This client has no secret: it signs with keys of its own (private_key_jwt), or it is public (none).",
            ),
            NotDone::NotOwner(not) => not.into(),
        }
    }
}

impl Problems for NotDone {
    fn problems() -> Vec<Problem> {
        let wrong = FieldError { field: "name", message: "must not be empty".into() };
        and::<NotOwner>([Self::Invalid(vec![wrong]), Self::Unknown, Self::NoSecret])
    }
}

impl Clients {
    /// Adds a client.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn add(&self, new: NewClient, author: Author) -> Result<Added, NotDone> {
        let now = self.clock.unix_micros();
        let record = rules::record(&new, &self.scopes, secret::new_client_id(), now).map_err(NotDone::Invalid)?;
        let has_secret = has_secret(&record);
        let secret = has_secret.then(secret::new_secret);
        let (kept, hash) = (record.clone(), secret.as_ref().map(secret::hash));
        let event = author.did(Act::ClientAdd, &record.id, now);
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    author.enter(connection.reborrow(), now).await?;
                    records::begin_change(connection.reborrow()).await?;
                    records::insert_client(connection.reborrow(), &kept).await?;
                    if let Some(hash) = hash {
                        records::insert_secret(connection.reborrow(), &kept.id, &hash, now).await?;
                    }
                    event.record(connection).await?;
                    Ok::<_, NotDone>(())
                })
            })
            .await?;
        Ok(Added { client: Client::new(record, Vec::new()), secret })
    }

    /// Changes a client. One that is disabled gets no token, and those it has are dead.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn change(&self, id: &str, change: ClientChange, author: Author) -> Result<(), NotDone> {
        let now = self.clock.unix_micros();
        let (id, scopes) = (id.to_owned(), self.scopes.clone());
        let event = author.did(Act::ClientChange, &id, now);
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    author.enter(connection.reborrow(), now).await?;
                    records::begin_change(connection.reborrow()).await?;
                    let client = records::client(connection.reborrow(), &id).await?.ok_or(NotDone::Unknown)?;
                    if change.seen.as_ref().is_some_and(|before| *before != seen(&client)) {
                        return Err(NotDone::ChangedMeanwhile);
                    }
                    let changed = changed(client.clone(), change, &scopes, now).map_err(NotDone::Invalid)?;
                    records::update_client(connection.reborrow(), &changed).await?;
                    let event = event.with(&json!({ "changed": differences(&client, &changed) }));
                    event.record(connection).await?;
                    Ok::<_, NotDone>(())
                })
            })
            .await
    }

    /// Gives a client another secret; the last one stays good for `overlap`. One that was on its way out already goes at once, so that there are never
    /// more than two.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn rotate(&self, id: &str, overlap: Duration, author: Author) -> Result<SecretString, NotDone> {
        if overlap > LONGEST_OVERLAP {
            let message = "must be a duration of at most 30d".into();
            return Err(NotDone::Invalid(vec![FieldError { field: "overlap", message }]));
        }
        let now = self.clock.unix_micros();
        let end = now.saturating_add(micros(overlap));
        let secret = secret::new_secret();
        let (id, hash) = (id.to_owned(), secret::hash(&secret));
        let event = author.did(Act::ClientRotate, &id, now);
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    author.enter(connection.reborrow(), now).await?;
                    records::begin_change(connection.reborrow()).await?;
                    let client = records::client(connection.reborrow(), &id).await?.ok_or(NotDone::Unknown)?;
                    if !has_secret(&client) {
                        return Err(NotDone::NoSecret);
                    }
                    if overlap.is_zero() {
                        // Not by an end that is now: clocks of nodes differ.
                        records::delete_secrets(connection.reborrow(), &id).await?;
                    } else {
                        records::retire_secrets(connection.reborrow(), &id, end).await?;
                    }
                    records::insert_secret(connection.reborrow(), &id, &hash, now).await?;
                    event.record(connection).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(secret)
    }

    /// Removes a client; its tokens are dead.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn remove(&self, id: &str, author: Author) -> Result<(), NotDone> {
        let now = self.clock.unix_micros();
        let id = id.to_owned();
        let event = author.did(Act::ClientRemove, &id, now);
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    author.enter(connection.reborrow(), now).await?;
                    records::begin_change(connection.reborrow()).await?;
                    if !records::delete_client(connection.reborrow(), &id).await? {
                        return Err(NotDone::Unknown);
                    }
                    event.record(connection).await?;
                    Ok(())
                })
            })
            .await
    }
}

fn has_secret(client: &ClientRecord) -> bool {
    client.auth_method.as_deref().and_then(AuthMethod::of).is_none_or(AuthMethod::has_secret)
}
