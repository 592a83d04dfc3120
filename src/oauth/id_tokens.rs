//! ID tokens: what they say (OpenID Connect Core 1.0, section 2), and the key they are signed with.
//!
//! They are always signed asymmetrically, also while access tokens are HS256: OpenID's HS256 would need the client's secret in clear. Where access
//! tokens are HS256, ID tokens have an RS256 key of their own, in a folder below the key folder, made when the first one is asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::{Map, Value};

use super::client::{Client, EMAIL, OPENID, PROFILE};
use crate::accounts::new_session::Opened;
use crate::accounts::records::UserRecord;
use crate::settings::Tokens;
use crate::token::key_file::PublicJwk;
use crate::token::random::{base64url, bytes};
use crate::token::{
    Claims, Clock, KeyFileError, KeyFolder, KeyRules, LocalIssuer, LocalSettings, Scopes, SigningAlgorithm,
};

/// How long an ID token says who somebody is.
pub(crate) const ID_TOKEN_TTL: Duration = Duration::from_hours(1);

/// The folder of their own key, in the key folder.
const FOLDER: &str = "id-tokens";

/// The key of ID tokens.
pub(crate) struct IdTokens {
    access: Arc<LocalIssuer>,
    /// `None` where the key of access tokens will do.
    own: Option<Arc<Own>>,
    algorithm: SigningAlgorithm,
    clock: Clock,
}

struct Own {
    folder: KeyFolder,
    settings: LocalSettings,
    issuer: ArcSwapOption<LocalIssuer>,
    /// One is made at a time.
    making: Mutex<()>,
}

/// RFC 7519, OpenID Connect Core 1.0, and Okta's names.
#[derive(Serialize)]
struct IdToken<'t> {
    ver: u8,
    jti: String,
    iss: &'t str,
    aud: &'t str,
    sub: &'t str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    amr: Vec<&'t str>,
    sid: &'t str,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'t str>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// What an ID token is about.
pub(super) struct NewIdToken<'t> {
    pub client: &'t Client,
    pub opened: &'t Opened,
    pub access_token: &'t str,
    pub nonce: Option<&'t str>,
    /// Claims about the user.
    pub other: Map<String, Value>,
}

/// The folder of the key of ID tokens; `None` where the key of access tokens will do.
pub(crate) fn folder(tokens: &Tokens) -> Option<KeyFolder> {
    let rules = KeyRules {
        algorithm: Some(SigningAlgorithm::RS256),
        rotate_every: tokens.rotate_every,
        token_life: ID_TOKEN_TTL + tokens.leeway,
    };
    (!tokens.algorithm.is_asymmetric()).then(|| KeyFolder::new(tokens.key_dir.join(FOLDER), rules))
}

/// The algorithm of ID tokens.
pub(crate) fn algorithm(access: SigningAlgorithm) -> SigningAlgorithm {
    if access.is_asymmetric() { access } else { SigningAlgorithm::RS256 }
}

