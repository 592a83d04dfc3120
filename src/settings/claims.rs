//! `[[tokens.claims]]`: claims that are added to users' tokens, a table each.

use std::collections::BTreeSet;

use super::mistake::Place;
use super::oauth::{RESERVED as RESERVED_SCOPES, is_scope_token};
use super::reader::Reader;
use super::table::Table;
use super::{OAuth, Tokens};

/// One of `[[tokens.claims]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomClaim {
    /// `name`.
    pub name: String,
    /// `from` with its `prefix`, or `value`.
    pub source: ClaimSource,
    /// `tokens` has "access".
    pub in_access: bool,
    /// `tokens` has "id": it is in ID tokens, and told at `/v1/userinfo`.
    pub in_id: bool,
    /// `scopes`: it is there when one of these is granted; always, when there is none.
    pub scopes: Vec<String>,
}

/// Where the value of a claim comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimSource {
    /// The account's roles that begin so: a list.
    Roles {
        /// Empty for all.
        prefix: String,
    },
    /// The account's id.
    Id,
    /// The name that is displayed; no claim, where there is none.
    Name,
    /// The email address.
    Email,
    /// Whether the address was shown to be its owner's.
    EmailVerified,
    /// Always the same.
    Fixed(serde_json::Value),
}

const CLAIMS: &str = "tokens.claims";

/// A fixed value is in every token, and tokens are 8 KiB at most.
const LONGEST_VALUE: usize = 1024;

/// Claims with a meaning of their own: of RFC 7519, RFC 9068, OpenID Connect and Okta.
const RESERVED: [&str; 28] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "ver",
    "uid",
    "cid",
    "client_id",
    "azp",
    "sid",
    "scp",
    "scope",
    "auth_time",
    "amr",
    "acr",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "act",
    "may_act",
    "events",
    "idp",
    "token_type",
];

pub(super) fn claims(r: &mut Reader) -> Option<Vec<CustomClaim>> {
    let want = "want tables [[tokens.claims]] with a name and a source each, such as [{\"name\": \"groups\", \"from\": \"roles\"}] in a variable";
    let mut claims = Vec::new();
    let mut names = BTreeSet::new();
    for (index, table) in r.tables(CLAIMS, want)?.into_iter().enumerate() {
        let mut item = Table::new(r, CLAIMS, index, table);
        let name = name(&mut item);
        let source = source(&mut item);
        let kinds = kinds(&mut item);
        let scopes = scopes(&mut item);
        item.nothing_else(&["name", "from", "prefix", "value", "tokens", "scopes"]);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            item.refuse("name", "this claim is declared already; keep one");
        }
        if let (Some(name), Some(source), Some((in_access, in_id)), Some(scopes)) = (name, source, kinds, scopes) {
            claims.push(CustomClaim { name, source, in_access, in_id, scopes });
        }
    }
    Some(claims)
}

/// Refuses scopes that nobody can be granted: their claims would never come.
pub(super) fn check_scopes(r: &mut Reader, tokens: Option<&Tokens>, oauth: Option<&OAuth>) {
    let (Some(tokens), Some(oauth)) = (tokens, oauth) else { return };
    let known = |scope: &&String| {
        RESERVED_SCOPES.contains(&scope.as_str()) || oauth.scopes.iter().any(|declared| declared.name == **scope)
    };
    let all = tokens.claims.iter().flat_map(|claim| &claim.scopes);
    let unknown: Vec<String> = all.filter(|scope| !known(scope)).cloned().collect();
    for scope in unknown {
        let advice = format!(
            "no scope {scope:?} can be granted; want openid, profile, email, offline_access, admin or one of [[oauth.scopes]]"
        );
        let place = r.place(CLAIMS).cloned().unwrap_or(Place::BuiltIn);
        r.record(place, Some(CLAIMS.to_owned()), None, advice);
    }
}

fn scopes(item: &mut Table<'_>) -> Option<Vec<String>> {
    let want = "want a list of scopes, such as [\"profile\"]";
    let scopes = item.texts("scopes", want)?;
    if scopes.iter().all(|scope| is_scope_token(scope)) {
        return Some(scopes);
    }
    item.refuse("scopes", want);
    None
}

fn name(item: &mut Table<'_>) -> Option<String> {
    let want = "want the name of the claim: 1 to 128 printable characters of ASCII without blanks, such as \"groups\"";
    let name = item.text("name", want)?;
    match name {
        Some(name) if RESERVED.contains(&name.as_str()) => {
            item.refuse("name", "this claim has a meaning of its own already; want another name");
            None
        }
        Some(name) if is_scope_token(&name) => Some(name),
        Some(_) => {
            item.refuse("name", want);
            None
        }
        None => {
            item.refuse("name", format!("missing; {want}"));
            None
        }
    }
}

fn source(item: &mut Table<'_>) -> Option<ClaimSource> {
    let want = "want one of roles, id, name, email and email_verified; or a fixed `value` instead";
    let from = item.text("from", want)?;
    let prefix = item.text("prefix", "want the beginning of roles, such as \"app-\"")?;
    if prefix.is_some() && from.as_deref() != Some("roles") {
        item.refuse("prefix", "goes with from = \"roles\" only");
        return None;
    }
    match (from.as_deref(), item.get("value")) {
        (Some(_), Some(_)) => {
            item.refuse("value", "there is `from` too; keep one of both");
            None
        }
        (None, Some(value)) if value.to_string().len() > LONGEST_VALUE => {
            item.refuse("value", format!("want at most {LONGEST_VALUE} bytes, for it is in every token"));
            None
        }
        (None, Some(value)) => Some(ClaimSource::Fixed(value)),
        (Some("roles"), None) => Some(ClaimSource::Roles { prefix: prefix.unwrap_or_default() }),
        (Some("id"), None) => Some(ClaimSource::Id),
        (Some("name"), None) => Some(ClaimSource::Name),
        (Some("email"), None) => Some(ClaimSource::Email),
        (Some("email_verified"), None) => Some(ClaimSource::EmailVerified),
        (Some(_), None) => {
            item.refuse("from", want);
            None
        }
        (None, None) => {
            item.refuse("from", format!("missing; {want}"));
            None
        }
    }
}

/// Whether it is in access tokens, and whether in ID tokens.
fn kinds(item: &mut Table<'_>) -> Option<(bool, bool)> {
    let want = "want a list of \"access\", \"id\" or both";
    if item.get("tokens").is_none() {
        return Some((true, true));
    }
    let kinds = item.texts("tokens", want)?;
    let has = |kind: &str| kinds.iter().any(|named| named == kind);
    if kinds.is_empty() || !kinds.iter().all(|kind| ["access", "id"].contains(&kind.as_str())) {
        item.refuse("tokens", want);
        return None;
    }
    Some((has("access"), has("id")))
}
