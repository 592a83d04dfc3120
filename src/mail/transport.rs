//! What takes the letters: a folder, or a mail server.

use std::io;
use std::path::{Path, PathBuf};

use lettre::Message;

use super::smtp::Smtp;
use crate::private_files::{make_private_folder, replace_file};
use crate::settings::{Mail, MailTransport};

/// Takes letters.
pub(crate) enum Transport {
    Outbox(PathBuf),
    Smtp(Box<Smtp>),
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
    pub fn new(settings: &Mail) -> Result<Self, TransportError> {
        match &settings.transport {
            MailTransport::Outbox(path) => {
                make_private_folder(path).map_err(|source| TransportError::Outbox { path: path.clone(), source })?;
                Ok(Self::Outbox(path.clone()))
            }
            MailTransport::Smtp(smtp) => Ok(Self::Smtp(Box::new(Smtp::new(smtp, settings.from.email.domain())?))),
        }
    }

    /// Hands a letter over; when this answers well, it is on the disk or at the mail server.
    pub async fn send(&self, file_name: &str, kind: &str, message: &Message) -> Result<(), NotTaken> {
        match self {
            Self::Outbox(folder) => {
                let (path, bytes) = (folder.join(file_name), message.formatted());
                let written = tokio::task::spawn_blocking(move || write(&path, &bytes).map(|()| path)).await;
                let written = written.map_err(io::Error::other).flatten();
                let path =
                    written.map_err(|error| NotTaken::ForNow(format!("cannot write it to the outbox: {error}")))?;
                tracing::info!(kind, file = %path.display(), "a letter is in the outbox");
                Ok(())
            }
            Self::Smtp(server) => server.send(message).await,
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
