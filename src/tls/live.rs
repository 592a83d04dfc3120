//! The certificate in force, and looking after its files.
//!
//! Whole configurations are swapped and not certificates within one: with the old configuration go the TLS sessions that were begun under it, so
//! nobody resumes one after its key was replaced. Connections that stand go on.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ServerConfig;
use rustls::sign::SingleCertAndKey;

use super::pair::{self, Pair, PairError, PairFiles};
use crate::token::Clock;

/// How soon a changed file is noticed.
const TICK: Duration = Duration::from_secs(1);

/// A certificate that ends so soon is told of, so often.
const ENDS_SOON: TimeDelta = TimeDelta::days(14);
const TOLD_EVERY: TimeDelta = TimeDelta::days(1);

/// The pair of files, and what they hold.
pub(crate) struct Live {
    files: PairFiles,
    /// The host that clients know the server by.
    host: Option<String>,
    protocols: Vec<Vec<u8>>,
    provider: Arc<CryptoProvider>,
    in_force: ArcSwap<InForce>,
    clock: Clock,
}

struct InForce {
    pair: Pair,
    config: Arc<ServerConfig>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The TLS library.
    #[error("cannot set up TLS: {0}")]
    Library(#[from] rustls::Error),
}

impl Live {
    /// Reads the pair and speaks `protocols` over it (ALPN, RFC 7301), the best first.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(files: &PairFiles, public_url: &str, protocols: &[&[u8]], clock: Clock) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|name| name.to_vec()).collect();
        let pair = pair::read(files, &provider)?;
        let config = configuration(&pair, &provider, &protocols)?;
        let host = url::Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let in_force = ArcSwap::from_pointee(InForce { pair, config });
        Ok(Self { files: files.clone(), host, protocols, provider, in_force, clock })
    }

    /// What a new connection is accepted with.
    pub fn configuration(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.in_force.load().config)
    }

    /// Begins to look after the files, on the tokio runtime this is called from; it ends when this is dropped.
    pub fn keep_up(self: &Arc<Self>) {
        tokio::spawn(run(Arc::downgrade(self)));
    }

    /// Takes `pair` for all connections from now on.
    fn replace(&self, pair: Pair) -> Result<(), TlsError> {
        let config = configuration(&pair, &self.provider, &self.protocols)?;
        self.in_force.store(Arc::new(InForce { pair, config }));
        Ok(())
    }
}

/// TLS 1.2 and 1.3 with the suites of the library's choice, no client certificates, no early data.
fn configuration(
    pair: &Pair,
    provider: &Arc<CryptoProvider>,
    protocols: &[Vec<u8>],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&pair.certified))));
    config.alpn_protocols = protocols.to_vec();
    Ok(Arc::new(config))
}

async fn run(live: Weak<Live>) {
    let mut watch = Watch::default();
    loop {
        let Some(looking) = live.upgrade() else { return };
        // On a thread that may wait: files are read.
        let looked = tokio::task::spawn_blocking(move || {
            watch.look(&looking);
            if let Some(warning) = watch.warning_due(&looking) {
                tracing::warn!(certificate = %looking.files.certificate.display(), "{warning}");
            }
            watch
        });
        match looked.await {
            Ok(after) => watch = after,
            // The runtime is going away.
            Err(_) => return,
        }
        tokio::time::sleep(TICK).await;
    }
}

/// What the one that looks remembers.
#[derive(Default)]
struct Watch {
    stamps: Option<[Stamp; 2]>,
    /// The files were read once more after these stamps were seen first. Times of files are coarse: what was written right after the first look
    /// may have the same one.
    settled: bool,
    /// What was told to be wrong, so that it is told once.
    told: Option<String>,
    /// When the end of the certificate was told of.
    told_of_end: Option<DateTime<Utc>>,
}

