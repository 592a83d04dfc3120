//! The page at `/docs`: the document for people, with nothing to be fetched from elsewhere.

use askama::Template;
use serde_json::{Map, Value};

use super::curl;
use super::schemas::{self, Member};
use super::words::{Words, text};
use crate::web::look::Look;

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// The page.
#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct Page {
    look: Look,
    version: String,
    description: Words,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// Routes that belong together.
struct Group {
    id: String,
    name: String,
    description: Words,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: Words,
    description: Words,
    who: String,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
    curl: String,
}

struct Parameter {
    name: String,
    place: String,
    kind: String,
    is_required: bool,
    description: Words,
}

struct Body {
    media_type: String,
    link: Option<String>,
    kind: String,
    is_required: bool,
}

struct Answer {
    status: String,
    description: Vec<Words>,
    headers: String,
    contents: Vec<Content>,
}

struct Content {
    media_type: String,
    link: Option<String>,
    kind: String,
    examples: Vec<String>,
}

struct Schema {
    name: String,
    kind: String,
    description: Words,
    members: Vec<Member>,
    example: Option<String>,
}

impl Page {
    /// Of a document, whose first server is `server`.
    pub fn of(document: &Value, server: &str, look: &Look) -> Self {
        let info = document.get("info").unwrap_or(&Value::Null);
        let tags = document.get("tags").and_then(Value::as_array).into_iter().flatten();
        let groups = tags.map(|tag| {
            let name = text(tag, "name");
            Group {
                id: name.to_lowercase().replace(' ', "-"),
                name: name.to_owned(),
                description: Words::of_member(tag, "description"),
                operations: operations(document, name, server),
            }
        });
        let components = document.get("components").and_then(|components| components.get("schemas"));
        let components = components.and_then(Value::as_object).into_iter().flat_map(Map::iter);
        Self {
            look: look.clone(),
            version: text(info, "version").to_owned(),
            description: Words::of_member(info, "description"),
            groups: groups.collect(),
            schemas: components.map(|(name, schema)| Schema::of(document, name, schema)).collect(),
        }
    }
}

impl Schema {
    fn of(document: &Value, name: &str, schema: &Value) -> Self {
        Self {
            name: name.to_owned(),
            kind: schemas::kind(schema),
            description: Words::of_member(schema, "description"),
            members: schemas::members(schema),
            example: schemas::example(document, schema).map(pretty),
        }
    }
}

/// Those with this tag, in the order of their addresses.
fn operations(document: &Value, tag: &str, server: &str) -> Vec<Operation> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let all = paths
        .flat_map(|(path, item)| METHODS.into_iter().filter_map(move |method| Some((path, method, item.get(method)?))));
    let has_tag = |operation: &Value| {
        let tags = operation.get("tags").and_then(Value::as_array);
        tags.is_some_and(|tags| tags.iter().any(|own| own == tag))
    };
    all.filter(|(_, _, operation)| has_tag(operation))
        .map(|(path, method, operation)| of(document, server, path, method, operation))
        .collect()
}

fn of(document: &Value, server: &str, path: &str, method: &str, operation: &Value) -> Operation {
    let body = operation.get("requestBody");
    let content =
        body.and_then(|body| body.get("content")).and_then(Value::as_object).and_then(|content| content.iter().next());
    let example = content.and_then(|(media_type, content)| {
        Some((media_type.as_str(), schemas::example(document, content.get("schema")?)?))
    });
    let answers = operation.get("responses").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    Operation {
        id: text(operation, "operationId").to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: Words::of_member(operation, "summary"),
        description: Words::of_member(operation, "description"),
        who: who(operation),
        parameters: parameters.map(parameter).collect(),
        body: content.map(|(media_type, content)| {
            let schema = content.get("schema").unwrap_or(&Value::Null);
            Body {
                media_type: media_type.clone(),
                link: schemas::referred(schema).map(str::to_owned),
                kind: schemas::kind(schema),
                is_required: body.and_then(|body| body.get("required")) == Some(&Value::Bool(true)),
            }
        }),
        answers: answers.map(|(status, answer)| answered(document, status, answer)).collect(),
        curl: curl::line(server, path, method, operation, example),
    }
}

fn parameter(parameter: &Value) -> Parameter {
    Parameter {
        name: text(parameter, "name").to_owned(),
        place: text(parameter, "in").to_owned(),
        kind: parameter.get("schema").map(schemas::kind).unwrap_or_default(),
        is_required: parameter.get("required") == Some(&Value::Bool(true)),
        description: Words::of_member(parameter, "description"),
    }
}

fn answered(document: &Value, status: &str, answer: &Value) -> Answer {
    let contents = answer.get("content").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let headers = answer.get("headers").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let content = |(media_type, content): (&String, &Value)| {
        let schema = content.get("schema").unwrap_or(&Value::Null);
        let named = content.get("examples").and_then(Value::as_object).into_iter().flat_map(Map::values);
        // Errors of one status differ in what the description says already.
        let mut examples: Vec<String> = named.filter_map(|example| example.get("value")).map(pretty).take(1).collect();
        if examples.is_empty() {
            let one = content.get("example").or_else(|| schemas::example(document, schema));
            examples.extend(one.map(pretty));
        }
        let link = schemas::referred(schema).map(str::to_owned);
        let kind = link.clone().filter(|_| schema.get("allOf").is_some()).unwrap_or_else(|| schemas::kind(schema));
        Content { media_type: media_type.clone(), link, kind, examples }
    };
    Answer {
        status: status.to_owned(),
        description: text(answer, "description").split("\n\n").map(Words::of).collect(),
        headers: headers.map(String::as_str).collect::<Vec<_>>().join(", "),
        contents: contents.map(content).collect(),
    }
}

/// Who may call.
fn who(operation: &Value) -> String {
    let wanted = operation.get("security").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let ways: Vec<String> = wanted
        .map(|way| match way.iter().next() {
            None => "anyone".to_owned(),
            Some((name, scopes)) => {
                let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if scopes.is_empty() { name.clone() } else { format!("{name} with scope {}", scopes.join(" ")) }
            }
        })
        .collect();
    if ways.is_empty() { "anyone".to_owned() } else { ways.join(", or ") }
}

fn pretty(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned)
}
