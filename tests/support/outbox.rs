//! The letters that a server has sent, read from its outbox.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::app::TestApp;

/// A letter as its reader sees it.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    /// All of it, as it was sent.
    pub raw: String,
    /// Its parts, decoded.
    pub text: String,
    pub html: String,
}

impl Letter {
    /// The token of its link.
    pub fn token(&self) -> String {
        let token = self.text.split("?token=").nth(1).expect("a link with a token");
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
    }
}

/// All letters in the outbox, the oldest first.
pub fn letters(app: &TestApp) -> Vec<Letter> {
    let Ok(folder) = std::fs::read_dir(app.folder.path().join("outbox")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    // Not by name: a clock that a test moves by hand stands still between letters.
    files.sort_by_key(|path| std::fs::metadata(path).and_then(|file| file.modified()).expect("a time"));
    files.iter().map(|path| parse(&std::fs::read_to_string(path).expect("a letter"))).collect()
}

/// Waits until there are so many letters to an address, and answers them.
pub async fn letters_to(app: &TestApp, to: &str, count: usize) -> Vec<Letter> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found: Vec<Letter> = letters(app).into_iter().filter(|letter| letter.to == to).collect();
        if found.len() >= count {
            assert_eq!(found.len(), count, "more letters than there should be: {found:?}");
            return found;
        }
        assert!(Instant::now() < deadline, "no letter to {to}; there are {:?}", letters(app));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until no letter waits to be sent.
pub async fn all_sent(app: &TestApp) {
    super::app::eventually("all letters are sent", async || app.texts("SELECT id FROM letters").await.is_empty()).await;
}

fn parse(raw: &str) -> Letter {
    let raw = raw.replace("\r\n", "\n");
    let (head, body) = raw.split_once("\n\n").expect("a head and a body");
    let head = head.replace("\n ", " ");
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
    };
    let boundary = header("content-type").expect("a type");
    let boundary = boundary.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    let part = |media_type: &str| {
        let part = body.split(&format!("--{boundary}")).find(|part| part.contains(media_type)).expect("the part");
        let (head, text) = part.split_once("\n\n").expect("a head and a text");
        if head.to_lowercase().contains("quoted-printable") { quoted_printable(text) } else { text.to_owned() }
    };
    Letter {
        to: header("to").expect("a recipient"),
        subject: header("subject").expect("a subject"),
        text: part("text/plain"),
        html: part("text/html"),
        raw: raw.clone(),
    }
}

/// RFC 2045, section 6.7.
fn quoted_printable(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'=').then(|| behind.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).expect("UTF-8")
}
