//! Clients and revoked tokens in memory: what lets a token be made or believed without asking the store.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::client::{Client, GrantType};
use super::records;
use crate::accounts::micros;
use crate::store::{Store, StoreError};
use crate::token::{Claims, Clock, Known, StoreUnavailable};

/// So many revoked tokens are kept in memory, some 10 MiB; while there are more, the store is asked about tokens of clients.
const REVOKED: usize = 100_000;
const REVOKED_AT_MOST: i64 = 100_001;

/// Revocations are asked for so far back each time, because nodes' clocks differ and commits come late.
const OVERLAP: std::time::Duration = std::time::Duration::from_mins(1);

/// All clients as of one version of the store.
#[derive(Default)]
pub(crate) struct Clients {
    /// `None` when it is known to be out of date.
    version: Option<i64>,
    by_id: BTreeMap<String, Arc<Client>>,
}

/// What the store tells of clients, in memory.
///
/// A change on this node is read before it is answered, one of another node or of the command line within a second, by a version that counts up. What
/// memory does not know is asked for once more before it is refused, so a client works from the moment it was made.
pub(crate) struct Registry {
    pub(super) store: Store,
    pub(super) clock: Clock,
    clients: ArcSwap<Clients>,
    /// One reading at a time, or an older one could overwrite a newer.
    reading: Mutex<()>,
    /// Ids of revoked tokens, and the microsecond from which they are over anyway.
    revoked: RwLock<HashMap<String, i64>>,
    all_revoked_in_memory: AtomicBool,
    /// How often one found no room.
    overflows: AtomicU64,
    /// Until when revocations on other nodes were heard of, in microseconds since 1970.
    heard_until: AtomicI64,
}

impl Clients {
    pub fn get(&self, id: &str) -> Option<&Arc<Client>> {
        self.by_id.get(id)
    }

    /// Whether any of them acts for users.
    pub fn act_for_users(&self) -> bool {
        let acts = |client: &Arc<Client>| {
            client.is_enabled()
                && (client.may_use(GrantType::AuthorizationCode) || client.may_use(GrantType::DeviceCode))
        };
        self.by_id.values().any(acts)
    }

    /// Those behind `cursor` in the order of their ids.
    pub fn after<'a>(&'a self, cursor: &str) -> impl Iterator<Item = &'a Arc<Client>> {
        let behind = (std::ops::Bound::Excluded(cursor.to_owned()), std::ops::Bound::Unbounded);
        self.by_id.range::<String, _>(behind).map(|(_, client)| client)
    }
}

