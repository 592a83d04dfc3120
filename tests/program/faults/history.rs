//! What clients asked and were answered, and the model that no answer may contradict.
//!
//! Per email at most one registration goes well; the refresh tokens of a session are one chain; once an end was answered, nothing that begins later
//! goes well; what was answered as done is there.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// What was asked. A session is named by the email and the number of its login, for tokens are long to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Act {
    Register(String),
    LogIn(String),
    /// An access token was shown.
    Use(String),
    /// A refresh token was shown.
    Refresh {
        session: String,
        shown: String,
    },
    /// A session was logged out, or a client's token given back.
    End(String),
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// Done, and this is the new refresh token.
    Successor(String),
    /// 401, or 409 for an account that is there already.
    Refused,
    /// There was none, or 503: it may have been done or not.
    Unknown,
    /// What no client should see.
    Wrong(u16),
}

#[derive(Debug, Clone)]
pub struct Event {
    pub began: Instant,
    pub ended: Instant,
    /// Which server was asked.
    pub node: usize,
    pub act: Act,
    pub answer: Answer,
}

impl Event {
    fn is_done(&self) -> bool {
        matches!(self.answer, Answer::Done | Answer::Successor(_))
    }

    fn is_refused(&self) -> bool {
        self.answer == Answer::Refused
    }
}

/// What in `history` contradicts the model. Another server may hear of an end so much later.
pub fn contradictions(history: &[Event], hearsay: Duration) -> Vec<String> {
    let mut found = Vec::new();
    let mut registered: HashMap<&str, Instant> = HashMap::new();
    let mut children: HashMap<&str, &str> = HashMap::new();
    let mut parents: HashMap<&str, &str> = HashMap::new();
    // When the first try to end a session began, and when and where one was answered first.
    let mut ending: HashMap<&str, Instant> = HashMap::new();
    let mut ended: HashMap<&str, (Instant, usize)> = HashMap::new();
    for event in history {
        match &event.act {
            Act::Register(email) if event.is_done() && registered.insert(email, event.ended).is_some() => {
                found.push(format!("{email} was registered twice"));
            }
            Act::Refresh { session, shown } => {
                let Answer::Successor(successor) = &event.answer else { continue };
                if children.insert(shown, successor).is_some_and(|other| other != successor)
                    || parents.insert(successor, shown).is_some_and(|other| other != shown)
                {
                    found.push(format!("the refresh tokens of {session} are no chain"));
                }
            }
            Act::End(session) => {
                let first = ending.entry(session).or_insert(event.began);
                *first = event.began.min(*first);
                if event.is_done() {
                    let first = ended.entry(session).or_insert((event.ended, event.node));
                    *first = (event.ended, event.node).min(*first);
                }
            }
            _ => {}
        }
    }
    for event in history {
        if let Answer::Wrong(status) = event.answer {
            found.push(format!("{:?} was answered {status}", event.act));
        }
        match &event.act {
            Act::LogIn(email)
                if event.is_refused()
                    && registered.get(email.as_str()).is_some_and(|registered| *registered < event.began) =>
            {
                found.push(format!("{email} was registered, and is unknown"));
            }
            Act::Use(session) | Act::Refresh { session, .. } => {
                if let Some((at, node)) = ended.get(session.as_str()) {
                    let heard = if *node == event.node { *at } else { *at + hearsay };
                    if heard < event.began && event.is_done() {
                        let late = event.began.duration_since(*at);
                        found.push(format!("{:?} went well {late:?} after the end", event.act));
                    }
                }
                if event.is_refused() && ending.get(session.as_str()).is_none_or(|ending| event.ended < *ending) {
                    found.push(format!("{:?} was refused, and nobody ended the session", event.act));
                }
            }
            _ => {}
        }
    }
    found
}

