//! What the OpenAPI document tells of the authorization server besides what its handlers say themselves: errors, forms, pages.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Object, OpenApi, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi as _, ToSchema};

use super::authentication::NotAuthenticated;
use super::error::OAuthError;
use super::form::Form;
use super::metadata;
use super::token::NotGranted;
use crate::guard::Refusal;
use crate::http::documented::{Problems as _, by_status};
use crate::http::json::Body;

/// Whatever may end in OAuth's errors, and says in which.
pub(super) trait Errors {
    /// One of each kind.
    fn errors() -> Vec<OAuthError>;
}

/// The answers that are errors of `T`, for `responses(…)`.
pub(super) struct OAuthAnswers<T>(PhantomData<T>);

impl<T: Errors> IntoResponses for OAuthAnswers<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        by_status(T::errors().iter().map(OAuthError::told), "application/json", "OAuthError", "error")
    }
}

impl<A: Errors, B: Errors> Errors for (A, B) {
    fn errors() -> Vec<OAuthError> {
        [A::errors(), B::errors()].concat()
    }
}

impl Errors for Form {
    fn errors() -> Vec<OAuthError> {
        let own = ["a=1", "a=1&a=2"].into_iter().filter_map(|body| Self::parse(body.as_bytes()).err());
        own.chain([OAuthError::in_query(), OAuthError::not_a_form()])
            .chain(Body::problems().into_iter().map(OAuthError::from))
            .collect()
    }
}

impl Errors for NotAuthenticated {
    fn errors() -> Vec<OAuthError> {
        vec![
            Self::Malformed("The client authenticates in more than one way; it must be one.").into(),
            OAuthError::invalid_client(),
            OAuthError::too_many(std::time::Duration::from_secs(30)),
            OAuthError::unavailable(),
        ]
    }
}

impl Errors for NotGranted {
    fn errors() -> Vec<OAuthError> {
        let own = [
            Self::Missing("grant_type"),
            Self::UnsupportedGrant,
            Self::Unauthorized,
            Self::InvalidScope,
            Self::NoDefaultScopes,
            Self::InvalidGrant,
            Self::AuthorizationPending,
            Self::SlowDown,
            Self::AccessDenied,
            Self::ExpiredToken,
        ];
        own.into_iter().map(OAuthError::from).chain(NotAuthenticated::errors()).collect()
    }
}

/// That a device is not let wait for its user: of what may come of a grant, the part that needs no user.
pub(super) struct NotBegun;

impl Errors for NotBegun {
    fn errors() -> Vec<OAuthError> {
        let own = [NotGranted::Unauthorized, NotGranted::InvalidScope, NotGranted::NoDefaultScopes];
        own.into_iter().map(OAuthError::from).chain(NotAuthenticated::errors()).collect()
    }
}

/// That the token of a question is missing, or the client's proof.
pub(super) struct NotAnswered;

impl Errors for NotAnswered {
    fn errors() -> Vec<OAuthError> {
        let mut all = NotAuthenticated::errors();
        all.push(OAuthError::invalid_request("The parameter token is missing."));
        all
    }
}

/// That the bearer of a token is told nothing.
pub(super) struct NotTold;

impl Errors for NotTold {
    fn errors() -> Vec<OAuthError> {
        let mut all: Vec<OAuthError> = Refusal::of_any_route().into_iter().map(OAuthError::from).collect();
        all.push(Refusal::insufficient_scope(crate::token::DEFAULT_REALM, super::client::OPENID).into());
        all.push(OAuthError::unavailable());
        all
    }
}

/// Pages for whoever is sent here by a client, and errors of `T` where his browser sent what cannot be read.
pub(super) struct Pages<T>(PhantomData<T>);

impl<T: Errors> IntoResponses for Pages<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = OAuthAnswers::<T>::responses();
        for (status, description) in [
            ("200", "A page: a question to its reader, or what was done."),
            ("303", "On to the client, or to the page for signing in."),
            (
                "400",
                "A page: the request cannot be answered, and nobody is sent to an address that its client has not registered.",
            ),
            ("403", "A page: the form was not sent from a page of this server."),
            ("503", "A page: not at this moment."),
        ] {
            let page = (status != "303").then(|| ContentBuilder::new().schema(Some(Object::default())).build());
            if let Some(RefOr::T(response)) = all.get_mut(status) {
                response.description = format!("{description}\n\n{}", response.description);
                response.content.extend(page.map(|page| (HTML.to_owned(), page.into())));
            } else {
                let response = ResponseBuilder::new().description(description);
                let response = page.into_iter().fold(response, |response, page| response.content(HTML, page));
                all.insert(status.to_owned(), response.build().into());
            }
        }
        all
    }
}

