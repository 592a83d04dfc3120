//! The crate `oauth2`, which is what Rust's applications use. It revokes over https only: a front speaks TLS for the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl, HttpRequest,
    HttpResponse, IntrospectionUrl, PkceCodeChallenge, RedirectUrl, RequestTokenError, RevocationUrl, Scope,
    StandardDeviceAuthorizationResponse, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _,
    TokenUrl,
};
use serde_json::Value;

use crate::house::SCOPE;
use crate::others::Front;
use crate::people::{CALLBACK, Person, SCOPES};
use crate::support::python::available;
use crate::support::tokens::Findings;

/// How the crate asks: by a client of ours that follows no redirects.
async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let answer = client.execute(request.try_into()?).await?;
    let mut response = HttpResponse::default();
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_shows_and_ends_a_token() {
    if !available() {
        return;
    }
    let mut front = Front::start();
    let house = front.house();
    let client = front.client();
    let http = |request| send(&client, request);
    let metadata = client.get(format!("{}/.well-known/openid-configuration", house.issuer)).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let mut findings = Findings::default();
    for (method, kind) in [("client_secret_basic", AuthType::BasicAuth), ("client_secret_post", AuthType::RequestBody)]
    {
        let machine = house.client(method);
        let client = BasicClient::new(ClientId::new(machine.text("id").to_owned()))
            .set_client_secret(ClientSecret::new(machine.text("secret").to_owned()))
            .set_auth_type(kind)
            .set_token_uri(TokenUrl::new(endpoint("token_endpoint")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(endpoint("introspection_endpoint")).unwrap())
            .set_revocation_url(RevocationUrl::new(endpoint("revocation_endpoint")).unwrap());
        let scope = Scope::new(SCOPE.to_owned());
        let granted = client.exchange_client_credentials().add_scope(scope.clone()).request_async(&http).await.unwrap();
        findings.expect(method, granted.scopes(), Some(&vec![scope.clone()]));
        let token = granted.access_token();
        findings.expect(method, house.program.get("/api/profile", token.secret()).await, 200);
        let shown = client.introspect(token).request_async(&http).await.unwrap();
        findings.expect(method, (shown.active(), shown.client_id()), (true, Some(client.client_id())));
        findings.expect(method, shown.scopes(), Some(&vec![scope]));
        let revocable = StandardRevocableToken::AccessToken(token.clone());
        client.revoke_token(revocable).unwrap().request_async(&http).await.unwrap();
        findings.expect(method, client.introspect(token).request_async(&http).await.unwrap().active(), false);
        findings.expect(method, house.program.get("/api/profile", token.secret()).await, 401);

        let stranger = client.set_client_secret(ClientSecret::new("a secret of somebody else".to_owned()));
        let refused = stranger.exchange_client_credentials().request_async(&http).await.unwrap_err();
        let RequestTokenError::ServerResponse(refused) = refused else { panic!("{method}: {refused:?}") };
        findings.expect(method, refused.error(), &BasicErrorResponseType::InvalidClient);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_for_a_user_with_a_code() {
    if !available() {
        return;
    }
    let mut front = Front::start();
    let house = front.house();
    let http_client = front.client();
    let http = |request| send(&http_client, request);
    let person = Person::with(&house, front.client()).await;
    let at = |path: &str| format!("{}/v1/{path}", house.issuer);
    let mut findings = Findings::default();
    // Another port than the one it is registered with, as an app has it.
    let of_app = "http://127.0.0.1:49152/callback";
    for (client, redirect_uri) in [(house.web_app(CALLBACK), CALLBACK), (house.app(), of_app)] {
        let method = client.text("method");
        let mut told = BasicClient::new(ClientId::new(client.text("id").to_owned()));
        if method != "none" {
            told = told.set_client_secret(ClientSecret::new(client.text("secret").to_owned()));
        }
        let told = told
            .set_auth_uri(AuthUrl::new(at("authorize")).unwrap())
            .set_token_uri(TokenUrl::new(at("token")).unwrap())
            .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).unwrap());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let asked = told.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
        let (address, state) = asked.add_scopes(SCOPES.split(' ').map(|scope| Scope::new(scope.to_owned()))).url();
        let answer = person.goes(address.as_str(), redirect_uri).await;
        let answer: BTreeMap<String, String> = answer.query_pairs().into_owned().collect();
        findings.expect(method, (&answer["state"], &answer["iss"]), (state.secret(), &house.issuer));
        let code = || AuthorizationCode::new(answer["code"].clone());
        let granted = told.exchange_code(code()).set_pkce_verifier(verifier).request_async(&http).await.unwrap();
        findings.expect(method, house.program.get("/api/profile", granted.access_token().secret()).await, 200);
        findings.expect(method, granted.scopes().map(Vec::len), Some(5));
        let token = granted.refresh_token().unwrap();
        let refreshed = told.exchange_refresh_token(token).request_async(&http).await.unwrap();
        findings.expect(method, house.program.get("/api/profile", refreshed.access_token().secret()).await, 200);

        let (_, other) = PkceCodeChallenge::new_random_sha256();
        let refused = told.exchange_code(code()).set_pkce_verifier(other).request_async(&http).await.unwrap_err();
        let RequestTokenError::ServerResponse(refused) = refused else { panic!("{method}: {refused:?}") };
        findings.expect(method, refused.error(), &BasicErrorResponseType::InvalidGrant);
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_for_a_user_on_a_device() {
    if !available() {
        return;
    }
    let mut front = Front::start();
    let house = front.house();
    let http_client = front.client();
    let http = |request| send(&http_client, request);
    let person = Person::with(&house, front.client()).await;
    let at = |path: &str| format!("{}/v1/{path}", house.issuer);
    let mut findings = Findings::default();
    for client in [house.device(), house.app()] {
        let method = client.text("method");
        let mut told = BasicClient::new(ClientId::new(client.text("id").to_owned()));
        if method != "none" {
            told = told.set_client_secret(ClientSecret::new(client.text("secret").to_owned()));
        }
        let told = told
            .set_device_authorization_url(DeviceAuthorizationUrl::new(at("device/authorize")).unwrap())
            .set_token_uri(TokenUrl::new(at("token")).unwrap());
        let scopes = SCOPES.split(' ').map(|scope| Scope::new(scope.to_owned()));
        let asked = told.exchange_device_code().add_scopes(scopes).request_async(&http).await;
        let device: StandardDeviceAuthorizationResponse = asked.unwrap();
        let address = device.verification_uri_complete().unwrap().secret();
        // It asks at once, is told to wait, and meanwhile its user lets it in.
        let waits = AtomicU32::new(0);
        let wait = async |time| {
            waits.fetch_add(1, Ordering::Relaxed);
            person.lets_in(address).await;
            tokio::time::sleep(time).await;
        };
        let granted = told.exchange_device_access_token(&device).request_async(&http, wait, None).await.unwrap();
        findings.expect(method, waits.into_inner(), 1);
        findings.expect(method, house.program.get("/api/profile", granted.access_token().secret()).await, 200);
        findings.expect(method, granted.refresh_token().is_some(), true);
    }
    findings.none();
}
