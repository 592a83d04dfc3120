//! Commands, their answers and their exit codes.

use serde_json::{Value, json};

use crate::program::{Program, run, told};
use crate::support::app::{TestApp, eventually};
use crate::support::tokens::Findings;

#[test]
fn help_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = told(&run(folder.path(), &["--version"], &[]));
    assert_eq!((code, out.as_str()), (0, concat!("tokenhouse ", env!("CARGO_PKG_VERSION"), "\n")));
    let (code, out, _) = told(&run(folder.path(), &["--help"], &[]));
    assert_eq!(code, 0);
    for word in ["serve", "config", "key", "--config <FILE>", "--json"] {
        assert!(out.contains(word), "{word} is not in\n{out}");
    }
    for arguments in [["config", "--help"], ["key", "--help"], ["serve", "--help"]] {
        let (code, out, _) = told(&run(folder.path(), &arguments, &[]));
        assert!(code == 0 && out.contains("Usage: tokenhouse"), "{out}");
    }
}

#[test]
fn exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[server]\nlisten = 3000\nlissen = \"x\"\n").unwrap();
    std::fs::write(folder.path().join("good.toml"), "[log]\nlevel = \"debug\"\n").unwrap();
    std::fs::write(folder.path().join("okta.toml"), "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"https://dev-1.okta.com/oauth2/default\"\naudience = \"a\"\n").unwrap();
    let mut findings = Findings::default();
    let port = [("TOKENHOUSE__SERVER__LISTEN", "nowhere")];
    let none: [(&str, &str); 0] = [];
    for (arguments, variables, right, words) in [
        (vec!["nonsense"], &none[..], 2, "unrecognized subcommand 'nonsense'"),
        (vec!["--nonsense"], &none, 2, "unexpected argument '--nonsense'"),
        (vec!["key"], &none, 2, "Usage: tokenhouse key"),
        (vec!["--config", "missing.toml", "config", "check"], &none, 2, "missing.toml"),
        (vec!["--config", "bad.toml"], &none, 2, "bad.toml: server.listen = 3000: want"),
        (vec!["--config", "bad.toml"], &none, 2, "bad.toml: server.lissen: unknown key; did you mean server.listen?"),
        (vec!["config", "check", "--config", "bad.toml"], &none, 2, "bad.toml: server.lissen"),
        (
            vec!["config", "check"],
            &port,
            2,
            "environment TOKENHOUSE__SERVER__LISTEN: server.listen = \"nowhere\": want",
        ),
        (vec!["config", "check"], &[("TOKENHOUSE__SERVER__LISSEN", "x")], 2, "TOKENHOUSE__SERVER__LISSEN"),
        (vec!["serve"], &[("TOKENHOUSE_CONFIG", "bad.toml")], 2, "bad.toml: server.listen"),
        (vec!["config", "check", "--config", "good.toml"], &none, 0, "good.toml: good"),
        (vec!["config", "check"], &none, 0, "built-in defaults: good"),
        (
            vec!["config", "show", "--config", "good.toml"],
            &none,
            0,
            "log.level                         = \"debug\"                            good.toml",
        ),
        (vec!["key", "list"], &none, 0, "no keys yet"),
        (vec!["key", "list", "--config", "okta.toml"], &none, 1, "tokenhouse: there are no signing keys"),
        (
            vec!["key", "rotate"],
            &[("TOKENHOUSE__TOKENS__SECRET", "5c0f2a9be14d7736a8e19b04cc2d61f0")],
            1,
            "TOKENHOUSE__TOKENS__SECRET",
        ),
    ] {
        let (code, out, err) = told(&run(folder.path(), &arguments, variables));
        let row = arguments.join(" ");
        findings.expect(&format!("{row}: {out}{err}"), (code, (out + &err).contains(words)), (right, true));
    }
    findings.expect("nothing was made", folder.path().join("data").exists(), false);
    findings.none();
}

#[test]
fn answers_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let answer = |arguments: &[&str], variables: &[(&str, &str)]| -> (i32, Value) {
        let (code, out, err) = told(&run(folder.path(), arguments, variables));
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments:?}: {out}{err}")))
    };
    let (code, body) = answer(&["--json", "config", "check"], &[]);
    assert_eq!((code, &body["ok"]), (0, &json!(true)));
    let (code, body) = answer(&["config", "check", "--json"], &[("TOKENHOUSE__TOKENS__ACCESS_TTL", "soon")]);
    assert_eq!((code, &body["ok"], &body["mistakes"][0]["key"]), (2, &json!(false), &json!("tokens.access_ttl")));
    let (code, body) =
        answer(&["config", "show", "--json"], &[("TOKENHOUSE__TOKENS__SECRET", "5c0f2a9be14d7736a8e19b04cc2d61f0")]);
    assert_eq!(code, 0);
    assert!(!body.to_string().contains("5c0f2a9b"), "{body}");
    let (code, rotated) = answer(&["key", "rotate", "--json"], &[]);
    assert_eq!((code, &rotated["ok"]), (0, &json!(true)));
    let (code, body) = answer(&["key", "list", "--json"], &[]);
    assert_eq!((code, &body["keys"][0]["kid"], &body["keys"][0]["signs"]), (0, &rotated["kid"], &json!(true)));
    assert!(!body.to_string().contains("\"k\""), "{body}");
    let (code, body) = answer(&["serve", "--json"], &[("TOKENHOUSE__DATABASE__URL", "sqlite:///dev/null/x.db")]);
    assert_eq!((code, &body["ok"]), (1, &json!(false)));
    assert!(body["error"].as_str().unwrap().contains("/dev/null"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_under_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    assert_eq!(program.register("ada@example.com").await, 201);
    let kid_of = |tokens: &Value| {
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        let header =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, token.split('.').next().unwrap());
        let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
        (header["kid"].as_str().unwrap().to_owned(), token)
    };
    let (old_kid, old) = kid_of(&program.log_in("ada@example.com").await.unwrap());
    let (code, out, _) = told(&run(folder.path(), &["key", "rotate"], &[]));
    assert_eq!(code, 0);
    let new_kid = out.split(' ').next().unwrap().to_owned();
    assert_ne!(old_kid, new_kid);
    eventually("the new key signs", async || kid_of(&program.log_in("ada@example.com").await.unwrap()).0 == new_kid)
        .await;
    let (_, new) = kid_of(&program.log_in("ada@example.com").await.unwrap());
    assert_eq!(program.get("/api/profile", &old).await, 200, "tokens of the last key stay good");
    assert_eq!(program.get("/api/profile", &new).await, 200);
    assert!(TestApp::claims(&new)["exp"].is_i64());
    let (_, listed, _) = told(&run(folder.path(), &["key", "list"], &[]));
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with(&new_kid) && lines[0].ends_with("signs"), "{listed}");
    assert!(lines[1].starts_with(&old_kid) && lines[1].contains("verifies until"), "{listed}");
}
