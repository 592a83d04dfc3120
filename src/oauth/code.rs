//! Authorization codes: good once, for a minute, for the client and the redirect URI they were given for, and with the verifier of their
//! challenge (RFC 6749, section 4.1; RFC 7636; RFC 9700, section 2.1.1).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;

use super::client::Client;
use super::form::Form;
use super::records::{self, CodeRecord};
use super::token::{NotGranted, TokenResponse};
use super::user_tokens::Granted;
use super::{OAuth, secret};
use crate::accounts::client_session::{self, Grant};
use crate::accounts::new_session::Opened;
use crate::accounts::{micros, records as account_records};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::{Connection, StoreError};
use crate::token::local::MAX_ACCESS_TTL;
use crate::token::random::base64url;

/// How long a code is good.
pub(super) const CODE_TTL: Duration = Duration::from_mins(1);

/// A used code is remembered for so long, so that its tokens end when it comes a second time.
const REMEMBERED: Duration = MAX_ACCESS_TTL;

/// Of a challenge by S256, which is base64url of a SHA-256.
const CHALLENGE_BYTES: usize = 43;

/// What comes with a code.
struct Shown {
    code_hash: String,
    client_id: String,
    redirect_uri: String,
    /// Of the verifier.
    challenge: String,
}

/// What became of a code. Each is committed, so that a code is used up in any case.
enum Outcome {
    Good(Box<Opened>, Option<String>),
    NotGood,
}

/// Whether `text` has the form of a challenge by S256 (RFC 7636, section 4.2).
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The challenge of a verifier; `None` when it has not the form of one (RFC 7636, section 4.1).
fn challenge_of(verifier: &str) -> Option<String> {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_verifier = (43..=128).contains(&verifier.len()) && verifier.bytes().all(may_be);
    is_verifier.then(|| base64url(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref()))
}

impl OAuth {
    /// The grant `authorization_code`.
    pub(super) async fn grant_for_code(
        &self,
        client: &Client,
        form: &Form,
        caller: &Caller,
    ) -> Result<TokenResponse, NotGranted> {
        let parameter = |name: &'static str| form.get(name).ok_or(NotGranted::Missing(name));
        let code = parameter("code")?;
        let redirect_uri = parameter("redirect_uri")?.to_owned();
        // Also when there is none: a code without its verifier is somebody else's (RFC 9700, section 4.8.2).
        let challenge = form.get("code_verifier").and_then(challenge_of).ok_or(NotGranted::InvalidGrant)?;
        let shown =
            Shown { code_hash: secret::code_hash(code), client_id: client.id().to_owned(), redirect_uri, challenge };
        let mut reader = self.registry.store.read().await?;
        let scopes = records::scopes_of_code(reader.connection(), &shown.code_hash).await?;
        drop(reader);
        // What is not granted here is not begun there: which session a code begins depends on its scopes.
        let scopes = self.still_asked(client, &scopes.ok_or(NotGranted::InvalidGrant)?);
        let grant = self.grant_of(Granted {
            client,
            user_id: String::new(),
            browser_session_id: String::new(),
            scopes: scopes.clone(),
        });
        let (refresh, caller, now) = (grant.refresh.clone(), caller.clone(), self.registry.clock.unix_micros());
        let outcome = self
            .accounts
            .ending(move |connection| Box::pin(async move { redeem(connection, shown, grant, &caller, now).await }));
        match outcome.await? {
            Outcome::Good(opened, nonce) => {
                self.tokens_of(client, &opened, &scopes, refresh.as_ref(), nonce.as_deref()).await
            }
            Outcome::NotGood => Err(NotGranted::InvalidGrant),
        }
    }
}

async fn redeem(
    mut connection: Connection<'_>,
    shown: Shown,
    mut grant: Grant,
    caller: &Caller,
    now: i64,
) -> Result<(Outcome, Vec<String>), StoreError> {
    // The user's row before the code's, as whoever deletes him takes them.
    if let Some((user, _)) = records::code_gave(connection.reborrow(), &shown.code_hash, &shown.client_id).await? {
        account_records::lock_user(connection.reborrow(), &user, None).await?;
    }
    let used = records::use_code(connection.reborrow(), &shown.code_hash, &shown.client_id, now).await?;
    let Some(code) = used else {
        return Ok((Outcome::NotGood, end_what_it_gave(connection, &shown, caller, now).await?));
    };
    if now >= code.expires_at || !belongs(&code, &shown) {
        return Ok((Outcome::NotGood, Vec::new()));
    }
    grant.user_id = code.user_id;
    grant.browser_session_id = code.browser_session_id;
    let Some((opened, ended)) = client_session::begin(connection.reborrow(), &grant, caller, now).await? else {
        return Ok((Outcome::NotGood, Vec::new()));
    };
    let keep_until = now.saturating_add(micros(REMEMBERED));
    records::note_code_gave(connection.reborrow(), &shown.code_hash, &opened.session.id, keep_until).await?;
    let event = Event::success(Act::ClientSession, now).by_client().on_client(&shown.client_id);
    event.on_user(&grant.user_id).in_session(&opened.session.id).from(caller).record(connection).await?;
    Ok((Outcome::Good(Box::new(opened), code.nonce), ended))
}

/// A code that was used before: somebody has a copy, and it may have been he who was first (RFC 6749, section 4.1.2).
async fn end_what_it_gave(
    mut connection: Connection<'_>,
    shown: &Shown,
    caller: &Caller,
    now: i64,
) -> Result<Vec<String>, StoreError> {
    let gave = records::code_gave(connection.reborrow(), &shown.code_hash, &shown.client_id).await?;
    let Some((user_id, session)) = gave else { return Ok(Vec::new()) };
    let event = Event::failure(Act::AuthorizationCodeReuse, "used code", now).by_client().on_client(&shown.client_id);
    let event = event.on_user(&user_id).from(caller);
    let Some(session) = session else {
        event.record(connection).await?;
        return Ok(Vec::new());
    };
    let ended = account_records::end_session(connection.reborrow(), &session, now).await?;
    event.in_session(&session).record(connection).await?;
    Ok(ended)
}

fn belongs(code: &CodeRecord, shown: &Shown) -> bool {
    let is_same = |a: &str, b: &str| verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok();
    is_same(&code.redirect_uri, &shown.redirect_uri) & is_same(&code.code_challenge, &shown.challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").as_deref(), Some(challenge));
        assert!(is_challenge(challenge));
    }

    #[test]
    fn forms() {
        let long = |length: usize| "a".repeat(length);
        assert!(challenge_of(&long(43)).is_some() && challenge_of(&long(128)).is_some());
        for wrong in [long(42), long(129), String::new(), long(42) + "+", long(42) + "é"] {
            assert!(challenge_of(&wrong).is_none(), "{wrong}");
        }
        for wrong in [long(42), long(44), long(42) + "=", long(42) + "+"] {
            assert!(!is_challenge(&wrong), "{wrong}");
        }
    }
}
