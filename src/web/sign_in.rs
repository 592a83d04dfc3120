//! Signing in: `/sign-in`, its second page, and the same with a passkey.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

use super::browser::Browser;
use super::page::{self, Message};
use super::{ACTIVATE, see_other};
use crate::accounts::Accounts;
use crate::accounts::error::Unavailable;
use crate::accounts::login::NotLoggedIn;
use crate::accounts::passkey_login::PasskeyAnswer;
use crate::accounts::sign_in::{Second, Step};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::methods::{get, post, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::form::Form;
use crate::oauth::{AUTHORIZE, OAuth};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/sign-in", [get(to(show)), post(to(first))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/code", [post(to(second))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/done", [get(to(done))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/passkey", [post(to(passkey))]).wrap(from_fn(in_span)))
        .service(resource("/sign-in/passkey/challenge", [post(to(challenge))]).wrap(from_fn(in_span)));
}

const SIGNED_IN: Message<'static> =
    Message { title: "You are signed in", text: "You can go back to your application now." };

#[derive(Deserialize)]
struct ShowQuery {
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    email: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    return_to: &'p str,
    email: &'p str,
    error: Option<&'p str>,
    form_token: &'p str,
    has_passkeys: bool,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage<'p> {
    return_to: &'p str,
    state: &'p str,
    /// JSON, for the script.
    challenge: Option<String>,
    error: Option<&'p str>,
    form_token: &'p str,
}

/// Where a browser may be sent when its user has signed in: only on with what he came for.
fn on_this_server(return_to: &str) -> Option<&str> {
    let is_plain = return_to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let (path, _) = return_to.split_once('?').unwrap_or((return_to, ""));
    (is_plain && [AUTHORIZE, ACTIVATE].contains(&path)).then_some(return_to)
}

/// A page, and where it leads.
struct Way<'w> {
    browser: &'w Browser,
    oauth: &'w OAuth,
    /// Checked.
    return_to: &'w str,
}

impl<'w> Way<'w> {
    fn of(browser: &'w Browser, oauth: &'w OAuth, return_to: Option<&'w str>) -> Self {
        Self { browser, oauth, return_to: return_to.and_then(on_this_server).unwrap_or_default() }
    }

    async fn page(&self, status: StatusCode, template: &impl Template) -> HttpResponse {
        let query = self.return_to.strip_prefix(AUTHORIZE).and_then(|rest| rest.strip_prefix('?'));
        let elsewhere = match query {
            Some(query) => self.oauth.leads_to(query).await,
            None => None,
        };
        page::page(status, template, self.browser, elsewhere.as_deref())
    }

    async fn first(&self, status: StatusCode, email: &str, error: Option<&str>) -> HttpResponse {
        let page = SignInPage {
            return_to: self.return_to,
            email,
            error,
            form_token: self.browser.form_token(),
            has_passkeys: self.oauth.accounts.relying_party.is_some(),
        };
        self.page(status, &page).await
    }

    async fn second(&self, status: StatusCode, second: Second, error: Option<&str>) -> HttpResponse {
        let challenge = second.challenge.and_then(|challenge| serde_json::to_string(&challenge).ok());
        let page = SecondFactorPage {
            return_to: self.return_to,
            state: &second.state,
            challenge,
            error,
            form_token: self.browser.form_token(),
        };
        self.page(status, &page).await
    }

    /// Signed in: on to where he came from.
    async fn on(&self, token: &crate::accounts::browser_session::BrowserToken, caller: &Caller) -> HttpResponse {
        self.end_last(token, caller).await;
        let mut response = if self.return_to.is_empty() {
            page::message(StatusCode::OK, &SIGNED_IN)
        } else {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            see_other(&format!("/sign-in/done?{}", query.append_pair("return_to", self.return_to).finish()))
        };
        self.browser.keep_session(token, &mut response);
        response
    }

