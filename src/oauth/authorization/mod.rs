//! `/v1/authorize`: a client sends a user here, and he comes back to it with a code, or with the reason why not.
//!
//! | file | what is in it |
//! |---|---|
//! | `request` | what the client asks for, and whether it may |
//! | `consent` | what its user is asked, and what he decided |
//! | `answer` | what the client is told |

mod answer;
mod consent;
pub(super) mod request;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::documented::{OAuthAnswers, Pages};

pub(super) use consent::decide;
use request::{Error, Refused, Request, without_login};

use super::OAuth;
use super::code::CODE_TTL;
use super::form::Form;
use super::records::{self, CodeRecord};
use super::secret;
use crate::accounts::error::Unavailable;
use crate::accounts::new_session::Opened;
use crate::accounts::owner::NotOwner;
use crate::accounts::{micros, records as account_records};
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::Scopes;
use crate::web::browser::Browser;
use crate::web::look::Look;
use crate::web::page::{self, Message};
use crate::web::see_other;

/// Where it is.
pub(crate) const AUTHORIZE: &str = "/oauth2/default/v1/authorize";

/// A client sends its user here, for a code (RFC 6749, section 4.1.1).
///
/// For browsers: the answers are pages and redirects. What was asked for wrongly is told to the client, at its redirect URI.
#[utoipa::path(
    get,
    path = "/oauth2/default/v1/authorize",
    operation_id = "authorize",
    tag = "OAuth and OpenID Connect",
    params(("client_id" = Option<String>, Query, description = "The client."),
        ("redirect_uri" = Option<String>, Query, description = "One that the client has registered."),
        ("response_type" = Option<String>, Query, description = "`code`"),
        ("scope" = Option<String>, Query, description = "Separated by spaces."),
        ("state" = Option<String>, Query, description = "Comes back as it was."),
        ("code_challenge" = Option<String>, Query, description = "RFC 7636; needed."),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`"),
        ("nonce" = Option<String>, Query, description = "Comes back in the ID token."),
        ("prompt" = Option<String>, Query, description = "`none`, `login`, `consent` or `select_account`."),
        ("max_age" = Option<String>, Query, description = "Seconds since the user signed in, at most."),
        ("login_hint" = Option<String>, Query, description = "His email address.")),
    responses(
        Pages<()>,
    ),
    security(()),
)]
pub(super) async fn authorize(
    request: HttpRequest,
    caller: Caller,
    browser: Browser,
    oauth: Data<OAuth>,
) -> HttpResponse {
    let query = request.query_string();
    let asked = match oauth.authorization_request(query).await {
        Ok(asked) => asked,
        Err(refused) => return oauth.refuse(&browser.look, refused),
    };
    let answered = oauth.answer(&asked, query, &browser, &caller).await;
    answered.unwrap_or_else(|error| unavailable(&browser.look, &error))
}

/// The same request as a form (OpenID Connect Core 1.0, section 3.1.2.1).
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/authorize",
    operation_id = "authorizeByForm",
    tag = "OAuth and OpenID Connect",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "The same as a query."),
        OAuthAnswers<Form>,
    ),
    security(()),
)]
pub(super) async fn authorize_by_form(form: Form) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(form.iter());
    see_other(&format!("{AUTHORIZE}?{}", query.finish()))
}

/// An error for people, where the store does not answer.
pub(crate) fn unavailable(look: &Look, error: &StoreError) -> HttpResponse {
    tracing::error!(%error, "the store failed");
    page::message(
        look,
        StatusCode::SERVICE_UNAVAILABLE,
        &Message::new("Not now", "The server cannot reach its data at this moment. Please try again shortly."),
    )
}

impl OAuth {
    fn refuse(&self, look: &Look, refused: Refused) -> HttpResponse {
        match refused {
            Refused::Here(why) => {
                page::message(look, StatusCode::BAD_REQUEST, &Message::new("This request cannot be answered", why))
            }
            Refused::There(to, error) => see_other(&answer::error(&to, &self.addresses.issuer, &error)),
            Refused::Store(error) => unavailable(look, &error),
        }
    }

    async fn answer(
        &self,
        asked: &Request,
        query: &str,
        browser: &Browser,
        caller: &Caller,
    ) -> Result<HttpResponse, StoreError> {
        let tell = |code, description: &str| {
            let error = Error { code, description: description.to_owned() };
            Ok(see_other(&answer::error(&asked.answerable(), &self.addresses.issuer, &error)))
        };
        let opened = self.signed_in(browser).await?.filter(|opened| self.will_do(asked, opened, Duration::ZERO));
        let Some(opened) = opened else {
            if asked.prompt.none {
                return tell("login_required", "The user is not signed in.");
            }
            let back = format!("{AUTHORIZE}?{}", without_login(query));
            return Ok(see_other(&crate::web::sign_in_at(&back, asked.login_hint.as_deref())));
        };
        if self.wants_consent(asked, &opened).await? {
            if asked.prompt.none {
                return tell("consent_required", "The user has not allowed this yet.");
            }
            return Ok(self.consent_page(asked, query, browser, &opened));
        }
        Ok(see_other(&self.give_code(asked, &opened, false, caller).await?))
    }

    /// Who is signed in in a browser.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn signed_in(&self, browser: &Browser) -> Result<Option<Opened>, StoreError> {
        let Some(token) = browser.session() else { return Ok(None) };
        self.accounts.browser_session(token).await.map_err(Unavailable::of_store)
    }

    /// Whether whoever is signed in need not log in for this request; `since` he did, a page was before him for so long at most.
    fn will_do(&self, asked: &Request, opened: &Opened, since: Duration) -> bool {
        let now = self.registry.clock.unix_micros().saturating_sub(micros(since));
        let age = now.saturating_sub(opened.session.authenticated_at());
        let is_fresh = asked.max_age.is_none_or(|max| max > 0 && age <= max.saturating_mul(1_000_000));
        let hinted = asked.id_token_hint.as_deref().map(|hint| self.id_tokens.read(hint));
        let is_meant = hinted.is_none_or(|claims| match claims {
            Some(claims) => claims.subject == opened.user.id,
            // Of a key that is long retired, perhaps. It says nothing, so who must be shown nothing is not let through by it.
            None => !asked.prompt.none,
        });
        !asked.prompt.login && is_fresh && is_meant
    }

    /// Where the user is sent back to, with a code; what he has `just_allowed` is remembered.
    async fn give_code(
        &self,
        asked: &Request,
        opened: &Opened,
        just_allowed: bool,
        caller: &Caller,
    ) -> Result<String, StoreError> {
        let tell = |code, description: &str| {
            let error = Error { code, description: description.to_owned() };
            answer::error(&asked.answerable(), &self.addresses.issuer, &error)
        };
        if self.accounts.limits.authorization_of(&opened.user.id).is_err() {
            return Ok(tell("temporarily_unavailable", "Too many codes for this user; wait before the next one."));
        }
        let code = secret::new_code();
        let now = self.registry.clock.unix_micros();
        let record = CodeRecord {
            code_hash: secret::code_hash(&code),
            client_id: asked.client.id().to_owned(),
            user_id: opened.user.id.clone(),
            browser_session_id: opened.session.id.clone(),
            redirect_uri: asked.redirect_uri.clone(),
            scopes: asked.scopes.to_string(),
            nonce: asked.nonce.clone(),
            code_challenge: asked.code_challenge.clone(),
            expires_at: now.saturating_add(micros(CODE_TTL)),
        };
        let event = Event::success(Act::Authorize, now).on_client(&record.client_id).on_user(&record.user_id);
        let event = event.in_session(&record.browser_session_id).from(caller);
        let giving = self.registry.store.write(move |mut connection| {
            Box::pin(async move {
                let (user, session) = (&record.user_id, &record.browser_session_id);
                // Signed out beside this, perhaps.
                let stands = account_records::lock_user(connection.reborrow(), user, None).await?
                    && account_records::session_stands(connection.reborrow(), session, user, now).await?;
                if !stands {
                    return Err(NotOwner::Ended);
                }
                records::insert_code(connection.reborrow(), &record).await?;
                if just_allowed {
                    let client = &record.client_id;
                    let before = records::consent(connection.reborrow(), user, client).await?.unwrap_or_default();
                    let all = Scopes::from(format!("{before} {}", record.scopes).as_str()).to_string();
                    records::keep_consent(connection.reborrow(), user, client, &all, now).await?;
                }
                Ok(event.record(connection).await?)
            })
        });
        match giving.await {
            Ok(()) => Ok(answer::code(&asked.answerable(), &self.addresses.issuer, &code)),
            Err(NotOwner::Ended) => Ok(tell("access_denied", "The user signed out.")),
            Err(NotOwner::Unavailable(unavailable)) => Err(unavailable.of_store()),
        }
    }
}

impl Request {
    fn answerable(&self) -> request::Answerable {
        request::Answerable { redirect_uri: self.redirect_uri.clone(), state: self.state.clone() }
    }
}
