//! What an operator or an administrator does with the signing keys: looking at them, and rotating them. The same over HTTP and on the command line.
//!
//! The keys' own life is in `token/key_folder.rs`. Where access tokens are HS256, ID tokens have a key of their own, which is listed and rotated along.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::oauth::id_tokens;
use crate::server::start::key_folder;
use crate::settings::Settings;
use crate::token::{KeyFileError, KeyFolder, Phase, Rotation, SigningAlgorithm, StoredKey, StoredKeys};

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signs {
    /// Access tokens, and ID tokens where the algorithm will do for them.
    AccessTokens,
    /// ID tokens only.
    IdTokens,
}

/// The keys of a server.
#[derive(Clone)]
pub(crate) struct SigningKeys {
    /// `None` where `TOKENHOUSE__TOKENS__SECRET` signs.
    access: Option<(KeyFolder, SigningAlgorithm)>,
    id: Option<KeyFolder>,
}

/// A key, and where it is in its life.
pub(crate) struct Listed {
    pub key: StoredKey,
    pub phase: Phase,
    pub signs: Signs,
}

/// What a rotation came to.
pub(crate) struct Rotated {
    /// The new key.
    pub key: StoredKey,
    /// Until when tokens of the last one stay good.
    pub previous_verifies_until: Option<DateTime<Utc>>,
}

/// There are no keys to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are no signing keys: auth.accept does not have \"local\", so this server signs nothing")]
pub(crate) struct SignsNothing;

/// Why nothing was rotated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRotated {
    #[error("{kid} is published already and signs from {from}; to have a new key sign at once, {instead}")]
    Waiting {
        kid: String,
        from: String,
        /// How that is asked for, where this was.
        instead: &'static str,
    },
    /// Nothing here is to be rotated.
    #[error(
        "the signing key is TOKENHOUSE__TOKENS__SECRET: to change it, change that variable and restart; everybody must log in again"
    )]
    Secret,
    #[error(transparent)]
    Keys(#[from] KeyFileError),
}

impl SigningKeys {
    /// Those of a server with these settings.
    ///
    /// # Errors
    /// [`SignsNothing`].
    pub fn of(settings: &Settings) -> Result<Self, SignsNothing> {
        if !settings.auth.local {
            return Err(SignsNothing);
        }
        let tokens = &settings.tokens;
        let secret_signs = tokens.secret.is_some() && !tokens.algorithm.is_asymmetric();
        let access = (!secret_signs).then(|| (key_folder(tokens), tokens.algorithm));
        Ok(Self { access, id: id_tokens::folder(tokens) })
    }

    /// How access tokens are signed; `None` where a secret from the environment signs.
    pub fn algorithm(&self) -> Option<SigningAlgorithm> {
        self.access.as_ref().map(|(_, algorithm)| *algorithm)
    }

    /// All keys that are not over, those of access tokens first.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn list(&self, now: DateTime<Utc>) -> Result<Vec<Listed>, KeyFileError> {
        let mut all = match &self.access {
            Some((folder, algorithm)) => listed(folder, *algorithm, Signs::AccessTokens, now)?,
            None => Vec::new(),
        };
        if let Some(folder) = &self.id {
            all.extend(listed(folder, SigningAlgorithm::RS256, Signs::IdTokens, now)?);
        }
        Ok(all)
    }

    /// Whether a rotation would do anything: not so, when a key waits that was rotated to already. `instead` says how a new one is had at once.
    ///
    /// # Errors
    /// [`NotRotated`].
    pub fn check(&self, rotation: Rotation, now: DateTime<Utc>, instead: &'static str) -> Result<(), NotRotated> {
        let Some((folder, algorithm)) = &self.access else {
            let own = self.id.as_ref().map(KeyFolder::look).transpose()?.flatten();
            return if own.is_some() { Ok(()) } else { Err(NotRotated::Secret) };
        };
        let keys = folder.look()?.unwrap_or_default();
        match waiting(&keys, *algorithm, now).filter(|_| rotation == Rotation::Usual) {
            Some(key) => Err(NotRotated::Waiting { kid: key.kid.clone(), from: text(key.sign_from), instead }),
            None => Ok(()),
        }
    }

    /// Makes a new key of access tokens, and of ID tokens where those have one of their own; answers the first. Where a secret from the environment
    /// signs access tokens, the key of ID tokens alone.
    ///
    /// # Errors
    /// [`NotRotated`].
    pub fn rotate(&self, rotation: Rotation, now: DateTime<Utc>, instead: &'static str) -> Result<Rotated, NotRotated> {
        self.check(rotation, now, instead)?;
        let mut rotated = None;
        if let Some(own) = &self.id
            && let Some(keys) = own.look()?
            // One that waits already need not be made once more.
            && (rotation != Rotation::Usual || waiting(&keys, SigningAlgorithm::RS256, now).is_none())
        {
            rotated = Some(rotate(own, SigningAlgorithm::RS256, rotation, now)?);
        }
        match (&self.access, rotated) {
            (Some((folder, algorithm)), _) => Ok(rotate(folder, *algorithm, rotation, now)?),
            (None, Some(rotated)) => Ok(rotated),
            (None, None) => Err(NotRotated::Secret),
        }
    }
}

