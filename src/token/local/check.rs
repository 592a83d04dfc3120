//! What the local issuer asks of a token besides its signature.

use super::{CLIENT_ID_PREFIX, LocalIssuer, MAX_ACCESS_TTL, OWN_CLIENT_ID};
use crate::token::checks::{CheckName, Witness};
use crate::token::claims::Claims;
use crate::token::rejection::Rejection;

/// For whom a token must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::token) enum Audience {
    /// For the audience of the settings.
    Own,
    /// For whomever: clients may have tokens for APIs of their own.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "the authorization server asks so"))]
    Any,
}

impl LocalIssuer {
    pub(super) fn check_claims(
        &self,
        claims: &Claims,
        audience: Audience,
        now: i64,
        leeway: i64,
        witness: &mut impl Witness,
    ) -> Result<(), Rejection> {
        check_times(claims, now, leeway, witness)?;
        let longest = i64::try_from(MAX_ACCESS_TTL.as_secs()).unwrap_or(i64::MAX);
        let life = claims.issued_at.map(|issued_at| claims.expires_at.saturating_sub(issued_at));
        witness.hold(CheckName::Lifetime, life.is_some_and(|life| life <= longest), Rejection::Lifetime)?;
        let is_for_us = audience == Audience::Any || claims.audience.contains(&self.settings.audience);
        witness.hold(CheckName::Audience, is_for_us, Rejection::Audience)?;
        check_bearer(claims, witness)
    }
}

/// That the claims are one of the three shapes that the local issuer mints and nothing in between, so that a user's token never passes for a
/// client's, nor the other way round (RFC 8725, section 3.12).
fn check_bearer(claims: &Claims, witness: &mut impl Witness) -> Result<(), Rejection> {
    let client_id = claims.client_id.as_deref().filter(|id| *id == OWN_CLIENT_ID || is_client_id(id));
    let client_id = witness.need(CheckName::Client, client_id.ok_or(Rejection::Client))?;
    let subject = claims.subject.as_str();
    let is_user = !subject.is_empty() && claims.user_id.as_deref() == Some(subject) && claims.session_id.is_some();
    let right = if client_id == OWN_CLIENT_ID {
        is_user
    } else {
        // A client that acts for a user, or for itself.
        let is_client = subject == client_id && claims.user_id.is_none() && claims.session_id.is_none();
        is_client || (is_user && !is_client_id(subject))
    };
    witness.hold(CheckName::Subject, right, Rejection::Subject)
}

fn is_client_id(text: &str) -> bool {
    text.strip_prefix(CLIENT_ID_PREFIX).is_some_and(|rest| !rest.is_empty())
}

/// `typ` of RFC 9068, section 2.1, with or without its prefix, in any case (RFC 7515, section 4.1.9).
pub(in crate::token) fn is_access_token_type(typ: Option<&str>) -> bool {
    typ.is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt"))
}

/// `exp`, `nbf` and `iat`, all in seconds since 1970, with clocks that may differ by `leeway`.
pub(in crate::token) fn check_times(
    claims: &Claims,
    now: i64,
    leeway: i64,
    witness: &mut impl Witness,
) -> Result<(), Rejection> {
    witness.hold(CheckName::Expiry, now < claims.expires_at.saturating_add(leeway), Rejection::Expired)?;
    let has_come = |moment: Option<i64>| moment.is_none_or(|moment| moment <= now.saturating_add(leeway));
    witness.hold(CheckName::NotBefore, has_come(claims.not_before), Rejection::NotYetValid)?;
    witness.hold(CheckName::IssuedAt, has_come(claims.issued_at), Rejection::NotYetValid)
}
