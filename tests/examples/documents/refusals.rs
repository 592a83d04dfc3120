//! `docs/refusals.md` has every refusal that the source has, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use super::root;

fn source() -> String {
    fn read(folder: &Path, text: &mut String) {
        let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(path).unwrap();
                // Without tests, which end a file.
                text.push_str(source.split("#[cfg(test)]").next().unwrap_or_default());
            }
        }
    }
    let mut text = String::new();
    read(&root().join("src"), &mut text);
    text
}

fn all(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn all_problems_and_rejections_are_told() {
    let document = std::fs::read_to_string(root().join("docs/refusals.md")).unwrap();
    let source = source();
    let mut problems = all(r#"(?:Problem|Self)::new\(\s*StatusCode::\w+,\s*"([a-z-]+)""#, &source);
    problems.extend(all(r#"(?:unauthorized|conflict)\(\s*"([a-z-]+)""#, &source));
    let wanted: Vec<&String> = problems.iter().filter(|problem| !document.contains(&format!("`{problem}`"))).collect();
    assert!(problems.len() > 30 && wanted.is_empty(), "docs/refusals.md does not tell of the problems {wanted:?}");

    // The reasons of the verifier, in its own words.
    let rejections = std::fs::read_to_string(root().join("src/token/rejection.rs")).unwrap();
    let rejections = all(r#"#\[error\("([^"]+)"\)\]"#, &rejections);
    let wanted: Vec<&String> = rejections.iter().filter(|reason| !document.contains(*reason)).collect();
    assert!(rejections.len() > 15 && wanted.is_empty(), "docs/refusals.md does not tell of {wanted:?}");
}

#[test]
fn all_errors_of_oauth_are_told_in_their_own_words() {
    let document = std::fs::read_to_string(root().join("docs/refusals.md")).unwrap();
    let source = source();
    let codes = all(r#"(?:bad_request|error|tell|Self::new)\(\s*(?:StatusCode::\w+,\s*)?"([a-z]+_[a-z_]+)""#, &source);
    let wanted: Vec<&String> = codes.iter().filter(|code| !document.contains(&format!("`{code}`"))).collect();
    assert!(codes.len() > 10 && wanted.is_empty(), "docs/refusals.md does not tell of the codes {wanted:?}");

    // What the document quotes is what the source says.
    let quoted = all(r"\| \*([^*|]+)\* \|", &document);
    let is_said = |text: &&String| {
        let pieces: Vec<&str> = text.split('…').map(str::trim).filter(|piece| !piece.is_empty()).collect();
        pieces.iter().all(|piece| source.contains(piece))
    };
    let strange: Vec<&String> = quoted.iter().filter(|text| !is_said(text)).collect();
    assert!(quoted.len() > 30 && strange.is_empty(), "the source does not say {strange:?}");
}
