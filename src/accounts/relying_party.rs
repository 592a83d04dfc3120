//! This server as a relying party of WebAuthn: what passkeys are bound to, and the challenges that they answer.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};
use utoipa::ToSchema;
use uuid::Uuid;
use webauthn_rs::prelude::{Webauthn, WebauthnBuilder};

use super::records::{self, ChallengeRecord};
use super::{Accounts, micros};
use crate::store::{Connection, StoreError};

/// How long a challenge waits for its answer.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);

/// What a challenge is for; an answer to one is good for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Register,
    Login,
    SecondFactor,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// A challenge, for the browser.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasskeyChallenge, examples(json!({ "challenge_id": "d18205bd-b8a2-4e7e-82a2-8e429ebd642c", "publicKey": { "challenge": "T1xCsnxM2DNL2KdK5CLa6fMhD7OBqho6syzInk_n-Uo", "rpId": "localhost", "timeout": 300_000, "userVerification": "required", "allowCredentials": [] } })))]
pub struct Challenge {
    #[schema(format = "uuid")]
    challenge_id: String,
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    public_key: Value,
}

impl Challenge {
    /// One for the document.
    pub(super) fn example() -> Self {
        Self {
            challenge_id: Uuid::nil().to_string(),
            public_key: serde_json::json!({ "challenge": "T1xCsnxM2DNL2KdK5CLa6fMhD7OBqho6syzInk_n-Uo", "rpId": "localhost" }),
        }
    }

    /// As members of a problem.
    pub(super) fn into_members(self) -> [(&'static str, Value); 2] {
        [("challenge_id", self.challenge_id.into()), ("publicKey", self.public_key)]
    }
}

/// The relying party of this name at this address. None at an IP address: passkeys are bound to names (WebAuthn level 3, section 5.1.2).
pub(super) fn relying_party(public_url: &str, name: &str) -> Option<Webauthn> {
    let url = Url::parse(public_url).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let host = host.to_owned();
    match WebauthnBuilder::new(&host, &url).and_then(|builder| builder.rp_name(name).timeout(PATIENCE).build()) {
        Ok(relying_party) => Some(relying_party),
        Err(error) => {
            tracing::warn!(%error, public_url, "there are no passkeys at this address");
            None
        }
    }
}

impl Accounts {
    /// Keeps the state of a challenge, and gives out its options.
    pub(super) fn challenge(
        &self,
        purpose: Purpose,
        user_id: Option<&str>,
        options: &impl Serialize,
        state: &impl Serialize,
    ) -> Result<(Challenge, ChallengeRecord), serde_json::Error> {
        let mut options = serde_json::to_value(options)?;
        let public_key = options.get_mut("publicKey").map(Value::take).unwrap_or_default();
        let record = ChallengeRecord {
            id: Uuid::new_v4().to_string(),
            user_id: user_id.map(str::to_owned),
            purpose: purpose.name().to_owned(),
            state: serde_json::to_string(state)?,
            expires_at: self.clock.unix_micros().saturating_add(micros(PATIENCE)),
        };
        Ok((Challenge { challenge_id: record.id.clone(), public_key }, record))
    }
}

/// The state of a challenge of this id and purpose, of this user or of anybody's, which is used up.
pub(super) async fn take<T: DeserializeOwned>(
    connection: Connection<'_>,
    id: &str,
    purpose: Purpose,
    user_id: Option<&str>,
    now: i64,
) -> Result<Option<T>, StoreError> {
    // What is no UUID is no challenge either.
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    let taken = records::take_challenge(connection, &id.to_string(), purpose.name(), now).await?;
    let taken = taken.filter(|challenge| challenge.user_id.as_deref() == user_id);
    Ok(taken.and_then(|challenge| serde_json::from_str(&challenge.state).ok()))
}
