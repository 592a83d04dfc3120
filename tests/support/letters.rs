//! The letters in a test server's outbox, read as a mail program reads them.

use std::path::PathBuf;

use mail_parser::MessageParser;

use super::app::{TestApp, eventually};

/// A letter.
#[derive(Debug, Clone)]
pub struct Received {
    pub file: PathBuf,
    /// As it was written.
    pub raw: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Received {
    /// Takes a message apart.
    pub fn parse(file: PathBuf, raw: Vec<u8>) -> Self {
        let message = MessageParser::default().parse(&raw).expect("a message");
        let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient");
        Self {
            file,
            to: to.to_owned(),
            subject: message.subject().expect("a subject").to_owned(),
            text: message.body_text(0).expect("a plain part").into_owned(),
            html: message.body_html(0).expect("an HTML part").into_owned(),
            raw: String::from_utf8_lossy(&raw).into_owned(),
        }
    }

    /// The link in its text.
    pub fn link(&self) -> String {
        let is_link = |line: &&str| line.starts_with("http") && line.contains("?token=");
        self.text.lines().map(str::trim).find(is_link).unwrap_or_else(|| panic!("no link: {}", self.text)).to_owned()
    }

    /// The token in its link.
    pub fn token(&self) -> String {
        self.link().split("?token=").nth(1).expect("a token").to_owned()
    }
}

/// All letters in the outbox, the oldest first, once none waits any more: each was sent, or will never be.
pub async fn all(app: &TestApp) -> Vec<Received> {
    eventually("no letter waits", async || app.texts("SELECT id FROM letters").await.is_empty()).await;
    now(app)
}

/// All letters that are in the outbox at this moment.
pub fn now(app: &TestApp) -> Vec<Received> {
    let Ok(folder) = std::fs::read_dir(app.folder.path().join("outbox")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder.map(|file| file.expect("a file").path()).collect();
    // Not one that is being written.
    files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    files.into_iter().map(|file| Received::parse(file.clone(), std::fs::read(file).expect("a letter"))).collect()
}

/// The letters to an address.
pub async fn to(app: &TestApp, email: &str) -> Vec<Received> {
    all(app).await.into_iter().filter(|letter| letter.to == email).collect()
}

/// The subjects of the letters to an address, sorted.
pub async fn subjects(app: &TestApp, email: &str) -> Vec<String> {
    let mut subjects: Vec<String> = to(app, email).await.into_iter().map(|letter| letter.subject).collect();
    subjects.sort();
    subjects
}

/// How many letters to an address with this subject are in the outbox at this moment.
pub fn count_now(app: &TestApp, email: &str, subject: &str) -> usize {
    now(app).iter().filter(|letter| letter.to == email && letter.subject == subject).count()
}

/// The newest letter to an address with this subject.
pub async fn newest(app: &TestApp, email: &str, subject: &str) -> Received {
    let letters = to(app, email).await;
    let found = letters.iter().rfind(|letter| letter.subject == subject);
    found.unwrap_or_else(|| panic!("no letter {subject:?} to {email}: {letters:?}")).clone()
}

pub const VERIFY: &str = "Is this your email address?";
pub const TAKEN: &str = "You have an account already";
pub const CONFIRM: &str = "Is this your new email address?";
pub const CHANGED: &str = "Your email address was changed";
pub const RESET: &str = "Set another password";
pub const NOTICE: &str = "Something changed in your account";
pub const INVITATION: &str = "You have an account";
