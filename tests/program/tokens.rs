//! `tokenhouse token decode`, `explain` and `mint`, beside a running server and a stand-in for Okta. J37.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Program, command, told};
use crate::support::app::PASSWORD;
use crate::support::okta::{Answer, Okta, RsaKey};

/// Runs a command with `input` on standard input: exit code, standard output, standard error.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let mut command = command(folder, arguments, variables);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    told(&child.wait_with_output().unwrap())
}

fn json_of(folder: &Path, arguments: &[&str], input: &str) -> (i32, Value) {
    let (code, out, err) = run(folder, &[arguments, &["--json"]].concat(), &[], input);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments:?}: {out}{err}")))
}

fn failed(explained: &Value) -> Vec<&str> {
    let checks = explained["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["outcome"] == "failed").map(|check| check["name"].as_str().unwrap()).collect()
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_decoded_and_explained_as_the_server_decides() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Program::start(folder, &[]);
    server.register("ada@example.com").await;
    let tokens = server.log_in("ada@example.com").await.unwrap();
    let token = access_token(&tokens);

    let (code, out, _) = run(folder, &["token", "decode"], &[], &format!("{token}\n"));
    assert_eq!(code, 0);
    for words in ["\"at+jwt\"", "from then on it is not good (RFC 7519, section 4.1.4)", "Z (in ", "was not checked"] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }
    let (code, decoded) = json_of(folder, &["token", "decode"], token);
    assert_eq!((code, &decoded["checked"], &decoded["header"][0]["name"]), (0, &json!(false), &json!("typ")));

    let (code, out, err) = run(folder, &["token", "explain"], &[], token);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("accepted: the token is believed\n"), "{out}");
    assert!(!out.contains("FAILED") && !out.contains("not looked at") && !out.contains('\u{1b}'), "{out}");
    let (code, explained) = json_of(folder, &["token", "explain"], token);
    assert_eq!((code, &explained["accepted"], &explained["sessions"]["looked"]), (0, &json!(true), &json!(true)));

    // Under other settings it is refused, with all that is wrong at once, and each with what to change.
    let audience = [("TOKENHOUSE__TOKENS__AUDIENCE", "api://other")];
    let (code, out, _) = run(folder, &["token", "explain"], &audience, token);
    assert_eq!(code, 1);
    for words in [
        "refused: the token is for another audience",
        "FAILED       Is it for this audience?",
        "found     \"api://default\"",
        "expected  \"api://other\"",
        "set tokens.audience to that",
        "standard  RFC 7519, section 4.1.3",
    ] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }

    // A session that ended while the server runs, and the same without a database.
    let answer = server.client.post(format!("{}/api/logout", server.url)).bearer_auth(token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), server.get("/api/profile", token).await), (204, 401));
    let (code, explained) = json_of(folder, &["token", "explain"], token);
    assert_eq!((code, &explained["rejection"], failed(&explained)), (1, &json!("ended"), vec!["session"]));
    let nowhere = [("TOKENHOUSE__DATABASE__URL", "sqlite://nowhere.db")];
    let (code, out, _) = run(folder, &["token", "explain"], &nowhere, token);
    assert_eq!(code, 3);
    assert!(out.starts_with("not found out: nothing is wrong with the token, but "), "{out}");
    assert!(out.contains("was not looked at: the database nowhere.db does not exist"), "{out}");
    let (code, out, _) = run(folder, &["token", "explain", "--json"], &nowhere, token);
    let explained: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &explained["accepted"], &explained["sessions"]["looked"]), (3, &Value::Null, &json!(false)));
    // What is wrong with it in any case needs no database.
    let (code, out, _) = run(folder, &["token", "explain"], &[nowhere[0], audience[0]], token);
    assert!(code == 1 && out.starts_with("refused: the token is for another audience"), "{out}");
    assert!(!folder.join("nowhere.db").exists(), "looking makes nothing");

    // Forged, and with a terminal's commands in it.
    let obeyed = ['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{61c}'];
    let forged = format!(
        "{}.{}.AAAA",
        token.split('.').next().unwrap(),
        crate::support::tokens::base64url(
            "{\"iss\":\"\\u001b[31m\u{9b}\u{202e}\u{2066}\u{61c}\",\"\u{9b}\u{202e}\":1}"
        )
    );
    for (command, code) in [("decode", 0), ("explain", 1)] {
        let (found, out, _) = run(folder, &["token", command], &[], &forged);
        assert!(found == code && !out.contains(obeyed), "{out}");
        assert!(out.contains("not to be believed") || command == "decode", "{out}");
        let (found, out, _) = run(folder, &["token", command, "--json"], &[], &forged);
        assert!(found == code && !out.contains(obeyed), "{out}");
        let told: Value = serde_json::from_str(&out).unwrap();
        let claims: Vec<_> = told["claims"].as_array().unwrap().iter().map(|claim| &claim["name"]).collect();
        assert_eq!(told["claims"][0]["value"], "\u{1b}[31m\u{9b}\u{202e}\u{2066}\u{61c}");
        assert_eq!(claims, [&json!("iss"), &json!("\u{9b}\u{202e}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_token_is_explained_with_the_keys_of_its_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let okta = Okta::start().await;
    let toml = format!(
        "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"{}\"\naudience = \"api://default\"\nclient_id = \"0oaOther\"\n[remote.okta.required_claims]\ngroups.includes = \"staff\"\n",
        okta.issuer
    );
    std::fs::write(folder.join("okta.toml"), toml).unwrap();
    let explain = ["token", "explain", "--config", "okta.toml"];
    let now = tokenhouse::Clock::system().unix_seconds();
    let good = okta.token_with(now, json!({"cid": "0oaOther", "groups": ["staff"]}));
    let (code, explained) = json_of(folder, &explain, &good);
    assert_eq!((code, &explained["issuer"]["kind"]), (0, &json!("remote")), "{explained}");

    let expired = okta.token_with(now - 7200, json!({}));
    let (code, explained) = json_of(folder, &explain, &expired);
    assert_eq!((code, &explained["rejection"]), (1, &json!("expired")));
    assert_eq!(failed(&explained), ["expiry", "client", "required-claim"]);
    let required =
        explained["checks"].as_array().unwrap().iter().find(|check| check["name"] == "required-claim").unwrap();
    assert_eq!(
        (&required["expected"], &required["found"]),
        (&json!("groups with \"staff\" in it"), &json!("no groups"))
    );

    // An ID token; a key that nobody published; and an issuer that is gone.
    let (_, explained) =
        json_of(folder, &explain, &okta.token_with(now, json!({"nonce": "n", "cid": "0oaOther", "groups": ["staff"]})));
    assert_eq!(failed(&explained), ["access-token"]);
    let stranger = RsaKey::number(1).token(r#"{"kid":"k9","alg":"RS256"}"#, &okta.claims(now).to_string());
    let (_, explained) = json_of(folder, &explain, &stranger);
    assert_eq!(failed(&explained)[0], "key-known");
    let (code, out, _) =
        run(folder, &explain, &[("TOKENHOUSE__REMOTE__OKTA__ISSUER", "http://127.0.0.1:9/oauth2/default")], &good);
    assert!(code == 1 && out.contains("FAILED       Is it from an issuer that is believed here?"), "{out}");
    assert!(!folder.join("data").exists(), "no database, no keys");

    // Its issuer cannot be asked for keys: nobody knows, unless the token is wrong in any case.
    okta.answer_discovery(Answer::Reset);
    okta.answer_keys(Answer::Reset);
    let (code, explained) = json_of(folder, &explain, &good);
    assert_eq!((code, &explained["accepted"], &explained["rejection"]), (3, &Value::Null, &json!("keys-unavailable")));
    let (code, explained) = json_of(folder, &explain, &expired);
    assert_eq!((code, &explained["accepted"]), (1, &json!(false)), "{explained}");
    let (_, out, _) = run(folder, &explain, &[], &expired);
    assert!(out.starts_with("refused: it fails another check in any case: Is it "), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_minted_the_running_server_believes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, out) = json_of(folder, &["token", "mint", "--sub", "ada@example.com"], "");
    assert_eq!(
        (code, &out["error"]),
        (1, &json!("there are no signing keys yet: the first start of the server makes them"))
    );
    let toml = "[[oauth.scopes]]\nname = \"customScope\"\n";
    std::fs::write(folder.join("my.toml"), toml).unwrap();
    let mint =
        |arguments: &[&str]| json_of(folder, &[&["token", "mint", "--config", "my.toml"], arguments].concat(), "");
    let server = Program::start_with(folder, &["--config", "my.toml"], &[]);
    let added = run(folder, &["user", "add", "ada@example.com", "--admin", "--json"], &[], PASSWORD);
    assert_eq!(added.0, 0, "{added:?}");

    let (code, minted) = mint(&["--user", "ada@example.com", "--ttl", "5m"]);
    assert_eq!((code, &minted["expires_in"], &minted["scope"]), (0, &json!(300), &json!("openid profile email admin")));
    let token = access_token(&minted);
    assert_eq!((server.get("/api/profile", token).await, server.get("/api/admin/users", token).await), (200, 200));
    assert_eq!(json_of(folder, &["token", "explain", "--config", "my.toml"], token).0, 0);
    // Its owner sees it among her sessions, and can end it; and it is on record.
    let sessions = server.client.get(format!("{}/api/sessions", server.url)).bearer_auth(token).send().await.unwrap();
    let sessions: Value = sessions.json().await.unwrap();
    assert!(sessions.to_string().contains("tokenhouse token mint"), "{sessions}");
    let (_, audit) = json_of(folder, &["audit", "--act", "token.mint"], "");
    assert_eq!(
        (&audit["items"][0]["actor"], &audit["items"][0]["session_id"]),
        (&json!("operator"), &minted["session_id"])
    );
    let ended = server.client.delete(format!("{}/api/sessions/{}", server.url, minted["session_id"].as_str().unwrap()));
    assert!(ended.bearer_auth(token).send().await.unwrap().status().is_success());
    assert_eq!(server.get("/api/profile", token).await, 401);

    // Alone on standard output, for a variable.
    let (code, out, err) = run(
        folder,
        &["token", "mint", "--config", "my.toml", "--sub", "ada@example.com", "--scope", "customScope"],
        &[],
        "",
    );
    assert_eq!((code, out.lines().count(), server.get("/api/profile", out.trim()).await), (0, 1, 200));
    assert!(err.starts_with("for ada@example.com, good for 1h, with the scopes customScope"), "{err}");

    // A client.
    let (_, client) = json_of(
        folder,
        &[
            "client",
            "add",
            "--config",
            "my.toml",
            "--name",
            "w",
            "--grant",
            "client_credentials",
            "--scope",
            "customScope",
        ],
        "",
    );
    let id = client["client_id"].as_str().unwrap();
    let (code, minted) = mint(&["--sub", id, "--scope", "customScope"]);
    assert_eq!((code, server.get("/api/profile", access_token(&minted)).await), (0, 200), "{minted}");
    let (code, minted) = mint(&["--sub", id, "--scope", "customScope", "--audience", "api://other"]);
    assert_eq!((code, server.get("/api/profile", access_token(&minted)).await), (0, 401), "it is for another");

    // What is refused.
    let disabled = run(folder, &["user", "add", "eve@example.com", "--json"], &[], PASSWORD);
    assert_eq!(disabled.0, 0);
    assert_eq!(run(folder, &["user", "disable", "eve@example.com"], &[], "").0, 0);
    for (arguments, code, words) in [
        (vec!["--sub", "eve@example.com"], 1, "eve@example.com is disabled"),
        (vec!["--sub", "eve@example.com", "--scope", "admin"], 1, "has not the role"),
        (vec!["--sub", "nobody@example.com"], 1, "no such account"),
        (vec!["--sub", "0oaNobody"], 1, "no client 0oaNobody"),
        (vec!["--sub", id], 1, "no default scope"),
        (vec!["--sub", id, "--scope", "admin"], 1, "may not have the scope admin"),
        (vec!["--sub", "ada@example.com", "--scope", "undeclared"], 1, "neither one of a login"),
        (vec!["--sub", "ada@example.com", "--ttl", "2h"], 2, "at most 1h"),
        (vec!["--sub", "ada@example.com", "--ttl", "0s"], 2, "a second at least"),
    ] {
        let (found, out) = mint(&arguments);
        assert_eq!((found, out["error"].as_str().unwrap().contains(words)), (code, true), "{arguments:?}: {out}");
    }
    let (code, _, err) = run(folder, &["token", "mint", "--sub", "ada@example.com", "--scope", "a b"], &[], "");
    assert!(code == 2 && err.contains("one word of printable ASCII"), "{err}");
    let okta = "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"https://dev-1.okta.com/oauth2/default\"\naudience = \"a\"\n";
    std::fs::write(folder.join("okta.toml"), okta).unwrap();
    let (code, out) = json_of(folder, &["token", "mint", "--sub", "ada@example.com", "--config", "okta.toml"], "");
    assert!(code == 1 && out["error"].as_str().unwrap().contains("there are no accounts here"), "{out}");
}

#[test]
fn texts_that_are_no_token() {
    let folder = tempfile::tempdir().unwrap();
    for (input, code, words) in [
        ("", 2, "want a token on standard input"),
        ("\n \n", 2, "want a token on standard input"),
        ("opaque", 1, "it is no JWT"),
        ("a.b.c", 1, "not a JSON object"),
        (&"x".repeat(100_000), 1, "longer than 8192 bytes"),
    ] {
        let (found, _, err) = run(folder.path(), &["token", "decode"], &[], input);
        assert_eq!((found, err.contains(words)), (code, true), "{err}");
    }
    // Wrong settings are no hindrance to what needs none.
    std::fs::write(folder.path().join("bad.toml"), "[server]\nlissen = 1\n").unwrap();
    assert_eq!(run(folder.path(), &["token", "decode", "--config", "bad.toml"], &[], "e30.e30.AA").0, 0);
    assert_eq!(run(folder.path(), &["token", "explain", "--config", "bad.toml"], &[], "e30.e30.AA").0, 2);
    // Of what is refused nothing is repeated; nor of an argument, which is none of either command.
    let (code, out, err) = run(folder.path(), &["token", "decode"], &[], "c2VjcmV0.c2VjcmV0");
    assert!(code == 1 && !(out + &err).contains("c2VjcmV0"), "{err}");
    for command in ["decode", "explain"] {
        for more in [&[][..], &["--json"]] {
            let arguments = [&["token", command, "e30.eyJzdWIiOiJhZGEifQ.AA"], more].concat();
            let (code, out, err) = run(folder.path(), &arguments, &[], "e30.e30.AA");
            let told = out + &err;
            assert!(code == 2 && told.contains("a token is not taken as an argument"), "{told}");
            assert!(!told.contains("eyJzdWIi") && !told.contains("ada"), "{told}");
        }
    }
}
