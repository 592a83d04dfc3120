//! What a client asks for when it sends a user here (RFC 6749, section 4.1.1; OpenID Connect Core 1.0, section 3.1.2.1), and whether it may.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oauth::OAuth;
use crate::oauth::client::{Client, GrantType};
use crate::oauth::code::is_challenge;
use crate::oauth::redirect_uri;
use crate::oauth::token::NotGranted;
use crate::store::StoreError;
use crate::token::Scopes;

/// Longest `state` and `nonce`, in bytes: they are handed back or kept.
const LONGEST: usize = 2048;

/// A request that may be answered to its client.
pub(crate) struct Request {
    pub client: Arc<Client>,
    pub redirect_uri: String,
    pub state: Option<String>,
    pub scopes: Scopes,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub prompt: Prompt,
    /// In seconds: whoever logged in longer ago must do so again.
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    /// Who should be signed in.
    pub id_token_hint: Option<String>,
}

/// What the user is to be asked, whatever is known of him.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Nothing: the client is told instead what would have to be asked.
    pub none: bool,
    /// To log in once more.
    pub login: bool,
    /// For his consent once more.
    pub consent: bool,
}

/// Why a request goes no further.
pub(crate) enum Refused {
    /// Nobody is sent anywhere: who asks, or where to, is not known (RFC 9700, section 4.11).
    Here(&'static str),
    /// The client is told.
    There(Answerable, Error),
    Store(StoreError),
}

/// Where, and with which `state`, a client is told something.
#[derive(Clone)]
pub(crate) struct Answerable {
    pub redirect_uri: String,
    pub state: Option<String>,
}

/// An error of RFC 6749, section 4.1.2.1, or of OpenID Connect Core 1.0, section 3.1.2.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub code: &'static str,
    pub description: String,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn error(code: &'static str, description: impl Into<String>) -> Error {
    Error { code, description: description.into() }
}

/// The parameters, and whether one is there more than once.
struct Parameters {
    by_name: BTreeMap<String, String>,
    twice: Vec<String>,
}

impl Parameters {
    fn parse(query: &str) -> Self {
        let (mut by_name, mut twice) = (BTreeMap::new(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if by_name.contains_key(name.as_ref()) {
                twice.push(name.into_owned());
            } else {
                by_name.insert(name.into_owned(), value.into_owned());
            }
        }
        Self { by_name, twice }
    }

    /// One without a value is as if it had been left out (RFC 6749, section 3.1).
    fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// One that must be there once, or nobody is told anything.
    fn once(&self, name: &str, why: &'static str) -> Result<&str, Refused> {
        let value = self.get(name).filter(|_| !self.twice.iter().any(|twice| twice == name));
        value.ok_or(Refused::Here(why))
    }
}

impl OAuth {
    /// Reads and checks what a client asks for, in the query of its request.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) async fn authorization_request(&self, query: &str) -> Result<Request, Refused> {
        let parameters = Parameters::parse(query);
        let client_id = parameters.once("client_id", "The request does not say which application it is from.")?;
        let asked = "The request does not say where the application wants you back.";
        let asked = parameters.once("redirect_uri", asked)?;
        let client = self.known_client(client_id).await?;
        let client = client.ok_or(Refused::Here("There is no application of this id here."))?;
        if !client.redirect_uris().any(|registered| redirect_uri::is_same(registered, asked)) {
            return Err(Refused::Here("The application is not registered for the address that it wants you back at."));
        }
        let state = parameters.get("state").map(str::to_owned);
        let answerable = Answerable { redirect_uri: asked.to_owned(), state: state.clone() };
        let checked = self.check_request(client, answerable.clone(), &parameters);
        checked.map_err(|error| Refused::There(answerable, error))
    }

    /// The client of this id, if it is enabled; asked for once more when memory does not know it.
    async fn known_client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        let known = self.registry.believable().await?;
        let is_good = |client: &&Arc<Client>| client.is_enabled();
        if let Some(client) = known.get(id).filter(is_good) {
            return Ok(Some(Arc::clone(client)));
        }
        Ok(self.registry.refresh().await?.get(id).filter(is_good).cloned())
    }

    fn check_request(
        &self,
        client: Arc<Client>,
        Answerable { redirect_uri, state }: Answerable,
        parameters: &Parameters,
    ) -> Result<Request, Error> {
        let invalid = |why: &str| error("invalid_request", why);
        if !parameters.twice.is_empty() {
            return Err(invalid("A parameter is there more than once."));
        }
        let is_wrong = |name: &&str| {
            parameters.get(name).is_some_and(|value| value.len() > LONGEST || value.chars().any(char::is_control))
        };
        if ["state", "nonce", "login_hint"].iter().any(is_wrong) {
            return Err(invalid("state, nonce or login_hint is longer than 2048 bytes or has a control character."));
        }
        for (name, code) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
            if parameters.get(name).is_some() {
                return Err(error(code, "Parameters belong in the query, each by itself."));
            }
        }
        match parameters.get("response_type") {
            Some("code") => {}
            None => return Err(invalid("The parameter response_type is missing; it must be code.")),
            Some(_) => return Err(error("unsupported_response_type", "The response type must be code.")),
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(error("unauthorized_client", "The client may not use the grant authorization_code."));
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(invalid("The response mode must be query."));
        }
        let challenge = parameters.get("code_challenge");
        let challenge = challenge.ok_or_else(|| invalid("The parameter code_challenge is missing (RFC 7636)."))?;
        if parameters.get("code_challenge_method") != Some("S256") || !is_challenge(challenge) {
            return Err(invalid("The code challenge must be of the method S256 (RFC 7636)."));
        }
        let scopes = self.scopes_of_user(&client, parameters.get("scope")).map_err(|not| match not {
            NotGranted::NoDefaultScopes => error("invalid_scope", "The parameter scope is missing."),
            _ => error("invalid_scope", "A scope is unknown, or the client may not have it."),
        })?;
        let max_age = parameters.get("max_age").map(str::parse::<u32>).transpose();
        let max_age = max_age.map_err(|_| invalid("max_age must be a whole number of seconds."))?;
        Ok(Request {
            prompt: prompt(parameters.get("prompt").unwrap_or_default()).map_err(invalid)?,
            client,
            redirect_uri,
            state,
            scopes,
            nonce: parameters.get("nonce").map(str::to_owned),
            code_challenge: challenge.to_owned(),
            max_age: max_age.map(i64::from),
            login_hint: parameters.get("login_hint").map(str::to_owned),
            id_token_hint: parameters.get("id_token_hint").map(str::to_owned),
        })
    }
}

fn prompt(text: &str) -> Result<Prompt, &'static str> {
    let mut prompt = Prompt::default();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.none = true,
            // There is one account in a browser at a time: choosing another is logging in.
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err("prompt must be of none, login, consent and select_account."),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err("prompt must not be none and something else.");
    }
    Ok(prompt)
}

/// The query of a request without what asks for a login, which has been had by then.
pub(super) fn without_login(query: &str) -> String {
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "prompt" => {
                let rest: Vec<&str> =
                    value.split(' ').filter(|word| !["login", "select_account"].contains(word)).collect();
                kept.append_pair(&name, &rest.join(" "));
            }
            "max_age" if value.parse() == Ok(0_u32) => {}
            _ => {
                kept.append_pair(&name, &value);
            }
        }
    }
    kept.finish()
}
