//! Clients that register, log in, refresh, log out, use and give back tokens, and note what they were answered.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::history::{Act, Answer, Event, contradictions, done, ending};
use crate::program::{command, told};
use crate::support::app::PASSWORD;

/// What a server needs for the load: room, a scope for its client, and a grace in which a refresh that was cut off is tried again.
pub const SETTINGS: [(&str, &str); 5] = [
    ("TOKENHOUSE__PASSWORDS__HASHING_QUEUE", "2000"),
    ("TOKENHOUSE__PASSWORDS__MEMORY_KIB", "7168"),
    ("TOKENHOUSE__PASSWORDS__ITERATIONS", "5"),
    ("TOKENHOUSE__OAUTH__SCOPES", r#"[{"name": "first", "default": true}]"#),
    ("TOKENHOUSE__ACCOUNTS__REFRESH_GRACE", "5m"),
];

/// Chance that can be had again: `SplitMix64`.
pub struct Dice(u64);

/// What chance begins with in a usual run, so that its clients do the same each time.
const USUAL_SEED: u64 = 20_260_601;

impl Dice {
    /// Begins with `TOKENHOUSE_TEST_SEED`; else, where more than the usual is played, with the time; and says with what.
    pub fn cast(what: &str) -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros());
        let other = if asked("TOKENHOUSE_TEST_ROUNDS").is_some() || asked("TOKENHOUSE_SOAK_MINUTES").is_some() {
            u64::try_from(now).unwrap_or_default()
        } else {
            USUAL_SEED
        };
        let seed = asked("TOKENHOUSE_TEST_SEED").unwrap_or(other);
        eprintln!("{what}: TOKENHOUSE_TEST_SEED={seed}");
        Self(seed)
    }

    /// Less than `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    pub fn split(&mut self) -> Self {
        Self(self.roll(u64::MAX))
    }
}

/// How many rounds to play: so many, or `TOKENHOUSE_TEST_ROUNDS`.
pub fn rounds(usual: u64) -> u64 {
    asked("TOKENHOUSE_TEST_ROUNDS").unwrap_or(usual)
}

/// The number in a variable.
pub fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A session, as its holder has it.
struct Session {
    name: String,
    access: String,
    /// `None` for a client's token, which is given back in place of being logged out.
    refresh: Option<String>,
    /// Whether its holder was told that it ended.
    ended: bool,
}

/// One who has sessions and asks for one thing after the other.
struct Holder {
    number: usize,
    dice: Dice,
    emails: Vec<String>,
    sessions: Vec<Session>,
    made: usize,
}

pub struct Load {
    /// Where to ask.
    nodes: RwLock<Vec<(usize, String)>>,
    client: reqwest::Client,
    history: Mutex<Vec<Event>>,
    /// The id and the secret of a client of OAuth.
    machine: (String, String),
    holders: Vec<tokio::sync::Mutex<Holder>>,
    stopped: AtomicBool,
    acts: AtomicUsize,
    /// The node of each request under way.
    under_way: Mutex<Vec<usize>>,
    /// How much of the time holders are at work, in percent; for the rest of it they do nothing.
    at_work: AtomicU32,
}

impl Load {
    /// Of so many holders. The client is made on the command line, in the folder of the server.
    pub fn new(folder: &Path, variables: &[(&str, &str)], holders: usize, dice: &mut Dice) -> Self {
        let add = ["client", "add", "--name", "m", "--grant", "client_credentials", "--scope", "first", "--json"];
        let (code, out, err) = told(&command(folder, &add, variables).output().unwrap());
        assert_eq!(code, 0, "{err}");
        let machine: Value = serde_json::from_str(&out).unwrap();
        let text = |name: &str| machine[name].as_str().unwrap().to_owned();
        let holder = |number| Holder { number, dice: dice.split(), emails: Vec::new(), sessions: Vec::new(), made: 0 };
        // A server that is stopped or away must not hold up the others who ask.
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self {
            nodes: RwLock::default(),
            client,
            history: Mutex::default(),
            machine: (text("client_id"), text("client_secret")),
            holders: (0..holders).map(holder).map(tokio::sync::Mutex::new).collect(),
            stopped: AtomicBool::new(false),
            acts: AtomicUsize::new(0),
            under_way: Mutex::default(),
            at_work: AtomicU32::new(100),
        }
    }

