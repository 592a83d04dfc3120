//! What may be done with clients: adding, changing, a new secret, removing. The same over HTTP and on the command line.

use std::time::Duration;

use actix_web::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::author::Author;
use super::client::{AuthMethod, Client};
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

/// What shall be different; what is absent stays as it is. `null` takes a member's value away, where it may have none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what is absent and what is null are different here")]
#[schema(examples(json!({ "name": "Orders and returns", "access_ttl": null })))]
pub struct ClientChange {
    pub(crate) name: Option<String>,
    pub(crate) grants: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) access_ttl: Option<Option<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) refresh_ttl: Option<Option<String>>,
    pub(crate) redirect_uris: Option<Vec<String>>,
    pub(crate) post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>)]
    pub(crate) audience: Option<Option<String>>,
    pub(crate) trusted: Option<bool>,
    pub(crate) disabled: Option<bool>,
}

/// A member that is there, and may be `null`: serde takes that for one that is not.
#[expect(clippy::option_option, reason = "what is absent and what is null are different here")]
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
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

fn changed(
    mut client: ClientRecord,
    change: ClientChange,
    declared: &[DeclaredScope],
    now: i64,
) -> Result<ClientRecord, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut take = |result: Result<(), FieldError>| errors.extend(result.err());
    if let Some(name) = change.name {
        take(rules::name(&name).map(|name| client.name = name));
    }
    if let Some(grants) = change.grants {
        take(rules::grants(&grants).map(|grants| client.grants = grants));
    }
    if let Some(scopes) = change.scopes {
        take(rules::scopes(&scopes, declared).map(|scopes| client.scopes = scopes));
    }
    if let Some(ttl) = change.access_ttl {
        take(ttl.as_deref().map(rules::access_ttl).transpose().map(|ttl| client.access_ttl = ttl));
    }
    if let Some(ttl) = change.refresh_ttl {
        take(ttl.as_deref().map(rules::refresh_ttl).transpose().map(|ttl| client.refresh_ttl = ttl));
    }
    if let Some(uris) = change.redirect_uris {
        take(rules::uris("redirect_uris", &uris).map(|uris| client.redirect_uris = uris));
    }
    if let Some(uris) = change.post_logout_redirect_uris {
        let field = "post_logout_redirect_uris";
        take(rules::uris(field, &uris).map(|uris| client.post_logout_redirect_uris = uris));
    }
    if let Some(audience) = change.audience {
        take(audience.as_deref().map(rules::audience).transpose().map(|audience| client.audience = audience));
    }
    let since = |so: Option<bool>, before: Option<i64>| match so {
        Some(true) => before.or(Some(now)),
        Some(false) => None,
        None => before,
    };
    client.disabled_at = since(change.disabled, client.disabled_at);
    client.trusted_at = since(change.trusted, client.trusted_at);
    if errors.is_empty() {
        errors.extend(rules::together(&client));
    }
    if errors.is_empty() { Ok(client) } else { Err(errors) }
}

/// The members that a change made different.
fn differences(before: &ClientRecord, after: &ClientRecord) -> Vec<&'static str> {
    let all = [
        ("name", before.name != after.name),
        ("grants", before.grants != after.grants),
        ("scopes", before.scopes != after.scopes),
        ("access_ttl", before.access_ttl != after.access_ttl),
        ("refresh_ttl", before.refresh_ttl != after.refresh_ttl),
        ("redirect_uris", before.redirect_uris != after.redirect_uris),
        ("post_logout_redirect_uris", before.post_logout_redirect_uris != after.post_logout_redirect_uris),
        ("audience", before.audience != after.audience),
        ("trusted", before.trusted_at.is_some() != after.trusted_at.is_some()),
        ("disabled", before.disabled_at.is_some() != after.disabled_at.is_some()),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn has_secret(client: &ClientRecord) -> bool {
    client.auth_method.as_deref().and_then(AuthMethod::of).is_none_or(AuthMethod::has_secret)
}
