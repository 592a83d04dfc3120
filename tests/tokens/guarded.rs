//! The library in an application of its own: `Bearer`, `require_scope`, `Protect`, and what happens without a verifier.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;
use tokenhouse::token::Rejection;
use tokenhouse::{Bearer, Clock, LocalIssuer, LocalSettings, Protect, Refusal, RemoteSettings, Scopes, Verifier};

use crate::support::okta::Okta;
use crate::support::ports::closed_port;
use crate::support::tokens::Findings;

const USER: &str = "8a6e0804-2bd0-4672-b79d-d97027f9071a";

fn issuer(name: &str) -> Arc<LocalIssuer> {
    let settings = LocalSettings {
        issuer: format!("http://localhost:3000/{name}"),
        audience: "api://default".to_owned(),
        access_ttl: Duration::from_hours(1),
    };
    let secret = "5c0f2a9be14d7736a8e19b04cc2d61f0".to_owned().into();
    Arc::new(LocalIssuer::with_secret(settings, &secret, Clock::system()).unwrap())
}

fn mint(issuer: &LocalIssuer, scopes: &str) -> String {
    issuer.mint_for_user(USER, "session", i64::MAX, &Scopes::from(scopes)).token
}

async fn hello(user: Bearer) -> String {
    user.subject.clone()
}

async fn invoices(user: Bearer) -> Result<String, Refusal> {
    user.require_scope("invoices.read")?;
    let version: u8 = user.get("ver").unwrap_or_default();
    Ok(format!("{} {version} {:?}", user.subject, user.get::<String>("no such claim")))
}

async fn perhaps(user: Option<Bearer>) -> &'static str {
    if user.is_some() { "somebody" } else { "anybody" }
}

/// Two handlers behind one token: the extractor is asked twice.
async fn twice(first: Bearer, second: Bearer) -> HttpResponse {
    if first.subject == second.subject { HttpResponse::Ok().finish() } else { HttpResponse::Conflict().finish() }
}

