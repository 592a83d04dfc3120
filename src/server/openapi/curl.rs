//! A request of the document for a terminal.

use serde_json::Value;

/// A line of curl that does what `operation` is for, with its example for a body.
pub(super) fn line(server: &str, path: &str, method: &str, operation: &Value, body: Option<(&str, &Value)>) -> String {
    let is_told_by_the_body = method == "get" || (method == "post" && body.is_some());
    let how = if is_told_by_the_body { String::new() } else { format!("-X {} ", method.to_uppercase()) };
    let mut parts = vec![format!("curl {how}{}", quoted(&format!("{server}{}", with_examples(path, operation))))];
    if wants_token(operation) {
        parts.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
    }
    match body {
        Some(("application/json", example)) => {
            parts.push("-H 'Content-Type: application/json'".to_owned());
            parts.push(format!("-d {}", quoted(&example.to_string())));
        }
        Some((_, example)) => {
            parts.extend(example.as_object().into_iter().flatten().map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("--data-urlencode {}", quoted(&format!("{name}={value}")))
            }));
        }
        None => {}
    }
    parts.join(" \\\n  ")
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
