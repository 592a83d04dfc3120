//! Schemas in words.

use serde_json::{Map, Value};

use super::words::Words;

/// A member of an object.
pub(super) struct Member {
    pub name: String,
    pub kind: String,
    /// The schema that `kind` names, to be led to.
    pub link: Option<String>,
    pub is_required: bool,
    pub description: Words,
}

/// What a schema says of its type, such as `list of Session`.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = named(schema) {
        return name.to_owned();
    }
    let all = |of: &str, between: &str| {
        let parts = schema.get(of)?.as_array()?;
        Some(parts.iter().map(kind).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between))
    };
    if let Some(either) = all("oneOf", " or ").or_else(|| all("anyOf", " or ")).or_else(|| all("allOf", " with ")) {
        return either;
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let format = schema.get("format").and_then(Value::as_str);
    let word = |kind: &str| match (kind, format) {
        ("array", _) => format!("list of {}", schema.get("items").map(kind_of_items).unwrap_or_default()),
        ("string", Some(format)) => format!("string ({format})"),
        (kind, _) => kind.to_owned(),
    };
    types.into_iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn kind_of_items(items: &Value) -> String {
    kind(items)
}

/// The name of the schema that is referred to, also within a list or beside `null`.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    let within = |of: &str| schema.get(of).and_then(Value::as_array)?.iter().find_map(referred);
    named(schema)
        .or_else(|| schema.get("items").and_then(referred))
        .or_else(|| within("oneOf"))
        .or_else(|| within("anyOf"))
        .or_else(|| within("allOf"))
}

fn named(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The members of an object, those of its parts too.
pub(super) fn members(schema: &Value) -> Vec<Member> {
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let mut all: Vec<Member> = parts.flat_map(members).collect();
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    all.extend(properties.map(|(name, property)| Member {
        name: name.clone(),
        kind: kind(property),
        link: referred(property).map(str::to_owned),
        is_required: is_required(name),
        description: Words::of_member(property, "description"),
    }));
    all
}

/// An example of what has this schema: its own, or that of the schema it refers to.
pub(super) fn example<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d Value> {
    let own = schema.get("examples").and_then(Value::as_array).and_then(|examples| examples.first());
    own.or_else(|| schema.get("example")).or_else(|| example(document, component(document, named(schema)?)?))
}

/// The schema of this name.
pub(super) fn component<'d>(document: &'d Value, name: &str) -> Option<&'d Value> {
    document.get("components")?.get("schemas")?.get(name)
}