    /// The last session of the browser ends: with all that was granted in it when somebody else signs in, alone when it is the same user.
    async fn end_last(&self, token: &crate::accounts::browser_session::BrowserToken, caller: &Caller) {
        let Some(last) = self.browser.session() else { return };
        let accounts = &self.oauth.accounts;
        let (last, new) = (accounts.browser_session(last).await, accounts.browser_session(token).await);
        if let (Ok(Some(last)), Ok(Some(new))) = (last, new)
            && last.session.id != new.session.id
        {
            let ended = if last.user.id == new.user.id {
                accounts.succeed_browser_session(&last, &new).await
            } else {
                accounts.end_browser_session(&last, caller).await
            };
            if let Err(error) = ended {
                tracing::error!(%error, "the last session of a browser did not end");
            }
        }
    }

    async fn step(&self, step: Step, caller: &Caller) -> HttpResponse {
        match step {
            Step::SignedIn(token) => self.on(&token, caller).await,
            Step::SecondFactor(second) => self.second(StatusCode::OK, second, None).await,
        }
    }
}

/// 303 leads here from a form with a password (RFC 9700, section 4.12), and this page leads on (see [`page::onward`]).
async fn done(query: Query<ShowQuery>) -> HttpResponse {
    match on_this_server(&query.0.return_to) {
        Some(return_to) => page::onward(return_to),
        None => page::message(StatusCode::OK, &SIGNED_IN),
    }
}

async fn show(browser: Browser, oauth: Data<OAuth>, query: Query<ShowQuery>) -> HttpResponse {
    let Query(ShowQuery { return_to, email }) = query;
    Way::of(&browser, &oauth, Some(&return_to)).first(StatusCode::OK, &email, None).await
}

