//! argon2id on its own bounded threads.
//!
//! A hash takes tens of milliseconds and megabytes. On the request workers it would hold up every other request, and without a bound a rush of
//! logins would take all memory; so there is a fixed number of threads, each keeps its memory for ever, and only so many hashes may wait.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::sync::oneshot;

use super::foreign_hashes::ForeignHash;
use super::password::Password;
use crate::metrics::{Metrics, Stopwatch};
use crate::settings::Passwords;
use crate::token::random;
use crate::traces::{self, Kind};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A stored hash may not ask for more than this, whoever wrote it into the database.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_ITERATIONS: u32 = 64;
const MAX_PARALLELISM: u32 = 16;

/// How much lower than the request workers' the priority of the hashing threads is, in steps of nice(2).
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The hashing threads. They end when this is dropped.
pub struct Hashing {
    jobs: Sender<Job>,
    hasher: Arc<Hasher>,
    threads: usize,
    /// How long a hash took of late, in microseconds.
    recent_micros: Arc<AtomicU64>,
    metrics: Option<Arc<Metrics>>,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Blocks that one thread fills again and again.
type Memory = Vec<Block>;

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The parameters are none of argon2's.
    #[error("argon2 does not take these parameters: {0}")]
    Parameters(argon2::Error),
    /// The operating system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// No thread was free, and the queue is full.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("all hashing threads are busy and their queue is full")]
pub struct Busy {
    /// When there should be room.
    pub retry_after: Duration,
}

/// What a password turned out to be.
#[derive(Debug)]
pub enum Verified {
    /// It is the one. With a new hash, when the stored one has other parameters than the settings.
    Match {
        /// To be stored in place of the old one.
        renewed: Option<String>,
    },
    /// It is not.
    NoMatch,
}

impl Hashing {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(settings: &Passwords) -> Result<Self, StartError> {
        Self::start_threads(settings, None)
    }

    /// The same, counting into `metrics`.
    pub(crate) fn start_counted(settings: &Passwords, metrics: Arc<Metrics>) -> Result<Self, StartError> {
        Self::start_threads(settings, Some(metrics))
    }

    fn start_threads(settings: &Passwords, metrics: Option<Arc<Metrics>>) -> Result<Self, StartError> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, Some(HASH_BYTES))
            .map_err(StartError::Parameters)?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = settings.hashing_threads.unwrap_or_else(cores).max(1);
        let (jobs, waiting) = crossbeam_channel::bounded::<Job>(settings.hashing_queue);
        for number in 0..threads {
            let (waiting, metrics) = (waiting.clone(), metrics.clone());
            std::thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || work(&waiting, metrics.as_deref()))
                .map_err(StartError::Thread)?;
        }
        let recent_micros = Arc::new(AtomicU64::new(50_000));
        Ok(Self { jobs, hasher: Arc::new(Hasher { params }), threads, recent_micros, metrics })
    }

    /// Checks a new password of whoever has this address and this name against what is easy to guess, and hashes it. The inner error says what is
    /// wrong with it.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash_new(
        &self,
        password: Password,
        email: &str,
        name: Option<&str>,
    ) -> Result<Result<String, std::borrow::Cow<'static, str>>, Busy> {
        let hasher = Arc::clone(&self.hasher);
        let known: Vec<String> = [Some(email), name].into_iter().flatten().map(str::to_owned).collect();
        self.run(move |memory| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            password.check_guessable(&known)?;
            Ok(hasher.hash(&password, memory))
        })
        .await
    }

    /// Holds a password against a stored hash. Without one, takes the same time, and nothing matches.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verified, Busy> {
        let hasher = Arc::clone(&self.hasher);
        self.run(move |memory| hasher.verify(&password, stored.as_deref(), memory)).await
    }

    /// Whether a hash would be taken now. Asked before a try is counted against somebody, so that a server that is busy locks nobody out.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn check_room(&self) -> Result<(), Busy> {
        if self.jobs.is_full() { Err(self.busy()) } else { Ok(()) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let (recent_micros, metrics) = (Arc::clone(&self.recent_micros), self.metrics.clone());
        let waiting = Stopwatch::start();
        let span = traces::part("password hash", Kind::Internal);
        let (inside, in_queue) = (span.place(), span.part("password hash: wait", Kind::Internal));
        let job: Job = Box::new(move |memory| {
            in_queue.end();
            // Whoever waited for it has hung up: no hash for nobody.
            if answer.is_closed() {
                return;
            }
            let waited = waiting.elapsed();
            let started = Stopwatch::start();
            let working = inside.part("password hash: work", Kind::Internal);
            let done = work(memory);
            working.end();
            let took = started.elapsed();
            recent_micros.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            // Before the answer, so that whoever has it finds them counted.
            if let Some(metrics) = metrics {
                metrics.hash_waited(waited);
                metrics.hash_took(took);
            }
            let _ = answer.send(done);
        });
        match self.jobs.try_send(job) {
            Ok(()) => {
                if let Some(metrics) = &self.metrics {
                    metrics.hashes_wait(self.waiting());
                }
                answered.await.map_err(|_| {
                    span.failed("broken_off");
                    self.busy()
                })
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                span.failed("busy");
                Err(self.busy())
            }
        }
    }

    /// How many hashes wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.len()
    }

    /// How many may.
    pub(crate) fn room(&self) -> usize {
        self.jobs.capacity().unwrap_or(usize::MAX)
    }

    fn busy(&self) -> Busy {
        if let Some(metrics) = &self.metrics {
            metrics.hash_refused();
        }
        let waiting = u64::try_from(self.jobs.len() / self.threads).unwrap_or(u64::MAX);
        let micros = self.recent_micros.load(Ordering::Relaxed).saturating_mul(waiting);
        Busy { retry_after: Duration::from_micros(micros).clamp(Duration::from_secs(1), Duration::from_mins(1)) }
    }
}

