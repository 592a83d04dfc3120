//! The pages on the way in, and where it leads.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::accounts::Accounts;
use crate::accounts::browser_session::BrowserToken;
use crate::accounts::sign_in::{Second, Step};
use crate::http::caller::Caller;
use crate::oauth::{AUTHORIZE, OAuth};
use crate::web::browser::Browser;
use crate::web::complaint::Complaint;
use crate::web::page;
use crate::web::{ACCOUNT, ACTIVATE, ADMIN, see_other};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    return_to: &'p str,
    /// The client that sent him here.
    client: Option<&'p str>,
    email: &'p str,
    error: Option<&'p Complaint>,
    form_token: &'p str,
    has_passkeys: bool,
    /// To the page for those who forgot their password.
    forgot: String,
    /// To the page where one registers, where that is open.
    register: Option<String>,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage<'p> {
    return_to: &'p str,
    state: &'p str,
    /// JSON, for the script.
    challenge: Option<String>,
    has_app: bool,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

/// Where a browser may be sent when its user has signed in: only on with what he came for.
pub(in crate::web) fn on_this_server(return_to: &str) -> Option<&str> {
    let is_plain = return_to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let (path, query) = return_to.split_once('?').unwrap_or((return_to, ""));
    let tells = (path == ACCOUNT || is_of_administration(path)) && says_what_was_done(query);
    let return_to = if tells { path } else { return_to };
    (is_plain && ([AUTHORIZE, ACTIVATE, ACCOUNT].contains(&path) || is_of_administration(path))).then_some(return_to)
}

/// Whether a page of this server would tell of an act by this query: whoever made the link would have it say what was not done.
fn says_what_was_done(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "done")
}

/// Whether it is a page of administration: nothing in it leads elsewhere.
fn is_of_administration(path: &str) -> bool {
    let below = path.strip_prefix(ADMIN);
    below.is_some_and(|below| {
        (below.is_empty() || below.starts_with('/'))
            && below.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte))
            && !below.contains("//")
    })
}

/// A browser on its way in.
pub(in crate::web) struct Way<'w> {
    browser: &'w Browser,
    accounts: &'w Accounts,
    /// The name of the client that sent him here.
    client: Option<String>,
    /// Checked; empty when he came for nothing else, which leads to his account.
    return_to: &'w str,
}

impl<'w> Way<'w> {
    pub async fn of(browser: &'w Browser, oauth: &'w OAuth, return_to: Option<&'w str>) -> Self {
        let return_to = return_to.and_then(on_this_server).unwrap_or_default();
        let query = return_to.strip_prefix(AUTHORIZE).and_then(|rest| rest.strip_prefix('?'));
        let client = match query {
            Some(query) => oauth.authorization_request(query).await.ok().map(|asked| asked.client.name().to_owned()),
            None => None,
        };
        Self { browser, accounts: &oauth.accounts, client, return_to }
    }

    /// Where it leads.
    pub fn return_to(&self) -> &str {
        self.return_to
    }

    /// The first page: email address and password.
    pub fn first(&self, status: StatusCode, email: &str, error: Option<&Complaint>) -> HttpResponse {
        let page = SignInPage {
            return_to: self.return_to,
            client: self.client.as_deref(),
            email,
            error,
            form_token: self.browser.form_token(),
            has_passkeys: self.accounts.relying_party.is_some(),
            forgot: crate::web::forgot_at(self.return_to),
            register: self.accounts.rules.registration_open.then(|| crate::web::register_at(self.return_to)),
        };
        page::page(status, &page, self.browser, None)
    }

    /// The second page: a code, or a passkey.
    pub fn second(&self, status: StatusCode, second: Second, error: Option<&Complaint>) -> HttpResponse {
        let challenge = second.challenge.and_then(|challenge| serde_json::to_string(&challenge).ok());
        let page = SecondFactorPage {
            return_to: self.return_to,
            state: &second.state,
            challenge,
            has_app: second.has_app,
            error,
            form_token: self.browser.form_token(),
        };
        page::page(status, &page, self.browser, None)
    }

    /// On by a step.
    pub async fn step(&self, step: Step, caller: &Caller) -> HttpResponse {
        match step {
            Step::SignedIn(token) => self.on(&token, caller).await,
            Step::SecondFactor(second) => self.second(StatusCode::OK, second, None),
        }
    }

    /// Signed in: on to what he came for. 303 after a form with a password (RFC 9700, section 4.12), to a page that leads on (see [`page::onward`]).
    pub async fn on(&self, token: &BrowserToken, caller: &Caller) -> HttpResponse {
        self.end_last(token, caller).await;
        let on = if self.return_to.is_empty() { ACCOUNT } else { self.return_to };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut response = see_other(&format!("/sign-in/done?{}", query.append_pair("return_to", on).finish()));
        self.browser.keep_session(token, &mut response);
        response
    }

    /// The last session of the browser ends: with all that was granted in it when somebody else signs in, alone when it is the same user.
    async fn end_last(&self, token: &BrowserToken, caller: &Caller) {
        let Some(last) = self.browser.session() else { return };
        let accounts = self.accounts;
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
            "/admin",
            "/admin/users?search=ada%40example.com",
            "/admin/clients/0oaAuBw5y3OB8PmlJYOl-im",
        ] {
            assert_eq!(on_this_server(good), Some(good));
        }
        for (tells, on) in [
            ("/account?done=password", "/account"),
            ("/account?%64one=password", "/account"),
            ("/admin/users?search=ada&done=deleted", "/admin/users"),
            ("/admin/keys?done=compromised", "/admin/keys"),
        ] {
            assert_eq!(on_this_server(tells), Some(on));
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
            "/admin/../x",
            "/admin//evil.example",
            "/adminx",
            "/admin@evil.example",
        ] {
            assert_eq!(on_this_server(wrong), None, "{wrong}");
        }
    }
}
