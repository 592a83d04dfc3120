//! JSON bodies, held to their media type, a size and a time.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::documented::{Problems, and};
use super::problem::Problem;

/// A body must be there after so long; actix itself only bounds the time of the head.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bodies of a handler without [`BodyLimit`] in the application's data.
const DEFAULT_LIMIT: usize = 64 * 1024;

/// The largest body in bytes, as application data.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// A body of `application/json`, an object.
///
/// Everything else is refused with a problem: another media type, charset or content coding (415), a body too large (413) or too slow (408), and
/// text that is no JSON of this shape, with line and column (400). Asking for the media type also keeps other sites' plain forms out.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_type(request);
        let body = read_body(request, payload);
        Box::pin(async move {
            checked?;
            parse(&body.await?).map(Self)
        })
    }
}

/// What a body says.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // Every body here is an object; serde would also fill a struct from a list, by the order of its fields.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-json")
            .detail("The body is a list; it must be an object, with its members by name."));
    }
    serde_json::from_slice(body).map_err(|error| not_this_json(&error))
}

/// The whole body of a request, whatever it is: held to the limit of its size, to a time, and to no content coding.
pub(crate) fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
) -> LocalBoxFuture<'static, Result<web::BytesMut, Problem>> {
    let limit = request.app_data::<BodyLimit>().map_or(DEFAULT_LIMIT, |limit| limit.0);
    let checked = check_size(request, limit);
    let payload = payload.take();
    Box::pin(async move {
        checked?;
        tokio::time::timeout(BODY_TIMEOUT, read(payload, limit)).await.map_err(|_| too_slow())?
    })
}

fn text(request: &HttpRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    if text(request, header::CONTENT_TYPE).is_some_and(is_json) {
        return Ok(());
    }
    Err(not_json())
}

fn check_size(request: &HttpRequest, limit: usize) -> Result<(), Problem> {
    if text(request, header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(content_coding());
    }
    let announced = text(request, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// `application/json`, with nothing but a charset of UTF-8 behind it (RFC 8259, sections 8.1 and 11).
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    essence
        && parts.all(|parameter| {
            let charset = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
            charset.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
        })
}

async fn read(mut payload: Payload, limit: usize) -> Result<web::BytesMut, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_body())?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl<T> Problems for Json<T> {
    fn problems() -> Vec<Problem> {
        and::<Body>([bad_json("line 1, column 30", "missing field `password`"), not_json()])
    }
}

/// What any body may be refused for.
pub(crate) struct Body;

impl Problems for Body {
    fn problems() -> Vec<Problem> {
        vec![broken_body(), too_slow(), too_large(DEFAULT_LIMIT), content_coding()]
    }
}

/// For a member that may be absent or `null`, and means two things by that (RFC 7396): `#[serde(default, deserialize_with = "present")]`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json")
        .detail("The body must be JSON, with the header `Content-Type: application/json`.")
}

fn content_coding() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-coding")
        .detail("The body must be sent as it is, without a Content-Encoding.")
}

fn broken_body() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "broken-body").detail("The body broke off, or its framing is wrong.")
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large")
        .detail(format!("The body may have at most {limit} bytes."))
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow")
        .detail(format!("The body did not arrive within {} seconds.", BODY_TIMEOUT.as_secs()))
}

fn not_this_json(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    // serde's message may repeat the value it found, and that may be a password; only what was expected is safe to tell.
    let what = match error.classify() {
        serde_json::error::Category::Data => expected(&error.to_string()),
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is not JSON".to_owned(),
    };
    bad_json(&place, &what)
}

fn bad_json(place: &str, what: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-json").detail(format!("The body is wrong at {place}: {what}."))
}

/// `missing field …` and `duplicate field …` name fields of ours; of `invalid type: …, expected …` only the second half is.
fn expected(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    if message.starts_with("missing field") || message.starts_with("duplicate field") {
        return message.to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "a value is not as it must be".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_json_in_utf_8_only() {
        for yes in ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\""] {
            assert!(is_json(yes), "{yes}");
        }
        for no in [
            "text/plain",
            "application/json; charset=utf-16",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "",
        ] {
            assert!(!is_json(no), "{no}");
        }
    }
}
