//! A remote issuer: an authorization server of somebody else, such as Okta, believed through the keys it publishes.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use url::Url;

use super::checks::{CheckName, Witness};
use super::claims::Claims;
use super::clock::Clock;
use super::fetch::WrongCertificate;
use super::issuer_url::{WrongIssuer, check_issuer_url};
use super::jws::Compact;
use super::local::{check_times, is_access_token_type};
use super::published_keys::PublishedKeys;
use super::rejection::Rejection;
use super::required_claim::RequiredClaim;

/// What to believe of a remote issuer.
///
/// ```
/// use tokenhouse::token::RemoteSettings;
///
/// let okta = RemoteSettings::new("https://dev-123456.okta.com/oauth2/default", "api://default")?;
/// assert!(RemoteSettings::new("https://dev-123456-admin.okta.com/oauth2/default", "api://default").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoteSettings {
    pub(super) issuer: Url,
    issuer_text: String,
    audience: String,
    /// When set, the client that tokens must have been given to.
    pub client_id: Option<String>,
    /// Signature algorithms it may use; RS256 alone at first. An HMAC among them is never used.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are; found by discovery when `None`.
    pub jwks_uri: Option<Url>,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Claims that its tokens must carry.
    pub required_claims: Vec<RequiredClaim>,
}

impl RemoteSettings {
    /// Tokens of `issuer` (to the letter as in their `iss`) for `audience`, signed with RS256.
    ///
    /// # Errors
    /// The first thing that is wrong with the issuer's address; [`check_issuer_url`] tells them all.
    pub fn new(issuer: &str, audience: impl Into<String>) -> Result<Self, WrongIssuer> {
        Ok(Self {
            issuer: check_issuer_url(issuer)
                .map_err(|wrong| wrong.into_iter().next().unwrap_or(WrongIssuer::NotAUrl))?,
            issuer_text: issuer.to_owned(),
            audience: audience.into(),
            client_id: None,
            algorithms: vec![Algorithm::RS256],
            jwks_uri: None,
            ca_certificate: None,
            required_claims: Vec::new(),
        })
    }

    pub(super) fn issuer_text(&self) -> &str {
        &self.issuer_text
    }
}

/// How a remote issuer is doing, for health checks and metrics.
#[derive(Debug, Clone)]
pub struct RemoteStatus {
    /// The issuer.
    pub issuer: String,
    /// How many usable keys there are; with none, no token of it is believed.
    pub keys: usize,
    /// When keys last came.
    pub fetched_at: Option<DateTime<Utc>>,
    /// What went wrong at the last try, when something did.
    pub last_error: Option<String>,
    /// How often keys came since the start.
    pub fetches: u64,
    /// How often fetching them failed since the start.
    pub failed_fetches: u64,
}

/// A remote issuer: what is asked of its tokens, and the keys it published.
pub(super) struct RemoteIssuer {
    settings: Arc<RemoteSettings>,
    clock: Clock,
    pub keys: Arc<PublishedKeys>,
}

impl RemoteIssuer {
    /// The issuer of `settings`, whose keys are fetched from now on, as long as it is held.
    pub fn new(
        settings: RemoteSettings,
        clock: Clock,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, WrongCertificate> {
        let settings = Arc::new(settings);
        let keys = Arc::new(PublishedKeys::new(Arc::clone(&settings), clock.clone(), runtime)?);
        PublishedKeys::keep_fresh(&keys);
        Ok(Self { settings, clock, keys })
    }

    pub fn issuer(&self) -> &str {
        self.settings.issuer_text()
    }

    pub fn audience(&self) -> &str {
        &self.settings.audience
    }

    pub fn algorithms(&self) -> &[Algorithm] {
        &self.settings.algorithms
    }

    /// The client that its tokens must have been given to, if that is set.
    pub fn client_id(&self) -> Option<&str> {
        self.settings.client_id.as_deref()
    }

    pub fn required_claims(&self) -> &[RequiredClaim] {
        &self.settings.required_claims
    }

    /// Every check on a token that says it is from this issuer.
    pub fn check(&self, token: &Compact<'_>, leeway: i64, witness: &mut impl Witness) -> Result<(), Rejection> {
        let signed = self.check_signature(token, witness);
        witness.group(signed)?;
        check_kind(token, witness)?;
        self.check_claims(&token.claims, leeway, witness)
    }

    fn check_signature(&self, token: &Compact<'_>, witness: &mut impl Witness) -> Result<(), Rejection> {
        let keys = self.keys.current();
        let keys = witness.need(CheckName::KeysAvailable, keys.as_ref().ok_or(Rejection::KeysUnavailable))?;
        let kid = witness.need(CheckName::KeyNamed, token.header.kid.as_deref().ok_or(Rejection::KeyNotNamed))?;
        // Before the kid is looked for: a token that could never be good must not have keys fetched for it.
        let accepted = token.header.alg.parse().is_ok_and(|named| self.settings.algorithms.contains(&named));
        witness.need(CheckName::AlgorithmAccepted, accepted.then_some(()).ok_or(Rejection::Algorithm))?;
        let key = witness.need(CheckName::KeyKnown, keys.get(kid).ok_or(Rejection::UnknownKey))?;
        key.check_before(token, witness)
    }

    fn check_claims(&self, claims: &Claims, leeway: i64, witness: &mut impl Witness) -> Result<(), Rejection> {
        check_times(claims, self.clock.unix_seconds(), leeway, witness)?;
        let is_for_us = claims.audience.contains(&self.settings.audience);
        witness.hold(CheckName::Audience, is_for_us, Rejection::Audience)?;
        if self.settings.client_id.is_some() {
            witness.hold(CheckName::Client, claims.client_id == self.settings.client_id, Rejection::Client)?;
        }
        witness.hold(CheckName::Subject, !claims.subject.is_empty(), Rejection::Subject)?;
        if !self.settings.required_claims.is_empty() {
            let all = claims.to_json();
            for required in &self.settings.required_claims {
                witness.hold(CheckName::RequiredClaim, required.is_met_by(&all), Rejection::RequiredClaim)?;
            }
        }
        Ok(())
    }
}

/// That the token is an access token and nothing else that the same key signs.
///
/// Issuers differ in `typ`: RFC 9068 wants `at+jwt`, Okta writes none, others `JWT`. Without the first, the claims must look like an access
/// token's (a scope or a client) and not like an ID token's (OpenID Connect Core, sections 2 and 3.1.3.6).
fn check_kind(token: &Compact<'_>, witness: &mut impl Witness) -> Result<(), Rejection> {
    let typ = token.header.typ.as_deref();
    let says_so = is_access_token_type(typ);
    let may_be_one = typ.is_none_or(|typ| {
        typ.eq_ignore_ascii_case("jwt") || typ.eq_ignore_ascii_case("application/okta-internal-at+jwt")
    });
    witness.hold(CheckName::Type, says_so || may_be_one, Rejection::Type)?;
    witness.hold(CheckName::AccessToken, says_so || looks_like_access_token(&token.claims), Rejection::IdToken)
}

fn looks_like_access_token(claims: &Claims) -> bool {
    let marks = ["nonce", "at_hash", "c_hash", "s_hash", "events"];
    let says_id_token = |name: &str| {
        claims.other.get(name).and_then(|kind| kind.as_str()).is_some_and(|kind| kind.eq_ignore_ascii_case("id"))
    };
    let is_marked = marks.iter().any(|mark| claims.other.contains_key(*mark));
    !is_marked
        && !says_id_token("token_use")
        && !says_id_token("typ")
        && (claims.present.scopes || claims.present.client)
}