fn rotate(
    folder: &KeyFolder,
    algorithm: SigningAlgorithm,
    rotation: Rotation,
    now: DateTime<Utc>,
) -> Result<Rotated, KeyFileError> {
    let before = folder.look()?.unwrap_or_default();
    let keys = folder.rotate(rotation, now)?;
    let new = keys.iter().find(|key| key.algorithm() == algorithm).ok_or(KeyFileError::NoneSigns)?;
    let signed = before.signing(algorithm, now).map(|key| key.kid.as_str());
    let last = keys.iter().find(|key| Some(key.kid.as_str()) == signed);
    Ok(Rotated { key: new.clone(), previous_verifies_until: last.and_then(|key| key.verify_until) })
}

fn listed(
    folder: &KeyFolder,
    algorithm: SigningAlgorithm,
    signs: Signs,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>, KeyFileError> {
    let keys = folder.look()?.unwrap_or_default();
    let signing = keys.signing(algorithm, now);
    let all = keys.iter().map(|key| Listed { key: key.clone(), phase: key.phase(signing, now), signs });
    Ok(all.filter(|listed| listed.phase != Phase::Over).collect())
}

/// The key that is published and does not sign yet.
fn waiting(keys: &StoredKeys, algorithm: SigningAlgorithm, now: DateTime<Utc>) -> Option<&StoredKey> {
    let signing = keys.signing(algorithm, now);
    keys.iter().find(|key| key.phase(signing, now) == Phase::Published)
}

impl Listed {
    /// Which tokens it signs.
    pub fn tokens(&self) -> &'static [&'static str] {
        match self.signs {
            Signs::IdTokens => &["id"],
            Signs::AccessTokens if self.key.algorithm().is_asymmetric() => &["access", "id"],
            Signs::AccessTokens => &["access"],
        }
    }

    /// As it is shown.
    pub fn overview(&self) -> KeyOverview {
        let key = &self.key;
        KeyOverview {
            kid: key.kid.clone(),
            alg: key.algorithm(),
            created_at: text(key.created_at),
            phase: match self.phase {
                Phase::Published => "published",
                Phase::Signs => "signs",
                Phase::Verifies | Phase::Over => "verifies",
            },
            signs: self.phase == Phase::Signs,
            sign_from: text(key.sign_from),
            verify_until: key.verify_until.map(text),
            tokens: self.tokens(),
        }
    }

    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.overview()).unwrap_or_default()
    }
}

/// A signing key as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "kid": "CA5ZEMcfi5IfitT2", "alg": "HS256", "created_at": "2026-11-24T04:56:15Z", "phase": "signs", "signs": true, "sign_from": "2026-11-24T04:56:15Z", "verify_until": null, "tokens": ["access"] })))]
pub(crate) struct KeyOverview {
    kid: String,
    #[schema(value_type = String)]
    alg: SigningAlgorithm,
    #[schema(format = DateTime)]
    created_at: String,
    /// `published`, `signs` or `verifies`: where it is in its life.
    phase: &'static str,
    signs: bool,
    #[schema(format = DateTime)]
    sign_from: String,
    #[schema(required, format = DateTime)]
    verify_until: Option<String>,
    /// What it signs: `access`, `id`.
    #[schema(value_type = Vec<String>)]
    tokens: &'static [&'static str],
}

impl Rotated {
    /// As it is told.
    pub fn overview(&self) -> RotationOverview {
        RotationOverview {
            kid: self.key.kid.clone(),
            alg: self.key.algorithm(),
            sign_from: text(self.key.sign_from),
            previous_verifies_until: self.previous_verifies_until.map(text),
        }
    }

    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.overview()).unwrap_or_default()
    }
}

/// What a rotation came to, as it is told.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({ "kid": "b3V0OfCkpZrRT0tG", "alg": "HS256", "sign_from": "2026-11-24T04:56:15Z", "previous_verifies_until": "2026-11-24T05:57:15Z" })))]
pub(crate) struct RotationOverview {
    kid: String,
    #[schema(value_type = String)]
    alg: SigningAlgorithm,
    #[schema(format = DateTime)]
    sign_from: String,
    #[schema(required, format = DateTime)]
    previous_verifies_until: Option<String>,
}

/// A moment as people read it, to the second.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