impl IdTokens {
    /// For tokens of `access`, by `tokens`. A key that is there already is read.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(tokens: &Tokens, access: Arc<LocalIssuer>, clock: Clock) -> Result<Self, KeyFileError> {
        let own = folder(tokens).map(|folder| {
            Arc::new(Own {
                folder,
                settings: LocalSettings {
                    issuer: access.issuer().to_owned(),
                    audience: String::new(),
                    access_ttl: ID_TOKEN_TTL,
                },
                issuer: ArcSwapOption::empty(),
                making: Mutex::new(()),
            })
        });
        let tokens = Self { access, own, algorithm: algorithm(tokens.algorithm), clock };
        tokens.tend(false)?;
        Ok(tokens)
    }

    /// Does what is due to their own key: it is made as soon as it is `wanted`, so that it is published before the first token. It reads a file, and may
    /// make a key.
    ///
    /// # Errors
    /// [`KeyFileError`]; the keys in memory go on being used.
    pub fn tend(&self, wanted: bool) -> Result<(), KeyFileError> {
        let Some(own) = &self.own else { return Ok(()) };
        match own.issuer.load_full() {
            Some(issuer) => issuer.tend_keys().map(|_| ()),
            // Another node may have made it.
            None if wanted || own.folder.look()?.is_some() => own.make(&self.clock).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The public keys that tokens of this server are checked with: of access tokens and of ID tokens.
    pub fn public_keys(&self) -> Vec<PublicJwk> {
        let own = self.own.as_ref().and_then(|own| own.issuer.load_full());
        self.access.public_keys().into_iter().chain(own.iter().flat_map(|own| own.public_keys())).collect()
    }

    /// Makes sure that an ID token can be signed: before something is used up that it is to be given for.
    ///
    /// # Errors
    /// [`KeyFileError`], when it is the first and its key cannot be made.
    pub(super) async fn ready(&self, scopes: &Scopes) -> Result<(), KeyFileError> {
        if scopes.contains(OPENID) { self.issuer().await.map(drop) } else { Ok(()) }
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// [`KeyFileError`], when it is the first and its key cannot be made.
    pub(super) async fn sign(&self, new: NewIdToken<'_>) -> Result<String, KeyFileError> {
        let issuer = self.issuer().await?;
        let now = self.clock.unix_seconds();
        let session = &new.opened.session;
        let claims = IdToken {
            ver: 1,
            jti: format!("ID.{}", base64url(&bytes::<18>())),
            iss: self.access.issuer(),
            aud: new.client.id(),
            sub: &session.user_id,
            iat: now,
            exp: now.saturating_add_unsigned(ID_TOKEN_TTL.as_secs()),
            auth_time: session.authenticated_at().div_euclid(1_000_000),
            amr: session.methods.split_whitespace().collect(),
            sid: &session.id,
            at_hash: at_hash(new.access_token, self.algorithm),
            nonce: new.nonce,
            other: new.other,
        };
        issuer.sign_id_token(&claims).ok_or(KeyFileError::NoneSigns)
    }

    /// The claims of an ID token of this server, however old.
    pub(super) fn read(&self, token: &str) -> Option<Claims> {
        let own = self.own.as_ref().and_then(|own| own.issuer.load_full());
        match &self.own {
            Some(_) => own?.read_id_token(token),
            None => self.access.read_id_token(token),
        }
    }

    async fn issuer(&self) -> Result<Arc<LocalIssuer>, KeyFileError> {
        let Some(own) = &self.own else { return Ok(Arc::clone(&self.access)) };
        if let Some(issuer) = own.issuer.load_full() {
            return Ok(issuer);
        }
        // A key of RSA takes a good part of a second, once in the life of a house.
        let (own, clock) = (Arc::clone(own), self.clock.clone());
        let making = tokio::task::spawn_blocking(move || own.make(&clock));
        making.await.unwrap_or(Err(KeyFileError::NoneSigns))
    }
}

impl Own {
    fn make(&self, clock: &Clock) -> Result<Arc<LocalIssuer>, KeyFileError> {
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = self.issuer.load_full() {
            return Ok(issuer);
        }
        let issuer = LocalIssuer::with_key_folder(self.settings.clone(), self.folder.clone(), None, clock.clone())?;
        let issuer = Arc::new(issuer);
        self.issuer.store(Some(Arc::clone(&issuer)));
        Ok(issuer)
    }
}

/// Which access token belongs to it: the left half of its hash by the hash of the ID token's algorithm (OpenID Connect Core 1.0, section 3.1.3.6).
fn at_hash(access_token: &str, algorithm: SigningAlgorithm) -> String {
    let hash = if algorithm == SigningAlgorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
    let hash = digest::digest(hash, access_token.as_bytes());
    base64url(hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default())
}

/// What the scopes open of a user (OpenID Connect Core 1.0, sections 5.1 and 5.4).
pub(super) fn standard_claims(user: &UserRecord, scopes: &Scopes) -> Map<String, Value> {
    let mut claims = Map::new();
    if scopes.contains(PROFILE) {
        if let Some(name) = &user.name {
            claims.insert("name".to_owned(), name.clone().into());
        }
        claims.insert("preferred_username".to_owned(), user.email.clone().into());
    }
    if scopes.contains(EMAIL) {
        claims.insert("email".to_owned(), user.email.clone().into());
        claims.insert("email_verified".to_owned(), user.email_verified_at.is_some().into());
    }
    claims
}
