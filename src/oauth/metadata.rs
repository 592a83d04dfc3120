//! What the authorization server says about itself (RFC 8414; OpenID Connect Discovery 1.0). The same document is at the addresses of both.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::web::Data;
use serde_json::json;

use super::OAuth;
use super::client::{AuthMethod, GrantType, OPENID_SCOPES};
use super::id_tokens;

/// Below the issuer.
pub(super) const BELOW: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// At the root, between the host and the path of the issuer (section 3.1).
pub(super) const AT_THE_ROOT: [&str; 2] =
    ["/.well-known/oauth-authorization-server/oauth2/default", "/.well-known/openid-configuration/oauth2/default"];

/// Algorithms of assertions.
const SIGNATURES: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

pub(super) async fn metadata(oauth: Data<OAuth>) -> HttpResponse {
    let issuer = &oauth.addresses.issuer;
    let at = |path: &str| format!("{issuer}/v1/{path}");
    let declared = oauth.clients.scopes.iter().map(|scope| scope.name.as_str());
    let scopes: Vec<&str> = OPENID_SCOPES.into_iter().chain(declared).collect();
    let methods = AuthMethod::ALL.map(AuthMethod::name);
    let proofs = AuthMethod::PROOFS.map(AuthMethod::name);
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("keys"),
        "userinfo_endpoint": at("userinfo"),
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "device_authorization_endpoint": at("device/authorize"),
        "end_session_endpoint": at("logout"),
        "grant_types_supported": GrantType::ALL.map(GrantType::name),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [id_tokens::algorithm(oauth.algorithm)],
        "scopes_supported": scopes,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "amr", "nonce", "at_hash", "sid", "name", "preferred_username", "email", "email_verified"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": SIGNATURES,
        "introspection_endpoint_auth_methods_supported": proofs,
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