/// How many events went well, by what was asked.
pub fn done(history: &[Event]) -> HashMap<&'static str, usize> {
    let mut counts = HashMap::new();
    for event in history.iter().filter(|event| event.is_done()) {
        let name = match event.act {
            Act::Register(_) => "registered",
            Act::LogIn(_) => "logged in",
            Act::Use(_) => "used",
            Act::Refresh { .. } => "refreshed",
            Act::End(_) => "ended",
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// The sessions that somebody tried to end.
pub fn ending(history: &[Event]) -> HashSet<String> {
    let end = |event: &Event| if let Act::End(session) = &event.act { Some(session.clone()) } else { None };
    history.iter().filter_map(end).collect()
}

#[test]
fn the_model_finds_what_is_wrong_and_nothing_else() {
    let start = Instant::now();
    let event = |from: u64, to: u64, node: usize, act: Act, answer: Answer| {
        let at = |seconds| start + Duration::from_secs(seconds);
        Event { began: at(from), ended: at(to), node, act, answer }
    };
    let (register, log_in) = (Act::Register("a".to_owned()), Act::LogIn("a".to_owned()));
    let (using, end) = (Act::Use("s".to_owned()), Act::End("s".to_owned()));
    let refresh = |shown: &str| Act::Refresh { session: "s".to_owned(), shown: shown.to_owned() };
    let to = |successor: &str| Answer::Successor(successor.to_owned());
    for (row, history, right) in [
        (
            "once",
            vec![event(0, 1, 0, register.clone(), Answer::Done), event(2, 3, 0, register.clone(), Answer::Refused)],
            0,
        ),
        (
            "twice",
            vec![event(0, 1, 0, register.clone(), Answer::Done), event(2, 3, 0, register.clone(), Answer::Done)],
            1,
        ),
        (
            "lost",
            vec![event(0, 1, 0, register.clone(), Answer::Done), event(2, 3, 0, log_in.clone(), Answer::Refused)],
            1,
        ),
        ("not yet", vec![event(0, 3, 0, register.clone(), Answer::Done), event(2, 4, 0, log_in, Answer::Refused)], 0),
        (
            "a chain",
            vec![
                event(0, 1, 0, refresh("x"), to("y")),
                event(1, 2, 0, refresh("x"), to("y")),
                event(2, 3, 0, refresh("y"), to("z")),
            ],
            0,
        ),
        ("two children", vec![event(0, 1, 0, refresh("x"), to("y")), event(1, 2, 0, refresh("x"), to("z"))], 1),
        ("two parents", vec![event(0, 1, 0, refresh("x"), to("z")), event(1, 2, 0, refresh("y"), to("z"))], 1),
        (
            "a rotation lost",
            vec![event(0, 1, 0, refresh("x"), to("y")), event(1, 2, 0, refresh("y"), Answer::Refused)],
            1,
        ),
        (
            "used at its end",
            vec![event(0, 2, 0, end.clone(), Answer::Done), event(1, 3, 0, using.clone(), Answer::Done)],
            0,
        ),
        (
            "used after its end",
            vec![event(0, 1, 0, end.clone(), Answer::Done), event(2, 3, 0, using.clone(), Answer::Done)],
            1,
        ),
        (
            "refreshed after its end",
            vec![event(0, 1, 0, end.clone(), Answer::Done), event(2, 3, 0, refresh("x"), to("y"))],
            1,
        ),
        (
            "elsewhere, soon",
            vec![event(0, 1, 0, end.clone(), Answer::Done), event(2, 3, 1, using.clone(), Answer::Done)],
            0,
        ),
        (
            "elsewhere, later",
            vec![event(0, 1, 0, end.clone(), Answer::Done), event(4, 5, 1, using.clone(), Answer::Done)],
            1,
        ),
        (
            "refused after its end",
            vec![event(0, 1, 0, end.clone(), Answer::Unknown), event(2, 3, 0, using.clone(), Answer::Refused)],
            0,
        ),
        (
            "refused before its end",
            vec![event(0, 1, 0, using.clone(), Answer::Refused), event(2, 3, 0, end, Answer::Done)],
            1,
        ),
        ("refused for nothing", vec![event(0, 1, 0, using.clone(), Answer::Refused)], 1),
        ("an error", vec![event(0, 1, 0, using, Answer::Wrong(500))], 1),
    ] {
        let found = contradictions(&history, Duration::from_secs(2));
        assert_eq!(found.len(), right, "{row}: {found:?}");
    }
}
