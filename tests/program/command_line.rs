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

#[tokio::test(flavor = "multi_thread")]
async fn an_asymmetric_key_is_published_ahead_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let es256 = [("TOKENHOUSE__TOKENS__ALGORITHM", "ES256")];
    let program = Program::start(folder.path(), &es256);
    assert_eq!(program.register("ada@example.com").await, 201);
    let json = |arguments: &[&str]| -> (i32, Value) {
        let (code, out, _) = told(&run(folder.path(), arguments, &es256));
        (code, serde_json::from_str(&out).unwrap())
    };
    let phases = || -> Vec<(String, String)> {
        let keys = json(&["key", "list", "--json"]).1;
        let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        keys["keys"].as_array().unwrap().iter().map(|key| (text(key, "alg"), text(key, "phase"))).collect()
    };
    let es256_in = |phase: &str| ("ES256".to_owned(), phase.to_owned());
    assert_eq!(phases(), [es256_in("signs")]);

    let (code, out, _) = told(&run(folder.path(), &["key", "rotate"], &es256));
    assert_eq!(code, 0);
    assert!(out.contains(" is published from now on, and signs from "), "{out}");
    assert_eq!(phases(), [es256_in("published"), es256_in("signs")]);
    let (_, listed, _) = told(&run(folder.path(), &["key", "list"], &es256));
    assert!(listed.contains("ES256") && listed.contains("published, signs from "), "{listed}");
    let (code, _, err) = told(&run(folder.path(), &["key", "rotate"], &es256));
    assert!(code == 1 && err.contains("is published already and signs from "), "{err}");

    let (code, now) = json(&["key", "rotate", "--now", "--json"]);
    assert_eq!((code, &now["ok"], &now["alg"]), (0, &json!(true), &json!("ES256")));
    assert_eq!(phases(), [es256_in("signs"), es256_in("verifies")]);
    let published = async || {
        let answer = program.client.get(format!("{}/oauth2/default/v1/keys", program.url)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["keys"].clone()
    };
    eventually("the server has the new key", async || published().await[0]["kid"] == now["kid"]).await;
    assert_eq!(published().await.as_array().unwrap().len(), 2);

    let (code, out, _) = told(&run(folder.path(), &["key", "rotate", "--compromised"], &es256));
    assert!(code == 0 && out.contains("Tokens of all other keys are not believed any more"), "{out}");
    assert_eq!(phases(), [es256_in("signs")]);
    eventually("the server has it alone", async || published().await.as_array().unwrap().len() == 1).await;
    let (code, _, err) = told(&run(folder.path(), &["key", "rotate", "--now", "--compromised"], &es256));
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
}

#[test]
fn keys_of_another_algorithm_are_listed_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(told(&run(folder.path(), &["key", "rotate"], &[])).0, 0);
    let rs256 = [("TOKENHOUSE__TOKENS__ALGORITHM", "RS256")];
    let (code, out, _) = told(&run(folder.path(), &["key", "list"], &rs256));
    assert!(
        code == 0 && out.starts_with("no keys yet") && out.contains("until a server is started with RS256"),
        "{out}"
    );
    // The secret of the environment is the HS256 key, and the others are in the folder.
    let secret = ("TOKENHOUSE__TOKENS__SECRET", "5c0f2a9be14d7736a8e19b04cc2d61f0");
    assert_eq!(told(&run(folder.path(), &["key", "rotate"], &[secret])).0, 1);
    let (code, out, _) = told(&run(folder.path(), &["key", "rotate"], &[secret, rs256[0]]));
    assert!(code == 0 && out.contains(" signs from now on"), "{out}");
    let (_, listed, _) = told(&run(folder.path(), &["key", "list"], &rs256));
    assert!(listed.lines().next().unwrap().contains("RS256") && listed.contains("HS256"), "{listed}");
}
