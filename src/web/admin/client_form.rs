//! The fields of a client, as the form of a new one and that of one there is have them.

use crate::oauth::client::{Client, GrantType};
use crate::oauth::clients::{ClientChange, NewClient};
use crate::settings::DeclaredScope;
use crate::web::complaint::Complaint;
use crate::web::own_form::OwnForm;

/// One of several that may be chosen, each a field of its own.
pub(super) struct Tick {
    pub field: String,
    pub value: String,
    pub words: String,
    pub is_checked: bool,
}

/// What is filled in.
pub(super) struct Fields {
    pub name: String,
    pub grants: Vec<Tick>,
    pub scopes: Vec<Tick>,
    /// Empty: a secret, either way.
    pub auth_method: String,
    /// JSON.
    pub jwks: String,
    /// One a line.
    pub redirect_uris: String,
    pub post_logout_redirect_uris: String,
    pub audience: String,
    pub access_ttl: String,
    pub refresh_ttl: String,
    pub is_trusted: bool,
    /// What [`Client::seen`] made of the client that the form was made of; empty, for a new one.
    pub seen: String,
}

/// Why a form makes no client.
pub(super) struct MayNot(pub Complaint);

/// The grants by their names in forms, which are short, and in words.
const GRANTS: [(GrantType, &str, &str); 4] = [
    (GrantType::AuthorizationCode, "authorization_code", "People sign in to it in a browser"),
    (GrantType::RefreshToken, "refresh_token", "It stays signed in with refresh tokens"),
    (GrantType::DeviceCode, "device_code", "People let it in with a code, as on a television"),
    (GrantType::ClientCredentials, "client_credentials", "It gets tokens of its own, as a program"),
];

impl Tick {
    /// The grants of a client, by their short names.
    pub fn grants_of(client: &Client) -> Vec<&'static str> {
        let own = GRANTS.iter().filter(|(grant, ..)| client.may_use(*grant));
        own.map(|(_, name, _)| *name).collect()
    }

    fn all_grants(is_checked: impl Fn(GrantType, &str) -> bool) -> Vec<Self> {
        let grant = |(grant, name, words): &(GrantType, &str, &str)| Self {
            field: format!("grant.{name}"),
            value: (*name).to_owned(),
            words: (*words).to_owned(),
            is_checked: is_checked(*grant, name),
        };
        GRANTS.iter().map(grant).collect()
    }

    fn scope(name: &str, words: &str, is_checked: bool) -> Self {
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        Self { field: format!("scope.{name}"), value: name.to_owned(), words, is_checked }
    }

    fn all_scopes(declared: &[DeclaredScope], is_checked: impl Fn(&str) -> bool) -> Vec<Self> {
        declared.iter().map(|scope| Self::scope(&scope.name, &scope.description, is_checked(&scope.name))).collect()
    }
}

impl Fields {
    /// Of a new client.
    pub fn empty(declared: &[DeclaredScope]) -> Self {
        Self {
            name: String::new(),
            grants: Tick::all_grants(|_, _| false),
            scopes: Tick::all_scopes(declared, |_| false),
            auth_method: String::new(),
            jwks: String::new(),
            redirect_uris: String::new(),
            post_logout_redirect_uris: String::new(),
            audience: String::new(),
            access_ttl: String::new(),
            refresh_ttl: String::new(),
            is_trusted: false,
            seen: String::new(),
        }
    }

    /// Of one there is. Scopes of its that are not declared any more are there too, to be taken away.
    pub fn of_client(client: &Client, declared: &[DeclaredScope]) -> Self {
        let mut scopes = Tick::all_scopes(declared, |name| client.scopes().contains(name));
        let gone = client.scopes().iter().filter(|name| declared.iter().all(|scope| scope.name != *name));
        scopes.extend(gone.map(|name| Tick::scope(name, "not declared in the settings any more", true)));
        let duration = |ttl: Option<std::time::Duration>| {
            ttl.map(|ttl| humantime::format_duration(ttl).to_string()).unwrap_or_default()
        };
        Self {
            name: client.name().to_owned(),
            grants: Tick::all_grants(|grant, _| client.may_use(grant)),
            scopes,
            auth_method: client.auth_method().map(|method| method.name().to_owned()).unwrap_or_default(),
            jwks: String::new(),
            redirect_uris: client.redirect_uris().collect::<Vec<_>>().join("\n"),
            post_logout_redirect_uris: client.post_logout_redirect_uris().collect::<Vec<_>>().join("\n"),
            audience: client.audience().unwrap_or_default().to_owned(),
            access_ttl: duration(client.access_ttl()),
            refresh_ttl: duration(client.refresh_ttl()),
            is_trusted: client.is_trusted(),
            seen: client.seen(),
        }
    }

    /// As they were sent.
    pub fn of_form(form: &OwnForm, declared: &[DeclaredScope]) -> Self {
        let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
        let is_checked = |name: &str| form.get(name).is_some();
        let mut scopes = Tick::all_scopes(declared, |name| is_checked(&format!("scope.{name}")));
        // Those that were there when the form was made.
        let sent = form.names().filter_map(|name| name.strip_prefix("scope."));
        let gone = sent.filter(|name| declared.iter().all(|scope| scope.name != *name));
        scopes.extend(gone.map(|name| Tick::scope(name, "not declared in the settings any more", true)));
        Self {
            name: text("name"),
            grants: Tick::all_grants(|_, name| is_checked(&format!("grant.{name}"))),
            scopes,
            auth_method: text("auth_method"),
            jwks: text("jwks"),
            redirect_uris: text("redirect_uris"),
            post_logout_redirect_uris: text("post_logout_redirect_uris"),
            audience: text("audience"),
            access_ttl: text("access_ttl"),
            refresh_ttl: text("refresh_ttl"),
            is_trusted: is_checked("trusted"),
            seen: text("seen"),
        }
    }

    /// A client to be added.
    pub fn to_new(&self) -> Result<NewClient, MayNot> {
        let jwks = some(&self.jwks).map(|jwks| serde_json::from_str(&jwks)).transpose();
        Ok(NewClient {
            name: self.name.clone(),
            grants: chosen(&self.grants),
            scopes: chosen(&self.scopes),
            auth_method: some(&self.auth_method),
            jwks: jwks.map_err(|_| {
                MayNot(Complaint::new("The public keys must be a JWK set: {\"keys\": [...]}.").on(&["jwks"]))
            })?,
            access_ttl: some(&self.access_ttl),
            refresh_ttl: some(&self.refresh_ttl),
            redirect_uris: lines(&self.redirect_uris),
            post_logout_redirect_uris: lines(&self.post_logout_redirect_uris),
            audience: some(&self.audience),
            trusted: self.is_trusted,
        })
    }

    /// What shall be so of one there is: all of it, for all of it was on the form; provided that it still is as the form showed it.
    pub fn to_change(&self) -> ClientChange {
        ClientChange {
            name: Some(self.name.clone()),
            grants: Some(chosen(&self.grants)),
            scopes: Some(chosen(&self.scopes)),
            access_ttl: Some(some(&self.access_ttl)),
            refresh_ttl: Some(some(&self.refresh_ttl)),
            redirect_uris: Some(lines(&self.redirect_uris)),
            post_logout_redirect_uris: Some(lines(&self.post_logout_redirect_uris)),
            audience: Some(some(&self.audience)),
            trusted: Some(self.is_trusted),
            disabled: None,
            seen: Some(self.seen.clone()),
        }
    }
}

fn chosen(boxes: &[Tick]) -> Vec<String> {
    boxes.iter().filter(|one| one.is_checked).map(|one| one.value.clone()).collect()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn lines(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
