//! Who a client is: RFC 6749, section 2.3, and RFC 7523, section 3.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::client::{AuthMethod, Client};
use super::error::OAuthError;
use super::form::Form;
use super::registry::Clients;
use super::{OAuth, basic, records, secret};
use crate::accounts::limits::TooMany;
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::assertion::claimed_client;

/// `client_assertion_type` of RFC 7523, section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A skew of clocks, for assertions.
const LEEWAY: i64 = 30;

/// What a client shows. Secrets are in it, so it has no `Debug`.
enum Proof {
    Secret {
        client_id: String,
        secret: SecretString,
        method: AuthMethod,
    },
    Assertion {
        client_id: String,
        assertion: String,
    },
    /// Nothing but its id: it is public.
    Nothing {
        client_id: String,
    },
}

/// Why a client is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAuthenticated {
    /// More than one way at once, or half of one.
    #[error("{0}")]
    Malformed(&'static str),
    /// Nothing was shown; or it is unknown, disabled, or the proof is wrong. The client is told the same each time.
    #[error("the client's authentication failed")]
    Failed,
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotAuthenticated> for OAuthError {
    fn from(not: NotAuthenticated) -> Self {
        match not {
            NotAuthenticated::Malformed(why) => Self::invalid_request(why),
            NotAuthenticated::Failed => Self::invalid_client(),
            NotAuthenticated::TooMany(too_many) => Self::too_many(too_many.retry_after),
            NotAuthenticated::Store(error) => {
                tracing::error!(%error, "the store failed");
                Self::unavailable()
            }
        }
    }
}

impl OAuth {
    /// The client that sent `request`, if it proved who it is: what a public client asks for it would not get from this.
    ///
    /// # Errors
    /// [`NotAuthenticated`].
    pub(super) async fn authenticate_proven(
        &self,
        request: &HttpRequest,
        form: &Form,
        caller: &Caller,
    ) -> Result<Arc<Client>, NotAuthenticated> {
        let client = self.authenticate(request, form, caller).await?;
        if client.is_public() { Err(NotAuthenticated::Failed) } else { Ok(client) }
    }

    /// The client that sent `request`.
    ///
    /// With a secret that memory knows, nothing is asked. Before a client is refused, the store is asked whether clients were changed, so a client or
    /// a secret works from the moment it was made; only failures count against the limit of the address.
    ///
    /// # Errors
    /// [`NotAuthenticated`].
    pub(super) async fn authenticate(
        &self,
        request: &HttpRequest,
        form: &Form,
        caller: &Caller,
    ) -> Result<Arc<Client>, NotAuthenticated> {
        let proof = match proof(request, form) {
            Err(NotAuthenticated::Failed) => {
                self.accounts.limits.client_failure(caller.address)?;
                return Err(NotAuthenticated::Failed);
            }
            other => other?,
        };
        if let Some(client) = self.check(&proof, &*self.registry.believable().await?) {
            return self.used_once(client, &proof, caller).await;
        }
        self.accounts.limits.client_failure(caller.address)?;
        match self.check(&proof, &*self.registry.refresh().await?) {
            Some(client) => self.used_once(client, &proof, caller).await,
            None => Err(self.failed(proof.client_id(), "wrong client or proof", caller)),
        }
    }

    fn check(&self, proof: &Proof, clients: &Clients) -> Option<Arc<Client>> {
        let now = self.registry.clock.unix_micros();
        let client = clients.get(proof.client_id()).filter(|client| client.is_enabled());
        let is_right = match proof {
            Proof::Secret { secret, method, .. } => {
                // Hashed and compared also when there is no client, so that the time does not tell.
                let is_right = secret::matches(secret, client.into_iter().flat_map(|client| client.secret_hashes(now)));
                let fixed = client.and_then(|client| client.auth_method);
                is_right & fixed.is_none_or(|fixed| fixed == *method)
            }
            Proof::Nothing { .. } => client.is_some_and(|client| client.is_public()),
            Proof::Assertion { client_id, assertion } => {
                let keys = client.and_then(|client| client.keys.as_ref());
                let audiences = [self.addresses.issuer.as_str(), self.addresses.token.as_str()];
                let check = |keys: &crate::token::assertion::AssertionKeys| {
                    let checked = keys.check(assertion, client_id, &audiences, now / 1_000_000, LEEWAY);
                    checked.inspect_err(|rejection| tracing::debug!(%rejection, "refused a client's assertion")).is_ok()
                };
                keys.is_some_and(check)
            }
        };
        client.filter(|_| is_right).cloned()
    }

    /// A secret may be shown again and again, an assertion once.
    async fn used_once(
        &self,
        client: Arc<Client>,
        proof: &Proof,
        caller: &Caller,
    ) -> Result<Arc<Client>, NotAuthenticated> {
        let Proof::Assertion { assertion, .. } = proof else { return Ok(client) };
        let Some((token_id, expires_at)) = crate::token::assertion::id_and_end(assertion) else {
            return Err(NotAuthenticated::Failed);
        };
        let hash = secret::assertion_hash(client.id(), &token_id);
        let over = expires_at.saturating_add(2 * LEEWAY).saturating_mul(1_000_000);
        let is_first = self
            .registry
            .store
            .write(move |connection| Box::pin(async move { records::use_assertion(connection, &hash, over).await }))
            .await?;
        if is_first {
            return Ok(client);
        }
        self.accounts.limits.client_failure(caller.address)?;
        Err(self.failed(client.id(), "assertion used before", caller))
    }

    /// Records a failure. The answer does not wait for it.
    fn failed(&self, client_id: &str, reason: &'static str, caller: &Caller) -> NotAuthenticated {
        let event = Event::failure(Act::ClientAuthenticate, reason, self.registry.clock.unix_micros());
        // What was sent for an id is recorded only when there is such a client; it could be anything.
        let event = match self.registry.clients().get(client_id) {
            Some(client) => event.on_client(client.id()),
            None => event,
        };
        let (accounts, event) = (Arc::clone(&self.accounts), event.by_client().from(caller));
        tokio::spawn(async move { accounts.note(event).await });
        NotAuthenticated::Failed
    }
}

impl Proof {
    fn client_id(&self) -> &str {
        match self {
            Self::Secret { client_id, .. } | Self::Assertion { client_id, .. } | Self::Nothing { client_id } => {
                client_id
            }
        }
    }
}

/// The one proof of the request.
fn proof(request: &HttpRequest, form: &Form) -> Result<Proof, NotAuthenticated> {
    use NotAuthenticated::{Failed, Malformed};
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (header, second) = (headers.next(), headers.next());
    if second.is_some() {
        return Err(Malformed("The request has more than one Authorization header."));
    }
    let secret = form.get("client_secret");
    let assertion = form.get("client_assertion");
    if usize::from(header.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1 {
        return Err(Malformed("The client authenticates in more than one way; it must be one."));
    }
    let own_id = form.get("client_id");
    let named = |client_id: &str| match own_id {
        Some(id) if id != client_id => Err(Malformed("The request names two clients.")),
        _ => Ok(()),
    };
    if let Some(header) = header {
        let found = basic::parse(header.as_bytes()).ok_or(Failed)?;
        named(&found.client_id)?;
        let method = AuthMethod::ClientSecretBasic;
        return Ok(Proof::Secret { client_id: found.client_id, secret: found.secret, method });
    }
    if let Some(assertion) = assertion {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(Malformed(
                "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
            ));
        }
        let client_id = claimed_client(assertion).ok_or(Failed)?;
        named(&client_id)?;
        return Ok(Proof::Assertion { client_id, assertion: assertion.to_owned() });
    }
    match (own_id, secret) {
        (Some(client_id), Some(secret)) => Ok(Proof::Secret {
            client_id: client_id.to_owned(),
            secret: secret.to_owned().into(),
            method: AuthMethod::ClientSecretPost,
        }),
        (Some(client_id), None) => Ok(Proof::Nothing { client_id: client_id.to_owned() }),
        _ => Err(Failed),
    }
}