fn work(waiting: &Receiver<Job>, metrics: Option<&Metrics>) {
    // For this thread alone, on Linux.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
    let mut memory = Memory::new();
    for job in waiting {
        if let Some(metrics) = metrics {
            // Those that came in another minute wait in this one too.
            metrics.hashes_wait(waiting.len());
        }
        if std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            tracing::error!("a hashing thread panicked; it goes on with the next hash");
            memory = Memory::new();
        }
    }
}

struct Hasher {
    params: Params,
}

impl Hasher {
    /// The PHC string of `password` under a new salt.
    #[expect(clippy::expect_used, reason = "argon2 refuses salts of wrong length only, and this one's is right")]
    fn hash(&self, password: &Password, memory: &mut Memory) -> String {
        let salt = random::bytes::<SALT_BYTES>();
        let hash = fill(&self.params, password, &salt, memory).expect("argon2 takes a salt of 16 bytes");
        format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(hash),
        )
    }

    fn verify(&self, password: &Password, stored: Option<&str>, memory: &mut Memory) -> Verified {
        let Some(own) = stored.and_then(Stored::parse) else {
            // Of another system, or nothing to hold it against: the same work all the same.
            let foreign = stored.and_then(|text| ForeignHash::parse(text).ok());
            if foreign.is_some_and(|foreign| foreign.matches(password.bytes())) {
                return Verified::Match { renewed: Some(self.hash(password, memory)) };
            }
            let _ = fill(&self.params, password, &[0; SALT_BYTES], memory);
            return Verified::NoMatch;
        };
        let stored = own;
        // More memory than the settings ask for is given back: an import may bring hashes of a gibibyte.
        let mut more = Memory::new();
        let is_large = stored.params.block_count() > self.params.block_count();
        let room = if is_large { &mut more } else { &mut *memory };
        let matches = fill(&stored.params, password, &stored.salt, room)
            .is_some_and(|hash| aws_lc_rs::constant_time::verify_slices_are_equal(&hash, &stored.hash).is_ok());
        if !matches {
            // A hash that is weaker than the settings was quicker. So that the time does not tell that there is an account, the rest is made up for.
            if let Some(rest) = self.missing_work(&stored.params) {
                let _ = fill(&rest, password, &[0; SALT_BYTES], memory);
            }
            return Verified::NoMatch;
        }
        let is_current = stored.params.m_cost() == self.params.m_cost()
            && stored.params.t_cost() == self.params.t_cost()
            && stored.params.p_cost() == self.params.p_cost();
        Verified::Match { renewed: (!is_current).then(|| self.hash(password, memory)) }
    }
}

impl Hasher {
    /// Parameters of as much work as `stored` is below the settings, when that is worth doing.
    fn missing_work(&self, stored: &Params) -> Option<Params> {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let passes = self.params.t_cost();
        let memory = work(&self.params).checked_sub(work(stored))? / u64::from(passes);
        let memory = u32::try_from(memory).ok().filter(|kib| *kib >= self.params.m_cost() / 16)?;
        Params::new(memory, passes, self.params.p_cost(), Some(HASH_BYTES)).ok()
    }
}

/// A PHC string taken apart.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    hash: [u8; HASH_BYTES],
}

impl Stored {
    fn parse(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        if parsed.algorithm.as_str() != "argon2id" || parsed.version != Some(19) {
            return None;
        }
        let params = Params::try_from(&parsed).ok()?;
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_ITERATIONS || params.p_cost() > MAX_PARALLELISM {
            return None;
        }
        let hash = parsed.hash?.as_bytes().try_into().ok()?;
        Some(Self { params, salt: parsed.salt?.as_ref().to_vec(), hash })
    }
}

/// One argon2id hash, in `memory` that is grown to what it needs and kept. `None` when argon2 refuses the salt's length.
fn fill(params: &Params, password: &Password, salt: &[u8], memory: &mut Memory) -> Option<[u8; HASH_BYTES]> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let mut hash = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let memory = memory.get_mut(..blocks)?;
    argon2.hash_password_into_with_memory(password.bytes(), salt, &mut hash, memory).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Sources};

    /// F19.
    #[tokio::test]
    async fn a_hash_that_panics_costs_its_caller_and_nobody_else() {
        let mut settings = Settings::read(&Sources::default()).unwrap().passwords;
        (settings.memory_kib, settings.iterations, settings.hashing_threads) = (64, 1, Some(1));
        let hashing = Hashing::start(&settings).unwrap();
        let password = || Password::from(secrecy::SecretString::from("correct horse battery staple"));
        let hash = hashing.hash_new(password(), "ada@example.com", None).await.unwrap().unwrap();
        for _ in 0..3 {
            let broken = hashing.run(|memory| {
                memory.clear();
                panic!("on purpose");
            });
            let behind = hashing.verify(password(), Some(hash.clone()));
            let (broken, behind) = tokio::join!(broken, behind);
            let Busy { retry_after } = broken.map(|()| "an answer").unwrap_err();
            assert!(retry_after >= Duration::from_secs(1));
            assert!(matches!(behind, Ok(Verified::Match { renewed: None })), "{behind:?}");
        }
        assert_eq!(hashing.jobs.len(), 0);
        hashing.check_room().unwrap();
    }
}