impl Errors for () {
    fn errors() -> Vec<OAuthError> {
        Vec::new()
    }
}

const HTML: &str = "text/html";

/// An error of the authorization server (RFC 6749, section 5.2).
#[derive(ToSchema)]
#[schema(as = OAuthError)]
#[expect(dead_code, reason = "for the OpenAPI document alone: see `OAuthError`, which writes it")]
struct ErrorBody {
    /// Its code.
    error: String,
    /// In words.
    error_description: String,
}

/// The parameters of the token endpoint. Which are needed is a matter of the grant.
#[derive(ToSchema)]
#[schema(examples(json!({ "grant_type": "client_credentials", "scope": "customScope", "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "client_secret": "nJ1oP5wQyX0cK9s8fV3bR7tL2mD4gH6a" })))]
#[expect(dead_code, reason = "for the OpenAPI document alone: forms are read by the names of their parameters")]
pub(super) struct TokenRequest {
    /// `client_credentials`, `authorization_code`, `refresh_token` or `urn:ietf:params:oauth:grant-type:device_code`.
    grant_type: String,
    /// Separated by spaces.
    scope: Option<String>,
    /// Of `authorization_code`.
    code: Option<String>,
    /// Of `authorization_code`: the same as at `/v1/authorize`.
    redirect_uri: Option<String>,
    /// Of `authorization_code` (RFC 7636).
    code_verifier: Option<String>,
    /// Of `refresh_token`.
    refresh_token: Option<String>,
    /// Of the device grant (RFC 8628).
    device_code: Option<String>,
    /// Of a public client, and of `client_secret_post`.
    client_id: Option<String>,
    /// Of `client_secret_post`.
    client_secret: Option<String>,
    /// Of `private_key_jwt`: `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// Of `private_key_jwt` (RFC 7523).
    client_assertion: Option<String>,
}

/// A token that is asked about, or given back.
#[derive(ToSchema)]
#[schema(examples(json!({ "token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln", "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "client_secret": "nJ1oP5wQyX0cK9s8fV3bR7tL2mD4gH6a" })))]
#[expect(dead_code, reason = "for the OpenAPI document alone: forms are read by the names of their parameters")]
pub(super) struct TokenQuestion {
    token: String,
    /// `access_token` or `refresh_token`; it is looked at in any case.
    token_type_hint: Option<String>,
    /// As at the token endpoint.
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
}

/// A device that wants to be let in by its user.
#[derive(ToSchema)]
#[schema(examples(json!({ "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "scope": "openid" })))]
#[expect(dead_code, reason = "for the OpenAPI document alone: forms are read by the names of their parameters")]
pub(super) struct DeviceRequest {
    client_id: Option<String>,
    /// Separated by spaces.
    scope: Option<String>,
    client_secret: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
}

/// What is known of a user, as far as the scopes open it.
#[derive(ToSchema)]
#[schema(examples(json!({ "sub": "07e5093d-dc28-4f30-9e6d-d789a50e0bc7", "name": "Ada Lovelace", "email": "ada@example.com", "email_verified": true })))]
#[expect(dead_code, reason = "for the OpenAPI document alone: these are claims, by the rules of the settings")]
pub(super) struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    components(schemas(ErrorBody)),
    paths(
        super::token::token,
        super::introspection::introspect,
        super::revocation::revoke,
        super::device::authorize,
        super::userinfo::userinfo,
        super::keys::keys,
        super::metadata::metadata,
        super::authorization::authorize,
        super::authorization::authorize_by_form,
        super::logout::by_query,
        super::logout::by_form,
    )
)]
struct Documented;

/// The routes in the OpenAPI document.
pub(crate) fn documented() -> OpenApi {
    let mut api = Documented::openapi();
    let paths = &mut api.paths.paths;
    // One document, at the addresses of two standards.
    if let Some(known) = paths.get(METADATA).cloned() {
        let others = metadata::BELOW.map(|path| format!("/oauth2/default{path}"));
        let others = others.into_iter().chain(metadata::AT_THE_ROOT.map(str::to_owned)).filter(|path| path != METADATA);
        for (n, other) in others.enumerate() {
            let mut item = known.clone();
            item.get = item.get.map(|operation| named(operation, &format!("showMetadata{}", n + 2)));
            paths.insert(other, item);
        }
    }
    if let Some(userinfo) = paths.get_mut("/oauth2/default/v1/userinfo") {
        userinfo.post = userinfo.get.clone().map(|operation| named(operation, "showUserInfoByPost"));
    }
    api
}

const METADATA: &str = "/oauth2/default/.well-known/openid-configuration";

fn named(mut operation: Operation, id: &str) -> Operation {
    operation.operation_id = Some(id.to_owned());
    operation
}
