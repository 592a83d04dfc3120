//! Several nodes over one key folder, through rotations, restarts and changes of the algorithm that nobody thought of.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tokenhouse::token::key_folder::PUBLISHED_AHEAD;
use tokenhouse::token::{Hands, KeyFolder, KeyRules, Rotation, SigningAlgorithm};
use tokenhouse::{Clock, LocalIssuer, LocalSettings, Scopes, Verifier};

const TTL: Duration = Duration::from_hours(1);
const LEEWAY: Duration = Duration::from_secs(30);
const NODES: usize = 3;

/// Without RSA, whose keys take long to make.
const ALGORITHMS: [SigningAlgorithm; 3] = [SigningAlgorithm::HS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA];

#[derive(Debug, Clone)]
enum Act {
    Mint {
        node: usize,
    },
    Advance {
        minutes: u64,
    },
    Rotate {
        rotation: Rotation,
    },
    Restart {
        node: usize,
    },
    /// All nodes, one after the other in so many minutes each, with a new setting.
    Change {
        algorithm: usize,
        minutes: u64,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let rotation = prop_oneof![Just(Rotation::Usual), Just(Rotation::AtOnce)];
    let act = prop_oneof![
        4 => (0..NODES).prop_map(|node| Act::Mint { node }),
        3 => (1..90_u64).prop_map(|minutes| Act::Advance { minutes }),
        3 => (600..4000_u64).prop_map(|minutes| Act::Advance { minutes }),
        2 => rotation.prop_map(|rotation| Act::Rotate { rotation }),
        1 => (0..NODES).prop_map(|node| Act::Restart { node }),
        1 => (0..ALGORITHMS.len(), 0..4_u64).prop_map(|(algorithm, minutes)| Act::Change { algorithm, minutes }),
    ];
    prop::collection::vec(act, 1..40)
}

struct Node {
    issuer: Arc<LocalIssuer>,
    verifier: Verifier,
}

struct Town {
    folder: TempDir,
    clock: Clock,
    hands: Hands,
    algorithm: SigningAlgorithm,
    nodes: Vec<Node>,
    /// Each with the second since 1970 until which it is good.
    minted: Vec<(String, i64)>,
    /// When each key was first seen in the published set.
    published: HashMap<String, i64>,
    /// Keys that need not have been published ahead: the first of an algorithm, and those that somebody had sign at once.
    at_once: Vec<String>,
}

impl Town {
    fn new() -> Self {
        let (clock, hands) = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
        let mut town = Self {
            folder: tempfile::tempdir().unwrap(),
            clock,
            hands,
            algorithm: SigningAlgorithm::ES256,
            nodes: Vec::new(),
            minted: Vec::new(),
            published: HashMap::new(),
            at_once: Vec::new(),
        };
        for node in 0..NODES {
            town.start(node);
        }
        town
    }

    fn key_folder(&self) -> KeyFolder {
        let rules = KeyRules {
            algorithm: Some(self.algorithm),
            rotate_every: Some(Duration::from_hours(72)),
            token_life: TTL + LEEWAY,
        };
        KeyFolder::new(self.folder.path(), rules)
    }

    fn start(&mut self, node: usize) {
        let settings = LocalSettings {
            issuer: "http://localhost:3000/oauth2/default".to_owned(),
            audience: "api://default".to_owned(),
            access_ttl: TTL,
        };
        let clock = self.clock.clone();
        let issuer = Arc::new(LocalIssuer::with_key_folder(settings, self.key_folder(), None, clock.clone()).unwrap());
        let verifier = Verifier::builder().local(Arc::clone(&issuer)).clock(clock).leeway(LEEWAY).build().unwrap();
        if !self.published.contains_key(&issuer.signing_kid()) {
            self.at_once.push(issuer.signing_kid());
        }
        let started = Node { issuer, verifier };
        if node < self.nodes.len() {
            self.nodes[node] = started;
        } else {
            self.nodes.push(started);
        }
        self.tend();
    }

    /// What every node does each second.
    fn tend(&mut self) {
        for node in &self.nodes {
            node.issuer.tend_keys().unwrap();
        }
        let now = self.clock.unix_seconds();
        for node in &self.nodes {
            for key in serde_json::to_value(node.issuer.public_keys()).unwrap().as_array().unwrap() {
                self.published.entry(key["kid"].as_str().unwrap().to_owned()).or_insert(now);
            }
        }
    }

    fn mint(&mut self, node: usize) {
        let user = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
        let minted = self.nodes[node].issuer.mint_for_user(user, "s", i64::MAX, &Scopes::from("openid"));
        let until = self.clock.unix_seconds() + i64::try_from((TTL + LEEWAY).as_secs()).unwrap();
        self.minted.push((minted.token, until));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Mint { node } => self.mint(*node),
            // In steps, so that upkeep looks every now and then, as it does.
            Act::Advance { minutes } => {
                for _ in 0..minutes.div_ceil(20) {
                    self.hands.advance(Duration::from_mins(20.min(*minutes)));
                    self.tend();
                }
            }
            Act::Rotate { rotation } => {
                let keys = self.key_folder().rotate(*rotation, self.clock.now()).unwrap();
                if *rotation == Rotation::AtOnce {
                    let new = keys.iter().find(|key| key.algorithm() == self.algorithm);
                    self.at_once.push(new.unwrap().kid.clone());
                }
                self.tend();
            }
            Act::Restart { node } => self.start(*node),
            Act::Change { algorithm, minutes } => {
                self.algorithm = ALGORITHMS[*algorithm];
                for node in 0..NODES {
                    self.start(node);
                    for _ in 0..*minutes {
                        self.hands.advance(Duration::from_mins(1));
                        let known: HashSet<String> = self.published.keys().cloned().collect();
                        self.tend();
                        // A node that still has the old setting makes a key when the others took its own away.
                        self.at_once.extend(self.published.keys().filter(|kid| !known.contains(*kid)).cloned());
                        for node in 0..NODES {
                            self.mint(node);
                        }
                    }
                }
            }
        }
    }

    /// The kid and the algorithm of a token.
    fn header(token: &str) -> (String, String) {
        use base64::Engine as _;
        let header = token.split('.').next().unwrap();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        (header["kid"].as_str().unwrap().to_owned(), header["alg"].as_str().unwrap().to_owned())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_node_believes_every_token_to_its_last_second_and_strangers_know_the_key_in_time(acts in acts()) {
        let mut town = Town::new();
        for act in &acts {
            town.act(act);
            let now = town.clock.unix_seconds();
            for (token, until) in &town.minted {
                let good = now < *until;
                for node in &town.nodes {
                    prop_assert_eq!(node.verifier.verify(token).is_ok(), good, "{:?} after {:?}", Town::header(token), act);
                }
            }
            for node in &town.nodes {
                prop_assert_eq!(node.issuer.signing_kid(), town.nodes[0].issuer.signing_kid(), "after {:?}", act);
            }
            if let (Act::Mint { .. }, Some((token, _))) = (act, town.minted.last()) {
                let (kid, algorithm) = Town::header(token);
                prop_assert_eq!(algorithm.as_str(), town.algorithm.name());
                if town.algorithm.is_asymmetric() && !town.at_once.contains(&kid) {
                    let ahead = now - town.published[&kid];
                    prop_assert!(ahead >= i64::try_from(PUBLISHED_AHEAD.as_secs()).unwrap(), "published {} s before", ahead);
                }
            }
        }
    }
}
