//! A browser as far as the pages need one: it keeps cookies, reads forms and sends them, and runs no script.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};

use super::app::{PASSWORD, TestApp};

/// Its cookies.
#[derive(Default)]
pub struct Browser(Mutex<BTreeMap<String, String>>);

/// What it was answered.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub html: String,
}

/// A form of a page: where it goes, and its fields with their values.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub fields: BTreeMap<String, String>,
}

impl Browser {
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap().clone()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Sends a request with the cookies, and keeps those of the answer.
    pub async fn send(&self, request: RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.0.lock().unwrap().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
        Page {
            status: response.status(),
            headers: response.headers().clone(),
            html: response.text().await.expect("a body"),
        }
    }

    pub async fn get(&self, app: &TestApp, path: &str) -> Page {
        self.send(app.request(Method::GET, path)).await
    }

    /// Sends a form, with `filled` over its own fields.
    pub async fn submit(&self, app: &TestApp, form: &Form, filled: &[(&str, &str)]) -> Page {
        let mut fields = form.fields.clone();
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.send(app.request(Method::POST, &form.action).form(&fields)).await
    }

    /// Signs in with [`PASSWORD`] on the page at `path`; what comes after it.
    pub async fn sign_in(&self, app: &TestApp, path: &str, email: &str) -> Page {
        let page = self.get(app, path).await;
        assert_eq!(page.status, 200, "{}", page.html);
        let page = self.submit(app, &page.form("/sign-in"), &[("email", email), ("password", PASSWORD)]).await;
        self.signed_in(app, page).await
    }

    /// The page behind the last form of a sign-in, which leads on.
    pub async fn signed_in(&self, app: &TestApp, page: Page) -> Page {
        if page.status == 303 && page.location().starts_with("/sign-in/done?") {
            return self.get(app, &page.location()).await;
        }
        page
    }
}

const REFRESH: &str = "<meta http-equiv=\"refresh\" content=\"0;url=";

impl Page {
    /// Whether it is a redirect, or a page that leads on by itself.
    pub fn leads_on(&self) -> bool {
        self.status == 303 || self.html.contains(REFRESH)
    }

    /// Where it leads: the page must be a redirect, or one that leads on by itself.
    pub fn location(&self) -> String {
        if self.status == 303 {
            return self.headers[LOCATION].to_str().unwrap().to_owned();
        }
        let refresh = self.html.split(REFRESH).nth(1);
        let refresh = refresh.and_then(|rest| rest.split('"').next());
        unescaped(refresh.unwrap_or_else(|| panic!("it leads nowhere: {} {}", self.status, self.html)))
    }

    /// The parameters of where it leads.
    pub fn answer(&self) -> BTreeMap<String, String> {
        let location = self.location();
        let (_, query) = location.split_once('?').unwrap_or((&location, ""));
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Its form that goes to `action`.
    pub fn form(&self, action: &str) -> Form {
        let start = format!("action=\"{action}\"");
        let html = self.html.split("<form ").find(|form| form.contains(&start));
        let html = html.unwrap_or_else(|| panic!("no form to {action}: {}", self.html));
        let html = html.split("</form>").next().unwrap();
        let inputs = html.split("<input ").skip(1).filter_map(|input| {
            let input = input.split('>').next()?;
            // What is not chosen is not sent.
            if matches!(attribute(input, "type").as_deref(), Some("checkbox" | "radio")) && !input.contains(" checked")
            {
                return None;
            }
            Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
        });
        Form { action: action.to_owned(), fields: inputs.collect() }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(unescaped(value))
}

/// Text of HTML as it is read.
pub fn unescaped(text: &str) -> String {
    let named = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")];
    let named = named.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain));
    named.replace("&quot;", "\"").replace("&#38;", "&").replace("&amp;", "&")
}
