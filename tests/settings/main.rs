//! Settings from outside: what is taken, what is refused, and in which words.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail by a panic")]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables read better so")]

mod issuers;
mod messages;
mod never_panics;
mod pages;
mod tls;

use std::path::Path;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use tokenhouse::cli::config::{check, refuse, show};
use tokenhouse::settings::{DatabaseUrl, Settings, Sources};
use tokenhouse::token::RequiredClaim;

const GOOD_SECRET: &str = "8Zz5tw0Ionm3XPZZfN0NOml3z9FMfmpgXwovR9fp6rY=";
/// A remote issuer that is good.
const OKTA: &str = "[remote.okta]\nissuer = \"https://dev-1.okta.com/oauth2/default\"\naudience = \"api://default\"\n";

/// The lines about what is wrong in a file called x.toml, without its name.
fn wrong_in_file(text: &str) -> Vec<String> {
    lines(&Sources::from_toml("x.toml", text), "x.toml: ")
}

fn wrong_in_environment(name: &str, value: &str) -> Vec<String> {
    let sources = Sources::from_toml("x.toml", OKTA).with_environment([(name, value)]);
    lines(&sources, &format!("environment {name}: "))
}

fn lines(sources: &Sources, place: &str) -> Vec<String> {
    let Err(wrong) = Settings::read(sources) else { return Vec::new() };
    wrong.to_string().lines().map(|line| line.strip_prefix(place).unwrap_or(line).to_owned()).collect()
}

fn okta(more: &str) -> String {
    format!("{OKTA}{more}")
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = Settings::read(&Sources::default()).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.server.public_url, "http://localhost:3000");
    assert_eq!(settings.server.max_body, 65_536);
    assert_eq!(settings.tokens.access_ttl, Duration::from_hours(1));
    assert_eq!(settings.tokens.refresh_ttl, Duration::from_hours(30 * 24));
    assert_eq!(
        (settings.passwords.memory_kib, settings.passwords.iterations, settings.passwords.parallelism),
        (19_456, 2, 1)
    );
    assert_eq!((settings.passwords.hashing_threads, settings.passwords.hashing_queue), (None, 256));
    assert_eq!(settings.limits.login_failures_per_account.period, Duration::from_mins(15));
    assert!(settings.auth.local && settings.auth.remotes.is_empty() && settings.remotes.is_empty());
    assert!(matches!(settings.database.url, DatabaseUrl::Sqlite(path) if path == Path::new("data/tokenhouse.db")));
}

#[test]
fn the_okta_file_is_good() {
    let sources = Sources::from_toml("config/okta.toml", include_str!("../../config/okta.toml"));
    let settings = Settings::read(&sources).unwrap();
    assert!(!settings.auth.local);
    assert_eq!(settings.auth.remotes, ["okta"]);
    let okta = &settings.remotes["okta"];
    assert_eq!(okta.issuer, "https://dev-123456.okta.com/oauth2/default");
    assert_eq!((okta.algorithms.as_slice(), &okta.client_id), ([Algorithm::RS256].as_slice(), &None));

    // What is commented out in it must be right too.
    let commented = include_str!("../../config/okta.toml").replace("# ca_certificate", "## ca_certificate");
    let commented: String = commented
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.contains(" = ") && !rest.contains(':')
                    || rest.starts_with('[')
                    || rest.starts_with("jwks_uri") =>
            {
                rest
            }
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let okta = Settings::read(&Sources::from_toml("okta.toml", commented)).unwrap().remotes.remove("okta").unwrap();
    assert_eq!(okta.client_id.as_deref(), Some("0oa1a2b3c4d5e6f7g8h9"));
    assert_eq!(okta.required_claims.len(), 2);
}

