//! A request of the document for a terminal.

use serde_json::Value;

/// A line of curl that does what `operation` is for, with its example for a body.
pub(super) fn line(server: &str, path: &str, method: &str, operation: &Value, body: Option<(&str, &Value)>) -> String {
    let mut line = String::from("curl");
    if method != "get" && (method != "post" || body.is_none()) {
        line.push_str(" -X ");
        line.push_str(&method.to_uppercase());
    }
    line.push_str(&format!(" {}", quoted(&format!("{server}{}", with_examples(path, operation)))));
    if wants_token(operation) {
        line.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
    }
    match body {
        Some(("application/json", example)) => {
            line.push_str(" \\\n  -H 'Content-Type: application/json' \\\n  -d ");
            line.push_str(&quoted(&example.to_string()));
        }
        Some((_, example)) => {
            for (name, value) in example.as_object().into_iter().flatten() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                line.push_str(&format!(" \\\n  --data-urlencode {}", quoted(&format!("{name}={value}"))));
            }
        }
        None => {}
    }
    line
}

/// The path with its parameters filled in.
fn with_examples(path: &str, operation: &Value) -> String {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters.filter(|parameter| parameter.get("in").is_some_and(|place| place == "path")).fold(
        path.to_owned(),
        |path, parameter| {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let example = parameter.get("example").and_then(Value::as_str);
            path.replace(&format!("{{{name}}}"), example.unwrap_or("07e5093d-dc28-4f30-9e6d-d789a50e0bc7"))
        },
    )
}

/// Whether nothing but a bearer token opens the route.
fn wants_token(operation: &Value) -> bool {
    let wanted = operation.get("security").and_then(Value::as_array);
    let mut wanted = wanted.into_iter().flatten().filter_map(Value::as_object).peekable();
    wanted.peek().is_some() && wanted.all(|one| !one.is_empty() && !one.contains_key("client_secret_basic"))
}

/// In single quotes, as a shell takes them.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_what_a_shell_takes() {
        let operation = json!({ "parameters": [{ "in": "path", "name": "id" }], "security": [{ "session": [] }] });
        assert_eq!(
            line(
                "http://localhost",
                "/a/{id}",
                "patch",
                &operation,
                Some(("application/json", &json!({ "name": "O'Neill" })))
            ),
            "curl -X PATCH 'http://localhost/a/07e5093d-dc28-4f30-9e6d-d789a50e0bc7' \\\n  \
             -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"name\":\"O'\\''Neill\"}'"
        );
        let open = json!({ "security": [{}] });
        let form = json!({ "grant_type": "client_credentials" });
        assert_eq!(
            line("http://localhost", "/t", "post", &open, Some(("application/x-www-form-urlencoded", &form))),
            "curl 'http://localhost/t' \\\n  --data-urlencode 'grant_type=client_credentials'"
        );
        assert_eq!(line("http://localhost", "/o", "post", &open, None), "curl -X POST 'http://localhost/o'");
    }
}