async fn first(request: HttpRequest, caller: Caller, browser: Browser, oauth: Data<OAuth>, form: Form) -> HttpResponse {
    if !browser.sent(&request, form.get("form_token")) {
        return page::not_from_here();
    }
    let way = Way::of(&browser, &oauth, form.get("return_to"));
    let (email, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    match oauth.accounts.sign_in(&caller, email, password).await {
        Ok(step) => way.step(step, &caller).await,
        Err(not) => {
            let (status, why, wait) = told(&not);
            with_wait(way.first(status, email, Some(&why)).await, wait)
        }
    }
}

async fn second(
    request: HttpRequest,
    caller: Caller,
    browser: Browser,
    oauth: Data<OAuth>,
    form: Form,
) -> HttpResponse {
    if !browser.sent(&request, form.get("form_token")) {
        return page::not_from_here();
    }
    let way = Way::of(&browser, &oauth, form.get("return_to"));
    let state = form.get("state").unwrap_or_default();
    let otp = form.get("otp").map(|otp| SecretString::from(otp.to_owned()));
    let answer = form.get("passkey").and_then(|answer| serde_json::from_str::<PasskeyAnswer>(answer).ok());
    let accounts: &Accounts = &oauth.accounts;
    match accounts.sign_in_further(&caller, state, otp.as_ref(), answer.as_ref()).await {
        Ok(step) => way.step(step, &caller).await,
        Err(NotLoggedIn::WrongCredentials) => {
            let why = "That took too long, or your account was changed meanwhile. Please begin again.";
            way.first(WRONG, "", Some(why)).await
        }
        Err(not) => {
            let (status, why, wait) = told(&not);
            // The same page again, with another challenge for a passkey.
            let page = match accounts.second_page_again(state).await {
                Ok(Some(second)) => way.second(status, second, Some(&why)).await,
                _ => way.first(status, "", Some(&why)).await,
            };
            with_wait(page, wait)
        }
    }
}

async fn passkey(
    request: HttpRequest,
    caller: Caller,
    browser: Browser,
    oauth: Data<OAuth>,
    form: Form,
) -> HttpResponse {
    if !browser.sent(&request, form.get("form_token")) {
        return page::not_from_here();
    }
    let way = Way::of(&browser, &oauth, form.get("return_to"));
    let answer = form.get("passkey").and_then(|answer| serde_json::from_str::<PasskeyAnswer>(answer).ok());
    let Some(answer) = answer else {
        return way
            .first(StatusCode::BAD_REQUEST, "", Some("That was no answer of a passkey. Please try again."))
            .await;
    };
    match oauth.accounts.sign_in_with_passkey(&caller, answer).await {
        Ok(token) => way.on(&token, &caller).await,
        Err(not) => {
            let problem = Problem::from(not);
            let status = if problem.status_code() == StatusCode::UNAUTHORIZED { WRONG } else { problem.status_code() };
            let mut page = way.first(status, "", Some(&problem.to_string())).await;
            if let Some(wait) = problem.error_response().headers().get(RETRY_AFTER) {
                page.headers_mut().insert(RETRY_AFTER, wait.clone());
            }
            page
        }
    }
}

/// For the script: a challenge for whoever has a passkey here.
async fn challenge(request: HttpRequest, caller: Caller, browser: Browser, oauth: Data<OAuth>) -> HttpResponse {
    if !browser.is_same_origin(&request) {
        return page::not_from_here();
    }
    match oauth.accounts.begin_passkey_login(&caller).await {
        Ok(challenge) => HttpResponse::Ok().json(challenge),
        Err(not) => Problem::from(not).error_response(),
    }
}

/// A form that was filled in wrongly. Not 401, which must name a scheme that browsers would then ask for themselves (RFC 9110, section 15.5.2).
const WRONG: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// What a person is told, and how long he must wait.
fn told(not: &NotLoggedIn) -> (StatusCode, String, Option<u64>) {
    let seconds = |wait: std::time::Duration| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    match not {
        NotLoggedIn::TooMany(too_many) => {
            let wait = seconds(too_many.retry_after);
            let why = format!("Too many tries. Please wait {} before the next one.", in_words(wait));
            (StatusCode::TOO_MANY_REQUESTS, why, Some(wait))
        }
        NotLoggedIn::WrongCredentials => {
            (WRONG, "No account has this email address and this password.".to_owned(), None)
        }
        NotLoggedIn::EmailNotVerified => {
            let why =
                "Your email address is not verified yet. Please open the link in the letter that was sent to you.";
            (StatusCode::FORBIDDEN, why.to_owned(), None)
        }
        NotLoggedIn::OtpRequired(_) => (WRONG, "A second factor is asked for.".to_owned(), None),
        NotLoggedIn::WrongOtp => {
            let why = "That is neither the code of this moment nor a recovery code that is left. Each is good once.";
            (WRONG, why.to_owned(), None)
        }
        NotLoggedIn::Unavailable(unavailable) => {
            let wait = match unavailable {
                Unavailable::Hashing(busy) => seconds(busy.retry_after),
                Unavailable::Store(error) => {
                    tracing::error!(%error, "the store failed");
                    5
                }
            };
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "That is not possible at this moment. Please try again shortly.".to_owned(),
                Some(wait),
            )
        }
    }
}

fn in_words(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) }
}

fn with_wait(mut response: HttpResponse, wait: Option<u64>) -> HttpResponse {
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_with_what_he_came_for_and_nowhere_else() {
        for good in [
            "/oauth2/default/v1/authorize?client_id=0oa1&x=https%3A%2F%2Fa",
            "/activate",
            "/activate?user_code=BCDF-GHJK",
        ] {
            assert_eq!(on_this_server(good), Some(good));
        }
        // O12
        for wrong in [
            "",
            "/",
            "//evil.example/activate",
            "/\\evil.example",
            "https://evil.example/activate",
            "/activate/../x",
            "/activate#x",
            "/activate\r\nX: y",
            "/oauth2/default/v1/authorize/../../x?y",
            "javascript:alert(1)",
            "activate",
            "/activate@evil.example",
            "/%61ctivate",
        ] {
            assert_eq!(on_this_server(wrong), None, "{wrong}");
        }
    }
}