#[test]
fn the_environment_wins_and_is_parsed() {
    let file = okta("[auth]\naccept = [\"okta\"]\n[passwords]\niterations = 3\n");
    let sources = Sources::from_toml("x.toml", file).with_environment([
        ("TOKENHOUSE__SERVER__LISTEN", "[::1]:0"),
        ("TOKENHOUSE__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
        ("TOKENHOUSE__CORS__ORIGINS", r#"["https://app.example.com"]"#),
        ("TOKENHOUSE__REGISTRATION__OPEN", "off"),
        ("TOKENHOUSE__PASSWORDS__MEMORY_KIB", "20000"),
        ("TOKENHOUSE__TOKENS__SECRET", GOOD_SECRET),
        ("TOKENHOUSE__REMOTE__OKTA__AUDIENCE", "api://Mine"),
        ("TOKENHOUSE__REMOTE__OKTA__REQUIRED_CLAIMS", "{ Groups = { includes = 'Staff' } }"),
        ("TOKENHOUSE_SERVICE_HOST", "10.1.2.3"),
    ]);
    let settings = Settings::read(&sources).unwrap();
    assert_eq!(settings.server.listen.to_string(), "[::1]:0");
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.cors.origins, ["https://app.example.com"]);
    assert!(!settings.registration.open && !settings.auth.local);
    assert_eq!((settings.passwords.memory_kib, settings.passwords.iterations), (20_000, 3));
    assert_eq!(settings.remotes["okta"].audience, "api://Mine");
    assert_eq!(settings.remotes["okta"].required_claims, [RequiredClaim::includes("Groups", "Staff")]);
    assert!(settings.tokens.secret.is_some());
    for debug in [format!("{settings:?}"), format!("{sources:?}")] {
        assert!(!debug.contains(GOOD_SECRET), "{debug}");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let wrong = Sources::discover(Some(Path::new("/nowhere/house.toml"))).unwrap_err().to_string();
    assert_eq!(
        wrong,
        "/nowhere/house.toml: --config names this file, but it cannot be read: No such file or directory (os error 2)"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.toml");
    std::fs::write(&file, "[tokens]\naccess_ttl = \"5m\"").unwrap();
    let sources = Sources::discover(Some(&file)).unwrap();
    assert_eq!(Settings::read(&sources).unwrap().tokens.access_ttl, Duration::from_mins(5));
}

#[test]
fn config_check_and_show() {
    let mut out = Vec::new();
    let sources = Sources::from_toml("house.toml", "[database]\nurl = \"postgres://u:hunter2@db/t\"")
        .with_environment([("TOKENHOUSE__TOKENS__SECRET", GOOD_SECRET), ("TOKENHOUSE__PASSWORDS__ITERATIONS", "4")]);
    assert_eq!(check(&sources, false, &mut out).unwrap(), 0);
    assert_eq!(check(&sources, true, &mut out).unwrap(), 0);
    assert_eq!(show(&sources, true, &mut out).unwrap(), 0);
    assert_eq!(show(&sources, false, &mut out).unwrap(), 0);
    let text = String::from_utf8(std::mem::take(&mut out)).unwrap();
    assert!(text.starts_with("house.toml: good\n"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains(GOOD_SECRET), "{text}");
    let json: serde_json::Value = serde_json::from_str(text.lines().nth(4).unwrap()).unwrap();
    let entry = |key: &str| json["settings"].as_array().unwrap().iter().find(|e| e["key"] == key).unwrap().clone();
    assert_eq!(entry("tokens.secret")["value"], "(hidden)");
    assert_eq!(entry("passwords.iterations")["value"], 4);
    assert_eq!(entry("passwords.iterations")["origin"], "environment TOKENHOUSE__PASSWORDS__ITERATIONS");
    assert_eq!(entry("server.listen")["origin"], "built-in default");
    assert_eq!(entry("database.url")["origin"], "house.toml");

    let sources = Sources::from_toml("house.toml", "[log]\nlevel = 3");
    assert_eq!(check(&sources, true, &mut out).unwrap(), 2);
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&json["ok"], &json["mistakes"][0]["key"]), (&false.into(), &"log.level".into()));
    out.clear();
    let wrong = Sources::discover(Some(Path::new("/nowhere"))).unwrap_err();
    assert_eq!(refuse(&wrong, false, &mut out).unwrap(), 2);
}

#[test]
fn the_default_file_explains_every_key() {
    let text = include_str!("../../config/default.toml");
    let mut explained = false;
    for line in text.lines() {
        if line.is_empty() {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if !line.starts_with('[') {
            // Two keys may share an explanation.
            assert!(explained, "{line} is not explained");
        }
    }
}
