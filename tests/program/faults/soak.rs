//! Hours under load while faults come at random: F20.
//!
//! A usual run takes some twenty seconds; `scripts/soak` asks for an hour. In the first half the server is also restarted; in the second half one
//! process is watched: what it has in memory, its files, and the log of its database.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tokenhouse::Clock;

use super::kill::must_be_whole;
use super::load::{Dice, Load, SETTINGS, asked};
use super::scarcity::{files, kib, linux};
use crate::program::Program;
use crate::support::app::eventually;
use crate::support::okta::{Answer, Okta, RsaKey, header};
use crate::support::ports::closed_port;

/// How long a usual run takes.
const USUAL: Duration = Duration::from_secs(20);

/// So many clients, which work for so many percent of the time.
const CLIENTS: usize = 8;
const AT_WORK: u32 = 60;

/// What may never be had, however long it runs: files, and KiB of the database's log and of memory.
const MOST_FILES: usize = 200;
const MOST_LOG_KIB: u64 = 32 * 1024;
const MOST_MEMORY_KIB: u64 = 512 * 1024;

/// What is begun in turn, in an order of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// F6: another process holds the database's lock, shorter or longer than a write waits for it.
    Lock,
    /// F9: it is told to end, and started again.
    Restart,
    /// F12: the remote issuer answers nonsense, nothing, or not at all, until the next of these.
    Issuer,
}

/// One look at the process.
struct Look {
    at: Duration,
    /// Which process of those that were started.
    life: usize,
    memory_kib: u64,
    files: usize,
    log_kib: u64,
}

/// What users of the remote issuer were answered.
#[derive(Debug, Default)]
struct Strangers {
    let_in: usize,
    refused: usize,
    /// 503, for there are no keys yet; or no answer.
    unanswered: usize,
    wrong: Vec<String>,
}

struct Soak {
    folder: tempfile::TempDir,
    database: String,
    listen: String,
    okta: Okta,
    dice: Dice,
    begun: Instant,
    whole: Duration,
}

impl Soak {
    async fn new(dice: Dice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("data/tokenhouse.db").display());
        let listen = format!("127.0.0.1:{}", closed_port());
        let whole = asked("TOKENHOUSE_SOAK_MINUTES").map_or(USUAL, Duration::from_mins);
        Self { folder, database, listen, okta: Okta::start().await, dice, begun: Instant::now(), whole }
    }

    async fn start(&self) -> Program {
        let own = [
            ("TOKENHOUSE__DATABASE__URL", self.database.as_str()),
            ("TOKENHOUSE__SERVER__LISTEN", &self.listen),
            ("TOKENHOUSE__AUTH__ACCEPT", "local,okta"),
            ("TOKENHOUSE__REMOTE__OKTA__ISSUER", &self.okta.issuer),
            ("TOKENHOUSE__REMOTE__OKTA__AUDIENCE", "api://default"),
        ];
        Program::start_beside(self.folder.path(), &[&SETTINGS[..], &own].concat()).await
    }

    fn look(&self, program: &Program, life: usize) -> Look {
        let log: PathBuf = self.folder.path().join("data/tokenhouse.db-wal");
        let log_kib = std::fs::metadata(log).map_or(0, |log| log.len() / 1024);
        let memory_kib = kib(program, "VmRSS:");
        Look { at: self.begun.elapsed(), life, memory_kib, files: files(program), log_kib }
    }

    /// How long nothing happens.
    fn quiet(&mut self) -> Duration {
        let most = if self.whole == USUAL { 1_500 } else { 15_000 };
        Duration::from_millis(500 + self.dice.roll(most))
    }

    /// The faults of one turn.
    fn turn(&mut self) -> Vec<Fault> {
        let mut all = vec![Fault::Lock, Fault::Issuer];
        // Later on, one process is watched.
        if self.begun.elapsed() < self.whole / 2 {
            all.push(Fault::Restart);
        }
        for last in (1..all.len()).rev() {
            all.swap(last, usize::try_from(self.dice.roll(last as u64 + 1)).unwrap());
        }
        all
    }

    async fn lock(&mut self) {
        let mut other = SqliteConnection::connect(&self.database).await.unwrap();
        // The server may have it for a moment.
        let locked = sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await;
        let most = if self.whole == USUAL { 1_000 } else { 8_000 };
        tokio::time::sleep(Duration::from_millis(self.dice.roll(most))).await;
        if locked.is_ok() {
            sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        }
        let _ = other.close().await;
    }

    fn break_issuer(&mut self) {
        let text = |status: &str, body: &str| Answer::text(status, "application/json", body);
        let good = Answer::JsonWith(json!({"keys": [RsaKey::number(0).jwk("k0")]}), "Cache-Control: max-age=60\r\n");
        let answers = [
            good.clone(),
            text("500 Internal Server Error", "{}"),
            text("200 OK", "{\"keys\":[]}"),
            text("200 OK", "<!doctype html><h1>Sign in to the Wi-Fi</h1>"),
            Answer::Reset,
            Answer::Hang,
            Answer::Drip,
            good,
        ];
        let which = usize::try_from(self.dice.roll(answers.len() as u64)).unwrap();
        self.okta.answer_keys(answers[which].clone());
    }

    fn mend_issuer(&self) {
        self.okta.publish(&[RsaKey::number(0).jwk("k0")]);
    }
}

