//! A mail server (RFC 5321), as one that hands letters in sees it (RFC 6409).
//!
//! Each command is given by itself, and not by lettre's transport, because only an answer to RCPT says that the recipient is the trouble: a letter must
//! not be given up because the server does not like the password or the sender, which the operator can mend.

use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::ExposeSecret as _;

use super::transport::{NotTaken, TransportError};
use crate::settings::{self, SmtpSecurity};

/// A connection must stand after so long, and a whole letter be taken: before another node would try it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Smtp {
    settings: settings::Smtp,
    hello: ClientId,
    /// `None` for a server on this machine that has no TLS.
    tls: Option<TlsParameters>,
}

impl Smtp {
    /// Introduces itself as `domain`, which is the sender's.
    pub fn new(settings: &settings::Smtp, domain: &str) -> Result<Self, TransportError> {
        let tls = match settings.security {
            SmtpSecurity::None => None,
            SmtpSecurity::Starttls | SmtpSecurity::Tls => Some(tls(settings)?),
        };
        Ok(Self { settings: settings.clone(), hello: ClientId::Domain(domain.to_owned()), tls })
    }

    pub async fn send(&self, message: &Message) -> Result<(), NotTaken> {
        match tokio::time::timeout(SEND_TIMEOUT, self.hand_in(message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(NotTaken::ForNow(format!("the mail server took longer than {} s", SEND_TIMEOUT.as_secs()))),
        }
    }

    async fn hand_in(&self, message: &Message) -> Result<(), NotTaken> {
        let mut connection = self.connect().await.map_err(|error| not_now(&error))?;
        let outcome = transfer(&mut connection, message).await;
        // The server may leave without a farewell: what it took, it has.
        connection.abort().await;
        outcome
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (server, security) = ((self.settings.host.as_str(), self.settings.port), self.settings.security);
        let at_once = self.tls.clone().filter(|_| security == SmtpSecurity::Tls);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT_TIMEOUT), &self.hello, at_once, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| security == SmtpSecurity::Starttls) {
            // Fails when the server does not offer it, before anything is said.
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some((user, password)) = &self.settings.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }
}

async fn transfer(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), NotTaken> {
    let (envelope, bytes) = (message.envelope(), message.formatted());
    let mut options = Vec::new();
    // Everything but addresses is encoded.
    if !bytes.is_ascii() {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(NotTaken::ForGood(
                "the mail server does not take addresses beyond ASCII (RFC 6531)".to_owned(),
            ));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    connection.command(Mail::new(envelope.from().cloned(), options)).await.map_err(|error| not_now(&error))?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(|error| {
            if error.is_permanent() { NotTaken::ForGood(in_words(&error)) } else { not_now(&error) }
        })?;
    }
    connection.command(Data).await.map_err(|error| not_now(&error))?;
    connection.message(&bytes).await.map_err(|error| not_now(&error))?;
    Ok(())
}

fn not_now(error: &Error) -> NotTaken {
    NotTaken::ForNow(in_words(error))
}

/// The code and the kind of failure. Not what the server wrote: that may repeat the recipient's address.
fn in_words(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None => error.to_string(),
    }
}

fn tls(settings: &settings::Smtp) -> Result<TlsParameters, TransportError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_certificate {
        let wrong = |why: String| TransportError::Certificate { path: path.clone(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        // lettre takes a file with no certificate in it for one with none too many.
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    builder.build_rustls().map_err(TransportError::Tls)
}
