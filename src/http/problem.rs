//! Errors as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

/// The media type of RFC 9457, section 3.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error as a client sees it.
///
/// ```
/// use actix_web::http::StatusCode;
/// use tokenhouse::http::Problem;
///
/// let problem = Problem::new(StatusCode::NOT_FOUND, "not-found").detail("There is no such invoice.");
/// assert_eq!(serde_json::to_value(&problem).unwrap()["type"], "urn:tokenhouse:problem:not-found");
/// ```
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Members>);

/// An error (RFC 9457, section 3.1).
// In a box because errors are moved about.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema), schema(as = Problem))]
pub(crate) struct Members {
    /// Which problem it is: `urn:tokenhouse:problem:` and its name.
    #[serde(rename = "type")]
    kind: String,
    /// The phrase of the status.
    title: Cow<'static, str>,
    /// The same as that of the answer.
    #[serde(serialize_with = "as_number")]
    #[cfg_attr(feature = "server", schema(value_type = u16))]
    status: StatusCode,
    /// What happened this time, and what would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    detail: Option<Cow<'static, str>>,
    /// With 422: the fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Extension members (RFC 9457, section 3.2).
    #[serde(flatten)]
    extensions: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

/// One field of a request, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field's name in the request.
    pub field: &'static str,
    /// What would be right.
    pub message: Cow<'static, str>,
}

impl Problem {
    /// A problem whose type is `urn:tokenhouse:problem:` and `kind`, and whose title is the status's own phrase.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str) -> Self {
        Self(Box::new(Members {
            kind: format!("urn:tokenhouse:problem:{kind}"),
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Error")),
            status,
            detail: None,
            errors: Vec::new(),
            extensions: serde_json::Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 422, with the fields that are wrong.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields")
            .detail("Some fields are not as they must be.")
            .errors(errors)
    }

    /// What happened this time, and what would be right.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Whether it is of this kind.
    #[cfg(feature = "server")]
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.0.kind.rsplit(':').next() == Some(kind)
    }

    /// Its words for a page: of the fields that are wrong, else the detail.
    #[cfg(feature = "server")]
    pub(crate) fn for_people(&self) -> String {
        let fields: Vec<String> = self.fields_for_people().map(|(_, words)| words).collect();
        if fields.is_empty() { self.0.detail.as_deref().unwrap_or(&self.0.title).to_owned() } else { fields.join(" ") }
    }

    /// The fields that are wrong, each with a sentence for a page.
    #[cfg(feature = "server")]
    pub(crate) fn fields_for_people(&self) -> impl Iterator<Item = (&'static str, String)> {
        let capital = |text: &str| {
            let mut letters = text.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        };
        let sentence =
            move |error: &FieldError| format!("{} {}.", capital(&error.field.replace('_', " ")), error.message);
        self.0.errors.iter().map(move |error| (error.field, sentence(error)))
    }

    /// A member of its own (RFC 9457, section 3.2), for what a client goes on with.
    #[must_use]
    pub fn extension(mut self, name: &str, value: serde_json::Value) -> Self {
        self.0.extensions.insert(name.to_owned(), value);
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// When to try again, in whole seconds, at least one (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.detail.as_deref().unwrap_or(&self.0.title))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        for header in &self.0.headers {
            response.append_header(header.clone());
        }
        let body = serde_json::to_string(self).unwrap_or_default();
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).body(body)
    }
}