/// Shows tokens of the remote issuer, good ones and such of a key that nobody knows, until `is_over`.
async fn strangers(issuer: &Okta, url: &str, is_over: impl Fn() -> bool) -> Strangers {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let mut told = Strangers::default();
    for turn in 0_usize.. {
        if is_over() {
            break;
        }
        let now = Clock::system().unix_seconds();
        let is_good = !turn.is_multiple_of(5);
        let token = if is_good {
            issuer.token(now)
        } else {
            RsaKey::number(1).token(&header(&format!("unknown-{turn}")), &issuer.claims(now).to_string())
        };
        let sent = client.get(format!("{url}/api/profile")).bearer_auth(token).send().await;
        match (sent.map_or(0, |answer| answer.status().as_u16()), is_good) {
            (200, true) => told.let_in += 1,
            (401, false) => told.refused += 1,
            (0 | 503, _) => told.unanswered += 1,
            (status, _) => {
                told.wrong.push(format!("a token of the remote issuer, good: {is_good}, was answered {status}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    told
}

/// By how many KiB a minute memory grew, by least squares.
fn growth(looks: &[&Look]) -> f64 {
    let points: Vec<(f64, f64)> = looks
        .iter()
        .map(|look| (look.at.as_secs_f64() / 60.0, f64::from(u32::try_from(look.memory_kib).unwrap_or(u32::MAX))))
        .collect();
    let count = f64::from(u32::try_from(points.len()).unwrap());
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let along: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let square: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if square > 0.0 { along / square } else { 0.0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_while_faults_come_at_random() {
    if !linux() {
        return;
    }
    let mut soak = Soak::new(Dice::cast("F20")).await;
    let mut program = soak.start().await;
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", soak.database.as_str())]].concat();
    let load = Load::new(soak.folder.path(), &variables, CLIENTS, &mut soak.dice);
    load.ask(&[&program.url]);
    load.at_work(AT_WORK);
    let url = program.url.clone();
    let issuer = soak.okta.clone();
    let (mut looks, mut count, mut life) = (Vec::new(), [0_usize; 3], 0);
    let faults = async {
        while soak.begun.elapsed() < soak.whole {
            for fault in soak.turn() {
                let next = Instant::now() + soak.quiet();
                while Instant::now() < next {
                    looks.push(soak.look(&program, life));
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                count[fault as usize] += 1;
                match fault {
                    Fault::Lock => soak.lock().await,
                    Fault::Issuer => soak.break_issuer(),
                    Fault::Restart => {
                        program.signal("TERM");
                        assert_eq!(program.ended(Duration::from_mins(3)).await.code(), Some(0), "F20, F9");
                        program = soak.start().await;
                        life += 1;
                    }
                }
            }
        }
        soak.mend_issuer();
        // It recovers from the last fault, whichever it was.
        load.more(40).await;
        load.enough().await;
        eventually("F20: the issuer's users are let in", async || {
            program.get("/api/profile", &soak.okta.token(Clock::system().unix_seconds())).await == 200
        })
        .await;
        looks.push(soak.look(&program, life));
        load.stop();
    };
    let ((), (), told) = tokio::join!(load.run(), faults, strangers(&issuer, &url, || load.is_stopped()));
    let whole: Vec<&Look> = looks.iter().collect();
    let last: Vec<&Look> = whole.iter().copied().filter(|look| look.life == life).collect();
    // What it fills at its beginning, it keeps.
    let settled = &last[last.len() / 3..];
    let most = |of: fn(&Look) -> u64| whole.iter().map(|look| of(look)).max().unwrap();
    let (memory, log) = (most(|look| look.memory_kib), most(|look| look.log_kib));
    let open = whole.iter().map(|look| look.files).max().unwrap();
    let [locked, restarted, broken] = count;
    eprintln!(
        "F20: {:?}; {locked} times locked, {restarted} times restarted, {broken} changes of the issuer's answers; {told:?}",
        soak.begun.elapsed()
    );
    eprintln!(
        "F20: memory {} KiB at the beginning of the last life, {} once settled, {} at its end, {memory} at most, {:+.0} KiB a minute once settled",
        last[0].memory_kib,
        settled[0].memory_kib,
        settled[settled.len() - 1].memory_kib,
        growth(settled)
    );
    eprintln!("F20: at most {open} files, and {log} KiB of the database's log");
    must_be_whole(&soak.database).await;
    load.must_hold("F20", Duration::ZERO).await;
    assert_eq!(told.wrong, Vec::<String>::new(), "F20, F12");
    assert!(told.let_in >= 5 && told.refused >= 1, "F20: hardly anybody came: {told:?}");
    assert!(count.iter().all(|count| *count >= 1), "F20: hardly any fault: {count:?}");
    assert!(open < MOST_FILES, "F20: {open} files");
    assert!(log < MOST_LOG_KIB, "F20: {log} KiB of the database's log");
    assert!(memory < MOST_MEMORY_KIB, "F20: {memory} KiB of memory");
    // An hour tells a leak from what is remembered; twenty seconds do not.
    let (begin, end) = (settled[0].memory_kib, settled[settled.len() - 1].memory_kib);
    assert!(end < begin + begin / 2 + 32 * 1024, "F20: memory grew from {begin} to {end} KiB");
}

#[test]
fn growth_is_found() {
    let look = |minute: u64, memory_kib: u64| Look {
        at: Duration::from_mins(minute),
        life: 0,
        memory_kib,
        files: 0,
        log_kib: 0,
    };
    let (steady, growing) = ([look(0, 10), look(1, 10), look(5, 10)], [look(0, 10), look(1, 13), look(2, 16)]);
    assert!(growth(&steady.iter().collect::<Vec<_>>()).abs() < 1e-9);
    assert!((growth(&growing.iter().collect::<Vec<_>>()) - 3.0).abs() < 1e-9);
}
