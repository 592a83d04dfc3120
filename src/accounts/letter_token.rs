//! The tokens that letters carry, to show that they were read.

use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

use super::Rules;
use crate::sealing::Sealing;
use crate::token::random::base64url;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    VerifyEmail,
    ChangeEmail,
    ResetPassword,
    Invitation,
}

impl Purpose {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::VerifyEmail, Self::ChangeEmail, Self::ResetPassword, Self::Invitation];
        all.into_iter().find(|purpose| purpose.name() == name)
    }

    /// How long it is good, from when the letter was asked for.
    pub fn ttl(self, rules: &Rules) -> Duration {
        match self {
            Self::VerifyEmail | Self::ChangeEmail => rules.verification_ttl,
            Self::ResetPassword => rules.reset_ttl,
            Self::Invitation => rules.invitation_ttl,
        }
    }

    /// The page that its link opens.
    pub fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "/verify-email",
            Self::ChangeEmail => "/confirm-email",
            Self::ResetPassword | Self::Invitation => "/reset-password",
        }
    }
}

/// The token of a letter: the same at every try, and known to nobody who has not the data key.
pub(super) fn of_letter(sealing: &Sealing, letter_id: &str) -> SecretString {
    sealing.derive("letter", letter_id)
}

/// What is kept of a token. A plain hash will do: there is nothing to guess in 256 bits. `None` for what was never one, such as one cut or grown.
pub(super) fn hash(token: &SecretString) -> Option<String> {
    let text = token.expose_secret();
    // 32 bytes in base64url.
    if text.len() != 43 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return None;
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"tokenhouse letter token");
    context.update(text.as_bytes());
    Some(base64url(context.finish().as_ref()))
}
