//! Accounts from elsewhere: what a line of an import says, and what is made of it. An export has the same form.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::administration::{Administration, NotDone};
use super::email::Email;
use super::foreign_hashes::{FirebaseParameters, ForeignHash};
use super::name::display_name;
use super::records::{self, UserRecord};
use super::roles::Roles;
use crate::audit::{Act, Event};
use crate::store::StoreError;
use crate::token::clock::rfc3339;

/// Stands for a password that nobody has: it can be set by a letter.
pub(super) const NO_PASSWORD: &str = "*";

/// One account. The names in brackets are those of Firebase's export.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Line {
    /// A UUID; another system's ids are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    email: String,
    #[serde(alias = "displayName", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(alias = "emailVerified", deserialize_with = "truth")]
    email_verified: bool,
    #[serde(alias = "passwordHash", skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    /// Firebase's, beside the hash.
    #[serde(skip_serializing)]
    salt: Option<String>,
    #[serde(deserialize_with = "words", skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(deserialize_with = "truth", skip_serializing_if = "std::ops::Not::not")]
    disabled: bool,
}

/// `true`, or its text, as CSV has it; nothing is `false`.
fn truth<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Truth {
        Bool(bool),
        Text(String),
        Nothing(()),
    }
    match Truth::deserialize(deserializer)? {
        Truth::Bool(truth) => Ok(truth),
        Truth::Nothing(()) => Ok(false),
        Truth::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "" | "false" | "0" | "no" => Ok(false),
            _ => Err(serde::de::Error::custom("want true or false")),
        },
    }
}

/// A list of texts, or one text with blanks between the words.
fn words<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        Many(Vec<String>),
        One(String),
        Nothing(()),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::Many(words) => words,
        Words::One(text) => text.split_whitespace().map(str::to_owned).collect(),
        Words::Nothing(()) => Vec::new(),
    })
}

impl Line {
    /// The account that it speaks of; without a time, as of `now` in microseconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it, without any part of its hash.
    pub fn to_record(&self, firebase: Option<&FirebaseParameters>, now: i64) -> Result<UserRecord, String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let email = Email::parse(&self.email).ok_or("email: want an address such as ada@example.com")?;
        let id = match given(&self.id) {
            Some(id) => id.parse::<Uuid>().map_err(|_| "id: want a UUID, or none for a new one")?,
            None => Uuid::new_v4(),
        };
        let said = |error: crate::http::problem::FieldError| format!("{}: {}", error.field, error.message);
        let roles = Roles::of(self.roles.iter().map(String::as_str)).map_err(said)?;
        let created_at = match given(&self.created_at) {
            Some(text) => DateTime::parse_from_rfc3339(&text)
                .map(|at| at.timestamp_micros())
                .map_err(|_| "created_at: want a time such as 2026-11-24T12:00:00Z")?,
            None => now,
        };
        let password_hash = match (given(&self.password_hash), given(&self.salt), firebase) {
            (None, ..) => NO_PASSWORD.to_owned(),
            (Some(hash), ..) if hash == NO_PASSWORD => hash,
            (Some(hash), Some(salt), Some(firebase)) => firebase.hash(&salt, &hash),
            (Some(_), Some(_), None) => {
                return Err(
                    "password_hash: a hash with a salt beside it is Firebase's; want --firebase-parameters".to_owned()
                );
            }
            (Some(hash), None, _) => hash,
        };
        if password_hash != NO_PASSWORD {
            ForeignHash::parse(&password_hash).map_err(|why| format!("password_hash: {why}"))?;
        }
        Ok(UserRecord {
            id: id.to_string(),
            email: email.as_str().to_owned(),
            name: display_name(self.name.as_deref()).map_err(said)?,
            password_hash,
            roles: roles.to_store(),
            created_at,
            email_verified_at: self.email_verified.then_some(now),
            disabled_at: self.disabled.then_some(now),
            passkey_required_at: None,
            has_app: false,
        })
    }
}

