//! Asking a user whether a client may have what it asks for.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::request::{Error, Request};
use super::{AUTHORIZE, answer, unavailable, without_login};
use crate::accounts::new_session::Opened;
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::oauth::OAuth;
use crate::oauth::client::{EMAIL, OFFLINE_ACCESS, OPENID, PROFILE};
use crate::oauth::records;
use crate::oauth::redirect_uri::{form_source, is_exclusive, origin};
use crate::store::StoreError;
use crate::token::Scopes;
use crate::web::browser::Browser;
use crate::web::own_form::OwnForm;
use crate::web::page::{self, Message};
use crate::web::see_other;

/// Where the page's form goes.
pub(crate) const CONSENT: &str = "/oauth2/default/v1/consent";

/// A person may take so long to make up his mind, however fresh his login must be.
const READING: Duration = Duration::from_mins(10);

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'p> {
    action: &'static str,
    client: &'p str,
    user: &'p str,
    /// What the client gets, in words.
    asked: Vec<String>,
    /// Where the user is sent afterwards.
    host: String,
    query: &'p str,
    form_token: &'p str,
    switch: String,
}

pub(in crate::oauth) async fn decide(caller: Caller, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let browser = &form.browser;
    let query = form.get("request").unwrap_or_default();
    let asked = match oauth.authorization_request(query).await {
        Ok(asked) => asked,
        Err(refused) => return oauth.refuse(&browser.look, refused),
    };
    let decided = oauth.decide(&asked, query, browser, form.get("decision"), form.get("user"), &caller).await;
    decided.unwrap_or_else(|error| unavailable(&browser.look, &error))
}

impl OAuth {
    /// Whether the user must be asked: unless the client is trusted, or he has allowed all this before. A client that other programs could pass for is
    /// never let through unseen (RFC 8252, section 8.6).
    pub(super) async fn wants_consent(&self, asked: &Request, opened: &Opened) -> Result<bool, StoreError> {
        if asked.prompt.consent || (asked.client.is_public() && !is_exclusive(&asked.redirect_uri)) {
            return Ok(true);
        }
        if asked.client.is_trusted() {
            return Ok(false);
        }
        let mut reader = self.registry.store.read().await?;
        let allowed = records::consent(reader.connection(), &opened.user.id, asked.client.id()).await?;
        let allowed = Scopes::from(allowed.unwrap_or_default().as_str());
        Ok(allowed.is_empty() || !asked.scopes.iter().all(|scope| allowed.contains(scope)))
    }

    pub(super) fn consent_page(
        &self,
        asked: &Request,
        query: &str,
        browser: &Browser,
        opened: &Opened,
    ) -> HttpResponse {
        let back = format!("{AUTHORIZE}?{}", without_login(query));
        let page = ConsentPage {
            action: CONSENT,
            client: asked.client.name(),
            user: &opened.user.email,
            asked: self.in_words(&asked.scopes),
            host: origin(&asked.redirect_uri),
            query: &without_login(query),
            form_token: browser.form_token(),
            switch: crate::web::sign_in_at(&back, None),
        };
        page::page(StatusCode::OK, &page, browser, form_source(&asked.redirect_uri).as_deref())
    }

    /// What scopes open, in the words of the settings where there are any.
    pub(crate) fn in_words(&self, scopes: &Scopes) -> Vec<String> {
        let words = |scope: &str| match scope {
            OPENID => "Know that it is you".to_owned(),
            PROFILE => "See your name and the address you sign in with".to_owned(),
            EMAIL => "See your email address".to_owned(),
            OFFLINE_ACCESS => "Keep access while you are away, until you end it".to_owned(),
            scope => {
                let declared = self.clients.scopes.iter().find(|declared| declared.name == scope);
                let described = declared.filter(|declared| !declared.description.is_empty());
                described.map_or_else(|| scope.to_owned(), |declared| declared.description.clone())
            }
        };
        scopes.iter().map(words).collect()
    }

    async fn decide(
        &self,
        asked: &Request,
        query: &str,
        browser: &Browser,
        decision: Option<&str>,
        user: Option<&str>,
        caller: &Caller,
    ) -> Result<HttpResponse, StoreError> {
        // Signed in too long ago by now, perhaps.
        let opened = self.signed_in(browser).await?.filter(|opened| self.will_do(asked, opened, READING));
        let Some(opened) = opened else { return Ok(see_other(&format!("{AUTHORIZE}?{query}"))) };
        // Somebody else has signed in in another tab since the page was shown.
        if user != Some(opened.user.email.as_str()) {
            return Ok(self.consent_page(asked, query, browser, &opened));
        }
        match decision {
            Some("allow") => Ok(page::onward(&browser.look, &self.give_code(asked, &opened, true, caller).await?)),
            Some("deny") => {
                let now = self.registry.clock.unix_micros();
                let event = Event::failure(Act::Authorize, "the user said no", now).on_client(asked.client.id());
                let event = event.on_user(&opened.user.id).in_session(&opened.session.id).from(caller);
                self.accounts.note(event).await;
                let error = Error { code: "access_denied", description: "The user said no.".to_owned() };
                Ok(page::onward(&browser.look, &answer::error(&asked.answerable(), &self.addresses.issuer, &error)))
            }
            _ => {
                let message = Message::new("Nothing was decided", "Please go back and choose one of the two buttons.");
                Ok(page::message(&browser.look, StatusCode::BAD_REQUEST, &message))
            }
        }
    }
}
