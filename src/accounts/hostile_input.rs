//! Addresses, names, passwords, codes, tokens, hashes and bodies that somebody made up.

use secrecy::{ExposeSecret as _, SecretString};

use super::email::Email;
use super::foreign_hashes::ForeignHash;
use super::password::Password;
use super::refresh_token::RefreshToken;
use super::roles::{Role, Roles};
use super::{
    browser, email_change, email_verification, letter_token, login, name, passkey_login, passkey_requirement, passkeys,
    password_change, password_reset, profile, recovery_codes, refresh, register, totp,
};
use crate::hostile_input::Hostile;
use crate::http::json;

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

fn password(input: &str) -> Password {
    SecretString::from(input.to_owned()).into()
}

#[test]
fn addresses() {
    Hostile::to("email").every(|input| {
        let email = Email::parse(text(input)?)?;
        assert_eq!(Email::parse(email.as_str()).as_ref(), Some(&email));
        assert!(email.as_str().len() <= 254 && !email.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
        Some(email)
    });
}

#[test]
fn names() {
    Hostile::to("name").every(|input| {
        let name = name::display_name(Some(text(input)?)).ok()??;
        // NFC of a name that may be has no more characters than it had, or it could not be saved again.
        assert_eq!(name::display_name(Some(&name)).ok().flatten().as_ref(), Some(&name));
        assert!(!name.chars().any(char::is_control));
        Some(name)
    });
}

#[test]
fn passwords() {
    Hostile::to("password").every(|input| {
        let first = password(text(input)?);
        let again = password(text(first.bytes())?);
        assert_eq!(first.bytes(), again.bytes());
        first.check_length(&(8..=256)).ok()?;
        Some(first.bytes().to_vec())
    });
}

/// Only those whose length is right are estimated, as when somebody registers.
#[test]
fn guesses_at_passwords() {
    Hostile::to("password").longest(1024).memory(64 * 1024 * 1024, 0).slow(16, 200).every(|input| {
        let password = password(text(input)?);
        password.check_length(&(8..=256)).ok()?;
        Some(password.check_guessable(&["ada.lovelace@example.com", "Ada Lovelace"]).map_err(|why| why.into_owned()))
    });
}

#[test]
fn user_agents() {
    Hostile::to("user-agent").every(|input| {
        let words = browser::in_words(Some(&String::from_utf8_lossy(input)));
        assert!(words.len() < 60 && words.is_ascii());
        (words != "an unknown program").then_some(words)
    });
}

#[test]
fn tokens_of_letters() {
    Hostile::to("letter-token").every(|input| letter_token::hash(&text(input)?.to_owned().into()));
}

#[test]
fn recovery_codes() {
    Hostile::to("recovery-code").every(|input| {
        let typed = text(input)?;
        let hash = recovery_codes::hash("ada", &typed.to_owned().into())?;
        assert_eq!(recovery_codes::hash("ada", &typed.replace([' ', '-'], "").into()).as_ref(), Some(&hash));
        assert_eq!(recovery_codes::hash("ada", &typed.to_uppercase().into()).as_ref(), Some(&hash));
        Some(hash)
    });
}

#[test]
fn refresh_tokens() {
    Hostile::to("refresh-token").every(|input| {
        let token = RefreshToken::parse(text(input)?)?;
        assert_eq!(token.to_text().expose_secret().as_bytes(), input);
        Some((token.family_hash(), token.secret_hash()))
    });
}

#[test]
fn roles() {
    Hostile::to("roles").every(|input| {
        let words = text(input)?;
        let roles = Roles::of(words.split_whitespace()).ok()?;
        assert_eq!(Roles::stored(&roles.to_store()), roles);
        assert!(roles.iter().all(|name| Role::parse(name).is_ok()) && roles.iter().count() <= 32);
        Some(roles)
    });
}

#[test]
fn hashes_of_others() {
    Hostile::to("foreign-hash").every(|input| {
        // What `matches` takes is bounded by what is read here; trying it takes seconds.
        ForeignHash::parse(text(input)?).ok().map(|hash| format!("{hash:?}"))
    });
}

/// Every body of the account routes: which of them takes it.
#[test]
fn json_bodies() {
    macro_rules! taken {
        ($input:expr, $($body:ty),+ $(,)?) => {
            [$((stringify!($body), json::parse::<$body>($input).map(|_| ()))),+]
        };
    }
    Hostile::to("json-body").memory(48 * 1024, 100).every(|input| {
        let all = taken!(
            input,
            register::Registration,
            login::Credentials,
            refresh::Refresh,
            password_change::PasswordChange,
            password_reset::Forgot,
            password_reset::Reset,
            email_change::EmailChange,
            email_verification::Verification,
            email_verification::Resend,
            profile::ProfileChange,
            profile::Leave,
            totp::Confirmation,
            totp::WithPassword,
            passkeys::NewPasskey,
            passkeys::Rename,
            passkey_login::PasskeyAnswer,
            passkey_requirement::SecondFactorChange,
        );
        // No answer repeats a value: every one in the corpus has this in it.
        for (body, outcome) in &all {
            let answer = outcome.as_ref().err().map(|problem| format!("{problem:?}")).unwrap_or_default();
            assert!(!answer.contains("s3cr3t"), "{body}: {answer}");
        }
        let taken: Vec<_> = all.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(body, _)| *body).collect();
        (!taken.is_empty()).then_some(taken)
    });
}
