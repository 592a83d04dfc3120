//! The text of a letter, in plain text and in HTML, and the message around it.

use askama::Template;
use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

/// What a letter says.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    VerifyEmail {
        link: String,
        token: String,
        /// How long the link is good, for people.
        until: String,
    },
    AddressTaken,
    ConfirmNewEmail {
        link: String,
        token: String,
        until: String,
    },
    EmailChanged {
        new_email: String,
    },
    ResetPassword {
        link: String,
        token: String,
        until: String,
    },
    Invitation {
        link: String,
        token: String,
        until: String,
    },
    ByAdministrator {
        /// What was done, as the beginning of a sentence.
        what: String,
        at: String,
    },
    Notice {
        /// What was done, as the beginning of a sentence.
        what: String,
        at: String,
        ip: String,
        browser: String,
    },
}

/// A letter that is ready but for its transport.
pub(crate) struct Text<'a> {
    /// Its own name, the same at every try, so that a mail program shows a letter that came twice once.
    pub id: &'a str,
    pub from: &'a Mailbox,
    pub to: &'a str,
    pub at: DateTime<Utc>,
    /// The server's address.
    pub server: &'a str,
    /// What the server is called by people.
    pub house: &'a str,
    pub name: Option<&'a str>,
    pub body: &'a Body,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Plain<'a> {
    server: &'a str,
    house: &'a str,
    name: Option<&'a str>,
    body: &'a Body,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    subject: &'a str,
    server: &'a str,
    house: &'a str,
    name: Option<&'a str>,
    body: &'a Body,
}

/// Why a letter cannot be written at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("its address is none that mail can be sent to: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("it cannot be put together: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("its template failed: {0}")]
    Template(#[from] askama::Error),
}

impl Body {
    pub fn subject(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "Is this your email address?",
            Self::AddressTaken => "You have an account already",
            Self::ConfirmNewEmail { .. } => "Is this your new email address?",
            Self::EmailChanged { .. } => "Your email address was changed",
            Self::ResetPassword { .. } => "Set another password",
            Self::Invitation { .. } => "You have an account",
            Self::ByAdministrator { .. } | Self::Notice { .. } => "Something changed in your account",
        }
    }
}

impl Text<'_> {
    /// The message (RFC 5322) with both forms of the text (RFC 2046, section 5.1.4).
    pub fn message(&self) -> Result<Message, Unwritable> {
        let (house, name, body, subject) = (self.house, self.name, self.body, self.body.subject());
        let plain = Plain { server: self.server, house, name, body }.render()?;
        let html = Html { subject, server: self.server, house, name, body }.render()?;
        let domain = self.from.email.domain();
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, self.to.parse::<Address>()?))
            .subject(subject)
            .message_id(Some(format!("<{}@{domain}>", self.id)))
            .date(self.at.into())
            // No out-of-office notes in answer (RFC 3834, section 5).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(plain, html))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, body: &Body) -> String {
        let from = "Example <no-reply@example.com>".parse().unwrap();
        let at = DateTime::UNIX_EPOCH;
        let letter = Text {
            id: "1",
            from: &from,
            to: "ada@example.com",
            at,
            server: "https://x.example",
            house: "Example (https://x.example)",
            name: Some(name),
            body,
        };
        String::from_utf8(letter.message().unwrap().formatted()).unwrap()
    }

    #[test]
    fn what_people_write_stays_text() {
        let notice = Body::Notice {
            what: "Your password was changed".into(),
            at: "now".into(),
            ip: "127.0.0.1".into(),
            browser: "</td><script>alert(2)</script>".into(),
        };
        let message = text("<img src=x onerror=alert(1)>", &notice);
        let html = message.split("text/html").nth(1).unwrap();
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&#60;img"), "{html}");
        assert!(message.contains("Message-ID: <1@example.com>"), "{message}");
        // The plain part says it as it is.
        assert!(
            message.contains("Hello <img src=3Dx onerror=3Dalert(1)>,")
                || message.contains("Hello <img src=x onerror=alert(1)>,")
        );
    }

    #[test]
    fn every_letter_has_both_forms() {
        let (link, token, until) = ("https://x.example/?token=T".to_owned(), "T".to_owned(), "noon".to_owned());
        for body in [
            Body::VerifyEmail { link: link.clone(), token: token.clone(), until: until.clone() },
            Body::AddressTaken,
            Body::ConfirmNewEmail { link: link.clone(), token: token.clone(), until: until.clone() },
            Body::EmailChanged { new_email: "new@example.com".into() },
            Body::ResetPassword { link: link.clone(), token: token.clone(), until: until.clone() },
            Body::Invitation { link, token, until },
            Body::ByAdministrator { what: "Another password was set".into(), at: "noon".into() },
        ] {
            let message = text("Ada", &body);
            assert!(message.contains("text/plain") && message.contains("text/html"), "{message}");
            assert!(message.contains(&format!("Subject: {}", body.subject())), "{message}");
            assert!(message.matches("https://x.example").count() >= 2, "{message}");
        }
    }
}
