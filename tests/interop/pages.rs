//! The pages in Chromium, as people have them: signing in, allowing, letting a device in.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Url;
use serde_json::{Value, json};

use crate::browser::chromium;
use crate::house::{Client, House};
use crate::node::{self, Script};
use crate::others::{Front, ask};
use crate::people::{ADA, SCOPES};
use crate::support::app::PASSWORD;
use crate::support::ports::closed_port;
use crate::support::python;
use crate::support::tokens::Findings;
use crate::support::totp::{base32, code};

const GRACE: &str = "grace@example.com";

/// The server, the article, and two people.
struct Scene {
    house: House,
    chromium: PathBuf,
    port: u16,
    /// Where the applications are.
    origin: String,
    client: Client,
}

impl Scene {
    async fn set() -> Option<Self> {
        let chromium = if node::available() { chromium() } else { None }?;
        let port = closed_port();
        let house = House::at_localhost(&format!("http://localhost:{port}"));
        Some(Self::at(house, chromium, port).await)
    }

    async fn at(house: House, chromium: PathBuf, port: u16) -> Self {
        let origin = format!("http://localhost:{port}");
        let client = house.web_app(&format!("{origin}/authorization-code/callback"));
        house.register(ADA).await;
        house.register(GRACE).await;
        Self { house, chromium, port, origin, client }
    }

