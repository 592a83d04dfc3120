//! Addresses, names, passwords, codes, tokens, hashes and bodies that somebody made up.

use std::borrow::Cow;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::email::Email;
use super::foreign_hashes::ForeignHash;
use super::password::Password;
use super::refresh_token::RefreshToken;
use super::roles::{Role, Roles};
use super::{
    browser, email_change, email_verification, letter_token, login, name, passkey_login, passkey_requirement, passkeys,
    password_change, password_reset, profile, recovery_codes, refresh, register, relying_party, totp,
};
use crate::hostile_input::Hostile;
use crate::http::json as bodies;
use crate::token::random::base64url;

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
        Some(password.check_guessable(&["ada.lovelace@example.com", "Ada Lovelace"]).map_err(Cow::into_owned))
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
            [$((stringify!($body), bodies::parse::<$body>($input).map(|_| ()))),+]
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

const ORIGIN: &str = "http://localhost:3000";

/// The first line of an input, which is client data, with this challenge in it; and the bytes behind it.
fn client_data(input: &[u8], challenge: &str) -> Option<(String, String)> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let said = text(&input[..end])?.replace("CHALLENGE", challenge);
    Some((base64url(said.as_bytes()), base64url(&input[end + 1..])))
}

/// A new passkey: client data, and an attestation object in CBOR.
#[test]
fn new_passkeys() {
    let webauthn = relying_party::relying_party(ORIGIN, "tokenhouse").unwrap();
    let (options, state) = webauthn.start_passkey_registration(Uuid::nil(), "ada@example.com", "Ada", None).unwrap();
    let options = serde_json::to_value(options).unwrap();
    let challenge = options["publicKey"]["challenge"].as_str().unwrap();
    Hostile::to("new-passkey").memory(256 * 1024, 256).every(|input| {
        let (client_data, object) = client_data(input, challenge)?;
        let response = json!({"attestationObject": object, "clientDataJSON": client_data});
        let credential = json!({"id": "AAEC", "rawId": "AAEC", "type": "public-key", "response": response});
        let credential = serde_json::from_value(credential).ok()?;
        webauthn.finish_passkey_registration(&credential, &state).ok()
    });
}

/// An answer of a passkey: client data, and authenticator data. Both are signed, so that nothing else stands in the way.
#[test]
fn answers_of_passkeys() {
    let webauthn = relying_party::relying_party(ORIGIN, "tokenhouse").unwrap();
    let rng = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let name = digest::digest(&digest::SHA256, b"localhost");
    // Of user present and verified with a key, of no count and no model; the key's id `\0\1\2`, and the key in COSE.
    let data = [name.as_ref(), b"\x45\0\0\0\0", &[0; 16], b"\0\x03\0\x01\x02"].concat();
    let data = [&data, &b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y].concat();
    let length = u8::try_from(data.len()).unwrap();
    let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length][..], &data].concat();
    let (options, state) = webauthn.start_passkey_registration(Uuid::nil(), "ada@example.com", "Ada", None).unwrap();
    let options = serde_json::to_value(options).unwrap();
    let challenge = &options["publicKey"]["challenge"];
    let said = json!({"type": "webauthn.create", "challenge": challenge, "origin": ORIGIN}).to_string();
    let response = json!({"attestationObject": base64url(&object), "clientDataJSON": base64url(said.as_bytes())});
    let credential = json!({"id": "AAEC", "rawId": "AAEC", "type": "public-key", "response": response});
    let credential = serde_json::from_value(credential).unwrap();
    let passkey = webauthn.finish_passkey_registration(&credential, &state).unwrap();

    let (options, state) = webauthn.start_passkey_authentication(&[passkey]).unwrap();
    let options = serde_json::to_value(options).unwrap();
    let challenge = options["publicKey"]["challenge"].as_str().unwrap();
    Hostile::to("passkey-answer").memory(256 * 1024, 256).every(|input| {
        let (client_data, data) = client_data(input, challenge)?;
        let hash = digest::digest(&digest::SHA256, &URL_SAFE_NO_PAD.decode(&client_data).unwrap());
        let signed = [&URL_SAFE_NO_PAD.decode(&data).unwrap(), hash.as_ref()].concat();
        let signature = base64url(pair.sign(&rng, &signed).unwrap().as_ref());
        let response = json!({"authenticatorData": data, "clientDataJSON": client_data, "signature": signature});
        let credential = json!({"id": "AAEC", "rawId": "AAEC", "type": "public-key", "response": response});
        let credential = serde_json::from_value(credential).ok()?;
        let result = webauthn.finish_passkey_authentication(&credential, &state).ok()?;
        Some((result.counter(), result.user_verified(), result.needs_update()))
    });
}