/// What changes when a file does; all `None` when it is not there.
#[derive(PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: Option<u64>,
    /// Device, inode, and when the inode was changed: a file moved into place, another mode.
    inode: Option<(u64, u64, i64, i64)>,
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        let metadata = metadata.as_ref();
        Self {
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
            length: metadata.map(fs::Metadata::len),
            inode: metadata.and_then(inode),
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn inode(metadata: &fs::Metadata) -> Option<(u64, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> Option<(u64, u64, i64, i64)> {
    None
}

impl Watch {
    /// Takes a changed pair, when it is whole; else the one in force stays.
    fn look(&mut self, live: &Live) {
        let stamps = Some([Stamp::of(&live.files.certificate), Stamp::of(&live.files.key)]);
        let unchanged = stamps == self.stamps;
        if unchanged && self.settled {
            return;
        }
        (self.stamps, self.settled) = (stamps, unchanged);
        let read = pair::read(&live.files, &live.provider).map_err(TlsError::from);
        let outcome = read.and_then(|pair| {
            if pair.digest == live.in_force.load().pair.digest {
                return Ok(false);
            }
            live.replace(pair).map(|()| true)
        });
        match outcome {
            Ok(true) => {
                tracing::info!(ends = %day(live.in_force.load().pair.not_after), "a new TLS certificate is in force for new connections");
                (self.told, self.told_of_end) = (None, None);
            }
            Ok(false) if self.told.take().is_some() => {
                tracing::info!("the files of the TLS certificate are those in force again");
            }
            // One file is replaced after the other, so what is wrong is told when it still is at the next look.
            Err(error) if self.settled => {
                let error = error.to_string();
                if self.told.as_ref() != Some(&error) {
                    tracing::error!(%error, "the files of the TLS certificate changed and cannot be used; going on with the one in memory");
                    self.told = Some(error);
                }
            }
            Ok(false) | Err(_) => {}
        }
    }

    /// A warning of a certificate that clients do not take, or soon will not: once a day.
    fn warning_due(&mut self, live: &Live) -> Option<String> {
        let now = live.clock.now();
        if self.told_of_end.is_some_and(|told| now.signed_duration_since(told) < TOLD_EVERY) {
            return None;
        }
        let warning = warning(&live.in_force.load().pair, live.host.as_deref(), now)?;
        self.told_of_end = Some(now);
        Some(warning)
    }
}

/// What is to be said about `pair`, if anything.
fn warning(pair: &Pair, host: Option<&str>, now: DateTime<Utc>) -> Option<String> {
    let (begins, ends) = (day(pair.not_before), day(pair.not_after));
    if now < pair.not_before {
        return Some(format!(
            "the TLS certificate is not good before {begins}, and clients refuse it; is the clock right?"
        ));
    }
    if pair.not_after < now {
        return Some(format!(
            "the TLS certificate expired at {ends}, and clients refuse it; renew it, and it is taken without a restart"
        ));
    }
    if pair.not_after.signed_duration_since(now) < ENDS_SOON {
        return Some(format!("the TLS certificate expires at {ends}; renew it, and it is taken without a restart"));
    }
    let host = host.filter(|host| !pair.is_for(host))?;
    Some(format!(
        "the TLS certificate is not for {host}, the host in server.public_url; clients that come by that name refuse it"
    ))
}

fn day(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_once_a_day_from_two_weeks_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = PairFiles { certificate: folder.path().join("both.pem"), key: folder.path().join("both.pem") };
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (parameters.not_before, parameters.not_after) =
            (rcgen::date_time_ymd(2026, 6, 2), rcgen::date_time_ymd(2026, 9, 1));
        let text = parameters.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        crate::private_files::replace_file(&files.certificate, text.as_bytes()).unwrap();

        let (clock, hands) = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
        let live = Live::open(&files, "https://localhost:3000", &[b"h2"], clock).unwrap();
        let mut watch = Watch::default();
        for (now, words) in [
            ("2026-06-01T00:00:00Z", "the TLS certificate is not good before 2026-06-02T00:00:00Z"),
            ("2026-06-01T23:00:00Z", ""),
            ("2026-06-02T00:00:00Z", ""),
            ("2026-08-17T23:59:59Z", ""),
            ("2026-08-18T00:00:01Z", "the TLS certificate expires at 2026-09-01T00:00:00Z"),
            ("2026-08-18T23:00:00Z", ""),
            ("2026-08-19T00:00:02Z", "the TLS certificate expires at 2026-09-01T00:00:00Z"),
            ("2026-09-01T00:00:01Z", "the TLS certificate expired at 2026-09-01T00:00:00Z"),
            ("2026-09-01T12:00:00Z", ""),
        ] {
            hands.set_wall(now.parse().unwrap());
            let warning = watch.warning_due(&live);
            assert!(warning.is_some() != words.is_empty(), "{now}: {warning:?}");
            assert!(warning.is_none_or(|warning| warning.starts_with(words)), "{now}");
        }
    }
}
