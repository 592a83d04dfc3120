//! The ways to authenticate, in the document.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    AuthorizationCode, ClientCredentials, Flow, Http, HttpAuthScheme, HttpBuilder, OAuth2, OpenIdConnect,
    SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi};

use crate::settings::Settings;

/// Any access token that is accepted.
const ACCESS_TOKEN: &str = "access_token";
/// One of a session of this server.
const SESSION: &str = "session";
const BASIC: &str = "client_secret_basic";
const OAUTH2: &str = "oauth2";

/// Describes the ways, and adds to each route that takes any access token where one is had.
pub(super) fn describe(document: &mut OpenApi, settings: &Settings) {
    let mut others = Vec::new();
    let components = document.components.get_or_insert_with(Components::default);
    components.add_security_scheme(ACCESS_TOKEN, bearer("An access token of an issuer that this server accepts."));
    if settings.auth.local {
        components
            .add_security_scheme(SESSION, bearer("The access token of `POST /api/login` or `POST /api/refresh`."));
        let basic = "A client's id and secret; it may also send them as `client_id` and `client_secret` in the body \
                     (`client_secret_post`), or `client_assertion` instead (`private_key_jwt`).";
        let mut scheme = Http::new(HttpAuthScheme::Basic);
        scheme.description = Some(basic.to_owned());
        components.add_security_scheme(BASIC, SecurityScheme::Http(scheme));
        components.add_security_scheme(OAUTH2, oauth2(settings));
        others.push(OAUTH2.to_owned());
    }
    for name in &settings.auth.remotes {
        if let Some(remote) = settings.remotes.get(name) {
            let discovery = format!("{}/.well-known/openid-configuration", remote.issuer.trim_end_matches('/'));
            components.add_security_scheme(name.as_str(), SecurityScheme::OpenIdConnect(OpenIdConnect::new(discovery)));
            others.push(name.clone());
        }
    }
    for item in document.paths.paths.values_mut() {
        for operation in super::operations_of_mut(item) {
            add(operation, &others);
        }
    }
}

fn add(operation: &mut Operation, others: &[String]) {
    let Some(wanted) = &mut operation.security else { return };
    if wanted.contains(&SecurityRequirement::new(ACCESS_TOKEN, Vec::<String>::new())) {
        wanted.extend(others.iter().map(|name| SecurityRequirement::new(name.as_str(), Vec::<String>::new())));
    }
}

fn bearer(description: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(description));
    SecurityScheme::Http(scheme.build())
}

fn oauth2(settings: &Settings) -> SecurityScheme {
    let at = |path: &str| format!("{}/oauth2/default/v1/{path}", settings.server.public_url);
    let declared = settings.oauth.scopes.iter().map(|scope| (scope.name.clone(), scope.description.clone()));
    let declared: Vec<(String, String)> = declared.collect();
    let of_openid = [
        ("openid", "An ID token."),
        ("profile", "The user's name."),
        ("email", "His email address."),
        ("offline_access", "A refresh token."),
    ];
    let of_openid = of_openid.map(|(name, description)| (name.to_owned(), description.to_owned()));
    let of_users = of_openid.into_iter().chain(declared.clone()).collect();
    SecurityScheme::OAuth2(OAuth2::with_description(
        [
            Flow::ClientCredentials(ClientCredentials::new(at("token"), declared.into_iter().collect())),
            Flow::AuthorizationCode(AuthorizationCode::new(at("authorize"), at("token"), of_users)),
        ],
        "Clients of this server. PKCE with S256 is needed.",
    ))
}