impl From<UserRecord> for Line {
    fn from(user: UserRecord) -> Self {
        Self {
            email_verified: user.email_verified_at.is_some(),
            password_hash: Some(user.password_hash),
            salt: None,
            roles: user.roles.split_whitespace().map(str::to_owned).collect(),
            created_at: Some(rfc3339(user.created_at)),
            disabled: user.disabled_at.is_some(),
            id: Some(user.id),
            email: user.email,
            name: user.name,
        }
    }
}

impl Administration<'_> {
    /// Adds accounts, all in one transaction. Which of them were not added, by their place: their address or id is taken.
    ///
    /// # Errors
    /// [`StoreError`]; then none was added.
    pub async fn import(&self, users: Vec<UserRecord>) -> Result<Vec<usize>, StoreError> {
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    let mut taken = Vec::new();
                    for (place, user) in users.iter().enumerate() {
                        if !records::insert_user(connection.reborrow(), user).await? {
                            taken.push(place);
                        }
                    }
                    Ok(taken)
                })
            })
            .await
    }

    /// Records that accounts were imported or exported: once, and not for each.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn note(&self, act: Act) -> Result<(), NotDone> {
        let event = Event::success(act, self.clock.unix_micros()).by_operator();
        self.store.write(move |connection| Box::pin(async move { Ok(event.record(connection).await?) })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Result<UserRecord, String> {
        let line: Line = serde_json::from_str(json).map_err(|error| error.to_string())?;
        line.to_record(None, 7)
    }

    #[test]
    fn lines() {
        let user = record(r#"{"email":"Ada@Example.com","password_hash":"$2b$04$QY0fm.KbR2hC2Pfr/bmNW.rWoXVUL6OFylMdaS/DVuV3wxnuIZwJq","roles":["b","a"],"email_verified":true,"created_at":"2020-01-01T00:00:00Z","more":1}"#).unwrap();
        assert_eq!((user.email.as_str(), user.roles.as_str()), ("ada@example.com", "a b"));
        assert_eq!((user.created_at, user.email_verified_at), (1_577_836_800_000_000, Some(7)));
        let user =
            record(r#"{"email":"a@x.io","localId":"x","displayName":"Ada","emailVerified":"true","roles":"a b"}"#)
                .unwrap();
        assert_eq!((user.name.as_deref(), user.password_hash.as_str(), user.roles.as_str()), (Some("Ada"), "*", "a b"));
        for (wrong, words) in [
            (r#"{"email":"nobody"}"#, "email: want an address"),
            (r"{}", "email: want an address"),
            (r#"{"email":"a@x.io","id":"1"}"#, "id: want a UUID"),
            (r#"{"email":"a@x.io","name":"a\nb"}"#, "name: must be on one line"),
            (r#"{"email":"a@x.io","roles":["A"]}"#, "roles: must be"),
            (r#"{"email":"a@x.io","created_at":"yesterday"}"#, "created_at: want a time"),
            (r#"{"email":"a@x.io","password_hash":"hunter2"}"#, "password_hash: the hash is of no kind"),
            (r#"{"email":"a@x.io","password_hash":"x","salt":"y"}"#, "--firebase-parameters"),
            (r#"{"email":"a@x.io","email":"b@x.io"}"#, "duplicate field"),
            (r#"{"email":["a@x.io"]}"#, "invalid type"),
        ] {
            let why = record(wrong).err().unwrap_or_default();
            assert!(why.contains(words), "{wrong}: {why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn an_export_is_an_import() {
        let user =
            record(r#"{"email":"a@x.io","name":"Ada","roles":["a"],"disabled":true,"email_verified":true}"#).unwrap();
        let text = serde_json::to_string(&Line::from(user.clone())).unwrap();
        let again = record(&text).unwrap();
        assert_eq!((again.id, again.email, again.name, again.roles), (user.id, user.email, user.name, user.roles));
        assert_eq!(
            (again.created_at, again.disabled_at, again.password_hash),
            (user.created_at, user.disabled_at, user.password_hash)
        );
    }
}
