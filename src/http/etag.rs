//! Answers that may be kept, and asked for again (RFC 9110, section 8.8.3).

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use aws_lc_rs::digest;

use crate::token::random::base64url;

/// The tag of a body: its SHA-256.
pub(crate) fn tag_of(body: &[u8]) -> EntityTag {
    EntityTag::new_strong(base64url(digest::digest(&digest::SHA256, body).as_ref()))
}

/// A body that is sent again and again, and the tag by which it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    pub body: Bytes,
    pub tag: EntityTag,
}

impl<B: Into<Bytes>> From<B> for Tagged {
    fn from(body: B) -> Self {
        let body = body.into();
        Self { tag: tag_of(&body), body }
    }
}

/// For how long an answer may be kept without asking whether it is still the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    /// So long.
    For(Duration),
    /// It is asked for each time.
    Asking,
}

/// The start of an answer that anybody may keep: 304 for who has it already. With whether he has.
pub(crate) fn kept(request: &HttpRequest, tag: &EntityTag, keep: Keep) -> (HttpResponseBuilder, bool) {
    let has_it = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|theirs| theirs.weak_eq(tag)),
        Err(_) => false,
    };
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    let keep = match keep {
        Keep::For(time) => format!("public, max-age={}", time.as_secs()),
        Keep::Asking => "public, no-cache".to_owned(),
    };
    response.insert_header((ETAG, tag.to_string())).insert_header((CACHE_CONTROL, keep));
    (response, has_it)
}
