//! `/admin/keys`: the signing keys, and rotating them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use serde::Deserialize;

use super::administrator::{Acting, Administrator};
use super::confirm::{CHOICE, Choice, Question, ask};
use super::frame::{Frame, Here, answer, done, refused};
use crate::admin::keys::{keys_of, rotate_keys};
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::signing_keys::{Listed, text};
use crate::token::{Phase, Rotation};
use crate::web::complaint::Complaint;
use crate::web::page;

const KEYS: &str = "/admin/keys";
const ROTATE: &str = "/admin/keys/rotate";

/// How a key is had at once that signs.
const NOW: &str = "choose that below";

const WAYS: [Choice; 3] = [
    Choice {
        value: "usual",
        words: "As it is done by itself",
        more: "A key of RS256, ES256 or EdDSA is published now and signs later, so that whoever keeps our keys has it by then; one of HS256 signs at once. Nobody is signed out.",
    },
    Choice {
        value: "now",
        words: "The new key signs at once",
        more: "Tokens of the last key stay good until they expire. Programs that keep our keys and do not look again may refuse new tokens for a while.",
    },
    Choice {
        value: "compromised",
        words: "Somebody may have seen the key",
        more: "The new key signs at once, and no other is believed any more: every access token is void at this moment. Browsers and applications get new ones with their refresh tokens.",
    },
];

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(KEYS, [get(to(list))]).wrap(from_fn(in_span)))
        .service(resource(ROTATE, [get(to(confirm)), post(to(rotate))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    done: String,
}

/// A key, in words.
struct Key {
    kid: String,
    algorithm: String,
    tokens: String,
    phase: &'static str,
    made: String,
    signs_from: String,
    verifies_until: String,
}

impl From<&Listed> for Key {
    fn from(listed: &Listed) -> Self {
        let key = &listed.key;
        let words = |time| text(time).replace('T', " ").replace('Z', " UTC");
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm().to_string(),
            tokens: listed.tokens().join(", "),
            phase: match listed.phase {
                Phase::Published => "published, signs later",
                Phase::Signs => "signs",
                Phase::Verifies | Phase::Over => "signs no more, still believed",
            },
            made: words(key.created_at),
            signs_from: words(key.sign_from),
            verifies_until: key.verify_until.map(words).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct KeysPage<'p> {
    frame: Frame<'p>,
    keys: Vec<Key>,
}

async fn list(admin: Administrator, oauth: Data<OAuth>, query: Query<ListQuery>) -> HttpResponse {
    let shown = |status, keys: &[Listed], error: Option<&Complaint>| {
        let frame = Frame::of(&admin, Here::Keys).done(&admin, &query.0.done).error(error);
        answer(status, &admin, &KeysPage { frame, keys: keys.iter().map(Key::from).collect() })
    };
    match keys_of(&oauth).await {
        Ok(keys) => shown(StatusCode::OK, &keys, None),
        Err(problem) => page::of_problem(&problem, |status, why| shown(status, &[], Some(why))),
    }
}

fn question(status: StatusCode, admin: &Administrator, error: Option<&Complaint>) -> HttpResponse {
    let question = Question {
        here: Here::Keys,
        title: "Rotate the signing keys?",
        text: &["A new key is made, of access tokens and, where those have one of their own, of ID tokens."],
        action: ROTATE,
        button: "Rotate",
        back: KEYS,
        choices: &WAYS,
        new_password: None,
    };
    ask(status, admin, &question, error)
}

async fn confirm(admin: Administrator) -> HttpResponse {
    question(StatusCode::OK, &admin, None)
}

async fn rotate(acting: Acting, oauth: Data<OAuth>) -> HttpResponse {
    let (rotation, told) = match acting.form.get(CHOICE) {
        Some("usual") => (Rotation::Usual, "rotated"),
        Some("now") => (Rotation::AtOnce, "rotated"),
        Some("compromised") => (Rotation::Compromised, "compromised"),
        _ => {
            let why = Complaint::new("Please choose one of the ways.");
            return question(StatusCode::BAD_REQUEST, &acting.admin, Some(&why));
        }
    };
    match rotate_keys(&oauth, acting.admin.owner.clone(), rotation, NOW).await {
        Ok(_) => done(KEYS, told),
        Err(problem) => refused(KEYS, &problem, |status, why| question(status, &acting.admin, Some(why))),
    }
}
