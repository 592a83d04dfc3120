//! Answers that may be kept, and asked for again (RFC 9110, section 8.8.3).

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use aws_lc_rs::digest;

use crate::token::random::base64url;

/// The tag of a body: its SHA-256.
pub(crate) fn tag_of(body: &[u8]) -> EntityTag {
    EntityTag::new_strong(base64url(digest::digest(&digest::SHA256, body).as_ref()))
}

/// The start of an answer that anybody may keep for `max_age`: 304 for who has it already. With whether he has.
pub(crate) fn kept(request: &HttpRequest, tag: &EntityTag, max_age: Duration) -> (HttpResponseBuilder, bool) {
    let has_it = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|theirs| theirs.weak_eq(tag)),
        Err(_) => false,
    };
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, tag.to_string()))
        .insert_header((CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())));
    (response, has_it)
}