    /// Holders work for so many percent of the time.
    pub fn at_work(&self, percent: u32) {
        self.at_work.store(percent, Ordering::Relaxed);
    }

    /// From now on these are asked.
    pub fn ask(&self, nodes: &[&str]) {
        self.ask_all_but(nodes.len(), nodes);
    }

    /// From now on these are asked, but not that of this number.
    pub fn ask_all_but(&self, but: usize, nodes: &[&str]) {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).enumerate();
        *self.nodes.write().unwrap() = nodes.filter(|(number, _)| *number != but).collect();
    }

    /// Waits until nobody waits for an answer of the node of this number, which is asked no more.
    pub async fn let_out(&self, node: usize) {
        crate::support::app::eventually("who is there is let out", async || {
            !self.under_way.lock().unwrap().contains(&node)
        })
        .await;
    }

    /// All holders ask until [`Load::stop`].
    pub async fn run(&self) {
        self.stopped.store(false, Ordering::Relaxed);
        join_all(self.holders.iter().map(async |holder| {
            let mut holder = holder.lock().await;
            while !self.stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                self.step(&mut holder).await;
                let percent = self.at_work.load(Ordering::Relaxed);
                tokio::time::sleep(began.elapsed() * (100 - percent) / percent).await;
            }
        }))
        .await;
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits until so many more acts went well.
    pub async fn more(&self, acts: usize) {
        let start = self.acts.load(Ordering::Relaxed);
        let what = format!("{acts} more acts go well");
        crate::support::app::eventually(&what, async || self.acts.load(Ordering::Relaxed) >= start + acts).await;
    }

    /// Waits until so much was done that it says something whether the model holds.
    pub async fn enough(&self) {
        crate::support::app::eventually("each act goes well some times", async || {
            is_enough(&self.history.lock().unwrap())
        })
        .await;
    }

    pub fn history(&self) -> Vec<Event> {
        self.history.lock().unwrap().clone()
    }

    /// How many acts had no answer, or 503.
    pub fn unanswered(&self) -> usize {
        self.history.lock().unwrap().iter().filter(|event| event.answer == Answer::Unknown).count()
    }

    /// Shows everything that anybody holds once more, and fails when the history then contradicts the model.
    pub async fn must_hold(&self, what: &str, hearsay: Duration) {
        for holder in &self.holders {
            let mut holder = holder.lock().await;
            for n in 0..holder.sessions.len() {
                let session = &mut holder.sessions[n];
                self.show(session).await;
                self.refresh(session).await;
            }
            // A login costs a hash, so not all of them, but the newest, which are those that could be lost.
            let emails: Vec<String> = holder.emails.iter().rev().take(12).cloned().collect();
            join_all(emails.iter().map(|email| self.log_in(email))).await;
        }
        let history = self.history();
        let found = contradictions(&history, hearsay);
        let (counts, unanswered) = (done(&history), self.unanswered());
        eprintln!("{what}: {counts:?}, {unanswered} without an answer");
        assert!(found.is_empty(), "{what}: {} contradictions: {:#?}", found.len(), &found[..found.len().min(20)]);
        assert!(is_enough(&history), "{what}: hardly anything was done: {counts:?}");
    }

    async fn step(&self, holder: &mut Holder) {
        let sessions = holder.sessions.len() as u64;
        let any = usize::try_from(holder.dice.roll(sessions)).unwrap();
        match holder.dice.roll(20) {
            0..2 => {
                // Half of them are asked for by two holders.
                let shared = holder.dice.roll(2) == 0;
                let by = if shared { holder.number / 2 } else { holder.number };
                holder.made += 1;
                let email = format!("{}{by}-{}@example.com", if shared { "both" } else { "u" }, holder.made);
                match self.register(&email).await {
                    // Nobody knows whether it is there: asked again.
                    Answer::Unknown => drop(self.register(&email).await),
                    _ => holder.emails.push(email),
                }
            }
            2..4 if !holder.emails.is_empty() => {
                let newest = holder.emails.len() - 1;
                let email = &holder.emails[newest - newest.min(usize::try_from(holder.dice.roll(3)).unwrap())];
                holder.sessions.extend(self.log_in(email).await);
            }
            4..6 => holder.sessions.extend(self.machine_token().await),
            6..8 if sessions > 2 => self.end(&mut holder.sessions[any]).await,
            8..14 if sessions > 0 => {
                // As two tabs do.
                let session = &mut holder.sessions[any];
                if holder.dice.roll(4) == 0 {
                    let mut other = Session { name: session.name.clone(), ..copy(session) };
                    tokio::join!(self.refresh(session), self.refresh(&mut other));
                    // The one with an answer knows how it goes on.
                    if other.refresh != session.refresh && self.is_newer(&other, session) {
                        *session = other;
                    }
                } else {
                    self.refresh(session).await;
                }
            }
            _ if sessions > 0 => self.show(&mut holder.sessions[any]).await,
            _ => {}
        }
        // Of those that ended some are kept, to be shown again.
        if holder.sessions.len() > 24 {
            let gone = holder.sessions.iter().position(|session| session.ended).unwrap_or(0);
            holder.sessions.remove(gone);
        }
    }

    /// Whether `a` is what a refresh of `b` was answered.
    fn is_newer(&self, a: &Session, b: &Session) -> bool {
        let (Some(a), Some(b)) = (&a.refresh, &b.refresh) else { return false };
        self.history.lock().unwrap().iter().rev().any(|event| {
            matches!((&event.act, &event.answer), (Act::Refresh { shown, .. }, Answer::Successor(to)) if shown == b && to == a)
        })
    }

    async fn register(&self, email: &str) -> Answer {
        let body = json!({"email": email, "password": PASSWORD});
        let send = |node: String| self.client.post(format!("{node}/api/register")).json(&body);
        self.act(Act::Register(email.to_owned()), send, async |status, _| match status {
            201 => Answer::Done,
            409 => Answer::Refused,
            other => Answer::Wrong(other),
        })
        .await
    }

    async fn log_in(&self, email: &str) -> Option<Session> {
        let body = json!({"email": email, "password": PASSWORD});
        let send = |node: String| self.client.post(format!("{node}/api/login")).json(&body);
        let mut session = None;
        let kept = &mut session;
        self.act(Act::LogIn(email.to_owned()), send, async move |status, tokens| match status {
            200 => {
                let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
                let (access, refresh) = (text("access_token"), text("refresh_token"));
                let name = format!("{email} {}", &refresh[refresh.len() - 8..]);
                *kept = Some(Session { name, access, refresh: Some(refresh), ended: false });
                Answer::Done
            }
            401 => Answer::Refused,
            other => Answer::Wrong(other),
        })
        .await;
        session
    }

    async fn machine_token(&self) -> Option<Session> {
        let form = [("grant_type", "client_credentials"), ("scope", "first")];
        let (number, node) = self.ask_one(0)?;
        let request = self.client.post(format!("{node}/oauth2/default/v1/token"));
        let sent = request.basic_auth(&self.machine.0, Some(&self.machine.1)).form(&form).send().await;
        let tokens = match sent {
            Ok(answer) => answer.json::<Value>().await,
            Err(error) => Err(error),
        };
        self.answered(number);
        let tokens = tokens.ok()?;
        let access = tokens["access_token"].as_str()?.to_owned();
        let name = format!("the machine's {}", &access[access.len() - 8..]);
        Some(Session { name, access, refresh: None, ended: false })
    }

    async fn show(&self, session: &mut Session) {
        let send = |node: String| self.client.get(format!("{node}/api/profile")).bearer_auth(&session.access);
        self.act(Act::Use(session.name.clone()), send, async |status, _| match status {
            200 => Answer::Done,
            401 => Answer::Refused,
            other => Answer::Wrong(other),
        })
        .await;
    }

    async fn refresh(&self, session: &mut Session) {
        let Some(shown) = session.refresh.clone() else { return };
        let body = json!({"refresh_token": shown});
        let send = |node: String| self.client.post(format!("{node}/api/refresh")).json(&body);
        let act = Act::Refresh { session: session.name.clone(), shown };
        self.act(act, send, async |status, tokens| match status {
            200 => {
                let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
                let successor = text("refresh_token");
                session.access = text("access_token");
                session.refresh = Some(successor.clone());
                Answer::Successor(successor)
            }
            401 => Answer::Refused,
            other => Answer::Wrong(other),
        })
        .await;
    }

    async fn end(&self, session: &mut Session) {
        let of_machine = session.refresh.is_none();
        let send = |node: String| {
            if !of_machine {
                return self.client.post(format!("{node}/api/logout")).bearer_auth(&session.access);
            }
            let revoke = self.client.post(format!("{node}/oauth2/default/v1/revoke"));
            revoke.basic_auth(&self.machine.0, Some(&self.machine.1)).form(&[("token", &session.access)])
        };
        let answer = self
            .act(Act::End(session.name.clone()), send, async |status, _| match status {
                200 if of_machine => Answer::Done,
                204 => Answer::Done,
                401 => Answer::Refused,
                other => Answer::Wrong(other),
            })
            .await;
        session.ended |= answer == Answer::Done;
    }

    /// One of the nodes, in turn, whose answer is waited for until [`Load::answered`].
    fn ask_one(&self, turn: usize) -> Option<(usize, String)> {
        // Noted while the nodes stay as they are, so that whoever takes one of them away sees it.
        let nodes = self.nodes.read().unwrap();
        let node = nodes[turn.checked_rem(nodes.len())?].clone();
        self.under_way.lock().unwrap().push(node.0);
        Some(node)
    }

    fn answered(&self, node: usize) {
        let mut under_way = self.under_way.lock().unwrap();
        let place = under_way.iter().position(|other| *other == node).expect("it was asked");
        under_way.swap_remove(place);
    }

    async fn act(
        &self,
        act: Act,
        send: impl FnOnce(String) -> reqwest::RequestBuilder,
        judge: impl AsyncFnOnce(u16, Value) -> Answer,
    ) -> Answer {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        let Some((node, url)) = self.ask_one(TURN.fetch_add(1, Ordering::Relaxed)) else { return Answer::Unknown };
        let began = Instant::now();
        let answered = match send(url).send().await {
            Ok(answer) => Ok((answer.status().as_u16(), answer.bytes().await)),
            Err(error) => Err(error),
        };
        self.answered(node);
        let answer = match answered {
            // 503 is what it may say when a fault is there.
            Ok((503, _)) => Answer::Unknown,
            Ok((status, Ok(body))) => judge(status, serde_json::from_slice(&body).unwrap_or_default()).await,
            // Not at full speed against nobody.
            Ok((_, Err(_))) | Err(_) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Answer::Unknown
            }
        };
        if matches!(answer, Answer::Done | Answer::Successor(_)) {
            self.acts.fetch_add(1, Ordering::Relaxed);
        }
        let event = Event { began, ended: Instant::now(), node, act, answer: answer.clone() };
        self.history.lock().unwrap().push(event);
        answer
    }
}

/// Whether each act went well five times at least.
fn is_enough(history: &[Event]) -> bool {
    let counts = done(history);
    let all = ["registered", "logged in", "used", "refreshed", "ended"];
    all.iter().all(|act| counts.get(act).is_some_and(|count| *count >= 5)) && ending(history).len() >= 5
}

fn copy(session: &Session) -> Session {
    Session {
        name: session.name.clone(),
        access: session.access.clone(),
        refresh: session.refresh.clone(),
        ended: session.ended,
    }
}
