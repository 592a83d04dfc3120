//! Devices without a browser: they show a short code, and their user decides on another device (RFC 8628).

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::authentication::NotAuthenticated;
use super::client::{Client, GrantType};
use super::documented::{DeviceRequest, NotBegun, OAuthAnswers};
use super::error::OAuthError;
use super::form::Form;
use super::records::{self, DeviceRecord};
use super::token::{NotGranted, TokenResponse};
use super::user_tokens::Granted;
use super::{OAuth, answer, secret};
use crate::accounts::client_session::{self, Grant};
use crate::accounts::new_session::Opened;
use crate::accounts::{micros, records as account_records};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::{Connection, StoreError};
use crate::token::Scopes;

/// How long a device waits for its user.
const PATIENCE: Duration = Duration::from_mins(10);

/// So many seconds must be between two questions, and so many more after one that came too soon (section 3.5).
const INTERVAL: i64 = 5;
const MORE: i64 = 5;

/// Letters of user codes: no vowels, so that they spell nothing, and none that are taken for each other (section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 34 bits; guesses are limited.
const USER_CODE_LETTERS: usize = 8;

/// What a user decided, as the table has it.
const ALLOWED: &str = "allowed";
const DENIED: &str = "denied";

/// Section 3.2.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "device_code": "Ag_EE3Yv7aWcFqkQpXh0u5n8rT2sJ4lM6oZ9bC1dV3w", "user_code": "WDJB-MJHT", "verification_uri": "http://localhost:3000/activate", "verification_uri_complete": "http://localhost:3000/activate?user_code=WDJB-MJHT", "expires_in": 600, "interval": 5 })))]
struct DeviceResponse {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: i64,
}

/// What became of a question. Each is committed.
enum Outcome {
    Good(Box<Opened>, Scopes, Box<Grant>),
    Not(NotGranted),
}

/// A device begins to wait for its user (RFC 8628).
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/device/authorize",
    operation_id = "authorizeDevice",
    tag = "OAuth and OpenID Connect",
    request_body(content = DeviceRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A code for the user, and one for asking at the token endpoint.", body = DeviceResponse, headers(("Cache-Control" = String, description = "`no-store`"))),
        OAuthAnswers<(Form, NotBegun)>,
    ),
    security(("client_secret_basic" = []), ()),
)]
pub(super) async fn authorize(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    Ok(answer(&oauth.begin_device(&request, &form, &caller).await?))
}

/// A user code as it was made, from what somebody typed: in any case, with or without its hyphen. `None` when it has not the form of one.
pub(crate) fn user_code(typed: &str) -> Option<String> {
    let letters: String =
        typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_uppercase();
    let is_code = letters.len() == USER_CODE_LETTERS && letters.bytes().all(|byte| LETTERS.contains(&byte));
    is_code.then_some(letters)
}

/// With a hyphen in the middle, for people.
pub(crate) fn shown(user_code: &str) -> String {
    let (first, second) = user_code.split_at_checked(USER_CODE_LETTERS / 2).unwrap_or((user_code, ""));
    format!("{first}-{second}")
}

fn new_user_code() -> Result<String, StoreError> {
    let mut code = String::with_capacity(USER_CODE_LETTERS);
    let mut bytes = [0];
    while code.len() < USER_CODE_LETTERS {
        SystemRandom::new().fill(&mut bytes).map_err(|_| StoreError::Interrupted)?;
        // Bytes beyond the last whole round are thrown away, so that each letter is as likely as any other.
        if let Some(letter) = LETTERS.get(usize::from(bytes[0]) % LETTERS.len()).filter(|_| bytes[0] < 240) {
            code.push(char::from(*letter));
        }
    }
    Ok(code)
}

impl OAuth {
    async fn begin_device(
        &self,
        request: &HttpRequest,
        form: &Form,
        caller: &Caller,
    ) -> Result<DeviceResponse, NotGranted> {
        let client = self.authenticate(request, form, caller).await?;
        if !client.may_use(GrantType::DeviceCode) {
            return Err(NotGranted::Unauthorized);
        }
        let scopes = self.scopes_of_user(&client, form.get("scope"))?;
        self.accounts.limits.device_from(caller.address).map_err(NotAuthenticated::from)?;
        let device_code = secret::new_code();
        // Once more when somebody waits with the same one, which is a matter of luck.
        for _ in 0..3 {
            let user_code = new_user_code()?;
            let record = DeviceRecord {
                device_code_hash: secret::device_code_hash(&device_code),
                user_code_hash: self.user_code_hash(&user_code),
                client_id: client.id().to_owned(),
                scopes: scopes.to_string(),
                expires_at: self.registry.clock.unix_micros().saturating_add(micros(PATIENCE)),
                poll_interval: INTERVAL,
                polled_at: None,
                decision: None,
                user_id: None,
                browser_session_id: None,
            };
            let adding = self
                .registry
                .store
                .write(move |connection| Box::pin(async move { records::insert_device(connection, &record).await }));
            if adding.await? {
                let page = &self.addresses.activate;
                let user_code = shown(&user_code);
                return Ok(DeviceResponse {
                    verification_uri_complete: format!("{page}?user_code={user_code}"),
                    verification_uri: page.clone(),
                    device_code,
                    user_code,
                    expires_in: PATIENCE.as_secs(),
                    interval: INTERVAL,
                });
            }
        }
        Err(StoreError::Interrupted.into())
    }

    /// Keyed, for a user code is short enough to be guessed from a plain hash.
    fn user_code_hash(&self, user_code: &str) -> String {
        self.accounts.sealing.derive("user code of a device", user_code).expose_secret().to_owned()
    }

