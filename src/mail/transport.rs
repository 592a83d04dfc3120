//! What takes the letters: a folder, or a mail server.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use crate::private_files::{make_private_folder, replace_file};
use crate::settings::{MailTransport, Smtp, SmtpSecurity};

/// A mail server must answer each command so soon ...
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// ... and take a whole letter so soon: within the time after which another node would try it.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes letters.
pub(crate) enum Transport {
    Outbox(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Why letters cannot be sent by these settings.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The folder cannot be made.
    #[error("cannot make the folder {path} for letters: {source}; set mail.outbox_dir to one that can be written")]
    Outbox {
        /// Which folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file of certificates cannot be used.
    #[error("mail.ca_certificate: cannot use {path}: {why}; want a PEM file of certificates")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("mail.host: cannot prepare TLS for it: {0}")]
    Tls(lettre::transport::smtp::Error),
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Trying again may help.
    #[error("{0}")]
    ForNow(String),
    /// There is no such mailbox.
    #[error("{0}")]
    ForGood(String),
}

impl Transport {
    /// By the settings; makes the folder of the outbox.
    pub fn new(settings: &MailTransport) -> Result<Self, TransportError> {
        match settings {
            MailTransport::Outbox(path) => {
                make_private_folder(path).map_err(|source| TransportError::Outbox { path: path.clone(), source })?;
                Ok(Self::Outbox(path.clone()))
            }
            MailTransport::Smtp(smtp) => Ok(Self::Smtp(smtp_transport(smtp)?)),
        }
    }

    /// Hands a letter over; when this answers well, it is on the disk or at the mail server.
    pub async fn send(&self, file_name: &str, message: &Message) -> Result<(), NotTaken> {
        match self {
            Self::Outbox(folder) => {
                let (path, bytes) = (folder.join(file_name), message.formatted());
                let written = tokio::task::spawn_blocking(move || write(&path, &bytes).map(|()| path)).await;
                let written = written.map_err(io::Error::other).flatten();
                let path =
                    written.map_err(|error| NotTaken::ForNow(format!("cannot write it to the outbox: {error}")))?;
                tracing::info!(file = %path.display(), "a letter is in the outbox");
                Ok(())
            }
            Self::Smtp(server) => match tokio::time::timeout(SEND_TIMEOUT, server.send(message.clone())).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(sort(&error)),
                Err(_) => Err(NotTaken::ForNow("the mail server takes too long".to_owned())),
            },
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // It may have been tidied away.
    if let Some(folder) = path.parent() {
        make_private_folder(folder)?;
    }
    replace_file(path, bytes)
}

fn sort(error: &lettre::transport::smtp::Error) -> NotTaken {
    // Only what a server says of the mailbox is for good (RFC 5321, section 4.2.3). A wrong password of ours is mended one day, and the letter then sent.
    let code = error.status().map(|code| code.to_string());
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    match code.as_deref() {
        Some("550" | "551" | "553") => NotTaken::ForGood(text),
        _ => NotTaken::ForNow(text),
    }
}

fn smtp_transport(settings: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, TransportError> {
    let tls = match settings.security {
        SmtpSecurity::Starttls => Tls::Required(tls_parameters(settings)?),
        SmtpSecurity::Tls => Tls::Wrapper(tls_parameters(settings)?),
        SmtpSecurity::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .tls(tls)
        .timeout(Some(COMMAND_TIMEOUT));
    if let Some((user, password)) = &settings.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

fn tls_parameters(settings: &Smtp) -> Result<TlsParameters, TransportError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca_certificate {
        let wrong = |why: String| TransportError::Certificate { path: path.clone(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    builder.certificate_store(CertificateStore::Default).build_rustls().map_err(TransportError::Tls)
}
