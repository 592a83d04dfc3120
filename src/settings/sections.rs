//! The sections whose names are ours, in the order of `config/default.toml`: each key with its range.
//!
//! In each function all keys are read before the first `?`, so that one mistake does not hide the next.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::{Reader, Wrong};
use super::{
    Accounts, Audit, Cors, Database, DatabaseUrl, EmailVerification, Limits, Log, LogFormat, LogRequests, Metrics,
    Passwords, Quota, Registration, Server, tls, units, web_origin,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// The weakest argon2id parameters that are taken, as (KiB, passes): any of these, or more of either. OWASP Password Storage
/// Cheat Sheet; all with one lane.
const OWASP_ARGON2ID: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

pub(super) fn server(r: &mut Reader) -> Option<Server> {
    let listen =
        r.text("server.listen", "want an IP address and a port, such as \"127.0.0.1:3000\" or \"[::]:3000\"", |text| {
            text.parse().map_err(|_| Wrong::NotThis)
        });
    let public_url = r.text("server.public_url", "want an origin, such as \"https://login.example.com\"", |text| {
        web_origin::check(text).map(|()| text.to_owned()).map_err(Wrong::Because)
    });
    let want = "want a network, such as \"10.0.0.0/8\" or \"::1/128\"";
    let networks = r.list("server.trusted_proxies", &format!("{want}, in a list"));
    let trusted_proxies = networks.map(|networks| {
        let mut good = Vec::with_capacity(networks.len());
        for network in networks {
            match network.parse() {
                Ok(network) => good.push(network),
                Err(_) => r.refuse_item("server.trusted_proxies", &network, want),
            }
        }
        good
    });
    let max_body = r.size("server.max_body", 1 << 10..=16 << 20).and_then(|bytes| usize::try_from(bytes).ok());
    let shutdown_grace = r.duration("server.shutdown_grace", Duration::ZERO..=HOUR);
    let tls = tls::tls(r);
    if let (Some(Some(_)), Some(public_url)) = (&tls, &public_url) {
        tls::check_public_url(r, public_url);
    }
    Some(Server {
        listen: listen?,
        public_url: public_url?,
        trusted_proxies: trusted_proxies?,
        max_body: max_body?,
        shutdown_grace: shutdown_grace?,
        tls: tls?,
    })
}

pub(super) fn cors(r: &mut Reader) -> Option<Cors> {
    let origins = r.list("cors.origins", "want a list of origins, such as [\"https://app.example.com\"]")?;
    for origin in &origins {
        let wrong = match origin.as_str() {
            "*" => {
                Err("any page of the world could call with a visitor's credentials; list the exact origins".to_owned())
            }
            "null" => Err("every sandboxed page has this origin; list the exact origins".to_owned()),
            origin => web_origin::check(origin),
        };
        if let Err(advice) = wrong {
            r.refuse_item("cors.origins", origin, advice);
        }
    }
    Some(Cors { origins })
}

pub(super) fn log(r: &mut Reader) -> Option<Log> {
    let want = "want a level (error, warn, info, debug, trace, off) or a filter, such as \"info,tokenhouse=debug\"";
    let level =
        r.text("log.level", want, |text| if is_filter(text) { Ok(text.to_owned()) } else { Err(Wrong::NotThis) });
    let format = [("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    let format = r.choice("log.format", &format);
    let requests = [("all", LogRequests::All), ("errors", LogRequests::Errors), ("off", LogRequests::Off)];
    let requests = r.choice("log.requests", &requests);
    Some(Log { level: level?, format: format?, requests: requests? })
}

pub(super) fn metrics(r: &mut Reader, server: Option<&Server>) -> Option<Metrics> {
    let key = "metrics.listen";
    let want = "want an IP address and a port, such as \"127.0.0.1:9464\", or \"\" for no metrics";
    let listen: Option<SocketAddr> = r.text(key, want, |text| match text {
        "" => Ok(None),
        address => address.parse().map(Some).map_err(|_| Wrong::NotThis),
    })?;
    if let (Some(listen), Some(server)) = (listen, server)
        && (listen, listen.port() != 0) == (server.listen, true)
    {
        r.refuse(key, "this is server.listen, and metrics are not for everybody who can log in; want another port");
    }
    Some(Metrics { listen })
}

/// Whether `tracing` takes it as a filter that does something. A lone word that is no level would be taken for the name of a
/// module, and `inof` would log nothing at all.
fn is_filter(text: &str) -> bool {
    let is_level =
        |word: &str| ["error", "warn", "info", "debug", "trace", "off"].iter().any(|l| word.eq_ignore_ascii_case(l));
    let words = text.split(',').map(str::trim);
    // Its parser panics at some others; and what has a filter here is in ASCII.
    text.is_ascii()
        && words.clone().all(|word| word.contains(['=', '[']) || is_level(word) || text.contains('['))
        && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

pub(super) fn database(r: &mut Reader) -> Option<Database> {
    let want = "want \"sqlite://PATH\" or \"postgres://USER:PASSWORD@HOST/DATABASE\"";
    let url = r.text("database.url", want, |text| match text.split_once("://") {
        _ if text.starts_with("sqlite:") && (text.contains(":memory:") || text.contains("mode=memory")) => {
            Err(Wrong::Because(
                "a database in memory loses every account when the server stops; want a file: \"sqlite://PATH\""
                    .to_owned(),
            ))
        }
        Some(("sqlite", path)) if path.contains(['?', '#']) => Err(Wrong::Because(
            "want a path alone, without ? or #; the server chooses the options of SQLite".to_owned(),
        )),
        Some(("sqlite", path)) if path.is_empty() || path.ends_with('/') => {
            Err(Wrong::Because("want the path of a file, such as \"sqlite://data/tokenhouse.db\"".to_owned()))
        }
        Some(("sqlite", path)) => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
        Some(("postgres" | "postgresql", _))
            if url::Url::parse(text).is_ok_and(|url| url.host_str().is_some() || url.query().is_some()) =>
        {
            Ok(DatabaseUrl::Postgres(text.into()))
        }
        Some(("postgres" | "postgresql", _)) => {
            Err(Wrong::Because(format!("{want}; in the password write % / ? # [ ] @ as %25 %2F %3F %23 %5B %5D %40")))
        }
        _ => Err(Wrong::NotThis),
    });
    Some(Database { url: url? })
}

pub(super) fn passwords(r: &mut Reader) -> Option<Passwords> {
    // argon2 itself wants 8 KiB for every lane; these ranges see to it, for 8 × 16 is far below the least memory.
    let memory_kib = r.integer("passwords.memory_kib", 7_168..=1_048_576_u32);
    let iterations = r.integer("passwords.iterations", 1..=64_u32);
    let parallelism = r.integer("passwords.parallelism", 1..=16_u32);
    let min_length = r.integer("passwords.min_length", 8..=64_u32);
    let max_length = r.integer("passwords.max_length", 64..=1_024_u32);
    let hashing_threads = r.integer("passwords.hashing_threads", 0..=256_u32);
    let hashing_queue = r.integer("passwords.hashing_queue", 1..=65_536_u32);
    let (memory_kib, iterations) = (memory_kib?, iterations?);
    if !OWASP_ARGON2ID.iter().any(|(least, passes)| memory_kib >= *least && iterations >= *passes) {
        let sets = OWASP_ARGON2ID.map(|(memory, passes)| format!("{memory} with {passes}")).join(", ");
        let advice = format!(
            "too weak together with passwords.iterations = {iterations}; want at least one of OWASP's pairs: {sets}"
        );
        r.refuse("passwords.memory_kib", advice);
    }
    // The ranges meet at 64, so the longest is never below the shortest.
    let whole = |number: u32| usize::try_from(number).ok();
    Some(Passwords {
        memory_kib,
        iterations,
        parallelism: parallelism?,
        min_length: whole(min_length?)?,
        max_length: whole(max_length?)?,
        hashing_threads: Some(whole(hashing_threads?)?).filter(|threads| *threads > 0),
        hashing_queue: whole(hashing_queue?)?,
    })
}

pub(super) fn registration(r: &mut Reader) -> Option<Registration> {
    Some(Registration { open: r.flag("registration.open")? })
}

pub(super) fn accounts(r: &mut Reader) -> Option<Accounts> {
    let choices = [
        ("off", EmailVerification::Off),
        ("optional", EmailVerification::Optional),
        ("required", EmailVerification::Required),
    ];
    let email_verification = r.choice("accounts.email_verification", &choices);
    let verification_ttl = r.duration("accounts.verification_ttl", 5 * MINUTE..=30 * DAY);
    let reset_ttl = r.duration("accounts.reset_ttl", 5 * MINUTE..=DAY);
    let invitation_ttl = r.duration("accounts.invitation_ttl", HOUR..=30 * DAY);
    let idle = r.duration("accounts.session_idle_ttl", MINUTE..=365 * DAY);
    let absolute = r.duration("accounts.session_absolute_ttl", MINUTE..=3_650 * DAY);
    let refresh_grace = r.duration("accounts.refresh_grace", Duration::ZERO..=5 * MINUTE);
    let (session_idle_ttl, session_absolute_ttl) = (idle?, absolute?);
    if session_absolute_ttl < session_idle_ttl {
        let idle = units::show_duration(session_idle_ttl);
        r.refuse("accounts.session_absolute_ttl", format!("want at least accounts.session_idle_ttl, which is {idle}"));
    }
    Some(Accounts {
        email_verification: email_verification?,
        verification_ttl: verification_ttl?,
        reset_ttl: reset_ttl?,
        invitation_ttl: invitation_ttl?,
        session_idle_ttl,
        session_absolute_ttl,
        refresh_grace: refresh_grace?,
    })
}

pub(super) fn limits(r: &mut Reader) -> Option<Limits> {
    let enabled = r.flag("limits.enabled");
    let login_failures_per_account = quota(r, "limits.login_failures_per_account");
    let login_attempts_per_ip = quota(r, "limits.login_attempts_per_ip");
    let register_per_ip = quota(r, "limits.register_per_ip");
    let otp_failures_per_account = quota(r, "limits.otp_failures_per_account");
    let device_codes_per_account = quota(r, "limits.device_codes_per_account");
    let device_requests_per_ip = quota(r, "limits.device_requests_per_ip");
    let authorizations_per_account = quota(r, "limits.authorizations_per_account");
    let exports_per_account = quota(r, "limits.exports_per_account");
    let mail_per_account = quota(r, "limits.mail_per_account");
    let mail_per_ip = quota(r, "limits.mail_per_ip");
    Some(Limits {
        enabled: enabled?,
        login_failures_per_account: login_failures_per_account?,
        login_attempts_per_ip: login_attempts_per_ip?,
        register_per_ip: register_per_ip?,
        otp_failures_per_account: otp_failures_per_account?,
        device_codes_per_account: device_codes_per_account?,
        device_requests_per_ip: device_requests_per_ip?,
        authorizations_per_account: authorizations_per_account?,
        exports_per_account: exports_per_account?,
        mail_per_account: mail_per_account?,
        mail_per_ip: mail_per_ip?,
    })
}

pub(super) fn audit(r: &mut Reader) -> Option<Audit> {
    Some(Audit { keep: r.duration("audit.keep", DAY..=3_650 * DAY)? })
}

fn quota(r: &mut Reader, key: &str) -> Option<Quota> {
    let want = "want COUNT/PERIOD, such as \"10/15m\", with a count from 1 and a period between 1s and 30d";
    r.text(key, want, |text| units::quota(text, SECOND, 30 * DAY).ok_or(Wrong::NotThis))
}