    /// The device that waits for this user code, and its client.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn waiting_device(
        &self,
        user_code: &str,
    ) -> Result<Option<(DeviceRecord, std::sync::Arc<Client>)>, StoreError> {
        let now = self.registry.clock.unix_micros();
        let mut reader = self.registry.store.read().await?;
        let device = records::waiting_device(reader.connection(), &self.user_code_hash(user_code), now).await?;
        drop(reader);
        let Some(device) = device else { return Ok(None) };
        let clients = self.registry.believable().await?;
        let client = clients.get(&device.client_id).filter(|client| client.is_enabled());
        Ok(client.map(|client| (device, std::sync::Arc::clone(client))))
    }

    /// Writes down what a user decided; `false` when nothing waits for it any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn decide_device(
        &self,
        user_code: &str,
        is_allowed: bool,
        opened: &Opened,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        let now = self.registry.clock.unix_micros();
        let hash = self.user_code_hash(user_code);
        let (user, session) = (opened.user.id.clone(), opened.session.id.clone());
        let act = Act::DeviceDecision;
        let event = if is_allowed { Event::success(act, now) } else { Event::failure(act, "the user said no", now) };
        let event = event.on_user(&user).in_session(&session).from(caller);
        self.registry
            .store
            .write(move |mut connection| {
                Box::pin(async move {
                    let decision = if is_allowed { ALLOWED } else { DENIED };
                    let who = (user.as_str(), session.as_str());
                    let decided = records::decide_device(connection.reborrow(), &hash, decision, who, now).await?;
                    if decided {
                        event.record(connection).await?;
                    }
                    Ok(decided)
                })
            })
            .await
    }

    /// The grant `urn:ietf:params:oauth:grant-type:device_code` (sections 3.4 and 3.5).
    pub(super) async fn grant_to_device(
        &self,
        client: &Client,
        form: &Form,
        caller: &Caller,
    ) -> Result<TokenResponse, NotGranted> {
        let code = form.get("device_code").ok_or(NotGranted::Missing("device_code"))?;
        let hash = secret::device_code_hash(code);
        let mut reader = self.registry.store.read().await?;
        let scopes = records::scopes_of_device(reader.connection(), &hash).await?.ok_or(NotGranted::InvalidGrant)?;
        drop(reader);
        let scopes = self.still_asked(client, &scopes);
        self.id_tokens.ready(&scopes).await?;
        let (user_id, browser_session_id) = (String::new(), String::new());
        let grant = self.grant_of(Granted { client, user_id, browser_session_id, scopes });
        let (caller, now) = (caller.clone(), self.registry.clock.unix_micros());
        let asking = self
            .accounts
            .ending(move |connection| Box::pin(async move { ask(connection, &hash, grant, &caller, now).await }));
        match asking.await? {
            Outcome::Good(opened, scopes, grant) => {
                self.tokens_of(client, &opened, &scopes, grant.refresh.as_ref(), None).await
            }
            Outcome::Not(not) => Err(not),
        }
    }
}

async fn ask(
    mut connection: Connection<'_>,
    hash: &str,
    mut grant: Grant,
    caller: &Caller,
    now: i64,
) -> Result<(Outcome, Vec<String>), StoreError> {
    let not = |not| Ok((Outcome::Not(not), Vec::new()));
    let client_id = grant.client_id.clone();
    // The user's row before the device's, as whoever deletes him takes them.
    if let Some(user) = records::user_of_device(connection.reborrow(), hash).await? {
        account_records::lock_user(connection.reborrow(), &user, None).await?;
    }
    let Some(device) = records::poll_device(connection.reborrow(), hash, &client_id, now).await? else {
        return not(NotGranted::InvalidGrant);
    };
    if now >= device.expires_at {
        return not(NotGranted::ExpiredToken);
    }
    let soonest = device.polled_at.map(|at| at.saturating_add(device.poll_interval.saturating_mul(1_000_000)));
    if device.decision.is_none() && soonest.is_some_and(|soonest| now < soonest) {
        let interval = device.poll_interval.saturating_add(MORE);
        records::slow_device_down(connection, hash, interval).await?;
        return not(NotGranted::SlowDown);
    }
    let (Some(decision), Some(user_id), Some(session)) = (device.decision, device.user_id, device.browser_session_id)
    else {
        return not(NotGranted::AuthorizationPending);
    };
    // The code is good for one answer.
    if !records::delete_device(connection.reborrow(), hash).await? {
        return not(NotGranted::InvalidGrant);
    }
    if decision != ALLOWED {
        return not(NotGranted::AccessDenied);
    }
    grant.user_id = user_id;
    grant.browser_session_id = session;
    let Some((opened, ended)) = client_session::begin(connection.reborrow(), &grant, caller, now).await? else {
        return not(NotGranted::InvalidGrant);
    };
    let event = Event::success(Act::ClientSession, now).by_client().on_client(&client_id);
    event.on_user(&grant.user_id).in_session(&opened.session.id).from(caller).record(connection).await?;
    Ok((Outcome::Good(Box::new(opened), grant.scopes.clone(), Box::new(grant)), ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_read_as_people_type_it() {
        let code = new_user_code().unwrap();
        assert_eq!(user_code(&shown(&code)).as_deref(), Some(code.as_str()));
        assert_eq!(user_code(&format!(" {} ", shown(&code).to_lowercase().replace('-', " - "))), Some(code));
        for wrong in ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", "ＢCDF-GHJK"] {
            assert_eq!(user_code(wrong), None, "{wrong}");
        }
    }
}
