//! What the authorization server says about itself (RFC 8414).
//!
//! The same document is at the address of OpenID Connect Discovery, as servers without ID tokens commonly do: Okta's verifiers, and this server's
//! own `[remote.NAME]`, look for the keys there. It claims nothing of OpenID Connect: no ID token, no subject types, no userinfo.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::web::Data;
use serde_json::json;

use super::OAuth;
use super::client::{AuthMethod, CLIENT_CREDENTIALS};

/// Below the issuer.
pub(super) const BELOW: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// At the root, between the host and the path of the issuer (section 3.1).
pub(super) const AT_THE_ROOT: [&str; 2] =
    ["/.well-known/oauth-authorization-server/oauth2/default", "/.well-known/openid-configuration/oauth2/default"];

/// Algorithms of assertions.
const SIGNATURES: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

pub(super) async fn metadata(oauth: Data<OAuth>) -> HttpResponse {
    let addresses = &oauth.addresses;
    let scopes: Vec<&str> = oauth.clients.scopes.iter().map(|scope| scope.name.as_str()).collect();
    let methods = AuthMethod::ALL.map(AuthMethod::name);
    let document = json!({
        "issuer": addresses.issuer,
        "token_endpoint": addresses.token,
        "jwks_uri": addresses.keys,
        "introspection_endpoint": addresses.introspection,
        "revocation_endpoint": addresses.revocation,
        "grant_types_supported": [CLIENT_CREDENTIALS],
        // Required by section 2, also where no grant uses the authorization endpoint.
        "response_types_supported": [],
        "scopes_supported": scopes,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": SIGNATURES,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": SIGNATURES,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": SIGNATURES,
    });
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        // What anybody may read, a page of any origin may; there are no credentials here.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(document)
}