    /// What comes of an act of Ada's, and of Grace's where there is another.
    fn seen(&self, act: &str, more: Value) -> Value {
        let callback = format!("{}/authorization-code/callback", self.origin);
        let authorize = self.authorize(&self.client, &callback);
        let mut input = json!({
            "origin": self.house.public_url, "authorize": authorize, "port": self.port,
            "email": ADA, "other": GRACE, "password": PASSWORD, "outbox": self.house.outbox(),
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let script = Script::new("pages.js");
        let mut command = script.command();
        command.arg(act).env("CHROMIUM", &self.chromium);
        let seen = ask(command, &input);
        assert_eq!(seen["wrong"], json!([]), "{seen}");
        seen
    }

    /// Where a client sends its users.
    fn authorize(&self, client: &Client, redirect_uri: &str) -> String {
        let asked = [
            ("response_type", "code"),
            ("client_id", client.text("id")),
            ("redirect_uri", redirect_uri),
            ("scope", SCOPES),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        Url::parse_with_params(&format!("{}/v1/authorize", self.house.issuer), asked).unwrap().into()
    }

    /// Whether the article got a code, told by whom, and its state back.
    fn is_answer(&self, answer: &Value, state: &str) -> bool {
        let has_code = answer["code"].as_str().is_some_and(|code| code.len() > 20);
        has_code && answer["state"] == state && answer["iss"] == self.house.issuer.as_str()
    }

    /// Gives Ada an authenticator app; its secret, in hexadecimal digits.
    async fn set_totp_up(&self) -> String {
        let program = &self.house.program;
        let token = program.log_in(ADA).await.unwrap()["access_token"].as_str().unwrap().to_owned();
        let post = |path: &str, body: Value| {
            let request = program.client.post(format!("{}{path}", program.url));
            request.bearer_auth(&token).json(&body).send()
        };
        let begun: Value = post("/api/totp", json!({})).await.unwrap().json().await.unwrap();
        let secret = base32(begun["secret"].as_str().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let otp = code(&secret, i64::try_from(now).unwrap());
        assert_eq!(post("/api/totp/confirm", json!({"otp": otp})).await.unwrap().status(), 200);
        secret.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// A device that waits: what it shows its user, and what it asks with.
    async fn device(&self) -> (Client, String, String) {
        let device = self.house.app();
        let form = [("client_id", device.text("id")), ("scope", SCOPES)];
        let address = format!("{}/oauth2/default/v1/device/authorize", self.house.program.url);
        let answer = self.house.program.client.post(address).form(&form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (device, text("user_code"), text("device_code"))
    }
}

fn what_is_asked() -> Value {
    json!([
        "Know that it is you",
        "See your name and the address you sign in with",
        "See your email address",
        "Keep access while you are away, until you end it",
        "What it opens",
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn she_signs_in_and_allows_once() {
    let Some(scene) = Scene::set().await else { return };
    consents(&scene);
}

/// As it is with a proxy in front, where the cookies have other names and are for https alone.
#[tokio::test(flavor = "multi_thread")]
async fn she_signs_in_and_allows_once_over_https() {
    let Some(chromium) = (if node::available() && python::available() { chromium() } else { None }) else { return };
    let mut front = Front::start();
    consents(&Scene::at(front.house(), chromium, closed_port()).await);
}

fn consents(scene: &Scene) {
    let signed_out = format!("{}/", scene.origin);
    let asked = [("client_id", scene.client.text("id")), ("post_logout_redirect_uri", &signed_out)];
    let sign_out = Url::parse_with_params(&format!("{}/v1/logout", scene.house.issuer), asked).unwrap();
    let seen = scene.seen("consents", json!({"sign_out": sign_out}));
    let mut findings = Findings::default();
    let mut expect = |pointer: &str, right: Value| {
        findings.expect(pointer, seen.pointer(pointer).cloned().unwrap_or_default(), right);
    };
    expect("/complaint", json!("No account has this email address and this password."));
    expect("/kept", json!(ADA));
    expect("/asked", what_is_asked());
    expect("/signed_out", json!(signed_out));
    expect("/refused/error", json!("access_denied"));
    expect("/refused/state", json!("four"));
    findings.expect("answer", scene.is_answer(&seen["answer"], "one"), true);
    findings.expect("signed in again", scene.is_answer(&seen["signed_in_again"], "three"), true);
    findings.expect("nothing is asked", scene.is_answer(&seen["again"], "two"), true);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn she_has_apps() {
    let Some(scene) = Scene::set().await else { return };
    let app = scene.authorize(&scene.house.app(), "HOST");
    let seen = scene.seen("has_apps", json!({"app": app}));
    assert_eq!(seen["answers"].as_array().map(Vec::len), Some(3), "{seen}");
    assert!(seen["scheme"].as_str().unwrap().starts_with("com.example.app:/callback?code="), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_has_an_application_that_is_a_page() {
    let Some(scene) = Scene::set().await else { return };
    let address = format!("{}/page", scene.origin);
    let client = scene.house.public_client(&[&address]);
    let begin = [("issuer", scene.house.issuer.as_str()), ("client_id", client.text("id")), ("scope", SCOPES)];
    let page = Url::parse_with_params(&address, begin).unwrap();
    let seen = scene.seen("has_a_page", json!({"page": page}));
    assert_eq!((&seen["email"], &seen["profile"]), (&json!(ADA), &json!(200)));
    let token = seen["access_token"].as_str().unwrap();
    assert_eq!(scene.house.program.get("/api/profile", token).await, 401, "it was revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_creates_an_account_on_the_way() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("registers", json!({}));
    assert!(seen["complaint"].as_str().unwrap().contains("guess"), "{seen}");
    assert!(scene.is_answer(&seen["answer"], "one"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_has_forgotten_her_password() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("forgets", json!({}));
    assert!(scene.is_answer(&seen["answer"], "two"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_types_a_code_of_her_authenticator_app() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("types_a_code", json!({"totp": scene.set_totp_up().await}));
    assert!(seen["complaint"].as_str().unwrap().starts_with("That is neither the code"), "{seen}");
    assert!(scene.is_answer(&seen["answer"], "one"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_has_no_script() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("has_no_script", json!({"totp": scene.set_totp_up().await}));
    for way in ["password", "app"] {
        assert!(scene.is_answer(&seen[way]["answer"], way), "{seen}");
        assert_eq!(seen[way]["buttons"], json!(["Sign in"]), "nothing that needs a script");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn she_shows_a_passkey() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("shows_a_passkey", json!({}));
    assert_eq!(seen["complaint"], "That did not work. Please try again, or sign in another way.");
    assert!(scene.is_answer(&seen["instead"], "one"), "{seen}");
    assert!(scene.is_answer(&seen["besides"], "two"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn she_lets_a_device_in() {
    let Some(scene) = Scene::set().await else { return };
    let (device, user_code, device_code) = scene.device().await;
    let seen = scene.seen("lets_a_device_in", json!({"user_code": user_code}));
    let mut findings = Findings::default();
    let complaint = seen["complaint"].as_str().unwrap();
    findings.expect(complaint, complaint.starts_with("No device waits with this code."), true);
    findings.expect("asked", &seen["asked"], &what_is_asked());
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let form = [("grant_type", grant), ("device_code", &device_code), ("client_id", device.text("id"))];
    let address = format!("{}/oauth2/default/v1/token", scene.house.program.url);
    let answer = scene.house.program.client.post(address).form(&form).send().await.unwrap();
    findings.expect("the device", answer.status().as_u16(), 200);
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn she_keeps_her_account() {
    let Some(scene) = Scene::set().await else { return };
    let seen = scene.seen("keeps_her_account", json!({}));
    let mut findings = Findings::default();
    for (what, words) in [
        ("named", "Your name is saved."),
        ("complaint", "That is not the password of your account."),
        ("added", "The passkey is added."),
        ("renamed", "The passkey has another name."),
        ("removed", "The passkey is removed."),
    ] {
        findings.expect(what, seen[what].as_str(), Some(words));
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_are_accessible() {
    let Some(scene) = Scene::set().await else { return };
    let (_, user_code, _) = scene.device().await;
    let pictures = std::env::var_os("TOKENHOUSE_TEST_SCREENSHOTS").map(|folder| std::path::absolute(folder).unwrap());
    let seen = scene.seen("looks", json!({"user_code": user_code, "pictures": pictures}));
    assert_eq!(seen["findings"], json!([]), "{:#}", seen["findings"]);
}
