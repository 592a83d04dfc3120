//! The article's application, on Okta's own verifier for Express: it believes this server as it would Okta.

use serde_json::{Value, json};

use crate::house::{House, PRIVATE, PUBLIC, tampered};
use crate::node::{Script, available};
use crate::others::Listener;
use crate::people::Person;
use crate::support::app::TestApp;
use crate::support::tokens::{Findings, base64url};

/// The application of the article, which believes `house`.
struct Article {
    listener: Listener,
    client: reqwest::Client,
    _script: Script,
}

impl Article {
    fn start(house: &House, packages: [&str; 2]) -> Self {
        let script = Script::new("article.js");
        let mut command = script.command();
        command.args(packages).env("ISSUER", &house.issuer);
        Self { listener: Listener::start(command), client: house.program.client.clone(), _script: script }
    }

    async fn get(&self, path: &str, authorization: Option<&str>) -> (u16, String) {
        let request = self.client.get(format!("http://127.0.0.1:{}{path}", self.listener.port));
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

async fn believes_this_server(packages: [&str; 2]) {
    let (house, other) = (House::start(), House::start());
    let article = Article::start(&house, packages);
    let token = house.token(&house.client("client_secret_basic")).await;
    let person = house.persons_token().await;
    let user = house.users_token(&Person::of(&house).await).await;
    let mut findings = Findings::default();
    findings.expect("anyone", article.get("/api/publicInfo", None).await, (200, PUBLIC.to_owned()));

    let claims = TestApp::claims(&token);
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let promoted = base64url(claims.to_string().replace("customScope", "admin"));
    let key = house.key();
    let now = claims["iat"].as_i64().unwrap();
    let rightly_signed = |changes: Value| key.with_claims(&claims, changes);
    let foreign = other.token(&other.client("client_secret_basic")).await;
    let rows = [
        ("a machine's token", Some(token.clone()), (200, PRIVATE.to_owned())),
        ("a person's token", Some(person), (200, PRIVATE.to_owned())),
        ("a token of a client that acts for a user", Some(user.clone()), (200, PRIVATE.to_owned())),
        ("the forge itself", Some(rightly_signed(json!({}))), (200, PRIVATE.to_owned())),
        ("no token", None, (403, "Unauthorized".to_owned())),
        ("no JWT", Some("x".to_owned()), (403, "Jwt cannot be parsed".to_owned())),
        (
            "claims tampered with",
            Some(format!("{head}.{promoted}.{signature}")),
            (403, "Signature verification failed".to_owned()),
        ),
        ("signature tampered with", Some(tampered(&token)), (403, "Signature verification failed".to_owned())),
        (
            "expired",
            Some(rightly_signed(json!({"iat": now - 7200, "exp": now - 3600}))),
            (403, "Jwt is expired".to_owned()),
        ),
        (
            "for somebody else",
            Some(rightly_signed(json!({"aud": "api://other"}))),
            (403, "audience claim api://other does not match expected audience: api://default".to_owned()),
        ),
        (
            "another issuer's name",
            Some(rightly_signed(json!({"iss": other.issuer}))),
            (403, format!("issuer {} does not match expected issuer: {}", other.issuer, house.issuer)),
        ),
        (
            "another issuer's token",
            Some(foreign),
            (403, format!("Error while resolving signing key for kid \"{}\"", other.key().kid())),
        ),
    ];
    for (row, token, right) in rows {
        let authorization = token.map(|token| format!("Bearer {token}"));
        findings.expect(row, article.get("/api/profile", authorization.as_deref()).await, right);
    }
    let (_, told) = article.get("/api/claims", Some(&format!("Bearer {token}"))).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    findings.expect("scp", &told["scp"], &json!(["customScope"]));
    findings.expect("cid", &told["cid"], &claims["sub"]);
    let (_, told) = article.get("/api/claims", Some(&format!("Bearer {user}"))).await;
    findings.expect("of a user", serde_json::from_str(&told).ok(), Some(TestApp::claims(&user)));
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_packages_it_named() {
    if available() {
        believes_this_server(["express-of-the-article", "@okta/jwt-verifier-of-the-article"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_packages_of_today() {
    if available() {
        believes_this_server(["express", "@okta/jwt-verifier"]).await;
    }
}
