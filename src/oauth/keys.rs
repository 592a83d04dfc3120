//! `GET /oauth2/default/v1/keys`: the public keys that tokens are checked with (RFC 7517, section 5).

use std::time::Duration;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest;
use serde_json::json;

use super::OAuth;
use crate::token::key_folder::PUBLISHED_AHEAD;
use crate::token::random::base64url;

/// How long an answer may be kept. A new key is published for much longer before it signs.
const MAX_AGE: Duration = Duration::from_hours(1);
/// The same while there is no key yet.
const MAX_AGE_OF_NONE: Duration = Duration::from_secs(10);
const _: () = assert!(MAX_AGE.as_secs() * 2 <= PUBLISHED_AHEAD.as_secs());

pub(super) async fn keys(request: HttpRequest, oauth: Data<OAuth>) -> HttpResponse {
    let keys = oauth.id_tokens.public_keys();
    // The first one is not published ahead.
    let max_age = if keys.is_empty() { MAX_AGE_OF_NONE } else { MAX_AGE };
    let body = json!({ "keys": keys }).to_string();
    let tag = base64url(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    let tag = EntityTag::new_strong(tag);
    let has_it = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|theirs| theirs.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, tag.to_string()))
        .insert_header((CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())))
        // What anybody may read, a page of any origin may; there are no credentials here.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if has_it { response.finish() } else { response.content_type("application/json").body(body) }
}
