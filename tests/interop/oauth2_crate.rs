//! The crate `oauth2`, which is what Rust's applications use. It revokes over https only: a front speaks TLS for the server.

use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, RequestTokenError, RevocationUrl,
    Scope, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use serde_json::Value;

use crate::house::SCOPE;
use crate::others::Front;
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