/// Starts an application with these routes; answers its address.
fn serve(verifier: Option<Verifier>, other: Option<Verifier>) -> String {
    let server = HttpServer::new(move || {
        let (verifier, other) = (verifier.clone(), other.clone());
        App::new()
            .configure(move |cfg| {
                if let Some(verifier) = verifier {
                    cfg.app_data(verifier);
                }
            })
            .route("/hello", web::get().to(hello))
            .route("/invoices", web::get().to(invoices))
            .route("/perhaps", web::get().to(perhaps))
            .route("/twice", web::get().to(twice))
            .service(web::scope("/any").wrap(Protect::new()).route("/thing", web::get().to(HttpResponse::Ok)))
            .service(
                web::scope("/admin")
                    .wrap(Protect::new().require_scope("admin").require_scope("openid"))
                    .route("/hello", web::get().to(hello)),
            )
            .service(
                web::scope("/inner").wrap(Protect::new()).service(
                    web::scope("/other")
                        .configure(move |cfg| {
                            if let Some(other) = other {
                                cfg.app_data(other);
                            }
                        })
                        .route("/hello", web::get().to(hello)),
                ),
            )
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

async fn get(url: &str, path: &str, token: Option<&str>) -> (u16, String, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{url}{path}"));
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let response = request.send().await.unwrap();
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), challenge.unwrap_or_default(), response.text().await.unwrap())
}

#[actix_web::test]
async fn handlers_and_scopes_let_in_whom_they_name() {
    let issuer = issuer("a");
    let url = serve(Some(Verifier::builder().local(Arc::clone(&issuer)).build().unwrap()), None);
    let (plain, reader, admin) =
        (mint(&issuer, "openid"), mint(&issuer, "openid invoices.read"), mint(&issuer, "admin openid"));
    let mut findings = Findings::default();
    for (path, token, status, body) in [
        ("/hello", Some(&plain), 200, USER),
        ("/hello", None, 401, "no-credentials"),
        ("/invoices", Some(&reader), 200, "8a6e0804-2bd0-4672-b79d-d97027f9071a 1 None"),
        ("/invoices", Some(&plain), 403, "insufficient-scope"),
        ("/perhaps", Some(&plain), 200, "somebody"),
        ("/perhaps", None, 200, "anybody"),
        ("/twice", Some(&plain), 200, ""),
        ("/any/thing", Some(&plain), 200, ""),
        ("/any/thing", None, 401, "no-credentials"),
        ("/any/nothing", None, 401, "no-credentials"),
        ("/any/nothing", Some(&plain), 404, ""),
        ("/admin/hello", Some(&admin), 200, USER),
        ("/admin/hello", Some(&plain), 403, "insufficient-scope"),
        ("/admin/hello", None, 401, "no-credentials"),
    ] {
        let (found, challenge, text) = get(&url, path, token.map(String::as_str)).await;
        findings.expect(path, found, status);
        findings.expect(path, text.contains(body), true);
        findings.expect(path, challenge.is_empty(), status == 200 || status == 404);
    }
    let (_, challenge, _) = get(&url, "/invoices", Some(&plain)).await;
    assert_eq!(
        challenge,
        "Bearer realm=\"tokenhouse\", error=\"insufficient_scope\", error_description=\"The access token lacks a scope that this route needs\", scope=\"invoices.read\""
    );
    findings.none();
}

#[actix_web::test]
async fn without_a_verifier_nobody_gets_in() {
    let url = serve(None, None);
    let token = mint(&issuer("a"), "admin openid invoices.read");
    for path in ["/hello", "/invoices", "/any/thing", "/admin/hello"] {
        let (status, _, body) = get(&url, path, Some(&token)).await;
        assert_eq!(status, 500, "{path}");
        assert!(!body.contains(USER) && !body.contains("Verifier"), "{body}");
    }
}

#[actix_web::test]
async fn a_scope_with_a_verifier_of_its_own_does_not_take_anothers_word() {
    let (outer, inner) = (issuer("outer"), issuer("inner"));
    let verifier = |issuer: &Arc<LocalIssuer>| Verifier::builder().local(Arc::clone(issuer)).build().unwrap();
    let url = serve(Some(verifier(&outer)), Some(verifier(&inner)));
    // The outer scope lets the first in, and the inner handler must not; the outer scope stops the second.
    assert_eq!(get(&url, "/inner/other/hello", Some(&mint(&outer, "openid"))).await.0, 401);
    assert_eq!(get(&url, "/inner/other/hello", Some(&mint(&inner, "openid"))).await.0, 401);
    assert_eq!(get(&url, "/hello", Some(&mint(&outer, "openid"))).await.0, 200);
}

#[actix_web::test]
async fn while_the_keys_are_not_to_be_had_nobody_gets_in() {
    let address = format!("127.0.0.1:{}", closed_port());
    let settings = RemoteSettings::new(&format!("http://{address}/oauth2/default"), "api://default").unwrap();
    let url = serve(Some(Verifier::builder().remote(settings).build().unwrap()), None);
    let okta = Okta::start().await;
    let token =
        okta.token_with(Clock::system().unix_seconds(), json!({"iss": format!("http://{address}/oauth2/default")}));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{url}/hello")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(!response.headers().contains_key("www-authenticate"));
}

#[actix_web::test]
async fn a_verifier_needs_somebody_to_believe_and_no_two_of_one_name() {
    assert!(Verifier::builder().build().is_err());
    let okta = Okta::start().await;
    let remote = || RemoteSettings::new(&okta.issuer, "api://default").unwrap();
    assert!(Verifier::builder().remote(remote()).remote(remote()).build().is_err());
    let verifier = Verifier::builder().remote(remote()).build().unwrap();
    // Without asking, a key never seen is unknown, or not there yet; with asking, it is found.
    let token = okta.token(Clock::system().unix_seconds());
    assert!(matches!(verifier.verify(&token), Ok(_) | Err(Rejection::KeysUnavailable | Rejection::UnknownKey)));
    assert_eq!(verifier.authenticate(&token).await.unwrap().subject, "ada@example.com");
    assert!(!format!("{verifier:?}").contains("k0"));
}
