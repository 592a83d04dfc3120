//! The section `[mail]`.

use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use secrecy::SecretString;
use serde_json::Value;

use super::mistake::Place;
use super::reader::{Reader, Wrong};

/// `[mail]`: how letters are sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// What takes them.
    pub transport: MailTransport,
    /// The sender: `NAME <ADDRESS>` or an address alone (RFC 5322, section 3.4).
    pub from: Mailbox,
}

/// What takes the letters.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// A folder, with a file for each letter.
    Outbox(PathBuf),
    /// A mail server.
    Smtp(Smtp),
}

/// A mail server (RFC 5321, RFC 6409).
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: SmtpSecurity,
    /// User and password, when it wants them.
    pub login: Option<(String, SecretString)>,
    /// A PEM file of certificate authorities to trust for it besides the system's.
    pub ca_certificate: Option<PathBuf>,
}

/// How the connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS is begun on a plain connection, and without it nothing is sent (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

/// Which of the transports is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Outbox,
    Smtp,
}

pub(super) fn mail(r: &mut Reader) -> Option<Mail> {
    let kind = r.choice("mail.transport", &[("outbox", Kind::Outbox), ("smtp", Kind::Smtp)]);
    let outbox = r.words("mail.outbox_dir", "want the path of a folder, such as \"data/outbox\"");
    let want = "want the sender of letters, such as \"Example <no-reply@example.com>\"";
    let from = r.text("mail.from", want, |text| text.parse::<Mailbox>().map_err(|_| Wrong::NotThis));
    let smtp = smtp(r, kind == Some(Kind::Smtp));
    let transport = match kind? {
        Kind::Outbox => MailTransport::Outbox(PathBuf::from(outbox?)),
        Kind::Smtp => MailTransport::Smtp(smtp?),
    };
    Some(Mail { transport, from: from? })
}

/// Reads the keys of a mail server; what must be there is asked for only when it is `wanted`.
fn smtp(r: &mut Reader, wanted: bool) -> Option<Smtp> {
    let host = r.text("mail.host", "want the name of a mail server, such as \"smtp.example.com\"", |text| {
        if text.contains([':', '/', '@', ' ']) {
            return Err(Wrong::Because("want a name alone; the port is mail.port".to_owned()));
        }
        Ok(text.to_owned())
    });
    let port = r.integer("mail.port", 0..=65_535_u32).and_then(|port| u16::try_from(port).ok());
    let choices = [("starttls", SmtpSecurity::Starttls), ("tls", SmtpSecurity::Tls), ("none", SmtpSecurity::None)];
    let security = r.choice("mail.security", &choices);
    let username = r.text("mail.username", "want the user of the mail server, or \"\" for none", |text| {
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    });
    let password = password(r);
    let ca_certificate =
        r.text("mail.ca_certificate", "want the path of a PEM file, or \"\" for none", |text| match text {
            "" => Ok(None),
            path if Path::new(path).is_file() => Ok(Some(PathBuf::from(path))),
            _ => Err(Wrong::Because("there is no such file; want the path of a PEM file".to_owned())),
        });
    let (host, security) = (host?, security?);
    if !host.is_empty() && !wanted {
        r.refuse("mail.host", "mail.transport is \"outbox\", so no letter would go there; want mail.transport = \"smtp\", or no mail.host");
    }
    if host.is_empty() && wanted {
        r.refuse("mail.transport", "mail.host is missing; want the name of the mail server there");
    }
    let login = match (username?, password?) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) if wanted => {
            r.refuse("mail.username", "its password is missing; set TOKENHOUSE__MAIL__PASSWORD in the environment");
            return None;
        }
        (None, Some(_)) if wanted => {
            r.refuse("mail.password", "it is whose? want mail.username too");
            return None;
        }
        _ => None,
    };
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if wanted && login.is_some() && security == SmtpSecurity::None && !is_here {
        r.refuse("mail.security", "the password would cross the network in clear; want \"starttls\" or \"tls\"");
    }
    let port = match (port?, security) {
        (0, SmtpSecurity::Starttls) => 587,
        (0, SmtpSecurity::Tls) => 465,
        (0, SmtpSecurity::None) => 25,
        (port, _) => port,
    };
    Some(Smtp { host, port, security, login, ca_certificate: ca_certificate? })
}

/// The password of the mail server, if there is one: only from the environment. `None` when it is wrong.
#[expect(clippy::option_option, reason = "a wrong value and none at all are different here, as for every optional key")]
fn password(r: &mut Reader) -> Option<Option<SecretString>> {
    let key = "mail.password";
    if r.place(key).is_none() {
        r.know(key);
        return Some(None);
    }
    r.get(key, "want a text", |value, place| match (value, place) {
        (Value::String(text), Place::Environment(_)) if !text.is_empty() => Ok(Some(SecretString::from(text.as_str()))),
        (_, Place::Environment(_)) => Err(Wrong::NotThis),
        _ => Err(Wrong::Because(
            "secrets do not belong in files; remove the key and set TOKENHOUSE__MAIL__PASSWORD in the environment"
                .to_owned(),
        )),
    })
}
