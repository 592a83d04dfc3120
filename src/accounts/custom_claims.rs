//! Claims that the settings add to tokens, from an account's roles and profile or as fixed values (`[[tokens.claims]]`).

use serde_json::{Map, Value};

use super::records::UserRecord;
use crate::settings::{ClaimSource, CustomClaim};
use crate::token::Scopes;

/// What a claim is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Access tokens.
    Access,
    /// ID tokens, and what `/v1/userinfo` tells.
    Id,
}

/// The claims of the settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct CustomClaims(pub Vec<CustomClaim>);

impl CustomClaims {
    /// Those of a user's token with these scopes.
    pub fn of(&self, user: &UserRecord, scopes: &Scopes, kind: TokenKind) -> Map<String, Value> {
        let counts = |claim: &&CustomClaim| {
            let is_of_kind = if kind == TokenKind::Access { claim.in_access } else { claim.in_id };
            is_of_kind && (claim.scopes.is_empty() || claim.scopes.iter().any(|scope| scopes.contains(scope)))
        };
        let claims = self.0.iter().filter(counts);
        claims.filter_map(|claim| Some((claim.name.clone(), value(&claim.source, user)?))).collect()
    }
}

/// `None` where the account has no such thing: a claim is left out rather than `null`.
fn value(source: &ClaimSource, user: &UserRecord) -> Option<Value> {
    Some(match source {
        ClaimSource::Roles { prefix } => {
            user.roles.split_whitespace().filter(|role| role.starts_with(prefix.as_str())).collect::<Vec<_>>().into()
        }
        ClaimSource::Id => user.id.clone().into(),
        ClaimSource::Name => user.name.clone()?.into(),
        ClaimSource::Email => user.email.clone().into(),
        ClaimSource::EmailVerified => user.email_verified_at.is_some().into(),
        ClaimSource::Fixed(value) => value.clone(),
    })
}
