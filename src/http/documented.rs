//! What the OpenAPI document tells of problems. It is made of the problems themselves: of each that a route may answer with, one is made and written down
//! as it would be answered.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::Value;
use utoipa::IntoResponses;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{AllOfBuilder, SchemaType};
use utoipa::openapi::{
    Content, ContentBuilder, HeaderBuilder, Object, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};

use super::problem::{MEDIA_TYPE, Problem};

/// Whatever may end in problems, and says in which: the errors of an act, and the extractors of a handler.
pub(crate) trait Problems {
    /// One of each kind.
    fn problems() -> Vec<Problem>;
}

/// Those that are made of `own`, and those of `T`.
pub(crate) fn and<T: Problems>(own: impl IntoIterator<Item = impl Into<Problem>>) -> Vec<Problem> {
    own.into_iter().map(Into::into).chain(T::problems()).collect()
}

impl Problems for () {
    fn problems() -> Vec<Problem> {
        Vec::new()
    }
}

macro_rules! together {
    ($($part:ident),+) => {
        impl<$($part: Problems),+> Problems for ($($part,)+) {
            fn problems() -> Vec<Problem> {
                let mut all = Vec::new();
                $(all.extend($part::problems());)+
                all
            }
        }
    };
}
together!(A, B);
together!(A, B, C);

/// The answers that are problems of `T`, for `responses(…)`: what a handler takes and what its act may end in, as `Answers<(Owner, Json<Leave>, NotReauthenticated)>`.
pub(crate) struct Answers<T>(PhantomData<T>);

impl<T: Problems> IntoResponses for Answers<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let told = T::problems().into_iter().filter_map(|problem| {
            let body = serde_json::to_value(&problem).ok()?;
            let kind = body.get("type")?.as_str()?.to_owned();
            let name = kind.rsplit(':').next()?.to_owned();
            let detail = body.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
            Some(Told::of(&problem, name, detail, body))
        });
        by_status(told, MEDIA_TYPE, "Problem", "type")
    }
}

/// An error as it is answered.
pub(crate) struct Told {
    status: StatusCode,
    headers: Vec<HeaderName>,
    /// What it is called among the examples.
    name: String,
    detail: String,
    body: Value,
}

impl Told {
    pub fn of(error: &impl ResponseError, name: String, detail: String, body: Value) -> Self {
        let answer = error.error_response();
        Self { status: answer.status(), headers: answer.headers().keys().cloned().collect(), name, detail, body }
    }
}

/// One response for each status, with all its errors for examples. `schema` is the name of their schema, and `code` the member that tells them apart:
/// which values it may have is a part of what is promised.
pub(crate) fn by_status(
    told: impl IntoIterator<Item = Told>,
    media_type: &str,
    schema: &str,
    code: &str,
) -> BTreeMap<String, RefOr<Response>> {
    let mut statuses: BTreeMap<StatusCode, Vec<Told>> = BTreeMap::new();
    for told in told {
        let same = statuses.entry(told.status).or_default();
        if same.iter().all(|other| (&other.name, &other.detail) != (&told.name, &told.detail)) {
            same.push(told);
        }
    }
    statuses
        .into_iter()
        .map(|(status, told)| {
            let mut codes: Vec<&Value> = Vec::new();
            for its in told.iter().filter_map(|told| told.body.get(code)) {
                if !codes.contains(&its) {
                    codes.push(its);
                }
            }
            let mut response = ResponseBuilder::new()
                .description(
                    told.iter()
                        .map(|told| format!("`{}`: {}", told.name, told.detail))
                        .collect::<Vec<_>>()
                        .join("\n\n"),
                )
                .content(media_type, content(&told, schema, code, &codes));
            for (name, text) in HEADERS {
                if told.iter().any(|told| told.headers.contains(&name)) {
                    response = response.header(name.as_str(), header(&name, text));
                }
            }
            (status.as_u16().to_string(), response.build().into())
        })
        .collect()
}

const HEADERS: [(HeaderName, &str); 2] = [
    (RETRY_AFTER, "When to try again, in seconds (RFC 9110, section 10.2.3)."),
    (WWW_AUTHENTICATE, "What to authenticate with (RFC 6750, section 3; RFC 9110, section 11.6.1)."),
];

fn header(name: &HeaderName, description: &str) -> utoipa::openapi::Header {
    let kind = if *name == RETRY_AFTER { Type::Integer } else { Type::String };
    HeaderBuilder::new().schema(Some(Object::with_type(SchemaType::Type(kind)))).description(Some(description)).build()
}

fn content(told: &[Told], schema: &str, code: &str, codes: &[&Value]) -> Content {
    let one_of_these =
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(codes.iter().copied().cloned()));
    let schema =
        AllOfBuilder::new().item(Ref::from_schema_name(schema)).item(ObjectBuilder::new().property(code, one_of_these));
    let mut content = ContentBuilder::new().schema(Some(schema));
    for (n, example) in told.iter().enumerate() {
        let is_again = told.iter().take(n).any(|before| before.name == example.name);
        let name = if is_again { format!("{}-{}", example.name, n + 1) } else { example.name.clone() };
        let example = ExampleBuilder::new().value(Some(example.body.clone())).build();
        content = content.examples_from_iter([(name, example)]);
    }
    content.build()
}
