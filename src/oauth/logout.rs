//! `/v1/logout`: a client signs its user out here (OpenID Connect RP-Initiated Logout 1.0).
//!
//! With an ID token of whoever is signed in as a hint, it is done at once; else he is asked, for any page could send him here.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::authorization::unavailable;
use super::documented::Pages;
use super::form::Form;
use super::{OAuth, redirect_uri};
use crate::accounts::error::Unavailable;
use crate::accounts::new_session::Opened;
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::assertion::claimed_audience;
use crate::web::browser::Browser;
use crate::web::page::{self, Message};
use crate::web::see_other;

/// Where it is.
const LOGOUT: &str = "/oauth2/default/v1/logout";

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage<'p> {
    action: &'static str,
    user: &'p str,
    query: &'p str,
    form_token: &'p str,
}

/// What a client asks for.
struct Asked {
    /// The user of the hint.
    hinted: Option<String>,
    /// Where he is sent afterwards: registered by the client.
    to: Option<String>,
}

/// A client signs its user out here (OpenID Connect RP-Initiated Logout 1.0).
#[utoipa::path(
    get,
    path = "/oauth2/default/v1/logout",
    operation_id = "logOutAtClient",
    tag = "OAuth and OpenID Connect",
    params(("id_token_hint" = Option<String>, Query, description = "An ID token of his."),
        ("client_id" = Option<String>, Query, description = "The client."),
        ("post_logout_redirect_uri" = Option<String>, Query, description = "One that the client has registered."),
        ("state" = Option<String>, Query, description = "Comes back as it was.")),
    responses(
        Pages<()>,
    ),
    security(()),
)]
pub(super) async fn by_query(
    request: HttpRequest,
    caller: Caller,
    browser: Browser,
    oauth: Data<OAuth>,
) -> HttpResponse {
    let answered = oauth.log_out(request.query_string(), false, &browser, &caller).await;
    answered.unwrap_or_else(|error| unavailable(&browser.look, &error))
}

/// The same as a form.
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/logout",
    operation_id = "logOutAtClientByForm",
    tag = "OAuth and OpenID Connect",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        Pages<Form>,
    ),
    security(()),
)]
pub(super) async fn by_form(
    request: HttpRequest,
    caller: Caller,
    browser: Browser,
    oauth: Data<OAuth>,
    form: Form,
) -> HttpResponse {
    if form.get("decision").is_none() {
        // The client's own form, from its own page (section 2).
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(form.iter());
        return see_other(&format!("{LOGOUT}?{}", query.finish()));
    }
    if !browser.sent(&request, form.get("form_token")) {
        return page::not_from_here(&browser.look);
    }
    let answered = oauth.log_out(form.get("request").unwrap_or_default(), true, &browser, &caller).await;
    answered.unwrap_or_else(|error| unavailable(&browser.look, &error))
}

impl OAuth {
    async fn log_out(
        &self,
        query: &str,
        is_decided: bool,
        browser: &Browser,
        caller: &Caller,
    ) -> Result<HttpResponse, StoreError> {
        let asked = match self.asked(query).await? {
            Ok(asked) => asked,
            Err(why) => {
                return Ok(page::message(
                    &browser.look,
                    StatusCode::BAD_REQUEST,
                    &Message::new("This request cannot be answered", why),
                ));
            }
        };
        let opened = self.signed_in(browser).await?;
        if let Some(opened) = &opened {
            if !is_decided && asked.hinted.as_deref() != Some(opened.user.id.as_str()) {
                return Ok(ask(opened, query, browser, asked.to.as_deref()));
            }
            self.accounts.end_browser_session(opened, caller).await.map_err(Unavailable::of_store)?;
        }
        let mut response = match &asked.to {
            // After a form, by a page in between.
            Some(to) if is_decided => page::onward(&browser.look, to),
            Some(to) => see_other(to),
            None => {
                let message = Message::new("You are signed out", "This page may be closed.");
                page::message(&browser.look, StatusCode::OK, &message)
            }
        };
        browser.forget_session(&mut response);
        Ok(response)
    }

    /// Reads what a client asks for. Nobody is sent to an address that the client has not registered.
    async fn asked(&self, query: &str) -> Result<Result<Asked, &'static str>, StoreError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Ok(Err("A parameter is there more than once."));
            }
        }
        let get = |name: &str| parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let hint = get("id_token_hint").and_then(|token| self.id_tokens.read(token));
        // Of a key that is long gone, perhaps: then it says whom to go back to, which is registered or not, and not who is signed in.
        let of_hint = match &hint {
            Some(claims) => claims.audience.first().cloned(),
            None => get("id_token_hint").and_then(claimed_audience),
        };
        let of_hint = of_hint.as_deref();
        let client_id = match (get("client_id"), of_hint) {
            (Some(named), Some(hinted)) if named != hinted => {
                return Ok(Err("The ID token is another application's."));
            }
            (named, hinted) => named.or(hinted),
        };
        let to = match get("post_logout_redirect_uri") {
            None => None,
            Some(to) => {
                let client = match client_id {
                    Some(id) => self.known_client(id).await?,
                    None => None,
                };
                let is_registered = client.is_some_and(|client| {
                    client.post_logout_redirect_uris().any(|registered| redirect_uri::is_same(registered, to))
                });
                if !is_registered {
                    return Ok(Err("The application is not registered for the address that it wants you back at."));
                }
                Some(with_state(to, get("state")))
            }
        };
        Ok(Ok(Asked { hinted: hint.map(|claims| claims.subject), to }))
    }
}

fn ask(opened: &Opened, query: &str, browser: &Browser, to: Option<&str>) -> HttpResponse {
    let page = SignOutPage { action: LOGOUT, user: &opened.user.email, query, form_token: browser.form_token() };
    page::page(StatusCode::OK, &page, browser, to.and_then(redirect_uri::form_source).as_deref())
}

fn with_state(to: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return to.to_owned() };
    let state: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    redirect_uri::with_query(to, &state)
}
