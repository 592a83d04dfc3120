//! How a value is shown to people: whole, unless it is a secret or might carry one.

use serde_json::Value;
use url::Url;

/// What stands in place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";

/// The longest value that a message repeats, in characters.
const LONGEST_SHOWN: usize = 120;

/// The value of `key` as it may be shown: a secret is replaced, a password inside an address too.
pub(super) fn shown(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("database.url", Value::String(url)) => Value::String(database_url(url)),
        // An address that is no text at all may still be a mistyped password.
        ("tokens.secret" | "mail.password" | "database.url", _) => Value::String(HIDDEN.to_owned()),
        (_, Value::String(text)) => Value::String(without_user_info(text)),
        (_, Value::Array(items)) => Value::Array(items.iter().map(|item| shown(key, item)).collect()),
        (_, other) => other.clone(),
    }
}

/// The same in JSON, on one line and not too long: for a message.
pub(super) fn shown_in_message(key: &str, value: &Value) -> String {
    let text = shown(key, value).to_string();
    if text.chars().count() <= LONGEST_SHOWN {
        return text;
    }
    text.chars().take(LONGEST_SHOWN).chain("…".chars()).collect()
}

/// A database's address without what may be a password. When in doubt, nothing behind the scheme is shown: a password with a
/// bare `/`, `?` or `#` in it cuts an address in unexpected places.
fn database_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':') else { return HIDDEN.to_owned() };
    if scheme == "sqlite" {
        return text.to_owned();
    }
    let Some(rest) = rest.strip_prefix("//") else { return HIDDEN.to_owned() };
    match Url::parse(text) {
        Ok(url) if matches!(scheme, "postgres" | "postgresql") && rest.matches('@').count() <= 1 => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let secret = if rest.contains('@') { "(hidden)@" } else { "" };
            // A query may carry `password=`, so all of it stays hidden.
            let query = if url.query().is_some() { "?(hidden)" } else { "" };
            if behind_authority(rest).contains('@') {
                return format!("{scheme}://{HIDDEN}");
            }
            format!("{scheme}://{secret}{host}{port}{}{query}", url.path())
        }
        _ => format!("{scheme}://{HIDDEN}"),
    }
}

/// What follows the host and port of an address whose `scheme://` is gone already.
fn behind_authority(rest: &str) -> &str {
    rest.find(['/', '?', '#']).and_then(|start| rest.get(start..)).unwrap_or_default()
}

/// `scheme://user:password@host` with the user and the password replaced.
fn without_user_info(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, rest)), Some((_, behind))) if rest.contains('@') => format!("{scheme}://{HIDDEN}@{behind}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let cases = [
            ("sqlite://data/x.db", "sqlite://data/x.db"),
            ("postgres://db.example.com/tokens", "postgres://db.example.com/tokens"),
            ("postgres://u:pw@db.example.com:5433/tokens", "postgres://(hidden)@db.example.com:5433/tokens"),
            ("postgresql://u:pw@db/t?sslmode=require&password=pw", "postgresql://(hidden)@db/t?(hidden)"),
            ("postgres://u:p@w/x@db/t", "postgres://(hidden)"),
            ("postgres://u:12/pw@db/t", "postgres://(hidden)"),
            ("postgres://u:12#pw@db/t", "postgres://(hidden)"),
            ("postgress://u:pw@db/t", "postgress://(hidden)"),
            ("u:pw@db/t", "(hidden)"),
            ("pw", "(hidden)"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown("database.url", &Value::from(url)), Value::from(expected), "{url}");
        }
        assert_eq!(shown("tokens.secret", &Value::from("pw")), Value::from(HIDDEN));
        assert_eq!(
            shown("remote.x.issuer", &Value::from("https://u:p@w@host/p")),
            Value::from("https://(hidden)@host/p")
        );
    }
}
