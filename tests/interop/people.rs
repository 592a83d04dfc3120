//! Clients that act for people, and one of those people at her browser, without script.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use crate::house::{Client, House};
use crate::support::app::PASSWORD;
use crate::support::browser::{Browser, Page};

pub const ADA: &str = "ada@example.com";
/// Where the article is sent back to; nobody listens there.
pub const CALLBACK: &str = "http://localhost:8080/authorization-code/callback";
pub const SIGNED_OUT: &str = "http://localhost:8080/";
/// Where an app is sent back to, at the port that it happens to have.
pub const APP: &str = "http://127.0.0.1/callback";
/// What clients ask for.
pub const SCOPES: &str = "openid profile email offline_access customScope";

const CONSENT: &str = "/oauth2/default/v1/consent";

impl House {
    /// The article as a web application; its users may end at its first page when they have signed out.
    pub fn web_app(&self, callback: &str) -> Client {
        let signed_out = Url::parse(callback).unwrap().join("/").unwrap();
        let made = self.add_client(
            &[
                &[
                    "--name",
                    "The article",
                    "--redirect-uri",
                    callback,
                    "--post-logout-redirect-uri",
                    signed_out.as_str(),
                ][..],
                &["--grant", "authorization_code", "--grant", "refresh_token"],
            ]
            .concat(),
        );
        Client(json!({"id": made["client_id"], "method": "client_secret_basic", "secret": made["client_secret"]}))
    }

    /// One that can keep no secret.
    pub fn app(&self) -> Client {
        self.public_client(&[APP, "http://[::1]/callback", "com.example.app:/callback"])
    }

    /// The same, whose users are sent back to these.
    pub fn public_client(&self, callbacks: &[&str]) -> Client {
        let callbacks = callbacks.iter().flat_map(|callback| ["--redirect-uri", callback]);
        let mut more = vec!["--name", "An app", "--public"];
        more.extend(["--grant", "authorization_code", "--grant", "refresh_token", "--grant", "device_code"]);
        more.extend(callbacks);
        let made = self.add_client(&more);
        Client(json!({"id": made["client_id"], "method": "none"}))
    }

    /// A device with a secret.
    pub fn device(&self) -> Client {
        let made = self.add_client(&["--name", "A device", "--grant", "device_code", "--grant", "refresh_token"]);
        Client(json!({"id": made["client_id"], "method": "client_secret_basic", "secret": made["client_secret"]}))
    }

    pub async fn register(&self, email: &str) {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace"});
        assert_eq!(self.program.post("/api/register", body).await.unwrap().status(), 201);
    }

    /// What an access token says of a user who allowed the article all it asks for.
    pub async fn users_token(&self, person: &Person) -> String {
        let client = self.web_app(CALLBACK);
        // Of RFC 7636, appendix B.
        let asked = [
            ("response_type", "code"),
            ("client_id", client.text("id")),
            ("redirect_uri", CALLBACK),
            ("scope", SCOPES),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let address = Url::parse_with_params(&format!("{}/v1/authorize", self.issuer), asked).unwrap();
        let answer = person.goes(address.as_str(), CALLBACK).await;
        let code = answer.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        let request = self.program.client.post(format!("{}/v1/token", self.issuer)).form(&form);
        let answer = request.basic_auth(client.text("id"), Some(client.text("secret"))).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["scope"], SCOPES, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }
}

/// Ada, who allows everything.
pub struct Person {
    browser: Browser,
    client: reqwest::Client,
}

impl Person {
    pub async fn of(house: &House) -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self::with(house, client.build().unwrap()).await
    }

    /// With a browser that follows no redirects by itself.
    pub async fn with(house: &House, client: reqwest::Client) -> Self {
        house.register(ADA).await;
        Self { browser: Browser::default(), client }
    }

    pub async fn get(&self, address: &str) -> Page {
        self.browser.send(self.client.get(address)).await
    }

    /// Goes to `start` and on, over all pages of the server, until she is sent to an address that begins with `end`: that address.
    pub async fn goes(&self, start: &str, end: &str) -> Url {
        let mut here: Url = start.parse().unwrap();
        let mut page = self.get(start).await;
        for _ in 0..10 {
            // Applications redirect with other statuses than this server.
            if page.leads_on() || page.status.is_redirection() {
                let to = page.headers.get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
                here = here.join(&to.unwrap_or_else(|| page.location())).unwrap();
                if here.as_str().starts_with(end) {
                    return here;
                }
                page = self.get(here.as_str()).await;
            } else if page.html.contains("action=\"/sign-in\"") {
                page = self.fills(&here, &page, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
            } else {
                page = self.fills(&here, &page, CONSENT, &[("decision", "allow")]).await;
            }
        }
        panic!("{start} leads round and round: {page:?}")
    }

    /// Lets a device in at `address`, which has its code.
    pub async fn lets_in(&self, address: &str) {
        let mut here: Url = address.parse().unwrap();
        let mut page = self.get(address).await;
        while !page.html.contains("The device is let in") {
            assert!(page.status == 200 || page.status == 303, "{page:?}");
            if page.leads_on() {
                here = here.join(&page.location()).unwrap();
                page = self.get(here.as_str()).await;
            } else if page.html.contains("action=\"/sign-in\"") {
                page = self.fills(&here, &page, "/sign-in", &[("email", ADA), ("password", PASSWORD)]).await;
            } else if page.html.contains("value=\"allow\"") {
                page = self.fills(&here, &page, "/activate", &[("decision", "allow")]).await;
            } else {
                page = self.fills(&here, &page, "/activate", &[]).await;
            }
        }
    }

    async fn fills(&self, here: &Url, page: &Page, action: &str, filled: &[(&str, &str)]) -> Page {
        let mut fields = page.form(action).fields;
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.browser.send(self.client.post(here.join(action).unwrap()).form(&fields)).await
    }
}

/// The header of a token.
pub fn header(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}
