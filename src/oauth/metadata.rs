//! What the authorization server says about itself (RFC 8414; OpenID Connect Discovery 1.0). The same document is at the addresses of both.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

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

/// RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3.
#[derive(Serialize, ToSchema)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    device_authorization_endpoint: String,
    end_session_endpoint: String,
    grant_types_supported: Vec<String>,
    response_types_supported: Vec<String>,
    response_modes_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
    authorization_response_iss_parameter_supported: bool,
    subject_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    scopes_supported: Vec<String>,
    claims_supported: Vec<String>,
    prompt_values_supported: Vec<String>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Vec<String>,
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    introspection_endpoint_auth_methods_supported: Vec<String>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// What the authorization server says about itself (RFC 8414, OpenID Connect Discovery 1.0).
#[utoipa::path(
    get,
    path = "/oauth2/default/.well-known/openid-configuration",
    operation_id = "showMetadata",
    tag = "OAuth and OpenID Connect",
    responses(
        (status = 200, description = "Its endpoints, and what they take.", body = Metadata, headers(("Cache-Control" = String, description = "How long it may be kept."))),
    ),
    security(()),
)]
pub(super) async fn metadata(oauth: Data<OAuth>) -> HttpResponse {
    let issuer = &oauth.addresses.issuer;
    let at = |path: &str| format!("{issuer}/v1/{path}");
    let declared = oauth.clients.scopes.iter().map(|scope| scope.name.as_str());
    let scopes: Vec<&str> = OPENID_SCOPES.into_iter().chain(declared).collect();
    let methods = AuthMethod::ALL.map(AuthMethod::name);
    let proofs = AuthMethod::PROOFS.map(AuthMethod::name);
    let document = Metadata {
        issuer: issuer.clone(),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        jwks_uri: at("keys"),
        userinfo_endpoint: at("userinfo"),
        introspection_endpoint: at("introspect"),
        revocation_endpoint: at("revoke"),
        device_authorization_endpoint: at("device/authorize"),
        end_session_endpoint: at("logout"),
        grant_types_supported: words(GrantType::ALL.map(GrantType::name)),
        response_types_supported: words(["code"]),
        response_modes_supported: words(["query"]),
        code_challenge_methods_supported: words(["S256"]),
        authorization_response_iss_parameter_supported: true,
        subject_types_supported: words(["public"]),
        id_token_signing_alg_values_supported: vec![id_tokens::algorithm(oauth.algorithm).name().to_owned()],
        scopes_supported: words(scopes),
        claims_supported: words([
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "amr",
            "nonce",
            "at_hash",
            "sid",
            "name",
            "preferred_username",
            "email",
            "email_verified",
        ]),
        prompt_values_supported: words(["none", "login", "consent", "select_account"]),
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        token_endpoint_auth_methods_supported: words(methods),
        token_endpoint_auth_signing_alg_values_supported: words(SIGNATURES),
        introspection_endpoint_auth_methods_supported: words(proofs),
        introspection_endpoint_auth_signing_alg_values_supported: words(SIGNATURES),
        revocation_endpoint_auth_methods_supported: words(methods),
        revocation_endpoint_auth_signing_alg_values_supported: words(SIGNATURES),
    };
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        // What anybody may read, a page of any origin may; there are no credentials here.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(document)
}
