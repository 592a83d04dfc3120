//! The dashboard, the alerts and the handbook name what the server really tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::metrics::{ON, Page};
use crate::support::app::{Engine, TestApp};
use crate::support::okta::Okta;
use crate::support::tokens::Findings;

/// What there is to ask for: names of series, each with its labels and their values.
type Series = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Of a server that has everything, and answered something.
async fn series() -> Series {
    let okta = Okta::start().await;
    let mut settings = ON.to_vec();
    settings.extend([
        ("auth.accept", "local,okta"),
        ("remote.okta.issuer", okta.issuer.as_str()),
        ("remote.okta.audience", "api://default"),
    ]);
    let app = TestApp::with(Engine::Sqlite, &settings).await;
    assert_eq!(app.get_as("/api/profile", &okta.token(app.clock.unix_seconds())).await.status(), 200);
    let page = Page::of(&app).await;
    let mut series = Series::new();
    for sample in page.samples {
        let labels = series.entry(sample.name).or_default();
        for (label, value) in sample.labels {
            labels.entry(label).or_default().insert(value);
        }
    }
    series
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A label, `=` or `~`, and the value.
type Matcher = (String, String, String);

/// The names in `text` that begin as all of ours do, each with the matchers behind it.
fn asked(text: &str) -> Vec<(String, Vec<Matcher>)> {
    let mut found = Vec::new();
    for (start, prefix) in text.match_indices("tokenhouse_") {
        if text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
        assert!(end > prefix.len(), "{}", &rest[..40.min(rest.len())]);
        let matchers =
            rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
        let matchers = matchers.split("\",").filter(|matcher| !matcher.trim().is_empty()).map(|matcher| {
            let (label, rest) = matcher.trim().split_once(['=', '!']).unwrap();
            let operator = if rest.starts_with('~') || rest.starts_with("=~") { "~" } else { "=" };
            let value = rest.trim_start_matches(['=', '~', '"']).trim_end_matches('"');
            (label.to_owned(), operator.to_owned(), value.to_owned())
        });
        found.push((rest[..end].to_owned(), matchers.collect()));
    }
    found
}

/// Holds the expression `text` against what there is.
fn check(findings: &mut Findings, row: &str, text: &str, series: &Series) {
    let names = asked(text);
    let mut labels: BTreeSet<&str> = ["job", "instance"].into();
    for (name, matchers) in &names {
        let Some(known) = series.get(name) else {
            findings.expect(row, name.as_str(), "a name that the server tells");
            continue;
        };
        labels.extend(known.keys().map(String::as_str));
        for (label, operator, value) in matchers.iter().filter(|(label, ..)| label != "job" && label != "instance") {
            let Some(values) = known.get(label) else {
                findings.expect(row, format!("{name}: {label}"), "a label that it has".to_owned());
                continue;
            };
            // Which statuses and routes there are depends on what was asked.
            if label == "status" || label == "route" {
                continue;
            }
            let alternatives = if operator == "~" { value.split('|').collect() } else { vec![value.as_str()] };
            for alternative in alternatives.into_iter().filter(|text| !text.contains(['.', '*', '$'])) {
                findings.expect(
                    &format!("{row}: {name}: {label} may be {alternative:?}"),
                    values.contains(alternative),
                    true,
                );
            }
        }
    }
    for by in text.split("by (").skip(1) {
        for label in by.split_once(')').unwrap().0.split(',').map(str::trim) {
            findings.expect(&format!("{row}: there is a label {label}"), labels.contains(label), true);
        }
    }
}

/// All texts under the key `key`, wherever.
fn texts<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| texts(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_alerts_and_handbook_ask_for_what_there_is() {
    let series = series().await;
    let mut findings = Findings::default();

    let dashboard: Value = serde_json::from_str(&read("docs/examples/grafana.json")).unwrap();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() > 20, "{}", expressions.len());
    for expression in &expressions {
        assert!(!asked(expression).is_empty(), "it asks for nothing of ours: {expression}");
        check(&mut findings, expression, expression, &series);
    }

    let alerts = read("docs/examples/prometheus-alerts.yml");
    let rules: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(rules.len(), alerts.matches("- alert: ").count());
    assert!(rules.len() > 8, "{}", rules.len());
    for rule in &rules {
        check(&mut findings, rule, rule, &series);
    }

    // People are told of a histogram by the name of its family.
    let families = series.iter().map(|(name, labels)| (family(name), labels.clone()));
    let families: Series = families.collect();
    check(&mut findings, "docs/running.md", &read("docs/running.md"), &families);
    findings.none();

    // And the other way round: the dashboard shows all that is told, or what is told is of no use.
    let shown: BTreeSet<String> =
        expressions.iter().chain(&rules).flat_map(|text| asked(text)).map(|(name, _)| family(&name)).collect();
    let told: BTreeSet<String> = series.keys().map(|name| family(name)).collect();
    let forgotten: Vec<_> = told.difference(&shown).collect();
    assert!(forgotten.is_empty(), "neither the dashboard nor an alert has {forgotten:?}");
}

/// The name of a series without what a histogram puts behind it.
fn family(name: &str) -> String {
    let suffix = ["_bucket", "_count", "_sum"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
    suffix.unwrap_or(name).to_owned()
}
