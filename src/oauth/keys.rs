//! `GET /oauth2/default/v1/keys`: the public keys that tokens are checked with (RFC 7517, section 5).

use std::time::Duration;

use actix_web::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::OAuth;
use crate::http::etag::{self, Keep};
use crate::token::PublicJwk;
use crate::token::key_folder::PUBLISHED_AHEAD;

/// How long an answer may be kept. A new key is published for much longer before it signs.
const MAX_AGE: Duration = Duration::from_hours(1);
/// The same while there is no key yet.
const MAX_AGE_OF_NONE: Duration = Duration::from_secs(10);
const _: () = assert!(MAX_AGE.as_secs() * 2 <= PUBLISHED_AHEAD.as_secs());

/// RFC 7517, section 5.
#[derive(Serialize, ToSchema)]
struct KeySet {
    keys: Vec<PublicJwk>,
}

/// The public keys that tokens are checked with (RFC 7517).
#[utoipa::path(
    get,
    path = "/oauth2/default/v1/keys",
    operation_id = "showKeys",
    tag = "OAuth and OpenID Connect",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` that one has.")),
    responses(
        (status = 200, description = "The keys. The one of HS256 is never among them.", body = KeySet, headers(("ETag" = String, description = "The state of the keys."), ("Cache-Control" = String, description = "How long it may be kept."))),
        (status = 304, description = "They are as they were."),
    ),
    security(()),
)]
pub(super) async fn keys(request: HttpRequest, oauth: Data<OAuth>) -> HttpResponse {
    let keys = oauth.id_tokens.public_keys();
    // The first one is not published ahead.
    let max_age = if keys.is_empty() { MAX_AGE_OF_NONE } else { MAX_AGE };
    let body = serde_json::to_string(&KeySet { keys }).unwrap_or_default();
    let (mut response, has_it) = etag::kept(&request, &etag::tag_of(body.as_bytes()), Keep::For(max_age));
    response
        // What anybody may read, a page of any origin may; there are no credentials here.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if has_it { response.finish() } else { response.content_type("application/json").body(body) }
}