impl Registry {
    /// Reads what `store` has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let registry = Self {
            store,
            clock,
            clients: ArcSwap::default(),
            reading: Mutex::new(()),
            revoked: RwLock::default(),
            all_revoked_in_memory: AtomicBool::new(true),
            overflows: AtomicU64::new(0),
            heard_until: AtomicI64::new(i64::MAX),
        };
        registry.refresh().await?;
        registry.hear_of_revocations(0).await?;
        Ok(registry)
    }

    /// As memory has them.
    pub(crate) fn clients(&self) -> Arc<Clients> {
        self.clients.load_full()
    }

    /// Reads the clients again if any was changed since they were read.
    ///
    /// # Errors
    /// [`StoreError`]; memory is as it was.
    pub async fn refresh(&self) -> Result<Arc<Clients>, StoreError> {
        let _one = self.reading.lock().await;
        let mut reader = self.store.read().await?;
        // Before the clients: should they change meanwhile, the version is too old and they are read once more.
        let version = records::version(reader.connection()).await?;
        let known = self.clients.load_full();
        if known.version == Some(version) {
            return Ok(known);
        }
        let mut secrets = HashMap::<String, Vec<_>>::new();
        for secret in records::secrets(reader.connection()).await? {
            secrets.entry(secret.client_id.clone()).or_default().push(secret);
        }
        let client = |record: records::ClientRecord| {
            let secrets = secrets.remove(&record.id).unwrap_or_default();
            (record.id.clone(), Arc::new(Client::new(record, secrets)))
        };
        let by_id = records::clients(reader.connection()).await?.into_iter().map(client).collect();
        let clients = Arc::new(Clients { version: Some(version), by_id });
        self.clients.store(Arc::clone(&clients));
        Ok(clients)
    }

    /// After a change on this node. Should the store not answer, nothing in memory is believed until it does.
    pub async fn changed(&self) {
        if let Err(error) = self.refresh().await {
            tracing::error!(%error, "could not read the clients again after a change");
            let _one = self.reading.lock().await;
            self.clients.store(Arc::default());
        }
    }

    /// The clients, read now if memory is not to be believed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn believable(&self) -> Result<Arc<Clients>, StoreError> {
        let known = self.clients.load_full();
        if known.version.is_some() { Ok(known) } else { self.refresh().await }
    }

    /// Notes a revocation, which the store has already.
    pub fn note_revoked(&self, token_id: &str, expires_at: i64) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        if revoked.len() >= REVOKED {
            self.overflows.fetch_add(1, Ordering::AcqRel);
            self.all_revoked_in_memory.store(false, Ordering::Release);
        } else {
            revoked.insert(token_id.to_owned(), expires_at);
        }
    }

    /// Notes what was revoked on other nodes since it was asked last, however long that is ago: the store may have been away meanwhile.
    pub(super) async fn hear_of_late_revocations(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        let since = now.min(self.heard_until.load(Ordering::Acquire)).saturating_sub(micros(OVERLAP));
        self.hear_of_revocations(since).await?;
        self.heard_until.store(now, Ordering::Release);
        Ok(())
    }

    async fn hear_of_revocations(&self, since: i64) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        let mut reader = self.store.read().await?;
        let found = records::revoked_since(reader.connection(), since, now, REVOKED_AT_MOST).await?;
        if found.len() > REVOKED {
            self.overflows.fetch_add(1, Ordering::AcqRel);
            self.all_revoked_in_memory.store(false, Ordering::Release);
        }
        for (token_id, expires_at) in found {
            self.note_revoked(&token_id, expires_at);
        }
        Ok(())
    }

    /// Forgets revoked tokens that are over; when not all were in memory, reads them anew.
    pub(super) async fn tidy(&self) -> Result<(), StoreError> {
        let now = self.clock.unix_micros();
        self.revoked.write().unwrap_or_else(PoisonError::into_inner).retain(|_, end| now < *end);
        if !self.all_revoked_in_memory.load(Ordering::Acquire) {
            let overflows = self.overflows.load(Ordering::Acquire);
            self.hear_of_revocations(0).await?;
            // Only now, and only when none was left out meanwhile: until then each token asks the store.
            if self.overflows.load(Ordering::Acquire) == overflows {
                self.all_revoked_in_memory.store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    /// What memory tells of a token of a client.
    pub(super) fn known(&self, claims: &Claims) -> Known {
        let Some((client_id, token_id)) = ids(claims) else { return Known::Ended };
        let clients = self.clients.load();
        match clients.get(client_id) {
            Some(client) if !client.is_enabled() => return Known::Ended,
            Some(_) => {}
            None => return Known::No,
        }
        if self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains_key(token_id) {
            return Known::Ended;
        }
        if self.all_revoked_in_memory.load(Ordering::Acquire) { Known::Stands } else { Known::No }
    }

    /// The same, of the store.
    pub(super) async fn ask_store(&self, claims: &Claims) -> Result<Known, StoreUnavailable> {
        let Some((client_id, token_id)) = ids(claims) else { return Ok(Known::Ended) };
        let ask = async {
            let clients = self.refresh().await?;
            if !clients.get(client_id).is_some_and(|client| client.is_enabled()) {
                return Ok(Known::Ended);
            }
            let mut reader = self.store.read().await?;
            let revoked = records::is_revoked(reader.connection(), token_id).await?;
            Ok(if revoked { Known::Ended } else { Known::Stands })
        };
        ask.await.map_err(|error: StoreError| {
            tracing::error!(%error, "could not look up a client");
            StoreUnavailable
        })
    }
}

/// The client that a token was given to, and the token's own id.
fn ids(claims: &Claims) -> Option<(&str, &str)> {
    claims.client_id.as_deref().zip(claims.token_id.as_deref())
}
